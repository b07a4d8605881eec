"""The plans of twenty queries, so that a change of plan is seen where changes are reviewed.

A plan is the order of the clauses with what was expected and found, without times. One that changed on purpose
is accepted by ``ACCEPT_PLANS=1 python -m pytest tests/query/test_golden_plans.py``, and the diff is reviewed.
"""

from __future__ import annotations

import os
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

import factstore
from factstore import Db
from factstore.query import Plan

GOLDEN = Path(__file__).parent / "golden"
RULES = """[[(reports ?a ?b) [?a :p/boss ?b]] [(reports ?a ?b) [?a :p/boss ?x] (reports ?x ?b)]
            [(knows ?a ?b) (knows ?a ?x) [?x :p/friend ?b]] [(knows ?a ?b) [?a :p/friend ?b]]
            [(peer ?a ?b) [?a :p/boss ?x] [?b :p/boss ?x] [(!= ?a ?b)]]
            [(even ?e) [?e :p/name "p0"]] [(even ?e) [?e :p/boss ?b] (odd ?b)] [(odd ?e) [?e :p/boss ?b] (even ?b)]]"""


class Asked(NamedTuple):
    """A query and what is given to it."""

    query: str
    inputs: tuple[Any, ...] = ()


QUERIES = {
    "one value": Asked('[:find ?e :where [?e :p/first "Ivan"]]'),
    "by identity": Asked('[:find ?a . :where [?e :p/name "p77"] [?e :p/age ?a]]'),
    "join of four, the selective clause last": Asked(
        "[:find ?e ?n ?a :where [?e :p/name ?n] [?e :p/age ?a] [?e :p/sex :male]"
        ' [?e :p/first "Ivan"] [?e :p/last "Popov"]]'
    ),
    "range of one attribute": Asked("[:find ?e :where [?e :p/salary ?s] [(> ?s 90000)]]"),
    "range from two sides, given": Asked(
        "[:find ?e ?n :in $ ?lo ?hi :where [?e :p/name ?n] [?e :p/salary ?s] [(<= ?lo ?s)] [(< ?s ?hi)]]",
        (50000, 51000),
    ),
    "predicate between two attributes": Asked("[:find ?e :where [?e :p/age ?a] [?e :p/salary ?s] [(< ?s ?a)]]"),
    "four hops from one": Asked(
        '[:find ?n :where [?a :p/name "p999"] [?a :p/boss ?b] [?b :p/boss ?c] [?c :p/friend ?d] [?d :p/name ?n]]'
    ),
    "hops backwards": Asked('[:find ?e :where [?e :p/boss ?x] [?x :p/boss ?y] [?y :p/name "p1"]]'),
    "triangles": Asked("[:find ?a ?b ?c :where [?a :p/friend ?b] [?b :p/friend ?c] [?c :p/friend ?a]]"),
    "all at distance two": Asked("[:find ?a ?c :where [?a :p/friend ?b] [?b :p/friend ?c]]"),
    "two that share nothing": Asked(
        '[:find ?a ?b :where [?a :p/first "Ivan"] [?a :p/age 7] [?b :p/last "Popov"] [?b :p/age 8]]'
    ),
    "value join": Asked('[:find ?a ?b :where [?a :p/name "p5"] [?a :p/salary ?s] [?b :p/salary ?s]]'),
    "negation": Asked('[:find ?e :where [?e :p/first "Ivan"] (not [?e :p/friend])]'),
    "or": Asked('[:find ?e :where [?e :p/age 30] (or [?e :p/first "Ivan"] [?e :p/last "Popov"])]'),
    "optional": Asked("[:find ?e ?f :where [?e :p/age 30] (optional [?e :p/friend ?f])]"),
    "aggregation with a group": Asked("[:find ?first (avg ?s) :with ?e :where [?e :p/first ?first] [?e :p/salary ?s]]"),
    "recursion from a bound end": Asked('[:find ?e :in $ % :where [?b :p/name "p1"] (reports ?e ?b)]', (RULES,)),
    "left recursion from a bound start": Asked('[:find ?e :in $ % :where [?a :p/name "p500"] (knows ?a ?e)]', (RULES,)),
    "a rule that is unfolded": Asked('[:find ?e :in $ % :where [?a :p/name "p40"] (peer ?a ?e)]', (RULES,)),
    "mutual recursion": Asked("[:find (count ?e) . :in $ % :where (even ?e)]", (RULES,)),
}


@pytest.fixture(scope="module")
def db() -> Db:
    """Two thousand people in a tree of bosses, with friends among the next few."""
    conn = factstore.connect("memory:")
    one = {"db/cardinality": "db.cardinality/one"}
    kinds = {"first": "string", "last": "string", "sex": "keyword", "age": "long", "salary": "long", "boss": "ref"}
    conn.transact(
        [
            {"db/ident": "p/name", "db/valueType": "db.type/string", "db/unique": "db.unique/identity", **one},
            *({"db/ident": f"p/{name}", "db/valueType": f"db.type/{kind}", **one} for name, kind in kinds.items()),
            {"db/ident": "p/friend", "db/valueType": "db.type/ref", "db/cardinality": "db.cardinality/many"},
        ]
    )
    conn.transact([person(Random(n), n) for n in range(2000)])
    return conn.db()


def person(random: Random, n: int) -> dict[str, Any]:
    friends = [f"p{n + random.randint(1, 9)}" for _ in range(random.randint(0, 3))]
    return {
        "db/id": f"p{n}",
        "p/name": f"p{n}",
        "p/first": random.choice(["Ivan", "Petr", "Sergei", "Oleg", "Yuri", "Dmitry", "Fedor", "Denis"]),
        "p/last": random.choice(["Ivanov", "Petrov", "Sidorov", "Kovalev", "Kuznetsov", "Popov"]),
        "p/sex": factstore.Keyword(random.choice(["male", "female"])),
        "p/age": random.randrange(100),
        "p/salary": random.randrange(100_000),
        "p/friend": [f"p{n - n % 10 + int(friend[1:]) % 10}" for friend in friends if n < 1990],
        **({"p/boss": f"p{(n - 1) // 5}"} if n else {}),
    }


@pytest.mark.parametrize("name", QUERIES)
def test_the_plan_is_the_one_that_was_accepted(db: Db, name: str) -> None:
    asked = QUERIES[name]
    found = f"{name}\n{asked.query}\n\n{shown(db.explain(asked.query, *asked.inputs, analyze=True))}\n"
    file = GOLDEN / f"{name.replace(' ', '-').replace(',', '')}.txt"
    if os.environ.get("ACCEPT_PLANS"):
        file.write_text(found, "utf-8")
    assert file.exists(), f"no accepted plan yet; accept it by ACCEPT_PLANS=1:\n{found}"
    assert found == file.read_text("utf-8")


def test_every_accepted_plan_is_of_a_query() -> None:
    names = {name.replace(" ", "-").replace(",", "") for name in QUERIES}
    assert {file.stem for file in GOLDEN.glob("*.txt")} == names
    assert len(names) == 20


def shown(plan: Plan) -> str:
    """A plan without times: rows expected, before and after each step, how often it ran, and how it went about it."""
    rows = [["expected", "in", "out", "runs", "clause", "how"]]
    for line in plan.lines:
        counts = [_count(line.estimate), _count(line.rows_in), _count(line.rows_out), str(line.runs)]
        rows.append([*counts, "  " * line.depth + line.clause, line.how])
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = ["  ".join([*map(str.rjust, row[:4], wide), row[4].ljust(wide[4]), row[5]]).rstrip() for row in rows]
    rules = [
        f"rule {call.goal}{', magic' if call.magic else ''}{', ' + call.how if call.how else ''}" for call in plan.rules
    ]
    return "\n".join([*table, *rules, f"{plan.rows} rows"])


def _count(count: float | None) -> str:
    return "-" if count is None else f"{count:.0f}"
