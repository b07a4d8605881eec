"""Recursion and negation as Cozo has them: the same programs of rules on the same graphs, with equal answers."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import factstore
from factstore import Db
from tests.peers.cozo_peer import Atom, Clauses, DrawnProgram, Program, Rows, client

RELATIONS = ("e0", "e1")
SEEDS = st.integers(0, 2**32)
CASES = settings().max_examples // 3


@pytest.fixture(scope="module")
def cozo() -> Any:
    return client()


def graph(random: Random, nodes: int, edges: int) -> tuple[Db, list[int], dict[str, Rows]]:
    """Entities with references among them, cycles and loops as they come."""
    conn = factstore.connect("memory:")
    many = {"db/valueType": "db.type/ref", "db/cardinality": "db.cardinality/many"}
    conn.transact([{"db/ident": name, **many} for name in RELATIONS])
    first = conn.transact([{"db/id": f"n{n}", "db/doc": "a node"} for n in range(nodes)]).tempids
    ids = sorted(first[f"n{n}"] for n in range(nodes))
    pairs = {name: {(random.choice(ids), random.choice(ids)) for _ in range(edges)} for name in RELATIONS}
    conn.transact([["db/add", e, name, v] for name, each in pairs.items() for e, v in each])
    return conn.db(), ids, {name: sorted(each) for name, each in pairs.items()}


def test_programs_of_rules_find_what_they_find_in_cozo(cozo: Any) -> None:
    met = 0

    @given(SEEDS)
    @settings(max_examples=CASES)
    def agree(seed: int) -> None:
        nonlocal met
        random = Random(seed)
        db, ids, edges = graph(random, nodes := random.randint(3, 10), random.randint(nodes, 2 * nodes))
        for _ in range(3):
            program = DrawnProgram(random, RELATIONS, ids).program()
            query, rules = program.ours()
            script = program.theirs(edges)
            ours = set(db.q(query, rules=rules))
            assert ours == {tuple(row) for row in cozo.run(script)["rows"]}, f"{query}\n{rules}\n{script}"
            met += bool(ours)

    agree()
    assert met > CASES // 2, "most programs find nothing"


def closure(body: str) -> list[Clauses]:
    """The transitive closure of ``e0``, written in one of three ways."""
    step = {
        "left": [Atom("r", ("x", "z")), Atom("e0", ("z", "y"))],
        "right": [Atom("e0", ("x", "z")), Atom("r", ("z", "y"))],
    }
    twice = [Atom("r", ("x", "z")), Atom("r", ("z", "y"))]
    return [Clauses("r", ("x", "y"), [Atom("e0", ("x", "y"))]), Clauses("r", ("x", "y"), step.get(body, twice))]


@pytest.mark.parametrize("body", ["left", "right", "twice"])
@pytest.mark.parametrize("start", ["bound", "free", "end", "same"])
def test_a_closure_is_the_same_however_it_is_written_and_asked_for(cozo: Any, body: str, start: str) -> None:
    db, ids, edges = graph(Random(11), 60, 90)
    terms: dict[str, tuple[Any, Any]] = {
        "bound": (ids[0], "y"),
        "free": ("x", "y"),
        "end": ("x", ids[0]),
        "same": ("x", "x"),
    }
    head = tuple(sorted({term for term in terms[start] if isinstance(term, str)}))
    program = Program(closure(body), Clauses("?", head, [Atom("r", terms[start])]))
    query, rules = program.ours()
    found = set(db.q(query, rules=rules))
    assert found == {tuple(row) for row in cozo.run(program.theirs(edges))["rows"]}
    assert found


def test_what_cannot_be_stratified_is_refused_by_both(cozo: Any) -> None:
    db, _, edges = graph(Random(3), 4, 4)
    win = [Clauses("r", ("x",), [Atom("e0", ("x", "y")), Atom("r", ("y",), negated=True)])]
    program = Program(win, Clauses("?", ("x",), [Atom("r", ("x",))]))
    query, rules = program.ours()
    with pytest.raises(factstore.QueryError) as caught:
        db.q(query, rules=rules)
    assert caught.value.code == "query/unstratifiable"
    with pytest.raises(Exception, match="unstratifiable"):
        cozo.run(program.theirs(edges))
