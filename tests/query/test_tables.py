"""What a fixpoint keeps: each row once, whatever the values, however they come in."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factstore.columns import Ints, ints
from factstore.dictionary import Dictionary
from factstore.query.columnar.operators import concat
from factstore.query.columnar.relation import ANY, Column, Relation, Values
from factstore.query.rules.seen import Packing, Seen
from factstore.query.rules.table_index import TableIndex
from factstore.query.rules.tables import Table
from factstore.values import LONG_MAX, LONG_MIN, ValueType

Row = tuple[int, ...]
RANGES = {
    "small": st.integers(0, 5),
    "entities": st.integers(2**20, 2**20 + 40),
    "negative": st.integers(-3, 3),
    "too wide to pack": st.sampled_from([LONG_MIN, -1, 0, 2**40, LONG_MAX]),
}
BATCH_SIZES = (1, 2, 31, 33, 200)


def columns_of(rows: list[Row], arity: int) -> list[Ints]:
    return [ints([row[place] for row in rows]) for place in range(arity)]


@pytest.mark.parametrize("values", RANGES.values(), ids=RANGES)
@pytest.mark.parametrize("arity", [1, 2, 3])
@given(data=st.data())
def test_each_row_is_new_once(values: st.SearchStrategy[int], arity: int, data: st.DataObject) -> None:
    seen, known = Seen(), set[Row]()
    for size in data.draw(st.lists(st.sampled_from(BATCH_SIZES), max_size=4)):
        rows = list(data.draw(st.sets(st.tuples(*[values] * arity), min_size=1, max_size=size)))
        new = seen.add(columns_of(rows, arity))
        assert new.tolist() == [row not in known for row in rows]
        known.update(rows)


@pytest.mark.parametrize("step", [1, 7, 40, 5000])
def test_few_rows_and_many_meet(step: int) -> None:
    seen = Seen()
    for start in range(0, 12_000, step):
        seen.add([ints(range(start, start + step)), ints([start] * step)])
    rows = [ints(range(0, 12_000, 3)), ints([n - n % step for n in range(0, 12_000, 3)])]
    assert not seen.add(rows).any()
    assert seen.add([rows[0], rows[1] - 1]).all()


@pytest.mark.parametrize("step", [1, 30, 700])
def test_rows_that_fill_their_range_are_told_apart_whatever_comes_after(step: int) -> None:
    seen, known = Seen(), set[Row]()
    r = Random(step)
    every = [(a, b) for a in range(100) for b in range(100)] + [(-3, 5), (2**40, 2**50), (7, -9), (LONG_MAX, 0)]
    r.shuffle(every)
    later = r.sample(every, 2000)
    for start in range(0, len(every), step):
        rows = [*{*every[start : start + step], *later[start // 5 : start // 5 + 3]}]
        assert seen.add(columns_of(rows, 2)).tolist() == [row not in known for row in rows]
        known.update(rows)


@pytest.mark.parametrize("places", [(0,), (1,), (0, 2), (2, 0), (0, 1, 2)])
@given(data=st.data())
def test_rows_are_found_by_any_of_their_columns_as_the_table_grows(places: Row, data: st.DataObject) -> None:
    index, rows = TableIndex(), list[Row]()
    numbers = data.draw(st.sampled_from([RANGES["small"], RANGES["entities"], RANGES["negative"], st.integers(-9, 99)]))
    for size in data.draw(st.lists(st.integers(0, 9), max_size=5)):
        rows += data.draw(st.lists(st.tuples(numbers, numbers, numbers), min_size=size, max_size=size))
        assert index.extend([columns_of(rows, 3)[place] for place in places])
        asked = [*rows[::2], (0, 1, 2), (-(2**62), 2**62, 5)]
        columns = [columns_of(asked, 3)[place] for place in places]
        expected = {
            (mine, theirs)
            for mine, one in enumerate(asked)
            for theirs, other in enumerate(rows)
            if all(one[place] == other[place] for place in places)
        }
        found = list(zip(*(column.tolist() for column in index.find(columns)), strict=True)) if rows else []
        assert len(found) == len(expected) == (index.count(columns) if rows else 0)
        assert set(found) == expected


def test_columns_too_wide_for_one_number_are_no_index() -> None:
    index = TableIndex()
    assert index.extend([ints([1]), ints([2])])
    assert not index.extend([ints([1, LONG_MAX]), ints([2, LONG_MIN])])


def test_a_packing_keeps_the_order_and_comes_apart_again() -> None:
    columns = [ints([-5, -5, 3]), ints([2**40, 2**40 + 1, 2**40])]
    packing = Packing.of(columns, None)
    assert packing is not None
    packed = packing.pack(columns)
    assert packed is not None
    assert packed.tolist() == sorted(packed.tolist())
    assert [column.tolist() for column in packing.unpack(packed)] == [column.tolist() for column in columns]
    assert packing.pack([ints([-6]), ints([2**40])]) is None


def column(*values: object) -> Column:
    return VALUES.encode(values)


VALUES = Values(Dictionary())


def test_rows_are_new_for_one_turn() -> None:
    table = Table(1, VALUES)
    table.add(Relation({"x": column(1, 2)}))
    assert (table.size, table.new.size, table.turn(), table.new.size) == (2, 0, True, 2)
    table.add(Relation({"x": column(2, 3)}))
    assert (table.turn(), VALUES.decode(table.new["0"])) == (True, [3])
    assert (table.turn(), table.new.size, VALUES.decode(table.rows()["0"])) == (False, 0, [1, 2, 3])


def test_a_column_of_two_types_tells_its_values_apart() -> None:
    table = Table(2, VALUES)
    for first in (1, 1.0, "1", True, 1.0):
        table.add(Relation({"x": column(first), "y": column(7)}))
    assert table.rows()["0"].kind == ANY
    assert list(map(repr, VALUES.decode(table.rows()["0"]))) == ["1", "1.0", "'1'", "True"]
    assert table.rows()["1"].kind == int(ValueType.LONG)


def test_rows_that_were_read_stay_what_they_are() -> None:
    table = Table(1, VALUES)
    table.add(Relation({"x": column(*range(10))}))
    before = table.rows()
    table.add(Relation({"x": column(*range(10, 300))}))
    table.add(Relation({"x": column("a")}))
    assert VALUES.decode(before["0"]) == list(range(10))


@pytest.mark.parametrize("first", [(1, "a"), (1, 2)])
@pytest.mark.parametrize("second", [(1.0, "b"), (3, 4), ("c",)])
def test_columns_of_any_kinds_are_put_together(first: tuple[object, ...], second: tuple[object, ...]) -> None:
    assert VALUES.decode(concat([column(*first), column(*second)], VALUES)) == [*first, *second]
