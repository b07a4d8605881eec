"""What of Python is taken for a value of a type: nothing that loses anything, and nothing silently."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from factstore.errors import InvalidValue
from factstore.values import LONG_MAX, LONG_MIN, PYTHON_TYPES, URI, Keyword, Symbol, Value, ValueType


def coerce(vt: ValueType, value: Value) -> Value:
    """``value`` as the type's own Python type, or :class:`InvalidValue` saying what was expected.

    Only what loses nothing is accepted: an int where a double is wanted, a plain string where a
    keyword is. A bool is never a number, and NaN is no value, since it is not equal to itself.

    >>> coerce(ValueType.DOUBLE, 3), coerce(ValueType.KEYWORD, "color/red")
    (3.0, :color/red)
    """
    wanted: Any = PYTHON_TYPES[vt]
    if type(value) is wanted:
        checked = _CHECKED.get(vt)
        return value if checked is None else checked(value)
    widened = _WIDEN.get((vt, type(value)))
    if widened is not None:
        return widened(value)
    if vt is ValueType.INSTANT and isinstance(value, datetime):
        return _utc(value)
    if vt is ValueType.TUPLE and isinstance(value, list):
        return tuple(value)
    raise _refused(vt, value, f"a {wanted.__name__}")


def _long(value: int) -> int:
    if not LONG_MIN <= value <= LONG_MAX:
        raise _refused(ValueType.LONG, value, "a 64-bit integer")
    return value


def _double(value: float) -> float:
    if value != value:
        raise _refused(ValueType.DOUBLE, value, "a number (NaN is not equal to itself)")
    return value


def _double_of_int(value: int) -> float:
    if abs(value) > _EXACT_DOUBLES and (value.bit_length() > 1024 or int(float(value)) != value):
        raise _refused(ValueType.DOUBLE, value, "an integer that a double holds exactly")
    return float(value)


def _bigint(value: int) -> int:
    if value.bit_length() > _BIGINT_BITS:
        raise _refused(ValueType.BIGINT, value, f"at most {_BIGINT_BITS} bits")
    return value


def _decimal(value: Decimal) -> Decimal:
    if not value.is_finite():
        raise _refused(ValueType.BIGDEC, value, "a finite number")
    return value


def _utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise _refused(ValueType.INSTANT, value, "a datetime with a time zone")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise _refused(ValueType.INSTANT, value, "a year from 1 to 9999 in UTC") from None


_EXACT_DOUBLES: Final = 2**53
_BIGINT_BITS: Final = 14_000
"""Beyond 4300 digits Python refuses to print an int, or to read it back."""

_CHECKED: Final[dict[ValueType, Callable[[Any], Value]]] = {
    ValueType.LONG: _long,
    ValueType.DOUBLE: _double,
    ValueType.BIGINT: _bigint,
    ValueType.BIGDEC: _decimal,
    ValueType.INSTANT: _utc,
}
"""What a value of the right Python type must be besides."""

_WIDEN: Final[dict[tuple[ValueType, type], Callable[[Any], Value]]] = {
    (ValueType.DOUBLE, int): _double_of_int,
    (ValueType.KEYWORD, str): Keyword,
    (ValueType.SYMBOL, str): Symbol,
    (ValueType.URI, str): URI,
    (ValueType.BIGDEC, int): Decimal,
    (ValueType.BYTES, bytearray): bytes,
}


def _refused(vt: ValueType, value: Value, expected: str) -> InvalidValue:
    return InvalidValue(
        f"{shown(value)} ({type(value).__name__}) is not a {vt.name.lower()}: expected {expected}",
        code="value/wrong-type",
        value=value,
        expected=vt.ident,
    )


def shown(value: object, width: int = 80) -> str:
    """``value`` as a message shows it: its repr, cut where it gets long.

    >>> shown("x" * 100, 12), shown(10**5000)
    ("'xxxxxxxxxx…", '<int that cannot be shown>')
    """
    try:
        text = repr(value)
    except Exception:  # an int of more than 4300 digits, or an object of anybody's
        text = f"<{type(value).__name__} that cannot be shown>"
    return text if len(text) <= width else text[: width - 1] + "…"
