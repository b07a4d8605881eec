"""Dictionary entries on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from factstore.columns import ints
from factstore.dictionary_entries import Entry, digest_of
from factstore.postgres.arrays import byteas, int2s, int8s, texts, uuids
from factstore.values import ValueType
from factstore.values_bytes import to_bytes

_TEXT: Final = frozenset(
    (
        ValueType.STRING,
        ValueType.KEYWORD,
        ValueType.SYMBOL,
        ValueType.URI,
        ValueType.BIGINT,
        ValueType.BIGDEC,
    )
)


def intern_params(entries: Sequence[Entry]) -> dict[str, Any]:
    """What the statement ``intern`` takes."""
    bodies = [to_bytes(vt, value) for _, vt, value in entries]
    readable = [is_text(vt, body) for (_, vt, _), body in zip(entries, bodies, strict=True)]
    return {
        "id": int8s(ints([code for code, _, _ in entries])),
        "kind": int2s(ints([vt for _, vt, _ in entries])),
        "h": uuids(list(map(digest_of, bodies))),
        "txt": texts([body if text else None for body, text in zip(bodies, readable, strict=True)]),
        "bin": byteas([None if text else body for body, text in zip(bodies, readable, strict=True)]),
    }


def is_text(vt: ValueType, body: bytes) -> bool:
    """Whether PostgreSQL's text can hold it: no NUL and, since 0xED may begin one, no lone surrogate."""
    if vt not in _TEXT or b"\x00" in body:
        return False
    if b"\xed" in body:
        try:
            body.decode()
        except UnicodeDecodeError:
            return False
    return True
