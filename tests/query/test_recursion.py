"""Recursion in every form, from every side, against closures in plain Python."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable
from typing import Any

import pytest

import factstore
from factstore import Connection, Db
from factstore.query.columnar.solve import Limits
from factstore.query.execute import Execution
from factstore.query.language.parse import parse_query, parse_rules
from factstore.query.rules.fixpoint import Fixpoint

Pairs = set[tuple[int, int]]

LEFT = "[(path ?a ?b) [?a :edge ?b]] [(path ?a ?c) (path ?a ?b) [?b :edge ?c]]"
RIGHT = "[(path ?a ?b) [?a :edge ?b]] [(path ?a ?c) [?a :edge ?b] (path ?b ?c)]"
NON_LINEAR = "[(path ?a ?b) [?a :edge ?b]] [(path ?a ?c) (path ?a ?b) (path ?b ?c)]"
MUTUAL = """
[(path ?a ?b) (odd ?a ?b)] [(path ?a ?b) (even ?a ?b)]
[(odd ?a ?b) [?a :edge ?b]] [(odd ?a ?c) (even ?a ?b) [?b :edge ?c]]
[(even ?a ?c) [?a :edge ?b] (odd ?b ?c)]
"""
BY_OR = "[(path ?a ?c) (or [?a :edge ?c] (and [?a :edge ?b] (path ?b ?c)))]"
FORMS = {"left": LEFT, "right": RIGHT, "non-linear": NON_LINEAR, "mutual": MUTUAL, "or": BY_OR}
SAME = "[(same ?a ?b) [?p :edge ?a] [?p :edge ?b]] [(same ?a ?b) [?p :edge ?a] (same ?p ?q) [?q :edge ?b]]"
ASKED = ("[:find ?a ?b :in $ [?a ...] :where (path ?a ?b)]", "[:find ?a ?b :in $ [?b ...] :where (path ?a ?b)]")


@pytest.fixture(scope="module")
def conn() -> Connection:
    conn = factstore.connect("memory:")
    names = {"edge": "ref", "n": "long"}
    conn.transact(
        [
            {"db/ident": name, "db/valueType": f"db.type/{vt}", "db/cardinality": "db.cardinality/many"}
            for name, vt in names.items()
        ]
    )
    return conn


class Graph:
    """A graph as facts of a speculative database, and as pairs of entity ids."""

    def __init__(self, conn: Connection, edges: Iterable[tuple[int, int]]) -> None:
        edges = list(edges)
        nodes = sorted({node for edge in edges for node in edge})
        forms: list[Any] = [{"db/id": f"n{node}", "n": node} for node in nodes]
        forms += [["db/add", f"n{a}", "edge", f"n{b}"] for a, b in edges]
        report = conn.db().with_(forms)
        self.id = {node: report.tempids[f"n{node}"] for node in nodes}
        self.ids = [self.id[node] for node in nodes]
        self.db: Db = report.db_after
        self.edges: Pairs = {(self.id[a], self.id[b]) for a, b in edges}

    def closure(self) -> Pairs:
        after: dict[int, set[int]] = {}
        for a, b in self.edges:
            after.setdefault(a, set()).add(b)
        return {(a, b) for a in after for b in reached(a, after)}

    def same_generation(self) -> Pairs:
        found: Pairs = {(a, b) for p, a in self.edges for q, b in self.edges if p == q}
        new = found
        while new:
            new = {(a, b) for p, a in self.edges for q, b in self.edges if (p, q) in new} - found
            found = found | new
        return found


def reached(start: int, after: dict[int, set[int]]) -> set[int]:
    found: set[int] = set()
    todo = [start]
    while todo:
        new = after.get(todo.pop(), set()) - found
        found |= new
        todo += new
    return found


def drawn(seed: int, nodes: int = 14, edges: int = 20) -> list[tuple[int, int]]:
    r = random.Random(seed)
    return [(r.randrange(nodes), r.randrange(nodes)) for _ in range(edges)]


def chosen(pairs: Pairs, sources: Collection[int], place: int) -> Pairs:
    return {pair for pair in pairs if pair[place] in sources}


@pytest.mark.parametrize("rules", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("seed", range(6))
def test_every_form_is_the_closure_whatever_is_bound(conn: Connection, rules: str, seed: int) -> None:
    graph = Graph(conn, drawn(seed))
    expected = graph.closure()
    start, end = random.Random(seed).sample(graph.ids, 2)
    assert graph.db.q("[:find ?a ?b :where (path ?a ?b)]", rules=rules) == expected
    assert graph.db.q(ASKED[0], [start], rules=rules) == chosen(expected, [start], 0)
    assert graph.db.q(ASKED[1], [end], rules=rules) == chosen(expected, [end], 1)
    both = graph.db.q("[:find ?a ?b :in $ ?a ?b :where (path ?a ?b)]", start, end, rules=rules)
    assert both == {(start, end)} & expected


@pytest.mark.parametrize("rules", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("place", [0, 1])
def test_many_seeds_are_answered_together(conn: Connection, rules: str, place: int) -> None:
    graph = Graph(conn, drawn(100, nodes=40, edges=60))
    seeds = graph.ids[::2]
    assert graph.db.q(ASKED[place], seeds, rules=rules) == chosen(graph.closure(), seeds, place)


@pytest.mark.parametrize("seed", range(6))
def test_same_generation(conn: Connection, seed: int) -> None:
    graph = Graph(conn, drawn(seed, edges=16))
    expected = graph.same_generation()
    assert graph.db.q("[:find ?a ?b :where (same ?a ?b)]", rules=SAME) == expected
    a = graph.ids[seed]
    assert graph.db.q("[:find [?b ...] :in $ ?a :where (same ?a ?b)]", a, rules=SAME) == {
        b for one, b in expected if one == a
    }


@pytest.mark.parametrize("rules", FORMS.values(), ids=FORMS)
def test_a_cycle_reaches_all_of_itself(conn: Connection, rules: str) -> None:
    graph = Graph(conn, [(n, (n + 1) % 7) for n in range(7)])
    assert graph.db.q("[:find ?a ?b :where (path ?a ?b)]", rules=rules) == {
        (a, b) for a in graph.ids for b in graph.ids
    }
    assert graph.db.q("[:find [?a ...] :where (path ?a ?a)]", rules=rules) == set(graph.ids)


@pytest.mark.parametrize("rules", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("seed", range(4))
def test_calls_inside_not_and_or(conn: Connection, rules: str, seed: int) -> None:
    graph = Graph(conn, drawn(seed))
    pairs, start = graph.closure(), graph.ids[0]
    beyond = {a for a in graph.ids if (start, a) not in pairs}
    assert graph.db.q("[:find [?a ...] :in $ ?s :where [?a :n] (not (path ?s ?a))]", start, rules=rules) == beyond
    around = {a for a in graph.ids if (start, a) in pairs or (a, start) in pairs}
    assert graph.db.q("[:find [?a ...] :in $ ?s :where (or (path ?s ?a) (path ?a ?s))]", start, rules=rules) == around
    on_cycles = {a for a, b in pairs if a == b}
    dead_ends = set(graph.ids) - {a for a, b in pairs if b in on_cycles}
    query = "[:find [?a ...] :where [?a :n] (not (path ?a ?c) (path ?c ?c))]"
    assert graph.db.q(query, rules=rules) == dead_ends


def test_a_rule_over_the_negation_of_a_recursive_rule(conn: Connection) -> None:
    graph = Graph(conn, drawn(3))
    pairs = graph.closure()
    rules = f"{RIGHT} [(apart ?a ?b) [?a :n] [?b :n] (not (path ?a ?b)) (not (path ?b ?a))]"
    expected = {(a, b) for a in graph.ids for b in graph.ids if (a, b) not in pairs and (b, a) not in pairs}
    assert graph.db.q("[:find ?a ?b :where (apart ?a ?b)]", rules=rules) == expected


@pytest.mark.parametrize("rules", [LEFT, RIGHT], ids=["left", "right"])
def test_a_deep_chain_is_no_deep_stack(conn: Connection, rules: str) -> None:
    graph = Graph(conn, [(n, n + 1) for n in range(3000)])
    assert len(graph.db.q("[:find [?b ...] :in $ ?a :where (path ?a ?b)]", graph.id[0], rules=rules)) == 3000
    assert len(graph.db.q("[:find [?a ...] :in $ ?b :where (path ?a ?b)]", graph.id[3000], rules=rules)) == 3000


def tables(db: Db, query: str, rules: str, *inputs: Any) -> list[int]:
    """The rows kept for each goal that a query called."""
    run = Execution(db, parse_query(query), inputs, rules=parse_rules(rules), functions={}, limits=Limits())
    run.run()
    fixpoint: Fixpoint = run.compiler.fixpoint
    return [called.held or 0 for called in fixpoint.called()]


@pytest.mark.parametrize(("rules", "place"), [(RIGHT, 0), (LEFT, 0), (RIGHT, 1), (LEFT, 1)])
def test_one_seed_on_a_cycle_does_not_make_all_pairs(conn: Connection, rules: str, place: int) -> None:
    size = 300
    graph = Graph(conn, [(n, (n + 1) % size) for n in range(size)])
    rows = tables(graph.db, ASKED[place], rules, [graph.ids[0]])
    assert max(rows) >= size
    assert sum(rows) <= 4 * size
