"""Entries of a dictionary: a code, and the value of a type that it stands for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol, overload

from factstore.values import Value, ValueType
from factstore.values_bytes import to_bytes

Entry = tuple[int, ValueType, Value]
"""(code, type, value)."""


class Entries(Sequence[Entry]):
    """Entries with codes in a row, kept as columns and made one at a time.

    So many tuples at once would be gone through again and again by the collector of garbage.

    >>> list(Entries(7, [ValueType.STRING, ValueType.URI], ["a", "b"]))
    [(7, <ValueType.STRING: 6>, 'a'), (8, <ValueType.URI: 10>, 'b')]
    """

    def __init__(self, first: int, kinds: list[ValueType], values: list[Value]) -> None:
        self.first = first
        """The code of the first."""
        self.kinds = kinds
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Entry]:
        return zip(range(self.first, self.first + len(self.values)), self.kinds, self.values, strict=True)

    @overload
    def __getitem__(self, at: int) -> Entry: ...
    @overload
    def __getitem__(self, at: slice) -> list[Entry]: ...
    def __getitem__(self, at: int | slice) -> Entry | list[Entry]:
        return list(self)[at]


class Unknown(Protocol):
    """Where a dictionary asks for what it has not learned yet."""

    def entries_of_values(self, vt: ValueType, values: Sequence[Value]) -> Iterable[Entry]:
        """The entries of those of ``values`` that have a code."""

    def entries_of_codes(self, codes: Sequence[int]) -> Iterable[Entry]:
        """The entries of ``codes``."""


def digest(vt: ValueType, value: Value) -> bytes:
    """The 16 bytes that stand for a value in the store's unique index, whatever its length.

    blake2b, RFC 7693, of the canonical bytes.

    >>> len(digest(ValueType.STRING, "x" * 1_000_000))
    16
    """
    return digest_of(to_bytes(vt, value))


def digest_of(body: bytes) -> bytes:
    """The digest of a value whose canonical bytes are at hand."""
    return hashlib.blake2b(body, digest_size=16).digest()


def key_of(vt: ValueType, value: Value) -> Any:
    """What tells a value from the others of its type in a dict."""
    # (1,), (1.0,) and (True,) are equal to Python; their bytes are not.
    return to_bytes(vt, value) if vt is ValueType.TUPLE else value
