"""Columns as a stream: rows of COPY's binary format, made from arrays without a loop over rows.

A row is a count of fields and, per field, its length and its big-endian value: for fixed-width types a
numpy structured dtype. A dictionary entry has one field of any length, so its rows are joined from pieces.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from factstore.columns import Ints, ints
from factstore.dictionary_entries import Entry, digest_of
from factstore.log import Assertions
from factstore.postgres.arrays import check_attributes
from factstore.postgres.intern import is_text
from factstore.values import ValueType
from factstore.values_bytes import to_bytes

HEADER: Final = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER: Final = b"\xff\xff"
ROWS: Final = 65_536
"""Rows to a piece of a stream: some megabytes."""


def log_pieces(facts: Assertions, tx: int) -> Iterator[bytes]:
    """The log's rows for facts that are asserted by ``tx``."""
    check_attributes(facts.a)
    fields = (("tx", ">i8"), ("e", ">i8"), ("v", ">i8"), ("a", ">i4"), ("vt", ">i2"), ("added", "u1"))
    since, added = (np.broadcast_to(np.int64(value), facts.e.shape) for value in (tx, 1))
    return pieces(fields, since, facts.e, facts.v, facts.a, facts.vt, added)


def fact_pieces(facts: Assertions, tx: int, bits: Ints) -> Iterator[bytes]:
    """The rows of facts that begin to hold at ``tx``."""
    check_attributes(facts.a)
    fields = (("e", ">i8"), ("v", ">i8"), ("tx", ">i8"), ("a", ">i4"), ("vt", ">i2"), ("fl", ">i2"))
    since = np.broadcast_to(np.int64(tx), facts.e.shape)
    return pieces(fields, facts.e, facts.v, since, facts.a, facts.vt, bits)


def pieces(fields: Sequence[tuple[str, str]], *columns: NDArray[Any]) -> Iterator[bytes]:
    """Rows of fixed-width fields, each with a name and a dtype, from a column for each."""
    layout: list[tuple[str, str]] = [("count", ">i2")]
    for name, kind in fields:
        layout += [(f"size of {name}", ">i4"), (name, kind)]
    dtype = np.dtype(layout)
    for start in range(0, len(columns[0]), ROWS):
        parts = [column[start : start + ROWS] for column in columns]
        out = np.empty(len(parts[0]), dtype=dtype)
        out["count"] = len(fields)
        for (name, _), part in zip(fields, parts, strict=True):
            out[f"size of {name}"] = dtype[name].itemsize
            out[name] = part
        yield out.tobytes()


_PREFIX: Final = np.dtype(
    [
        ("count", ">i2"),
        ("size of id", ">i4"),
        ("id", ">i8"),
        ("size of kind", ">i4"),
        ("kind", ">i2"),
        ("size of h", ">i4"),
        ("h", "V16"),
    ]
)
_SIZE: Final = np.dtype(">i4")
_NULL: Final = b"\xff\xff\xff\xff"


def entry_pieces(entries: Sequence[Entry]) -> list[bytes]:
    """The dictionary's rows, with the digest of each value."""
    codes, kinds, bodies = [], [], []
    for code, vt, value in entries:
        codes.append(code)
        kinds.append(vt)
        bodies.append(value.encode("utf-8", "surrogatepass") if vt is ValueType.STRING else to_bytes(vt, value))
    parts = [slice(start, start + ROWS) for start in range(0, len(codes), ROWS)]
    return [entry_rows(ints(codes[part]), kinds[part], bodies[part]) for part in parts]


def entry_rows(codes: Ints, kinds: Sequence[ValueType], bodies: Sequence[bytes]) -> bytes:
    """The dictionary's rows for values that are bytes already."""
    prefix = np.empty(len(codes), dtype=_PREFIX)
    prefix["count"] = 5
    for name, column in (("id", codes), ("kind", ints(kinds))):
        prefix[f"size of {name}"] = _PREFIX[name].itemsize
        prefix[name] = column
    prefix["size of h"] = 16
    prefix["h"] = np.frombuffer(b"".join(map(digest_of, bodies)), dtype="V16")
    sizes = np.asarray(list(map(len, bodies)), dtype=_SIZE).view("V4").tolist()
    heads = prefix.view(f"V{_PREFIX.itemsize}").tolist()
    # A text is followed by no bytes, and bytes follow no text.
    before, after = zip(*(_AROUND[is_text(vt, body)] for vt, body in zip(kinds, bodies, strict=True)), strict=True)
    return b"".join(chain.from_iterable(zip(heads, before, sizes, bodies, after, strict=True)))


_AROUND: Final = {True: (b"", _NULL), False: (_NULL, b"")}
