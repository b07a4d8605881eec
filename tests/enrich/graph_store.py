"""A small store of nodes, and the plain Python that says which edges its rules must give."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import factstore
from enrich import Enrichment
from factstore import Connection, Db

NODES = range(5)
BASE = ("n/next", "n/blocked", "n/owner", "n/good", "n/shy")
RELATIONS = ("n/far", "n/owned", "n/contact", "n/peer")

RULES = """
[(reach ?a ?b) [?a :n/next ?b]]
[(reach ?a ?b) [?a :n/next ?x] (reach ?x ?b)]
[(shy ?o) [?o :n/shy true]]

[(edge :n/far ?a ?b) {:doc "leads to something good"}
 (reach ?a ?b) [?b :n/good true] (not [?a :n/blocked ?b])]
[(edge :n/owned ?a ?o) {:doc "the next one's owner" :confidence 0.5} [?a :n/next ?b] [?b :n/owner ?o]]
[(edge :n/owned ?a ?o) {:doc "the owner"} [?a :n/owner ?o]]
[(edge :n/contact ?a ?o) [?a :n/far ?b] [?b :n/owned ?o] (not (shy ?o))]
[(edge :n/peer ?a ?b) [?b :n/peer ?a] [?a :n/good true]]
[(edge :n/peer ?a ?b) (or [?a :n/next ?b] (and [?a :n/owner ?b] [?a :n/good true]))]
"""


def attribute(name: str, kind: str = "ref", many: bool = True, **more: Any) -> dict[str, Any]:
    cardinality = "db.cardinality/many" if many else "db.cardinality/one"
    return {"db/ident": name, "db/valueType": f"db.type/{kind}", "db/cardinality": cardinality, **more}


SCHEMA = [
    attribute("n/name", "string", many=False, **{"db/unique": "db.unique/identity"}),
    attribute("n/next"),
    attribute("n/blocked"),
    attribute("n/owner", many=False),
    attribute("n/good", "boolean", many=False),
    attribute("n/shy", "boolean", many=False),
    *map(attribute, RELATIONS),
]


def graph(rules: Any = RULES, nodes: Iterable[int] = NODES) -> tuple[Enrichment, list[int]]:
    """An enrichment over a new store in memory, and the ids of its nodes."""
    conn = factstore.connect("memory:")
    conn.transact(SCHEMA)
    made = conn.transact([{"db/id": str(node), "n/name": f"node {node}"} for node in nodes])
    return Enrichment(conn, rules=rules), [made.tempids[str(node)] for node in nodes]


def pairs(db: Db, name: str) -> set[tuple[Any, Any]]:
    """The facts of one attribute."""
    return {(datom.e, datom.v) for datom in db.datoms(name)}


def stored(db: Db) -> dict[str, set[tuple[Any, Any]]]:
    """The derived facts, by relation."""
    return {name: pairs(db, name) for name in RELATIONS}


def reified(db: Db) -> dict[str, set[tuple[Any, Any]]]:
    """The same as the edges beside the facts tell it."""
    found: dict[str, set[tuple[Any, Any]]] = {name: set() for name in RELATIONS}
    for relation, start, end in db.q(
        "[:find ?r ?f ?t :where [?e :edge/relation ?r] [?e :edge/from ?f] [?e :edge/to ?t]"
        " [?e :edge/rule ?rule] [?rule :rule/active true] [?e :edge/confidence ?c]]"
    ):
        found[str(relation)].add((start, end))
    return found


def expected(db: Db, about: set[int] | None = None) -> dict[str, set[tuple[Any, Any]]]:
    """What the rules above give, computed from nothing; from facts ``about`` some entities only, if given."""

    def seen(name: str) -> set[tuple[Any, Any]]:
        return {(e, v) for e, v in pairs(db, name) if about is None or e in about}

    next_, owner, blocked = seen("n/next"), seen("n/owner"), pairs(db, "n/blocked")
    good = {e for e, value in seen("n/good") if value}
    shy = {e for e, value in pairs(db, "n/shy") if value}
    far = {(a, b) for a, b in closure(next_) if b in good} - blocked
    owned = {(a, o) for a, b in next_ for c, o in owner if b == c} | owner
    contact = {(a, o) for a, b in far for c, o in owned if b == c and o not in shy}
    peer = next_ | {(a, b) for a, b in owner if a in good}
    while more := {(a, b) for b, a in peer if a in good} - peer:
        peer |= more
    return {"n/far": far, "n/owned": owned, "n/contact": contact, "n/peer": peer}


def closure(edges: set[tuple[Any, Any]]) -> set[tuple[Any, Any]]:
    """All pairs that a path leads from and to."""
    found = set(edges)
    while more := {(a, d) for a, b in found for c, d in edges if b == c} - found:
        found |= more
    return found


def written(conn: Connection, before: int) -> int:
    """The datoms of all transactions after a t."""
    return len(conn.log_range(before).e)
