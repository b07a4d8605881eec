"""Queries as DataScript answers them: every clause kind it has, on drawn data.

What the two mean to do differently is in ``test_datascript_differences.py``, and what DataScript gets wrong in
``tests/query/test_verified_bugs.py``; neither is drawn here. Since DataScript runs clauses as they are written,
it is told them in an order in which each comes after what binds its variables.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from factstore import QueryError, connect
from factstore.query.language.ast import (
    Aggregate,
    And,
    Clause,
    FindScalar,
    FindTuple,
    Not,
    Or,
    Pattern,
    Query,
    RuleCall,
    Variable,
    walk,
)
from factstore.query.language.parse import parse_query
from tests.model.naive import Naive, NotYet
from tests.peers.datascript_peer import Attribute, Peer, PeerRefused, running
from tests.query.drawn import ENTITIES, VALUES, Attr, Drawn, Store

SCHEMA = {
    "a/name": Attribute("string", unique="identity"),
    "a/long": Attribute("long"),
    "a/longs": Attribute("long", many=True),
    "a/string": Attribute("string"),
    "a/boolean": Attribute("boolean"),
    "a/ref": Attribute("ref"),
    "a/refs": Attribute("ref", many=True),
}
RULES = """[[(leads ?x ?y) [?x :a/refs ?y]] [(leads ?x ?y) [?x :a/refs ?z] (leads ?z ?y)]
            [(near ?x ?y) [?x :a/ref ?y]] [(near ?x ?y) [?y :a/ref ?x]]
            [(even ?x) [?x :a/name "n0"]] [(even ?y) [?x :a/ref ?y] (odd ?x)] [(odd ?y) [?x :a/ref ?y] (even ?x)]]"""


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    with running() as found:
        yield found


CALLABLE = [("leads", 2), ("leads", 2), ("near", 2), ("even", 1), ("odd", 1)]


def both(peer: Peer, random: Random) -> tuple[Store, int]:
    """Our store and theirs with the same few entities, under the same ids."""
    conn = connect("memory:")
    conn.transact([attribute.ours(name) for name, attribute in SCHEMA.items()])
    first = conn.transact([{"db/id": f"e{n}", "a/name": f"n{n}"} for n in range(ENTITIES)]).tempids["e0"]
    ids = range(first, first + ENTITIES)
    maps: list[dict[str, Any]] = [{"db/id": e, "a/name": f"n{n}"} for n, e in enumerate(ids)]
    for _ in range(random.randint(4, 16)):
        name, entity = random.choice([*SCHEMA][1:]), random.choice(maps)
        attribute = SCHEMA[name]
        values = ids if attribute.type == "ref" else VALUES[attribute.type]
        # Never two values at once: those may be one lookup ref.
        entity[name] = random.sample(values, random.choice([1, 3])) if attribute.many else random.choice(values)
    conn.transact(maps)
    peer.ask("clear")
    empty = peer.ask("empty", schema={name: attribute.theirs() for name, attribute in SCHEMA.items()})
    theirs = peer.ask("with", db=empty, tx=[{":db/id" if k == "db/id" else k: v for k, v in m.items()} for m in maps])
    return Store(conn.db(), [], [Attr(name, a.type, a.many) for name, a in SCHEMA.items()], first), theirs["db"]


def told_theirs(text: str) -> str:
    """Attributes are strings there."""
    return re.sub(r":(a/\w+)", r'"\1"', text)


def in_order(naive: Naive, clauses: Sequence[Any], bound: frozenset[str]) -> tuple[Any, ...]:
    """The clauses, and those inside them, each after what binds its variables."""
    found = naive.ordered(clauses, bound)
    known, done = bound, []
    for clause in found:
        done.append(_inside(naive, clause, known))
        known |= naive.given(clause)
    return tuple(done)


def _inside(naive: Naive, clause: Clause | And, known: frozenset[str]) -> Any:
    if isinstance(clause, Not | And):
        return replace(clause, clauses=in_order(naive, clause.clauses, known))
    if isinstance(clause, Or):
        return replace(clause, branches=tuple(_inside(naive, branch, known) for branch in clause.branches))
    return clause


def excluded(query: Query) -> bool:
    """What is not the same there: a variable twice in a pattern or call, which is an error of DataScript's; one row of
    several, any of them; the n largest values, of which we count each once, though :with tells their rows apart."""
    options = any(isinstance(element, Aggregate) and len(element.args) > 1 for element in query.find.elements)
    if isinstance(query.find, FindScalar | FindTuple) or (options and query.with_):
        return True
    nodes = [node for node in walk(query.where) if isinstance(node, Pattern | RuleCall)]
    terms = [node.terms if isinstance(node, Pattern) else node.args for node in nodes]
    named = [[term for term in each if isinstance(term, Variable)] for each in terms]
    return any(len(each) > len(set(each)) for each in named)


def rows_of(found: Any) -> Counter[Any]:
    """Rows in no order; numbers are of one kind there."""
    return Counter(_plain(row if isinstance(row, list | tuple) else [row]) for row in found)


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(map(_plain, value))
    return round(float(value), 9) if isinstance(value, int | float) and not isinstance(value, bool) else value


def test_queries_find_what_they_find_in_datascript(peer: Peer) -> None:
    met: Counter[str] = Counter()

    @given(st.integers(0, 2**32))
    def agree(seed: int) -> None:
        random = Random(seed)
        store, theirs = both(peer, random)
        numbers, strings = VALUES["long"], VALUES["string"]
        rows = [[random.choice(store.ids()), random.choice(numbers), random.choice(strings)] for _ in range(4)]
        for _ in range(6):
            sources = ["$", "$c"] if random.random() < 0.3 else ["$"]
            text = Drawn(random, store, without=["lookup refs", "ours"], sources=sources, rules=CALLABLE).query()
            met[compare(peer, store, theirs, text, rows)] += 1

    agree()
    assert met["equal"] > 10 * met["refused there"], met
    assert met["equal"] > met["both nothing"] // 2, met


def compare(peer: Peer, store: Store, theirs: int, text: str, rows: list[Any]) -> str:
    """What came of a query; raises where both answer, and not the same."""
    naive = Naive([], store.db.schema, RULES, c=rows)
    given = [rows] if "$c" in text else []
    try:
        parsed = parse_query(text)
        if excluded(parsed):
            return "not drawn"
        ours = store.db.q(text, *given, rules=RULES)
        where = " ".join(map(str, in_order(naive, parsed.where, frozenset())))
    except (QueryError, NotYet):
        return "refused here"
    inputs = " ".join(["$", *(["$c"] if given else []), "%"])
    asked = told_theirs(re.sub(r":in .*", f":in {inputs} :where {where}]", str(parsed), flags=re.DOTALL))
    try:
        found = peer.ask("q", db=theirs, query=asked, inputs=[*given, told_theirs(RULES)])
    except PeerRefused:
        return "refused there"
    assert rows_of(found) == rows_of(ours), (asked, rows, sorted(map(str, store.db.datoms("a/name"))))
    return "equal" if found else "both nothing"
