"""Tables against the maps their rows stand for: the same datoms, or the same refusal."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factstore.errors import FactstoreError, TransactionError
from factstore.tx import FactTable, Load, read_table, speculate
from tests.tx.tx_store import Store, changed, person

Columns = dict[str, list[Any]]
Outcome = tuple[str, ...] | tuple[list[tuple[int, str, Any, bool]], dict[Any, int]]

KNOWN = [person("k", name="known", email="k0", badge=1, alias=["p"]), person(name="other", email="k1")]
MAY = datetime(2024, 5, 1, tzinfo=UTC)
LOOKUP = ["person/email", "k0"]
CELLS: dict[str, list[Any]] = {
    "db/id": ["a", "b", -1, "K", "K", LOOKUP, ("person/email", "e1"), ":no/ident"],
    "person/name": ["x", "y", "known"] * 4 + [7, ["x"]],
    "person/email": ["k0", "e1", "e2", "e3", "e4"],
    "person/badge": [1, 2, 3, 4, 5],
    "person/age": [1, 2, 3] * 4 + [2**63, 1.0, True],
    "person/score": [1.5, 2, -0.0] * 4 + [math.nan, 2**53 + 1],
    "person/admin": [True, False, True, False, 1],
    "person/born": [MAY, MAY.astimezone(timezone(timedelta(hours=2))), MAY, MAY.replace(tzinfo=None)],
    "person/alias": ["p", "q", ["p", "q"], ["q", "r"], {"q"}, (), ["p", 1], [None]],
    "person/friend": ["a", -1, "K", LOOKUP, ["a", -1], ["K", "b"], [LOOKUP, "a"], {"person/email": "e1"}, ["a", None]],
    "person/boss": ["a", "b", -1, "K", LOOKUP, {"person/email": "e9", "person/name": "boss"}, ["a"], True],
    "person/desk": ["a", "K", LOOKUP],
    "person/part": [{"home/street": "S"}, [{"home/street": "S"}, "a"]],
    "person/_boss": ["a", ["a", "K"], LOOKUP],
    "person/point": [(1, "a"), [2, "b"], (1,), "p"],
    "reg/course": ["c", "d"],
    "reg/year": [1, 2],
}


def cell(name: str) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), st.sampled_from(CELLS[name]), st.sampled_from(CELLS[name]))


@st.composite
def tables(draw: st.DrawFn) -> Columns:
    height = draw(st.integers(0, 4))
    names = draw(st.lists(st.sampled_from(list(CELLS)), unique=True, max_size=5))
    return {name: draw(st.lists(cell(name), min_size=height, max_size=height)) for name in names}


def maps(columns: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    """What the rows of a table stand for."""
    rows = zip(*columns.values(), strict=True)
    return [{name: v for name, v in zip(columns, row, strict=True) if v is not None} for row in rows]


def known() -> Store:
    store = Store()
    store.transact(KNOWN)
    return store


DB = known().db
ID = DB.entid(LOOKUP)


def outcome(data: Any) -> Outcome:
    """What would change, or why nothing may."""
    try:
        report = speculate(DB, data, now=MAY)
    except FactstoreError as error:
        return (error.code,)
    return changed(report), dict(report.tempids)


def with_ids(columns: Columns) -> Columns:
    """``"K"`` where the id of the known entity is meant."""
    return {name: [_with_id(value) for value in column] for name, column in columns.items()}


def _with_id(value: Any) -> Any:
    return [_with_id(item) for item in value] if isinstance(value, list) else ID if value == "K" else value


@settings(max_examples=400)
@given(tables().map(with_ids))
def test_a_table_means_the_maps_its_rows_stand_for(columns: Columns) -> None:
    assert outcome(Load(read_table(columns))) == outcome(maps(columns))


# Columns of one plain type, in every form they come in.

DOUBLES = [1.5, -0.0, 3.0, 1e300]
TYPED: dict[str, tuple[str, list[Any], pa.DataType]] = {
    "person/name": ("object", ["x", "y", "", "é\udc80"], pa.string()),
    "person/age": ("int64", [1, -5, 2**62], pa.int64()),
    "person/score": ("float64", DOUBLES, pa.float64()),
    "person/admin": ("bool", [True, False], pa.bool_()),
    "person/born": ("datetime64[us]", [MAY, MAY + timedelta(microseconds=1)], pa.timestamp("us", "UTC")),
    "person/boss": ("int64", [-1, -2, ID], pa.int64()),
    "db/id": ("int64", [-1, -2, -(2**40), -(2**63), ID], pa.int64()),
}


@st.composite
def typed(draw: st.DrawFn) -> Columns:
    height = draw(st.integers(1, 5))
    names = draw(st.lists(st.sampled_from(list(TYPED)), unique=True, min_size=1, max_size=5))
    cells = {name: st.one_of(st.none(), st.sampled_from(TYPED[name][1])) for name in names}
    return {name: draw(st.lists(cells[name], min_size=height, max_size=height)) for name in names}


def readable(columns: Columns) -> bool:
    """Whether the others, whose strings are UTF-8, can hold it."""
    return not any("\udc80" in value for value in columns.get("person/name", ()) if value)


def naive(value: Any) -> Any:
    return value.replace(tzinfo=None) if isinstance(value, datetime) else value


def as_numpy(columns: Columns) -> dict[str, Any]:
    found = {}
    for name, column in columns.items():
        filler = TYPED[name][1][0]
        values = [naive(filler if value is None else value) for value in column]
        found[name] = np.ma.MaskedArray(np.array(values, dtype=TYPED[name][0]), [value is None for value in column])
    return found


def as_pandas(columns: Columns) -> pd.DataFrame:
    return pd.DataFrame({name: _series(name, column) for name, column in columns.items()})


def _series(name: str, column: list[Any]) -> pd.Series:
    if name == "person/boss":  # where pandas has no integer for what is missing
        return pd.Series(column, dtype="float64")
    if name in ("person/age", "db/id"):
        return pd.Series(column, dtype="Int64")
    if name == "person/born":
        return pd.Series(pd.to_datetime(column, utc=True))
    return pd.Series(column)


def as_arrow(columns: Columns) -> pa.Table:
    return pa.table({name: pa.array(column, TYPED[name][2]) for name, column in columns.items()})


def as_batches(columns: Columns) -> pa.Table:
    """Chunks, and strings by a dictionary."""
    table = as_arrow(columns)
    if "person/name" in columns:
        at = table.schema.get_field_index("person/name")
        table = table.set_column(at, "person/name", table["person/name"].dictionary_encode())
    return pa.concat_tables([table.slice(0, 1), table.slice(1)])


def as_pandas_arrow(columns: Columns) -> pd.DataFrame:
    return as_arrow(columns).to_pandas(types_mapper=pd.ArrowDtype)


def as_polars(columns: Columns) -> pl.DataFrame:
    return pl.from_arrow(as_arrow(columns))


@pytest.mark.parametrize("made", [as_numpy, as_pandas, as_arrow, as_batches, as_pandas_arrow, as_polars])
@given(typed())
def test_typed_columns_mean_the_same_in_every_form(made: Callable[[Columns], Any], columns: Columns) -> None:
    if made is as_numpy or readable(columns):
        assert outcome(Load(read_table(made(columns)))) == outcome(maps(columns))


LISTS = {
    "person/alias": pa.array([["p", "q"], None, [], ["q"]], pa.list_(pa.string())),
    "person/friend": pa.array([[-1, ID], [-2], None, None], pa.list_(pa.int64())),
    "db/id": pa.array([-1, -2, None, ID], pa.int64()),
    "person/name": pa.array(["a", "b", "c", "d"]),
}


def lists_of_polars(columns: Any) -> pl.DataFrame:
    return pl.from_arrow(pa.table(columns))


def lists_of_pandas(columns: Any) -> pd.DataFrame:
    return pa.table(columns).to_pandas()


@pytest.mark.parametrize("made", [dict, pa.table, lists_of_polars, lists_of_pandas])
def test_lists_in_cells_are_several_values(made: Callable[[Any], Any]) -> None:
    columns = {name: column.to_pylist() for name, column in LISTS.items()}
    assert outcome(Load(read_table(made(LISTS)))) == outcome(maps(columns))


def load(columns: Any, **options: Any) -> Outcome:
    return outcome(Load(read_table(columns), **options))


BY_EMAIL = {"person/friend": "person/email"}


def test_a_ref_finds_the_rows_of_its_own_table_by_a_unique_value() -> None:
    found = load({"person/email": ["x", "y"], "person/friend": ["y", ["x", "k0"]]}, refs=BY_EMAIL)
    said = [
        {"db/id": "x", "person/email": "x", "person/friend": ["y"]},
        {"db/id": "y", "person/email": "y", "person/friend": ["x", ID]},
    ]
    assert found[0] == outcome(said)[0]


def test_a_ref_to_nobody_is_refused_or_made() -> None:
    columns = {"person/name": ["a", "b"], "person/friend": ["new", "new"]}
    assert load(columns, refs=BY_EMAIL) == ("entity/missing",)
    nested = [{"person/name": name, "person/friend": {"person/email": "new"}} for name in "ab"]
    assert load(columns, refs=BY_EMAIL, create_missing=True) == outcome(nested)


def test_rows_are_found_by_a_unique_value() -> None:
    found = load({"db/id": ["k0"], "person/age": [4]}, refs={"db/id": "person/email"})
    assert found == outcome([{"db/id": LOOKUP, "person/age": 4}])


@pytest.mark.parametrize(
    ("refs", "create"),
    [
        ({"person/age": "person/email"}, False),
        ({"person/friend": "person/name"}, False),
        ({"person/friend": "person/desk"}, False),
        ({"person/friend": "person/badge"}, True),
    ],
)
def test_refs_that_cannot_be_are_refused(refs: dict[str, str], create: bool) -> None:
    assert load({"person/name": ["x"]}, refs=refs, create_missing=create) == ("tx/bad-refs",)


def test_meta_is_said_of_the_transaction() -> None:
    told = [{"person/name": "x"}, {"db/id": "db/current-tx", "db/doc": "from a file"}]
    assert load({"person/name": ["x"]}, meta={"db/doc": "from a file"}) == outcome(told)
    with pytest.raises(FactstoreError, match=r"in meta \{'db/doc': 7\}"):
        speculate(DB, Load(read_table({}), meta={"db/doc": 7}), now=MAY)


def test_a_derived_attribute_is_for_its_program_alone() -> None:
    columns = {"db/id": [ID], "person/score-of": [ID]}
    assert load(columns) == ("tx/derived",)
    assert load(columns, meta={"tx/origin": "enrich/rules"})[0][0] == (ID, "person/score-of", ID, True)


NAN = float("nan")


@pytest.mark.parametrize("column", [[1.0, NAN], np.array([1.0, NAN]), pa.array([1.0, NAN]), pl.Series([1.0, NAN])])
def test_a_nan_is_no_value(column: Any) -> None:
    with pytest.raises(FactstoreError, match=r"nan .* column 'person/score', row 1"):
        speculate(DB, Load(read_table({"person/score": column})), now=MAY)


def test_in_pandas_a_nan_is_a_value_that_is_missing() -> None:
    frame = pd.DataFrame({"person/age": [1.0, NAN], "person/name": [NAN, "x"], "person/score": [NAN, 2.5]})
    assert load(frame) == outcome([{"person/age": 1}, {"person/name": "x", "person/score": 2.5}])


@pytest.mark.parametrize(
    ("column", "seen"),
    [
        (np.array(["2024-05-01T00:00:00.000000001"], dtype="datetime64[ns]"), "000000001"),
        (np.array([10**9], dtype="datetime64[Y]"), "datetime64"),
        (pd.Series([datetime(2024, 5, 1)]), "time zone"),
        (pa.array([datetime(2024, 5, 1)]), "time zone"),
        (pl.Series([datetime(2024, 5, 1)]), "time zone"),
        (np.array([1]), "1 (int)"),
    ],
)
def test_an_instant_has_a_zone_and_whole_microseconds(column: Any, seen: str) -> None:
    with pytest.raises(FactstoreError) as caught:
        speculate(DB, Load(read_table({"person/born": column})), now=MAY)
    assert caught.value.code == "value/wrong-type"
    assert seen in caught.value.message


def test_a_floating_column_of_pandas_holds_ints_only_if_all_are() -> None:
    assert load(pd.DataFrame({"person/age": [1.5, NAN]})) == ("value/wrong-type",)
    assert load({"person/age": np.array([1.0])}) == ("value/wrong-type",)


@pytest.mark.parametrize(
    ("columns", "code", "column", "row"),
    [
        ({"person/name": ["a", "b"], "person/age": [1, "old"]}, "value/wrong-type", "person/age", 1),
        ({"person/name": ["a", 7], "person/boss": [True, "b"]}, "tx/bad-entity", "person/boss", 0),
        ({"person/email": ["q", "q"], ":person/age": [1, 2]}, "tx/conflict", ":person/age", 0),
        ({"person/name": ["a", "a"], "person/badge": [5, 5]}, "tx/unique-conflict", "person/badge", 1),
        ({"db/id": ["a", 2**50], "person/age": [1, 2]}, "tx/unknown-entity", None, 1),
        ({"person/name": ["a", "b"], "person/boss": [None, "nobody"]}, "tx/tempid-not-entity", "person/boss", 1),
    ],
)
def test_an_error_names_column_and_row(columns: Columns, code: str, column: str | None, row: int) -> None:
    with pytest.raises(FactstoreError) as caught:
        speculate(DB, Load(read_table(columns)), now=MAY)
    error = caught.value
    assert (error.code, error.data["column"], error.data["row"]) == (code, column, row)
    assert f"row {row}" in error.message


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ([1, 2], "tx/bad-table"),
        ("text", "tx/bad-table"),
        ({7: [1]}, "tx/bad-table"),
        ({"person/name": ["a"], "person/age": [1, 2]}, "tx/bad-table"),
        ({"person/name": "abc"}, "tx/bad-column"),
        ({"person/name": np.zeros((2, 2))}, "tx/bad-column"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "tx/bad-table"),
    ],
)
def test_what_is_no_table_is_refused(data: Any, code: str) -> None:
    with pytest.raises(TransactionError) as caught:
        read_table(data)
    assert caught.value.code == code


FACTS = [(name, cell) for name, cells in CELLS.items() if name != "db/id" for cell in cells]


@given(st.lists(st.tuples(st.sampled_from(CELLS["db/id"]), st.sampled_from(FACTS)), max_size=5))
def test_facts_one_to_a_row_mean_maps_of_one_attribute(rows: list[tuple[Any, tuple[str, Any]]]) -> None:
    said = [(_with_id(e), a, _with_id(v)) for e, (a, v) in rows]
    columns = {name: [row[n] for row in said] for n, name in enumerate("eav")}
    assert outcome(Load(FactTable(read_table(columns)))) == outcome([{"db/id": e, a: v} for e, a, v in said])


def test_facts_have_three_columns() -> None:
    with pytest.raises(TransactionError, match="expected 'e', 'a' and 'v'"):
        FactTable(read_table({"e": [1], "a": ["person/name"]}))


def test_columns_of_no_known_kind_are_refused() -> None:
    assert load({"person/name": {"a", "b"}}) == ("tx/bad-column",)
    assert load({"db/id": [1], ":db/id": [1]}) == ("tx/bad-table",)


def test_a_large_table_means_its_maps_too() -> None:
    draw = np.random.default_rng(3)
    size = 3000
    tempids = -np.arange(1, size + 1) * 3
    columns = {
        "person/boss": tempids[draw.integers(0, size, size)],
        "db/id": tempids,
        "person/email": [f"p{n}" for n in draw.permutation(size).tolist()],
        "person/friend": [tempids[draw.integers(0, size, 2)].tolist() for _ in range(size)],
        "person/name": [f"name {n}" for n in draw.integers(0, 50, size).tolist()],
    }
    rows = {name: column.tolist() if isinstance(column, np.ndarray) else column for name, column in columns.items()}
    assert load(columns) == outcome(maps(rows))
