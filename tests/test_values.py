"""Values: what is accepted, what it becomes, and that the encoding keeps values and their order."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factstore.errors import InvalidValue
from factstore.values import URI, Keyword, Symbol, ValueType, decode_inline, encode_inline, type_of
from factstore.values_bytes import from_bytes, to_bytes
from factstore.values_coerce import coerce

doubles = st.floats(allow_nan=False)
instants = st.datetimes(timezones=st.just(UTC), min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)).map(
    lambda instant: instant.replace(fold=0)
)
HUGE = 10**5000
"""More digits than Python prints."""
longs = st.integers(-(2**63), 2**63 - 1)


@pytest.mark.parametrize(
    ("vt", "value", "kept"),
    [
        (ValueType.DOUBLE, 3, 3.0),
        (ValueType.DOUBLE, 2**60, 2.0**60),
        (ValueType.KEYWORD, ":color/red", Keyword("color/red")),
        (ValueType.SYMBOL, "x", Symbol("x")),
        (ValueType.URI, "https://a.example", URI("https://a.example")),
        (ValueType.BIGDEC, 3, Decimal(3)),
        (ValueType.BYTES, bytearray(b"a"), b"a"),
        (ValueType.TUPLE, [1, "a"], (1, "a")),
        (
            ValueType.INSTANT,
            datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))),
            datetime(2026, 1, 1, tzinfo=UTC),
        ),
    ],
)
def test_a_value_is_widened_only_where_nothing_is_lost(vt: ValueType, value: object, kept: object) -> None:
    found = coerce(vt, value)
    assert (type(found), found) == (type(kept), kept)


@pytest.mark.parametrize(
    ("vt", "value"),
    [
        (ValueType.LONG, True),
        (ValueType.LONG, 1.0),
        (ValueType.LONG, 2**63),
        (ValueType.DOUBLE, float("nan")),
        (ValueType.DOUBLE, True),
        (ValueType.BOOLEAN, 1),
        (ValueType.STRING, Keyword("a")),
        (ValueType.INSTANT, datetime(2026, 1, 1)),
        (ValueType.STRING, None),
        (ValueType.LONG, HUGE),
        (ValueType.DOUBLE, 2**53 + 1),
        (ValueType.DOUBLE, HUGE),
        (ValueType.BIGINT, HUGE),
        (ValueType.BIGDEC, Decimal("NaN")),
        (ValueType.BIGDEC, Decimal("Infinity")),
        (ValueType.INSTANT, time(1, tzinfo=UTC)),
        (ValueType.INSTANT, datetime.fromisoformat("0001-01-01T00:00:00+05:00")),
        (ValueType.INSTANT, datetime.fromisoformat("9999-12-31T23:00:00-05:00")),
    ],
    ids=itertools.count(),
)
def test_a_value_of_another_type_is_refused(vt: ValueType, value: object) -> None:
    with pytest.raises(InvalidValue, match="value/wrong-type"):
        coerce(vt, value)


@given(st.lists(doubles, min_size=2, max_size=20))
def test_doubles_keep_their_order_and_value(values: list[float]) -> None:
    codes = [encode_inline(ValueType.DOUBLE, value) for value in values]
    assert [decode_inline(ValueType.DOUBLE, code) for code in sorted(codes)] == sorted(values)


def test_negative_zero_is_zero() -> None:
    assert encode_inline(ValueType.DOUBLE, -0.0) == encode_inline(ValueType.DOUBLE, 0.0)


@given(st.lists(instants, min_size=2, max_size=10))
def test_instants_keep_their_order_and_value(values: list[datetime]) -> None:
    codes = [encode_inline(ValueType.INSTANT, value) for value in values]
    assert [decode_inline(ValueType.INSTANT, code) for code in sorted(codes)] == sorted(values)


scalars = st.one_of(
    longs, doubles, st.booleans(), st.text(), st.text().map(Keyword), instants, st.uuids(), st.binary(), st.none()
)


@given(st.one_of(st.lists(scalars, max_size=8).map(tuple), st.text(), st.uuids(), st.binary()))
def test_interned_values_come_back_from_their_bytes(value: object) -> None:
    vt = type_of(value)
    assert vt is not None
    found = from_bytes(vt, to_bytes(vt, value))
    assert repr(found) == repr(value)


def test_tuples_tell_one_from_true() -> None:
    assert len({to_bytes(ValueType.TUPLE, (value,)) for value in (1, 1.0, True, "1")}) == 4


@pytest.mark.parametrize(
    ("value", "vt"),
    [(True, ValueType.BOOLEAN), (1, ValueType.LONG), (2**63, ValueType.BIGINT), (UUID(int=1), ValueType.UUID)],
)
def test_a_bare_value_has_a_type(value: object, vt: ValueType) -> None:
    assert type_of(value) is vt


@pytest.mark.parametrize(
    "number",
    ["1." + "0" * 35 + "1", "9" * 60 + ".5", "1E+999999999999999999", "-1E-999999999999999000", "1200", "-0.0"],
)
def test_a_decimal_keeps_every_digit(number: str) -> None:
    """Whatever the precision of the thread's decimal context is."""
    value = Decimal(number)
    assert from_bytes(ValueType.BIGDEC, to_bytes(ValueType.BIGDEC, value)) == value


@given(st.decimals(allow_nan=False, allow_infinity=False), st.integers(0, 5))
def test_equal_decimals_have_equal_bytes(value: Decimal, zeros: int) -> None:
    sign, digits, exponent = value.as_tuple()
    same = Decimal((sign, (*digits, *[0] * zeros), int(exponent) - zeros))
    assert to_bytes(ValueType.BIGDEC, same) == to_bytes(ValueType.BIGDEC, value)


@pytest.mark.parametrize(
    "item",
    [float("nan"), datetime(2026, 1, 1), object(), (1, 2), HUGE],
    ids=["nan", "naive", "object", "tuple", "huge"],
)
def test_an_item_of_a_tuple_is_a_value_too(item: object) -> None:
    with pytest.raises(InvalidValue, match="value/wrong-type"):
        to_bytes(ValueType.TUPLE, (1, item))
