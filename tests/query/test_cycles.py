"""Patterns that close cycles, joined a variable at a time: the same rows, and no wedge between."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import factstore
from factstore import Db, index_segment
from factstore.query.columnar import generic, planning
from factstore.query.columnar.generic import cyclic
from tests.query.drawn import bootstrap
from tests.query.test_model import RANDOM, check

SCHEMA = [
    {"db/ident": name, "db/valueType": f"db.type/{kind}", "db/cardinality": f"db.cardinality/{many}"}
    for name, kind, many in [
        ("g/to", "ref", "many"),
        ("g/by", "ref", "many"),
        ("g/next", "ref", "one"),
        ("g/tag", "long", "many"),
        ("g/word", "string", "one"),
    ]
]


def graph(r: Random) -> tuple[Db, list[Any]]:
    """A few nodes with many edges, and all datoms of it."""
    conn = factstore.connect("memory:")
    conn.transact(SCHEMA)
    size = r.randint(3, 6)
    nodes = [f"n{n}" for n in range(size)]
    data: list[Any] = [["db/add", node, "g/word", r.choice("ab")] for node in nodes]
    for name in ("g/to", "g/by"):
        data += [["db/add", r.choice(nodes), name, r.choice(nodes)] for _ in range(r.randint(2, 3 * size))]
    data += [["db/add", node, "g/next", r.choice(nodes)] for node in nodes if r.random() < 0.6]
    data += [["db/add", r.choice(nodes), "g/tag", r.randrange(3)] for _ in range(size)]
    conn.transact(data)
    return conn.db(), [*bootstrap(), *(datom for commit in conn.log() for datom in commit.datoms)]


def pattern(r: Random) -> str:
    one, other = (r.choice(["?a", "?b", "?c", "?d"]) for _ in range(2))
    kind = r.random()
    if kind < 0.15:
        return f"[{one} :g/tag ?t{r.choice('12')}]"
    if kind < 0.2:
        return f"[{one} :g/word ?w]"
    return f"[{one} :g/{r.choice(['to', 'to', 'by', 'next'])} {other}]"


def query(r: Random) -> str:
    clauses = [pattern(r) for _ in range(r.randint(3, 6))]
    used = [name for name in ("?a", "?b", "?c", "?d") if any(name in clause for clause in clauses)]
    if len(used) > 1 and r.random() < 0.4:
        one, other = r.sample(used, 2)
        clauses.append(r.choice([f"[(< {one} {other})]", f"(not [{one} :g/by {other}])", f"[(not= {one} {other})]"]))
    r.shuffle(clauses)
    return f"[:find {' '.join(r.sample(used, r.randint(1, len(used))))} :where {' '.join(clauses)}]"


@pytest.fixture(params=[2, 2**19])
def eager(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cycles are looked for among a handful of rows, and joined in blocks of a few candidates or in one."""
    monkeypatch.setattr(planning, "_LARGE", 0)
    monkeypatch.setattr(generic, "_BLOCK", request.param)
    monkeypatch.setattr(index_segment, "_MANY", 2)


def test_cyclic_joins_agree_with_nested_loops(eager: None) -> None:
    @given(RANDOM)
    @settings(max_examples=max(15, settings().max_examples // 2))
    def agree(r: Random) -> None:
        db, datoms = graph(r)
        for view in (db, db, db.as_of(db.basis_t), db.since(0), db.history()):
            check(view, datoms, query(r))

    agree()


def test_a_triangle_is_joined_in_one_step_and_its_wedge_is_never_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub with n edges in and n out has n * n paths through it; rows in and out of any step stay below 3 n."""
    monkeypatch.setattr(planning, "_LARGE", 100)
    n = 400
    conn = factstore.connect("memory:")
    conn.transact(SCHEMA)
    edges = [["db/add", f"in{k}", "g/to", "hub"] for k in range(n)]
    edges += [["db/add", "hub", "g/to", f"out{k}"] for k in range(n)]
    leaves = [["db/add", f"out{k}", "g/word", "leaf"] for k in range(n)]
    conn.transact([*edges, *leaves, ["db/add", "in0", "g/to", "out0"]])
    text = "[:find ?a ?b ?c :where [?a :g/to ?b] [?b :g/to ?c] [?a :g/to ?c]]"
    plan = conn.db().explain(text, analyze=True)
    assert len(conn.db().q(text)) == 1
    assert max(line.rows_out for line in plan.lines) < 3 * n
    assert any(line.clause.startswith("(and") for line in plan.lines)


class _Edge:
    def __init__(self, names: str) -> None:
        self.names = frozenset(names)


@pytest.mark.parametrize(
    ("edges", "left"),
    [
        ("ab bc ac", "ab bc ac"),
        ("ab bc cd", ""),
        ("ab bc cd da", "ab bc cd da"),
        ("ab ac ad ae", ""),
        ("ab bc ca ad de", "ab bc ca"),
        ("ab ab", ""),
        ("ab ac bd cd", "ab ac bd cd"),
    ],
)
def test_what_lies_on_a_cycle_is_left_when_leaves_are_taken_away(edges: str, left: str) -> None:
    made = [_Edge(names) for names in edges.split()]
    found = cyclic(made, [])  # type: ignore[arg-type]
    assert [edge.names for edge in found] == [frozenset(names) for names in left.split()]


def test_rows_at_hand_close_a_cycle_too() -> None:
    made = [_Edge("bc"), _Edge("ac")]
    assert len(cyclic(made, [frozenset("ab")])) == 2  # type: ignore[arg-type]
    assert not cyclic(made, [frozenset("a")])  # type: ignore[arg-type]


@given(st.lists(st.integers(0, 5), max_size=30), st.integers(1, 6))
def test_blocks_cover_all_rows_once_and_hold_few_candidates(counts: list[int], size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generic, "_BLOCK", size)
        blocks = list(generic._blocks(factstore.columns.ints(counts)))
    assert [place for start, end in blocks for place in range(start, end)] == list(range(len(counts)))
    assert all(sum(counts[start:end]) <= size or end == start + 1 for start, end in blocks)
