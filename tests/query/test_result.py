"""Results: a sequence of rows that is equal to plain Python data, and turns into columns of other libraries."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

import factstore
from factstore import Db, Keyword, Result

PAIRS = "[:find ?x ?y :in [[?x ?y]]]"
TYPES = "[:find ?long ?double ?flag ?when ?text :in [[?long ?double ?flag ?when ?text]] :order-by ?long]"
ROWS = [
    (1, 1.5, True, datetime(2024, 1, 1, tzinfo=UTC), "a"),
    (2, -2.5, False, datetime(2025, 6, 1, 12, 30, tzinfo=UTC), "b"),
]
NAMES = ["long", "double", "flag", "when", "text"]


@pytest.fixture(scope="module")
def db() -> Db:
    return factstore.connect("memory:").db()


@pytest.fixture
def typed(db: Db) -> Result:
    found: Result = db.q(TYPES, ROWS)
    return found


@pytest.mark.parametrize(
    "same",
    [[(1, "a"), (2, "b")], [(2, "b"), (1, "a")], {(1, "a"), (2, "b")}, [[1, "a"], [2, "b"]], ((1, "a"), (2, "b"))],
)
def test_rows_are_equal_to_the_same_rows_in_any_order(db: Db, same: Any) -> None:
    assert db.q(PAIRS, [[1, "a"], [2, "b"]]) == same


@pytest.mark.parametrize(
    "other", [[(1, "a")], {(1, "a")}, [(1, "a"), (1, "a")], [(1, "a"), (2, "c")], [], set(), None, "a"]
)
def test_rows_differ_from_other_rows(db: Db, other: Any) -> None:
    assert db.q(PAIRS, [[1, "a"], [2, "b"]]) != other


def test_duplicates_count(db: Db) -> None:
    rows = db.q("[:find ?y :with ?x :in [[?x ?y]]]", [[1, 5], [2, 5]])
    assert rows == [(5,), (5,)]
    assert rows != [(5,)]
    assert rows != {(5,)}


def test_an_order_that_was_asked_for_counts(db: Db) -> None:
    rows = db.q("[:find [?x ...] :in [?x ...] :order-by [?x :desc]]", [2, 3, 1])
    assert rows == [3, 2, 1]
    assert rows != [1, 2, 3]
    assert rows == {1, 2, 3}


def test_results_are_equal_to_results_and_have_no_hash(db: Db) -> None:
    one, other = (db.q(PAIRS, rows) for rows in ([[1, 2], [3, 4]], [[3, 4], [1, 2]]))
    assert one == other
    with pytest.raises(TypeError):
        hash(one)


def test_maps_are_equal_to_dicts_in_any_order(db: Db) -> None:
    rows = db.q("[:find ?x ?y :keys a b :in [[?x ?y]]]", [[1, 2], [3, 4]])
    assert rows == [{"a": 3, "b": 4}, {"a": 1, "b": 2}]
    assert rows != [{"a": 3, "b": 4}, {"a": 3, "b": 4}]


def test_a_result_is_a_sequence(typed: Result) -> None:
    assert (len(typed), list(typed), typed.to_list()) == (2, ROWS, ROWS)
    assert (typed[0], typed[-1], typed[1:], typed[::-1]) == (ROWS[0], ROWS[1], ROWS[1:], ROWS[::-1])
    assert ROWS[1] in typed
    with pytest.raises(IndexError):
        typed[2]


def test_order_ties_are_broken_by_what_comes_next(db: Db) -> None:
    rows = [[2, "a"], [1, "b"], [1, "c"], [2, "z"]]
    query = "[:find ?x ?y :in [[?x ?y]] :order-by [?x ?y :desc] :offset 1 :limit 2]"
    assert db.q(query, rows).to_list() == [(1, "b"), (2, "z")]


def test_none_comes_last_in_either_order_of_an_optional(db: Db) -> None:
    query = "[:find ?x ?d :where [(ground [1 2]) [?x ...]] (optional [(= ?x 1)] [(ground 7) ?d]) :order-by ?d]"
    assert db.q(query).to_list() == [(1, 7), (2, None)]


def test_dicts_have_the_names_of_the_find_clause_or_of_keys(db: Db) -> None:
    assert db.q(PAIRS, [[1, 2]]).to_dicts() == [{"?x": 1, "?y": 2}]
    assert db.q("[:find ?x (count ?y) :in [[?x ?y]]]", [[1, 2]]).to_dicts() == [{"?x": 1, "(count ?y)": 1}]
    assert db.q("[:find ?x ?y :keys a b :in [[?x ?y]]]", [[1, 2]]).to_dicts() == [{"a": 1, "b": 2}]


def test_numpy_columns_have_their_natural_types(typed: Result) -> None:
    columns = typed.to_numpy()
    assert list(columns) == NAMES
    assert [str(column.dtype) for column in columns.values()] == [
        "int64",
        "float64",
        "bool",
        "datetime64[us]",
        "object",
    ]
    assert columns["double"].tolist() == [1.5, -2.5]
    assert columns["when"][1] == np.datetime64("2025-06-01T12:30")


def test_pandas(typed: Result) -> None:
    pytest.importorskip("pandas")
    frame = typed.to_pandas()
    assert list(frame.columns) == NAMES
    assert frame["long"].tolist() == [1, 2]
    assert frame["text"].tolist() == ["a", "b"]
    assert str(frame["when"].dtype).startswith("datetime64")


def test_polars(typed: Result) -> None:
    pytest.importorskip("polars")
    frame = typed.to_polars()
    assert frame.columns == NAMES
    assert frame.select("long", "double", "flag", "text").rows() == [(1, 1.5, True, "a"), (2, -2.5, False, "b")]


def test_arrow(typed: Result) -> None:
    pytest.importorskip("pyarrow")
    table = typed.to_arrow()
    assert table.column_names == NAMES
    assert [str(type) for type in table.schema.types] == ["int64", "double", "bool", "timestamp[us, tz=UTC]", "string"]
    assert table.column("text").to_pylist() == ["a", "b"]


def test_nothing_found_is_empty_in_every_form(db: Db) -> None:
    rows = db.q(PAIRS, [])
    assert (rows, len(rows), bool(rows), rows[:], rows.to_list(), rows.to_dicts()) == ([], 0, False, [], [], [])
    assert {name: len(column) for name, column in rows.to_numpy().items()} == {"x": 0, "y": 0}
    assert rows == set()


def test_html_is_a_table_in_which_values_are_only_text(db: Db) -> None:
    shown = db.q(PAIRS, [[1, "<script>"], [2, "a&b"]])._repr_html_()
    assert ">?x</th>" in shown
    assert ">?y</th>" in shown
    assert ">&lt;script&gt;</td>" in shown
    assert "a&amp;b" in shown
    assert "<script>" not in shown
    assert "2 rows" in shown


def test_html_and_repr_show_the_first_rows_of_many(db: Db) -> None:
    rows = db.q("[:find ?x :in [?x ...]]", range(1000))
    assert rows._repr_html_().count("<td") == 20
    assert "1,000 rows" in rows._repr_html_()
    assert "980 more" in repr(rows)


def test_the_values_of_mixed_columns_keep_their_types(db: Db) -> None:
    found = db.q("[:find [?x ...] :in [?x ...]]", [1, 1.0, True, "1"])
    assert sorted((type(value).__name__, str(value)) for value in found) == [
        ("bool", "True"),
        ("float", "1.0"),
        ("int", "1"),
        ("str", "1"),
    ]


@pytest.mark.parametrize("keys", ["", ":keys person of"])
def test_a_pull_in_find_is_made_once_for_all_rows(monkeypatch: pytest.MonkeyPatch, keys: str) -> None:
    from factstore import pull

    db = factstore.connect("memory:").db()
    asked: list[int] = []
    pull_ids = pull.pull_ids
    monkeypatch.setattr(
        pull, "pull_ids", lambda db, p, ids, **more: asked.append(len(ids)) or pull_ids(db, p, ids, **more)
    )
    query = f"[:find (pull ?a [:db/ident {{:db/valueType [:db/ident]}}]) ?t {keys} :where [?a :db/valueType ?t]]"
    found = db.q(query)
    assert len(asked) == 1
    assert asked[0] == len(found)
    doc = {"db/ident": Keyword("db/doc"), "db/valueType": {"db/ident": Keyword("db.type/string")}}
    rows = found.to_list()
    assert doc in [row["person"] if keys else row[0] for row in rows]
    assert found == rows[::-1]
