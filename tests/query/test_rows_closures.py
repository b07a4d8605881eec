"""The whole closure of an attribute of few facts is the same from sets as from columns, cycles or none."""

from __future__ import annotations

import random

import pytest

import factstore
from factstore import Db
from factstore.query.rows.closed import closed
from factstore.query.rows.conjunction import Declined

RULES = {
    "forwards": "[[(up ?x ?y) [?x :p/up ?y]] [(up ?x ?y) [?x :p/up ?t] (up ?t ?y)]]",
    "backwards": "[[(up ?x ?y) [?y :p/up ?x]] [(up ?x ?y) [?t :p/up ?x] (up ?t ?y)]]",
    "from the left": "[[(up ?x ?y) [?x :p/up ?y]] [(up ?x ?y) (up ?x ?t) [?t :p/up ?y]]]",
}
QUERIES = [
    "[:find ?a ?b :in $ % :where (up ?a ?b)]",
    "[:find ?b ?a :in $ % :where (up ?a ?b)]",
    "[:find ?a (count ?b) :in $ % :where (up ?a ?b)]",
    "[:find ?a :in $ % :where (up ?a ?b)]",
    "[:find ?a :in $ % :where (up ?a ?a)]",
    "[:find ?a ?b :in $ % :where (up ?a ?b) :order-by ?b ?a]",
]


def graph(edges: list[tuple[int, int]]) -> Db:
    """A db value of the edges."""
    conn = factstore.connect("memory:")
    conn.transact(
        [
            {"db/ident": "p/up", "db/valueType": "db.type/ref", "db/cardinality": "db.cardinality/many"},
            {"db/ident": "p/n", "db/valueType": "db.type/long", "db/cardinality": "db.cardinality/one"},
        ]
    )
    nodes = sorted({node for edge in edges for node in edge})
    conn.transact([{"db/id": f"n{node}", "p/n": node} for node in nodes])
    ids = dict(conn.db().q("[:find ?n ?e :where [?e :p/n ?n]]").to_list())
    conn.transact([["db/add", ids[a], "p/up", ids[b]] for a, b in edges])
    return conn.db()


def drawn(seed: int, *, cycles: bool) -> list[tuple[int, int]]:
    """Thirty edges among twenty nodes; without ``cycles``, from lower nodes to higher."""
    draw = random.Random(seed)
    edges = {(draw.randrange(20), draw.randrange(20)) for _ in range(30)}
    return sorted(edges if cycles else {(min(a, b), max(a, b)) for a, b in edges if a != b})


@pytest.mark.parametrize("cycles", [False, True])
@pytest.mark.parametrize("rules", RULES)
def test_a_closure_is_the_same_by_rows_and_by_columns(rules: str, cycles: bool) -> None:
    for seed in range(3):
        db = graph(drawn(seed, cycles=cycles))
        for text in QUERIES:
            expected = db.q(text, RULES[rules], engine="columns")
            db.q(text, RULES[rules])
            found = db.q(text, RULES[rules])
            assert found == expected, text
            assert found.to_list() == db.q(text, RULES[rules]).to_list()


def test_sets_are_told_of_cycles_and_of_too_much() -> None:
    assert closed([], 0) == {}
    for pairs in ([(1, 1)], [(1, 2), (2, 3), (3, 1)], [(0, 1), (1, 2), (2, 1), (5, 6)]):
        assert closed(pairs, 100) is None
    assert closed([(1, 2), (1, 3), (2, 4), (3, 4)], 6) == {1: {2, 3, 4}, 2: {4}, 3: {4}}
    with pytest.raises(Declined):
        closed([(1, 2), (1, 3), (2, 4), (3, 4)], 4)
