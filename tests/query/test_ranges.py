"""Comparisons with known values, read off an index: the same rows as running them on every fact."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings

import factstore
from factstore import Db, QueryError
from tests.query.drawn import bootstrap
from tests.query.test_model import RANDOM, check

DAY = datetime(2024, 5, 17, tzinfo=UTC)
VALUES: dict[str, list[Any]] = {
    "long": [-(2**63), -2, -1, 0, 1, 2, 2**53 + 1, 2**63 - 1],
    "double": [float("-inf"), -1.5, -0.0, 0.0, 5e-324, 1.0, 1.5, float("inf")],
    "instant": [DAY + timedelta(microseconds=n) for n in (-1, 0, 1)] + [DAY + timedelta(days=n) for n in range(3)],
    "string": ["", "a", "aa", "ab", "b", "\ud7fe", "\ud7ff", "\ue000", "\U0010ffff", "é"],
    "ref": [],
}
OPS = ["<", "<=", ">", ">=", "="]


def store(r: Random) -> tuple[Db, list[Any]]:
    conn = factstore.connect("memory:")
    kinds = [(kind, r.choice(["one", "many"])) for kind in VALUES]
    conn.transact(
        [
            {"db/ident": f"v/{kind}", "db/valueType": f"db.type/{kind}", "db/cardinality": f"db.cardinality/{many}"}
            for kind, many in kinds
        ]
        + [{"db/ident": "v/there", "db/valueType": "db.type/long", "db/cardinality": "db.cardinality/one"}]
    )
    adds: dict[Any, Any] = {}
    for kind, many in kinds:
        for _ in range(r.randint(3, 8)):
            e = f"e{r.randrange(5)}"
            value = f"e{r.randrange(5)}" if kind == "ref" else r.choice(VALUES[kind])
            adds[e, kind, repr(value) if many == "many" else ""] = ["db/add", e, f"v/{kind}", value]
    there = [["db/add", f"e{n}", "v/there", 1] for n in range(5)]
    conn.transact([*there, *adds.values()])
    return conn.db(), [*bootstrap(), *(datom for commit in conn.log() for datom in commit.datoms)]


def bound(r: Random, db: Db, kind: str) -> Any:
    if kind == "ref":
        ids = db.q("[:find [?e ...] :where [?e :v/long]]").to_list() or [1]
        return r.choice(ids) + r.randint(-1, 1)
    if kind in ("long", "double") and r.random() < 0.3:
        kind = {"long": "double", "double": "long"}[kind]
    return r.choice(VALUES[kind])


@given(RANDOM)
@settings(max_examples=max(20, settings().max_examples // 2))
def test_ranges_agree_with_nested_loops(r: Random) -> None:
    db, datoms = store(r)
    for _ in range(6):
        kind = r.choice(list(VALUES))
        args = [bound(r, db, kind), bound(r, db, kind)]
        op = r.choice(OPS)
        clause = r.choice(
            [f"[({op} ?v ?x)]", f"[({op} ?x ?v)]", f"[({op} ?x ?v ?y)]", f"[({op} ?x ?v)] [({r.choice(OPS)} ?v ?y)]"]
        )
        if kind == "string" and r.random() < 0.3:
            clause = r.choice(["[(starts-with? ?v ?x)]", "[(starts-with? ?v ?x)] [(<= ?y ?v)]"])
        more = r.choice(["", "", f"[?e :v/{r.choice(list(VALUES))} ?other]", f"[?f :v/{kind} ?v]"])
        text = f"[:find ?e ?v :in $ ?x ?y :where [?e :v/{kind} ?v] {clause} {more}]"
        check(db, datoms, text, *args)


def people(names: list[str]) -> Db:
    conn = factstore.connect("memory:")
    conn.transact([{"db/ident": "p/name", "db/valueType": "db.type/string", "db/cardinality": "db.cardinality/one"}])
    conn.transact([{"p/name": name} for name in names])
    return conn.db()


def test_a_range_of_strings_reads_only_what_lies_in_it() -> None:
    db = people([f"n{n:03}" for n in range(300)])
    text = '[:find [?n ...] :where [?e :p/name ?n] [(<= "n010" ?n "n012")]]'
    assert sorted(db.q(text)) == ["n010", "n011", "n012"]
    assert [line.rows_out for line in db.explain(text, analyze=True).lines] == [3]


def test_a_range_holds_after_more_commits() -> None:
    conn = factstore.connect("memory:")
    conn.transact([{"db/ident": "p/name", "db/valueType": "db.type/string", "db/cardinality": "db.cardinality/one"}])
    text = '[:find [?n ...] :where [?e :p/name ?n] [(starts-with? ?n "b")]]'
    for name in ("b", "a", "bc", "c", "ba"):
        conn.transact([{"p/name": name}])
        conn.db().q(text)
    assert sorted(conn.db().q(text)) == ["b", "ba", "bc"]


@pytest.mark.parametrize("op", OPS)
def test_nothing_is_compared_with_nan(op: str) -> None:
    conn = factstore.connect("memory:")
    conn.transact([{"db/ident": "v/d", "db/valueType": "db.type/double", "db/cardinality": "db.cardinality/one"}])
    conn.transact([{"v/d": 1.0}])
    text = f"[:find ?e :in $ ?x :where [?e :v/d ?v] [({op} ?v ?x)]]"
    assert conn.db().q(text, float("nan")) == []


def test_a_comparison_of_types_that_have_no_order_is_still_refused() -> None:
    db = people(["a"])
    with pytest.raises(QueryError, match="cannot be applied") as caught:
        db.q("[:find ?e :where [?e :p/name ?n] [(< ?n 5)]]")
    assert caught.value.code == "query/type-mismatch"


def test_a_comparison_of_two_variables_with_a_constant_is_run() -> None:
    conn = factstore.connect("memory:")
    conn.transact([{"db/ident": "v/n", "db/valueType": "db.type/long", "db/cardinality": "db.cardinality/one"}])
    conn.transact([{"v/n": n} for n in (1, 2, 3)])
    text = "[:find ?x ?y :where [_ :v/n ?x] [_ :v/n ?y] [(< 1 ?x ?y)]]"
    assert conn.db().q(text) == [(2, 3)]
