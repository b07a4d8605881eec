"""Rule programs: drawn ones against the naive evaluator, textbook ones against known answers, and what they keep."""

from __future__ import annotations

import re
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import factstore
from factstore import Db
from factstore.query.columnar.limits import Limits
from factstore.query.execute import Execution
from factstore.query.language.parse import parse_query, parse_rules
from factstore.query.rules.called import Called
from tests.model.naive import Naive
from tests.query.rule_programs import EDGES, NODES, Program

RANDOM = st.integers(0, 2**32).map(Random)
CONN = factstore.connect("memory:")
CONN.transact(
    [
        {"db/ident": name, "db/valueType": f"db.type/{vt}", "db/cardinality": "db.cardinality/many"}
        for name, vt in (*((edge, "ref") for edge in EDGES), ("n", "long"), ("edge", "ref"))
    ]
)


def store(edges: list[tuple[str, int, int]], nodes: int = 0) -> tuple[Db, list[int]]:
    """A db value of some edges, and the ids of its nodes."""
    nodes = max([nodes, *(max(a, b) + 1 for _, a, b in edges)])
    forms: list[Any] = [{"db/id": f"n{node}", "n": node} for node in range(nodes)]
    forms += [["db/add", f"n{a}", name, f"n{b}"] for name, a, b in edges]
    report = CONN.db().with_(forms)
    return report.db_after, [report.tempids[f"n{node}"] for node in range(nodes)]


@given(RANDOM)
@settings(max_examples=settings().max_examples // 3)
def test_a_program_gives_what_the_naive_evaluator_gives(r: Random) -> None:
    program = Program(r)
    db, ids = store(program.graph(), NODES)
    # A constant in a rule or an input is the number of a node.
    text = re.sub(r"(?<= )(\d)(?=\))", lambda found: str(ids[int(found[1])]), program.text())
    facts = {datom for name in (*EDGES, "n") for datom in db.datoms(name)}
    for _ in range(2):
        query, inputs = program.query()
        given = [[ids[node] for node in nodes] for nodes in inputs]  # type: ignore[attr-defined]
        assert set(db.q(query, *given, rules=text)) == set(Naive(facts, db.schema, text).q(query, *given)), (
            text,
            query,
        )


def called(db: Db, query: str, rules: str, *inputs: Any) -> list[Called]:
    """The goals that a query calls."""
    run = Execution(db, parse_query(query), inputs, rules=parse_rules(rules), functions={}, limits=Limits())
    run.run()
    return run.compiler.fixpoint.called()


EXIT = "[(path ?a ?b) [?a :edge ?b]]"
RIGHT = "[(path ?a ?c) [?a :edge ?b] (path ?b ?c)]"
LEFT = "[(path ?a ?c) (path ?a ?b) [?b :edge ?c]]"
TRANSITIVE = "[(path ?a ?c) (path ?a ?b) (path ?b ?c)]"
FORMS = {
    "left": f"{EXIT} {LEFT}",
    "right": f"{EXIT} {RIGHT}",
    "right, the call first": f"[(path ?a ?c) (path ?b ?c) [?a :edge ?b]] {EXIT}",
    "both": f"{EXIT} {RIGHT} {LEFT}",
    "transitive": f"{EXIT} {TRANSITIVE}",
    "transitive, with steps": f"{TRANSITIVE} {RIGHT} {EXIT}",
    "or": "[(path ?a ?c) (or [?a :edge ?c] (and [?a :edge ?b] (path ?b ?c)))]",
    "or-join, transitive": "[(path ?a ?c) (or-join [?a ?c] [?a :edge ?c] (and (path ?a ?b) (path ?b ?c)))]",
    "mutual": f"""{EXIT} [(path ?a ?c) [?a :edge ?b] (onward ?c ?b)]
                  [(onward ?c ?a) (path ?a ?c)] [(onward ?c ?a) [?a :edge ?b] (path ?b ?c)]""",
}
SIZE = 200
ONE = "[:find ?a ?b :in $ [?a ...] :where (path ?a ?b)]"
LAST = "[:find ?a ?b :in $ [?b ...] :where (path ?a ?b)]"


@pytest.mark.parametrize("query", [ONE, LAST])
@pytest.mark.parametrize("rules", FORMS.values(), ids=FORMS)
def test_from_one_node_of_a_cycle_a_closure_keeps_the_cycle_and_not_its_pairs(rules: str, query: str) -> None:
    db, ids = store([("edge", n, (n + 1) % SIZE) for n in range(SIZE)])
    assert len(db.q(query, ids[:1], rules=rules)) == SIZE
    goals = called(db, query, rules, ids[:1])
    assert all(goal.how == "as a walk" for goal in goals)
    assert SIZE <= sum(goal.held or 0 for goal in goals) <= 4 * SIZE


@pytest.mark.parametrize("rules", FORMS.values(), ids=FORMS)
def test_a_pair_is_checked_from_the_side_with_fewer(rules: str) -> None:
    db, ids = store([("edge", n, n + 1) for n in range(SIZE)])
    query = "[:find ?a ?b :in $ [?a ...] [?b ...] :where (path ?a ?b)]"
    assert set(db.q(query, ids, ids[:3], rules=rules)) == {(ids[a], ids[b]) for b in range(3) for a in range(b)}
    (goal,) = called(db, query, rules, ids, ids[:3])
    assert (goal.goal, goal.how) == ("path^fb", "as a walk")
    assert (goal.held or 0) <= 20


@pytest.mark.parametrize("rules", FORMS.values(), ids=FORMS)
def test_all_pairs_are_found_in_any_form(rules: str) -> None:
    r = Random(7)
    edges = {(r.randrange(60), r.randrange(60)) for _ in range(90)}
    db, ids = store([("edge", a, b) for a, b in edges], 60)
    pairs = set(edges)
    while more := {(a, c) for a, b in pairs for start, c in edges if b == start} - pairs:
        pairs |= more
    assert set(db.q("[:find ?a ?b :where (path ?a ?b)]", rules=rules)) == {(ids[a], ids[b]) for a, b in pairs}


def test_a_transitive_rule_is_a_walk_whoever_calls_it() -> None:
    rules = f"{FORMS['transitive']} [(apart ?a ?b) [?a :n _] [?b :n _] (not (path ?a ?b))]"
    db, ids = store([("edge", n, (n + 1) % SIZE) for n in range(SIZE)], SIZE + 1)
    query = "[:find [?b ...] :in $ ?a :where (apart ?a ?b)]"
    assert set(db.q(query, ids[0], rules=rules)) == {ids[SIZE]}
    assert {goal.how for goal in called(db, query, rules, ids[0])} == {"as a walk"}


def test_which_of_many_reach_an_end_is_found_once_for_all() -> None:
    rules = "[(alive ?x) [?x :n 0]] [(alive ?x) [?x :edge ?y] (alive ?y)]"
    db, ids = store([("edge", n, n - 1) for n in range(1, SIZE)] + [("edge", SIZE, SIZE + 1)])
    query = "[:find [?x ...] :where [?x :n] (not (alive ?x))]"
    assert set(db.q(query, rules=rules)) == set(ids[SIZE:])
    (goal,) = called(db, query, rules)
    assert (goal.held or 0) <= 3 * SIZE
