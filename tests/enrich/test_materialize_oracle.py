"""After every cycle the stored edges are what plain Python makes of the facts, and each can say why."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from enrich import Enrichment
from factstore import Connection, Db
from tests.enrich.graph_store import BASE, NODES, expected, graph, pairs, reified, stored, written

node = st.sampled_from(NODES)
refs = st.sampled_from(["n/next", "n/next", "n/next", "n/blocked", "n/owner"])
flags = st.sampled_from(["n/good", "n/shy"])
fact = st.one_of(st.tuples(node, refs, node), st.tuples(node, flags, st.sampled_from([True, True, False])))
add = st.tuples(st.just("add"), fact)
# What is taken away is named by its place among the facts there are: else most removals would find nothing.
drop = st.tuples(st.just("drop"), st.integers(0, 60))
kill = st.tuples(st.just("kill"), node)
# A dense graph first, so that edges have more than one reason; then windows that take some of them.
first = st.sets(fact, min_size=16, max_size=24).map(lambda facts: [("add", each) for each in sorted(facts, key=repr)])
later = st.lists(st.one_of(add, drop, drop, drop, kill), min_size=1, max_size=5)
windows = st.tuples(first, st.lists(later, min_size=1, max_size=4)).map(lambda drawn: [drawn[0], *drawn[1]])


def perform(conn: Connection, operation: Any, ids: list[int]) -> None:
    name, what = operation
    if name == "add":
        e, a, v = what
        conn.transact([["db/add", ids[e], a, v if type(v) is bool else ids[v]]])
    elif name == "kill":
        conn.transact([["db/retractEntity", ids[what]]])
    elif facts := [(e, a, v) for a in BASE for e, v in sorted(pairs(conn.db(), a))]:
        conn.transact([["db/retract", *facts[what % len(facts)]]])


def witnesses_hold(db: Db) -> None:
    """The facts about its premises alone give each edge."""
    premises: dict[int, set[int]] = {}
    for edge, entity in db.q("[:find ?e ?p :where [?e :edge/premise ?p]]"):
        premises.setdefault(edge, set()).add(entity)
    given = {about: expected(db, set(about)) for about in map(frozenset, premises.values())}
    edges = "[:find ?e ?r ?f ?t :where [?e :edge/relation ?r] [?e :edge/from ?f] [?e :edge/to ?t]]"
    for edge, relation, start, end in db.q(edges):
        assert (start, end) in given[frozenset(premises[edge])][str(relation)]


def reasons_are_told(catalog: Enrichment) -> None:
    """What an edge is explained by holds, and is about its premises (of late there may be a shorter way among them)."""
    db = catalog.conn.db()
    for edge in list(db.q("[:find [?e ...] :where [?e :edge/key]]"))[:3]:
        facts = catalog.why(edge).facts
        assert all((fact.e, fact.v) in pairs(db, fact.a) for fact in facts)
        premises = db.q("[:find [?p ...] :in $ ?e :where [?e :edge/premise ?p]]", edge)
        assert {fact.e for fact in facts} <= set(premises)


@settings(max_examples=30)
@given(windows)
def test_edges_equal_a_recompute_after_every_cycle(windows: list[list[Any]]) -> None:
    catalog, ids = graph()
    for window in windows:
        for operation in window:
            perform(catalog.conn, operation, ids)
        catalog.cycle()
        db = catalog.conn.db()
        assert stored(db) == expected(db)
        assert reified(db) == expected(db)
        witnesses_hold(db)
        assert catalog.cycle().datoms == 0
        assert written(catalog.conn, db.basis_t) == 0
    reasons_are_told(catalog)
