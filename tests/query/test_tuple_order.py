"""Tuples are ordered element by element, an empty slot before any other."""

from __future__ import annotations

from typing import Any

import pytest

import factstore
from factstore import Db, QueryError

TUPLES: list[tuple[Any, ...]] = [(1, "b"), (1, "a"), (2, None), (None, "z")]


@pytest.fixture(scope="module")
def db() -> Db:
    conn = factstore.connect("memory:")
    conn.ensure_schema(
        "{:db/ident :t/pair :db/valueType :db.type/tuple :db/cardinality :db.cardinality/one"
        " :db/tupleTypes [:db.type/long :db.type/string]}"
        "{:db/ident :t/any :db/valueType :db.type/tuple :db/cardinality :db.cardinality/one}"
    )
    conn.transact([*({"t/pair": pair} for pair in TUPLES), {"t/any": (1, 2)}, {"t/any": ("a",)}])
    return conn.db()


def test_order_by(db: Db) -> None:
    found = db.q("[:find [?p ...] :where [_ :t/pair ?p] :order-by [?p]]")
    assert found.to_list() == [(None, "z"), (1, "a"), (1, "b"), (2, None)]


@pytest.mark.parametrize(("compare", "count"), [("<", 2), ("<=", 3), (">", 1), (">=", 2)])
def test_comparisons(db: Db, compare: str, count: int) -> None:
    found = db.q(f"[:find [?p ...] :in $ ?than :where [_ :t/pair ?p] [({compare} ?p ?than)]]", (1, "b"))
    assert len(found) == count


def test_extremes(db: Db) -> None:
    assert db.q("[:find (min ?p) (max ?p) :where [_ :t/pair ?p]]") == {((None, "z"), (2, None))}


@pytest.mark.parametrize(
    "query",
    [
        "[:find [?p ...] :where [_ :t/any ?p] :order-by [?p]]",
        "[:find (max ?p) . :where [_ :t/any ?p]]",
        "[:find ?p :where [_ :t/any ?p] [_ :t/any ?q] [(< ?p ?q)]]",
    ],
)
def test_tuples_that_have_no_order_are_told(db: Db, query: str) -> None:
    with pytest.raises(QueryError) as caught:
        db.q(query)
    assert caught.value.code == "query/type-mismatch"
