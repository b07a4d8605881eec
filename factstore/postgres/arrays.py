"""Columns on the wire: numpy arrays out as binary PostgreSQL arrays, fixed-width rows back in.

An array's binary form is a header and, per element, its length and its big-endian value. For a
fixed-width type that is a numpy structured dtype, so a column is written without a Python loop.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.adapt import Dumper, PyFormat
from psycopg.pq import Format

from factstore.columns import Ints, Mask
from factstore.errors import LogError

_HEADER: Final = struct.Struct(">iiIii")
_LENGTH: Final = struct.Struct(">i")


class Payload(NamedTuple):
    """A parameter that is in its binary form already."""

    oid: int
    data: bytes


class PayloadDumper(Dumper):
    """Sends a :class:`Payload` as it is, under its own type."""

    format = Format.BINARY

    def dump(self, obj: Payload) -> bytes:
        return obj.data

    def get_key(self, obj: Payload, format: PyFormat) -> Any:
        return (self.cls, obj.oid)

    def upgrade(self, obj: Payload, format: PyFormat) -> Dumper:
        dumper = PayloadDumper(self.cls)
        dumper.oid = obj.oid
        return dumper


def register(connection: psycopg.Connection[Any]) -> None:
    """Teaches a connection to send payloads."""
    connection.adapters.register_dumper(Payload, PayloadDumper)


class _Element(NamedTuple):
    array: int
    element: int
    dtype: str


_INT8: Final = _Element(1016, 20, ">i8")
_INT4: Final = _Element(1007, 23, ">i4")
_INT2: Final = _Element(1005, 21, ">i2")
_BOOL: Final = _Element(1000, 16, "u1")
_UUID: Final = _Element(2951, 2950, "V16")
_TEXT: Final = _Element(1009, 25, "")
_BYTEA: Final = _Element(1001, 17, "")


def int8s(values: Ints) -> Payload:
    """An ``int8[]``."""
    return _fixed(_INT8, values)


LAST_ATTRIBUTE: Final = 2**31 - 1


def int4s(values: Ints) -> Payload:
    """An ``int4[]``; attribute ids are stored in four bytes, and a larger one is ``log/attribute-id``."""
    check_attributes(values)
    return _fixed(_INT4, values)


def check_attributes(ids: Ints) -> None:
    """``log/attribute-id`` if one is too large for the column."""
    if len(ids) and int(ids.max()) > LAST_ATTRIBUTE:
        raise LogError(
            f"{int(ids.max())} is too large for an attribute's id: expected at most {LAST_ATTRIBUTE}",
            code="log/attribute-id",
        )


def int2s(values: Ints) -> Payload:
    """An ``int2[]``."""
    return _fixed(_INT2, values)


def bools(values: Mask) -> Payload:
    """A ``bool[]``."""
    return _fixed(_BOOL, values)


def uuids(digests: Sequence[bytes]) -> Payload:
    """A ``uuid[]`` of 16 bytes each."""
    return _fixed(_UUID, np.frombuffer(b"".join(digests), dtype="V16"))


def texts(values: Sequence[bytes | None]) -> Payload:
    """A ``text[]`` of UTF-8 strings."""
    return _varying(_TEXT, values)


def byteas(values: Sequence[bytes | None]) -> Payload:
    """A ``bytea[]``."""
    return _varying(_BYTEA, values)


def _fixed(kind: _Element, values: NDArray[Any]) -> Payload:
    out = np.empty(len(values), dtype=[("size", ">i4"), ("value", kind.dtype)])
    out["size"] = out.dtype["value"].itemsize
    out["value"] = values
    return Payload(kind.array, _header(kind, len(values), 0) + out.tobytes())


def _varying(kind: _Element, values: Sequence[bytes | None]) -> Payload:
    parts = [_header(kind, len(values), int(None in values))]
    for value in values:
        parts.append(b"\xff\xff\xff\xff" if value is None else _LENGTH.pack(len(value)) + value)
    return Payload(kind.array, b"".join(parts))


def _header(kind: _Element, size: int, nulls: int) -> bytes:
    return _HEADER.pack(1, nulls, kind.element, size, 1)


def columns(pieces: Iterable[tuple[bytes | None]], fields: Sequence[tuple[str, str]]) -> list[Any]:
    """The columns of fixed-width rows, as int64 (a ``?`` field as bool); a piece may be None: no rows."""
    rows = [np.frombuffer(piece, dtype=list(fields)) for (piece,) in pieces if piece is not None]
    return [_column(rows, name, "?" if kind == "?" else np.int64) for name, kind in fields]


def _column(rows: Sequence[NDArray[Any]], name: str, dtype: Any) -> NDArray[Any]:
    out = np.empty(sum(map(len, rows)), dtype=dtype)
    at = 0
    for piece in rows:
        out[at : at + len(piece)] = piece[name]
        at += len(piece)
    return out
