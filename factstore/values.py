"""The closed set of value types, and the int64 encoding of their values.

Every value is stored as one int64 (``v``) beside its type's tag (``vt``). Refs, longs, booleans,
instants and doubles *are* that number, in an encoding that keeps their order; all other types are
interned, and the number is their code in the dictionary. Type tags are written to disk: a number
once given to a type is never given to another.
"""

from __future__ import annotations

import enum
import struct
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

Value = Any
"""One of the Python types in the table of :data:`PYTHON_TYPES`."""

LONG_MIN: Final = -(2**63)
LONG_MAX: Final = 2**63 - 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Keyword(str):
    """A name such as ``:person/name``; a ``str`` without the colon, shown with it.

    >>> Keyword(":person/name"), Keyword("person/name").namespace
    (:person/name, 'person')
    """

    __slots__ = ()

    def __new__(cls, name: str) -> Keyword:
        return super().__new__(cls, name[1:] if name.startswith(":") else name)

    @property
    def namespace(self) -> str | None:
        head, slash, _ = self.partition("/")
        return head if slash else None

    @property
    def name(self) -> str:
        head, slash, tail = self.partition("/")
        return tail if slash else head

    def __repr__(self) -> str:
        return ":" + str(self)


class Symbol(str):
    """An EDN symbol such as ``produced-by`` or ``?x``; a ``str`` shown without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class URI(str):
    """An identifier of the web; kept as written.

    >>> URI("https://example.org/a")
    URI('https://example.org/a')
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"URI({str(self)!r})"


class ValueType(enum.IntEnum):
    """The tag of a type, as stored in the ``vt`` column."""

    REF = 1
    LONG = 2
    DOUBLE = 3
    BOOLEAN = 4
    INSTANT = 5
    STRING = 6
    KEYWORD = 7
    SYMBOL = 8
    UUID = 9
    URI = 10
    BYTES = 11
    BIGINT = 12
    BIGDEC = 13
    TUPLE = 14

    @property
    def ident(self) -> Keyword:
        """The type's name in a schema: ``:db.type/long``."""
        return Keyword(f"db.type/{self.name.lower()}")

    @property
    def interned(self) -> bool:
        """True where ``v`` is a code of the dictionary rather than the value itself."""
        return self >= ValueType.STRING


PYTHON_TYPES: Final[dict[ValueType, type]] = {
    ValueType.REF: int,
    ValueType.LONG: int,
    ValueType.DOUBLE: float,
    ValueType.BOOLEAN: bool,
    ValueType.INSTANT: datetime,
    ValueType.STRING: str,
    ValueType.KEYWORD: Keyword,
    ValueType.SYMBOL: Symbol,
    ValueType.UUID: UUID,
    ValueType.URI: URI,
    ValueType.BYTES: bytes,
    ValueType.BIGINT: int,
    ValueType.BIGDEC: Decimal,
    ValueType.TUPLE: tuple,
}

_TYPE_OF_PYTHON: Final[dict[type, ValueType]] = {
    bool: ValueType.BOOLEAN,
    int: ValueType.LONG,
    float: ValueType.DOUBLE,
    datetime: ValueType.INSTANT,
    str: ValueType.STRING,
    Keyword: ValueType.KEYWORD,
    Symbol: ValueType.SYMBOL,
    UUID: ValueType.UUID,
    URI: ValueType.URI,
    bytes: ValueType.BYTES,
    Decimal: ValueType.BIGDEC,
    tuple: ValueType.TUPLE,
}


def type_of(value: Value) -> ValueType | None:
    """The type a bare Python value has by itself, or None if it is no value.

    An ``int`` is a long, or a bigint where it does not fit one.

    >>> type_of(1), type_of(True), type_of(2**70), type_of(object())
    (<ValueType.LONG: 2>, <ValueType.BOOLEAN: 4>, <ValueType.BIGINT: 12>, None)
    """
    found = _TYPE_OF_PYTHON.get(type(value))
    if found is ValueType.LONG and not LONG_MIN <= value <= LONG_MAX:
        return ValueType.BIGINT
    return found


def order_key(value: Value) -> Any:
    """What a value is sorted by: tuples element by element, an empty slot before any other.

    >>> sorted([(1, "b"), (None, "z"), (1, None)], key=order_key)
    [(None, 'z'), (1, None), (1, 'b')]
    """
    return tuple((item is not None, item) for item in value) if isinstance(value, tuple) else value


def encode_inline(vt: ValueType, value: Value) -> int:
    """The int64 of a value whose type is not interned; order is kept within the type.

    >>> encode_inline(ValueType.DOUBLE, -1.5) < encode_inline(ValueType.DOUBLE, 0.0)
    True
    """
    if vt is ValueType.DOUBLE:
        return encode_double(value)
    if vt is ValueType.INSTANT:
        past: timedelta = value - _EPOCH
        return (past.days * 86_400 + past.seconds) * 1_000_000 + past.microseconds
    return int(value)


def decode_inline(vt: ValueType, code: int) -> Value:
    """The inverse of :func:`encode_inline`."""
    if vt is ValueType.DOUBLE:
        return decode_double(code)
    if vt is ValueType.INSTANT:
        return _EPOCH + timedelta(microseconds=code)
    if vt is ValueType.BOOLEAN:
        return bool(code)
    return code


def encode_double(value: float) -> int:
    """The bits of a double as an int64 in the order of the doubles; -0.0 becomes 0.0."""
    bits: int = struct.unpack("<q", struct.pack("<d", value + 0.0))[0]
    return bits if bits >= 0 else bits ^ LONG_MAX


def decode_double(code: int) -> float:
    """The inverse of :func:`encode_double`."""
    bits = code if code >= 0 else code ^ LONG_MAX
    value: float = struct.unpack("<d", struct.pack("<q", bits))[0]
    return value
