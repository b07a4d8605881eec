"""Explain tells the order without running anything; with analyze what each step did."""

from __future__ import annotations

import json
import logging
import re
import time
from typing import Any

import pytest

import factstore
from factstore import Db, QueryError, SlowQuery
from factstore.query import slow

PATTERNS = '[:find ?n :where [?e :person/name ?n] [?e :person/boss ?b] [?b :person/name "n3"]]'
ANCESTORS = "[[(anc ?a ?b) [?a :person/boss ?b]] [(anc ?a ?b) [?a :person/boss ?x] (anc ?x ?b)]]"
GROUPS = """[:find ?e :where [?e :person/age ?a] [(< ?a 5)] (not [?e :person/boss ?b] [?b :person/name "n0"])
             (or-join [?e] [?e :person/name "n1"] (and [?e :person/boss ?x] [?x :person/age ?y]))]"""


@pytest.fixture(scope="module")
def db() -> Db:
    conn = factstore.connect("memory:")
    one = {"db/cardinality": "db.cardinality/one"}
    types = {"name": "string", "age": "long", "boss": "ref"}
    conn.transact([{**one, "db/ident": f"person/{n}", "db/valueType": f"db.type/{vt}"} for n, vt in types.items()])
    conn.transact([["db/add", "person/name", "db/unique", "db.unique/identity"]])
    people = [
        {"db/id": f"p{i}", "person/name": f"n{i}", "person/age": i % 10, "person/boss": f"p{i // 3}"}
        for i in range(100)
    ]
    conn.transact(people)
    return conn.db()


def test_the_plan_is_told_in_the_order_of_running(db: Db) -> None:
    assert str(db.explain(PATTERNS)) == (
        "expected  clause\n"
        '       1  [?b :person/name "n3"]\n'
        "       3  [?e :person/boss ?b]\n"
        "       3  [?e :person/name ?n]\n"
        "3 rows expected"
    )


def masked(text: str) -> str:
    """The text without what another run would tell otherwise: times, and how a step was done."""
    return re.sub(r" +", " ", re.sub(r"\d+\.\d{3}", "T", text))


def test_analyze_tells_rows_and_times(db: Db) -> None:
    shown = masked(str(db.explain(PATTERNS, analyze=True)))
    lines = shown.split("\n")
    assert lines[0].startswith("expected in out kept ms runs clause")
    assert [line.split(" [")[0].strip() for line in lines[1:4]] == ["1 1 1 1 T 1", "3 1 3 3 T 1", "- 3 3 3 T 1"]
    assert re.fullmatch(r"3 rows, .*, T ms \(parse T, plan T, run T, result T\)", lines[4])


def test_groups_are_told_with_what_is_in_them(db: Db) -> None:
    for analyze in (False, True):
        lines = db.explain(GROUPS, analyze=analyze).lines
        inside = [(line.depth, line.clause) for line in lines if line.depth]
        assert (1, '[?b :person/name "n0"]') in inside
        assert (1, "[?x :person/age ?y]") in inside
        groups = [line.clause[:4] for line in lines if line.depth == 0 and line.clause.startswith("(")]
        assert sorted(groups) == ["(not", "(or-"]


def test_a_recursive_rule_is_told_by_its_goals(db: Db) -> None:
    query = '[:find ?b :where [?a :person/name "n90"] (anc ?a ?b)]'
    plan = db.explain(query, rules=ANCESTORS, analyze=True)
    called = {rule.goal: rule for rule in plan.rules}["anc^bf"]
    assert (called.magic, called.answers) == (True, plan.rows)
    assert "rule anc^bf: as a walk, 1 asked" in str(plan)
    assert db.explain("[:find ?a ?b :where (anc ?a ?b)]", rules=ANCESTORS, analyze=True).rules[0].magic is False


def test_a_plan_is_data(db: Db) -> None:
    for analyze in (False, True):
        data = json.loads(json.dumps(db.explain(GROUPS, analyze=analyze).to_dict()))
        assert {line["clause"] for line in data["lines"]} == {line.clause for line in db.explain(GROUPS).lines}
        assert (data["times"] is not None) == (data["rows"] is not None) == analyze
    assert "<pre>" in db.explain("[:find ?e :where [?e :person/age ?a] [(< ?a 3)]]")._repr_html_()


def test_explain_runs_nothing(db: Db) -> None:
    called: list[Any] = []
    rules = "[[(r ?x) [?x :person/age]] [(r ?x) (r ?y) [(next ?y) ?x]]]"
    endless = "[:find (count ?x) :with ?y ?z :where (r ?x) [?y :person/age] [?z :person/age] [(next ?z) ?w]]"
    started = time.perf_counter()
    plan = db.explain(endless, rules=rules, functions={"next": called.append})
    assert not called
    assert plan.rows is None
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    "query",
    [
        PATTERNS,
        GROUPS,
        "[:find ?e ?a :where [?e :person/age ?a] [(> ?a 8)]]",
        '[:find ?x :where [?e :person/name "n7"] [?e :person/boss ?x]]',
        "[:find (count ?e) :where [?e :person/age 3]]",
    ],
)
def test_the_order_that_is_told_is_the_one_that_is_run(db: Db, query: str) -> None:
    told = [line.clause for line in db.explain(query).lines if not line.depth]
    ran = [line.clause for line in db.explain(query, analyze=True).lines if not line.depth]
    assert ran[0] == told[0]
    assert sorted(ran) == sorted(told)


def test_slow_queries_are_told(db: Db, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[SlowQuery] = []
    secret = "nobody's business"
    query = "[:find ?e :in $ ?n [?a ...] :where [?e :person/name ?n] [?e :person/age ?a]]"
    with (
        factstore.on_slow_query(0, seen.append),
        factstore.on_slow_query(100, seen.append),
        caplog.at_level(logging.WARNING, "factstore.query"),
        factstore.on_slow_query(0),
    ):
        db.q(query, secret, [1, 2, 3])
    (told,) = seen
    assert (told.text, told.inputs, told.rows, told.error) == (query, ("str of 17", "list of 3"), 0, None)
    assert "[?e :person/name ?n]" in caplog.text
    assert secret not in caplog.text
    assert told.lines
    db.q(query, secret, [1])
    assert len(seen) == 1
    assert not slow.WATCHES


def test_a_failing_callback_breaks_no_query(db: Db, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: SlowQuery) -> None:
        raise RuntimeError("no")

    with factstore.on_slow_query(0, fail):
        assert len(db.q("[:find ?e :where [?e :person/age 3]]")) == 10
    assert "the callback for slow queries failed" in caplog.text


def test_a_query_that_fails_is_told_with_its_code(db: Db) -> None:
    seen: list[SlowQuery] = []
    with factstore.on_slow_query(0, seen.append), pytest.raises(QueryError):
        db.q("[:find ?a ?b ?c :where [?a :person/age] [?b :person/age] [?c :person/age]]", max_rows=1000)
    assert (seen[0].error, seen[0].rows) == ("query/too-large", None)
