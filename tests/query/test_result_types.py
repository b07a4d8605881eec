"""Every type of value through every form a result has, both as columns of the engine and as rows made by hand."""

from __future__ import annotations

import html
import pickle
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import factstore
from factstore import URI, Keyword, QueryError, Result, Symbol
from factstore.dictionary import Dictionary
from factstore.query.columnar.relation import Values

WHEN = datetime(2024, 2, 29, 12, 0, 0, 1, tzinfo=UTC)
IDS = [uuid.UUID(int=1), uuid.UUID(int=2)]

# Values, then what Arrow and polars give back, if it is something else; the type in Arrow; the dtype in pandas.
TYPES: dict[str, tuple[list[Any], list[Any] | None, str, str]] = {
    "long": ([1, -(2**63)], None, "int64", "int64"),
    "double": ([1.5, float("-inf")], None, "double", "float64"),
    "boolean": ([True, False], None, "bool", "bool"),
    "instant": ([WHEN, datetime(1, 1, 1, tzinfo=UTC)], None, "timestamp[us, tz=UTC]", "datetime64[us, UTC]"),
    "string": (["a", "猫"], None, "string", "str"),
    "keyword": ([Keyword("a/b"), Keyword("c")], ["a/b", "c"], "string", "str"),
    "symbol": ([Symbol("?x"), Symbol("y")], ["?x", "y"], "string", "str"),
    "uri": ([URI("x:y"), URI("z")], ["x:y", "z"], "string", "str"),
    "uuid": (IDS, list(map(str, IDS)), "string", "object"),
    "bytes": ([b"", b"\xff"], None, "binary", "object"),
    "bigint": ([2**80, -(2**63) - 1], [Decimal(2**80), Decimal(-(2**63) - 1)], "decimal128(25, 0)", "object"),
    "wide bigint": ([10**60, -1], [Decimal(10**60), Decimal(-1)], "decimal256(61, 0)", "object"),
    "bigdec": ([Decimal("1.50"), Decimal("1E+3")], None, "decimal128(6, 2)", "object"),
    "tuple": (
        [(1, "a"), (2, None)],
        [{"f0": 1, "f1": "a"}, {"f0": 2, "f1": None}],
        "struct<f0: int64, f1: string>",
        "object",
    ),
    "missing long": ([1, None], None, "int64", "Int64"),
    "missing double": ([1.5, None], None, "double", "float64"),
    "missing boolean": ([True, None], None, "bool", "boolean"),
    "missing instant": ([WHEN, None], None, "timestamp[us, tz=UTC]", "datetime64[us, UTC]"),
    "missing string": (["a", None], None, "string", "str"),
    "missing keyword": ([Keyword("a/b"), None], ["a/b", None], "string", "str"),
    "missing bigdec": ([Decimal("1.5"), None], None, "decimal128(2, 1)", "object"),
    "nothing": ([None, None], None, "null", "object"),
    "map": (
        [{"a/b": 1, "c": [{"d": Keyword("x")}]}, {"a/b": 2}],
        [{"a/b": 1, "c": [{"d": "x"}]}, {"a/b": 2, "c": None}],
        "struct<a/b: int64, c: list<item: struct<d: string>>>",
        "object",
    ),
    "set": ([frozenset([2, 1]), frozenset([3])], [[1, 2], [3]], "list<item: int64>", "object"),
}


def by_columns(values: list[Any]) -> Result:
    known = Values(Dictionary())
    return Result(("?x",), [known.encode(values)], len(values), known)


def by_rows(values: list[Any]) -> Result:
    return Result.of_rows(("?x",), [(value,) for value in values])


MADE = pytest.mark.parametrize("made", [by_columns, by_rows])
TYPE = pytest.mark.parametrize("name", TYPES)


@MADE
@TYPE
def test_python_has_the_values_as_they_are(made: Any, name: str) -> None:
    values = TYPES[name][0]
    result = made(values)
    rows = [(value,) for value in values]
    assert result.to_list() == list(result) == [result[0], result[1]] == result[:] == rows
    assert list(map(type, result["?x"])) == list(map(type, values))
    assert result.to_dicts() == [{"?x": value} for value in values]
    assert result == rows[::-1]


@MADE
@TYPE
def test_a_pickle_is_read_back(made: Any, name: str) -> None:
    result = made(TYPES[name][0])
    again = pickle.loads(pickle.dumps(result))
    assert again == result
    assert (again.columns, again.shape, again.ordered) == (result.columns, result.shape, result.ordered)
    assert list(map(type, again["?x"])) == list(map(type, result["?x"]))


@MADE
@TYPE
def test_arrow(made: Any, name: str) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    values, shown, kind, _ = TYPES[name]
    table = pyarrow.table(made(values))
    assert str(table.schema.field("x").type) == kind
    assert table.column("x").to_pylist() == (shown or values)


@MADE
@TYPE
def test_polars(made: Any, name: str) -> None:
    pytest.importorskip("polars")
    values, shown, *_ = TYPES[name]
    assert made(values).to_polars()["x"].to_list() == (shown or values)


@MADE
@TYPE
def test_pandas(made: Any, name: str) -> None:
    pandas = pytest.importorskip("pandas")
    values, shown, _, kind = TYPES[name]
    column = made(values).to_pandas()["x"]
    assert str(column.dtype) == kind
    shown = shown if shown and kind == "str" else values
    assert [None if _is_missing(value, pandas.NA, pandas.NaT) else value for value in column] == shown


def _is_missing(value: Any, *missing: Any) -> bool:
    return value is None or any(value is each for each in missing) or value != value


@MADE
@TYPE
def test_numpy(made: Any, name: str) -> None:
    values = TYPES[name][0]
    column = made(values).to_numpy()["x"]
    natural = {"long": "int64", "double": "float64", "boolean": "bool", "instant": "datetime64[us]"}
    assert str(column.dtype) == natural.get(name, "object")
    if name == "instant":
        assert column.tolist() == [value.replace(tzinfo=None) for value in values]
    else:
        assert column.tolist() == values


@MADE
@TYPE
def test_html_and_text_are_there_for_every_type(made: Any, name: str) -> None:
    values = TYPES[name][0]
    shown = made(values)._repr_html_()
    assert shown.count("<tr>") == 3
    assert repr(values[0]) in repr(made(values))
    assert html.escape("" if values[0] is None else str(values[0])[:4]) in shown.replace(":a", "a")


@pytest.mark.parametrize(
    "values", [[1, "a"], [1, 1.0], [True, 1], ["\ud800"], [10**80], [(1, "a"), (1, 2)], [{"a": 1}, 2]]
)
def test_arrow_has_no_type_for_these(values: list[Any]) -> None:
    pytest.importorskip("pyarrow")
    for made in (by_columns, by_rows):
        with pytest.raises(QueryError, match="column x has no Arrow type") as caught:
            made(values).to_arrow()
        assert caught.value.code == "query/no-arrow"


def test_values_of_several_types_are_objects_elsewhere() -> None:
    pytest.importorskip("polars")
    mixed = by_columns([1, "a", 1.0, True, None])
    assert str(mixed.to_polars()["x"].dtype) == "Object"
    assert mixed.to_polars()["x"].to_list() == mixed.to_numpy()["x"].tolist() == mixed["x"]
    assert str(mixed.to_pandas()["x"].dtype) == "object"


@pytest.mark.parametrize(("shape", "rows"), [("tuples", [(1, "a")]), ("values", [1]), ("maps", [{"k": 1, "m": "a"}])])
def test_rows_of_each_shape_are_columns_too(shape: Any, rows: list[Any]) -> None:
    columns = ("?x",) if shape == "values" else ("?x", "?y")
    result = Result.of_rows(columns, rows, shape=shape, keys=("k", "m") if shape == "maps" else ())
    assert (result.to_list(), result.column(0), len(result), result.shape) == (rows, [1], 1, shape)
    assert {name: column.tolist() for name, column in result.to_numpy().items()} == {
        "tuples": {"x": [1], "y": ["a"]},
        "values": {"x": [1]},
        "maps": {"k": [1], "m": ["a"]},
    }[shape]
    empty = Result.of_rows(columns, [], shape=shape, keys=("k", "m") if shape == "maps" else ())
    assert (empty.to_list(), empty.column(-1), empty == [], empty.to_dicts()) == ([], [], True, [])
    assert "0 rows" in empty._repr_html_()


def test_columns_have_names() -> None:
    result = Result.of_rows(("?x", "(count ?y)", "?x"), [(1, 2, 1)])
    assert (result["?x"], result["x"], result["(count ?y)"], result["x_3"], result.column(-1)) == (
        [1],
        [1],
        [2],
        [1],
        [1],
    )
    assert result.names == ("x", "(count ?y)", "x_3")
    with pytest.raises(QueryError) as caught:
        result["?z"]
    assert (caught.value.code, caught.value.data["name"]) == ("query/no-column", "?z")


def test_what_a_result_gives_away_does_not_change_it() -> None:
    result = by_columns([1, 2])
    result.to_list().clear()
    result["?x"].clear()
    result[:].clear()
    assert result == [(1,), (2,)]
    with pytest.raises(ValueError, match="read-only"):
        result.to_numpy()["x"][0] = 5
    with pytest.raises(AttributeError):
        result.columns = ()  # type: ignore[misc]


def test_numbers_are_not_copied_into_arrow() -> None:
    pytest.importorskip("pyarrow")
    known = Values(Dictionary())
    column = known.encode(list(range(1000)))
    chunk = Result(("?x",), [column], 1000, known).to_arrow().column("x").chunk(0)
    assert chunk.buffers()[1].address == column.data.__array_interface__["data"][0]


def test_numpy_takes_a_result_as_an_array() -> None:
    assert np.asarray(Result.of_rows(("?x",), [1, 2], shape="values")).dtype == np.int64
    assert np.asarray(Result.of_rows(("?x", "?y"), [(1, 2)])).tolist() == [[1, 2]]


def test_tables_of_other_libraries_answer_for_themselves() -> None:
    pytest.importorskip("pandas")
    result = by_rows([1, 2])
    assert result.to_pandas()["x"].tolist() == result["x"]
    assert result.__eq__(result.to_pandas()) is NotImplemented
    assert result != "ab"


def test_only_what_is_looked_at_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    db = factstore.connect("memory:").db()
    rows = db.q("[:find ?x ?y :in [?x ...] ?y :order-by ?x]", range(100_000), "a")
    decoded: list[int] = []
    decode = Values.decode
    monkeypatch.setattr(Values, "decode", lambda self, c: decoded.append(len(c.data)) or decode(self, c))
    assert (rows[0], rows[-1], rows[5:7]) == ((0, "a"), (99_999, "a"), [(5, "a"), (6, "a")])
    assert next(iter(rows)) == (0, "a")
    assert rows._repr_html_()
    assert repr(rows)
    assert max(decoded) < 10_000
    assert sum(map(len, rows.chunks(1000))) == 100_000


SCALARS = st.one_of(
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.booleans(),
    st.text(max_size=3).filter(lambda text: text.isprintable()),
    st.text("ab/", min_size=1, max_size=3).map(Keyword),
    st.uuids(),
    st.binary(max_size=3),
    st.none(),
)


@given(st.lists(st.tuples(SCALARS, SCALARS), max_size=8), st.booleans())
def test_any_rows_come_back_as_they_were(rows: list[tuple[Any, Any]], pickled: bool) -> None:
    known = Values(Dictionary())
    columns = [known.encode(list(column)) for column in zip(*rows, strict=True)] or [[], []]
    result = Result(("?x", "?y"), columns, len(rows), known)
    if pickled:
        result = pickle.loads(pickle.dumps(result))
    assert repr(result.to_list()) == repr(rows)
    assert repr(list(result)) == repr(rows)
    assert result == Result.of_rows(("?x", "?y"), rows[::-1])
    assert sorted(map(repr, result.sorted())) == sorted(map(repr, rows))
    assert repr(result.sorted().to_list()) == repr(Result.of_rows(("?x", "?y"), rows[::-1]).sorted().to_list())
