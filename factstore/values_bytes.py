"""Interned values as bytes: what is digested, and what is kept."""

from __future__ import annotations

import struct
from decimal import Decimal
from typing import Final
from uuid import UUID

from factstore.errors import InvalidValue
from factstore.values import LONG_MAX, LONG_MIN, PYTHON_TYPES, Value, ValueType, decode_inline, encode_inline, type_of
from factstore.values_coerce import coerce, shown


def to_bytes(vt: ValueType, value: Value) -> bytes:
    """The canonical bytes of an interned value: equal values have equal bytes.

    Decimals are equal by number (``1.0`` is ``1.00``) and are kept without trailing zeros.

    >>> to_bytes(ValueType.BIGDEC, Decimal("1200.0")), to_bytes(ValueType.BIGDEC, Decimal("-0.00"))
    (b'1.2E+3', b'0E+0')
    """
    if vt is ValueType.STRING:  # first, as nearly all are
        encoded: bytes = value.encode("utf-8", "surrogatepass")
        return encoded
    if vt is ValueType.BYTES:
        return bytes(value)
    if vt is ValueType.UUID:
        return bytes(value.bytes)
    if vt is ValueType.TUPLE:
        return b"".join(_tuple_slot(item) for item in value)
    if vt is ValueType.BIGDEC:
        return format(_trimmed(value), "E").encode()
    return str(value).encode("utf-8", "surrogatepass")


def _trimmed(value: Decimal) -> Decimal:
    """``value`` without trailing zeros; 0 if it is zero."""
    # Not normalize(): it rounds to the 28 digits of the thread's decimal context.
    sign, digits, exponent = value.as_tuple()
    if not any(digits):
        return Decimal(0)
    zeros = next(n for n, digit in enumerate(reversed(digits)) if digit)
    return Decimal((sign, digits[: len(digits) - zeros], int(exponent) + zeros))


def from_bytes(vt: ValueType, data: bytes) -> Value:
    """The inverse of :func:`to_bytes`."""
    if vt is ValueType.BYTES:
        return data
    if vt is ValueType.UUID:
        return UUID(bytes=data)
    if vt is ValueType.TUPLE:
        return _tuple_from(data)
    text = data.decode("utf-8", "surrogatepass")
    return text if vt is ValueType.STRING else PYTHON_TYPES[vt](text)


_SLOT: Final = struct.Struct("<bI")


_LONG_SLOT: Final = struct.Struct("<bIq")


def _tuple_slot(item: Value) -> bytes:
    # Strings and longs, which most slots are, without a look at all types there are.
    if type(item) is str:
        text = item.encode("utf-8", "surrogatepass")
        return _SLOT.pack(ValueType.STRING, len(text)) + text
    if type(item) is int and LONG_MIN <= item <= LONG_MAX:
        return _LONG_SLOT.pack(ValueType.LONG, 8, item)
    if item is None:
        return _SLOT.pack(0, 0)
    vt = slot_type(item)
    item = coerce(vt, item)
    body = to_bytes(vt, item) if vt.interned else struct.pack("<q", encode_inline(vt, item))
    return _SLOT.pack(vt, len(body)) + body


def slot_type(item: Value) -> ValueType:
    """The type a tuple's item has by itself; :class:`InvalidValue` if it is no scalar."""
    found = type_of(item)
    if found is None or found is ValueType.TUPLE:
        raise InvalidValue(
            f"{shown(item)} ({type(item).__name__}) as an item of a tuple: expected a scalar",
            code="value/wrong-type",
            value=item,
        )
    return found


def _tuple_from(data: bytes) -> tuple[Value, ...]:
    items: list[Value] = []
    at = 0
    while at < len(data):
        tag, size = _SLOT.unpack_from(data, at)
        at += _SLOT.size
        body = data[at : at + size]
        at += size
        if tag == 0:
            items.append(None)
        elif ValueType(tag).interned:
            items.append(from_bytes(ValueType(tag), body))
        else:
            items.append(decode_inline(ValueType(tag), struct.unpack("<q", body)[0]))
    return tuple(items)
