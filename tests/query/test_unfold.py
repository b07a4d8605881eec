"""Unfolding: a call of a rule that does not recurse means its bodies, and answers as its table would."""

from __future__ import annotations

import pytest

import factstore
from factstore import Db
from factstore.query.language.ast import walk
from factstore.query.language.parse import parse_query, parse_rules
from factstore.query.rules import unfold
from factstore.query.rules.forms import calls_in
from factstore.query.rules.ruleset import RuleSet

RULES = """
[(parent ?a ?b) [?a :person/mother ?b]]
[(parent ?a ?b) [?a :person/father ?b]]
[(grand ?a ?c) (parent ?a ?b) (parent ?b ?c)]
[(named ?e ?b) [?e :person/name ?b]]
[(kind :person ?e) [?e :person/name _]]
[(older ?a ?b) (parent ?b ?a)]
[(older ?a ?b) (parent ?b ?x) (older ?a ?x)]
[(childless ?e) [?e :person/name _] (not (parent _ ?e))]
[(doubled ?x ?y) [(* ?x 2) ?y]]
"""

QUERIES = {
    "variables of the caller stay apart from the rule's": "(grand ?b ?a) (named ?b ?n)",
    "a constant argument": '(named ?a "ann")',
    "a blank argument": "(grand ?a _)",
    "the same variable twice": "(parent ?a ?a)",
    "a constant in the head met by a variable": "(kind ?k ?a)",
    "a constant in the head met by the same constant": "(kind :person ?a)",
    "a constant in the head met by another": "(kind :robot ?a)",
    "a call inside a recursive rule": "(older ?a ?b)",
    "a call inside a negation": "(childless ?a)",
    "a negated call": "(named ?a _) (not (grand ?a ?b))",
    "a call in a branch": "(or-join [?a] (childless ?a) (grand ?a ?b))",
    "a constant that a binding assigns": "(doubled 4 8) (named ?a _)",
    "a bound argument of a function": "[?a :person/age ?x] (doubled ?x ?y)",
}


@pytest.fixture(scope="module")
def db() -> Db:
    attribute = {"db/cardinality": "db.cardinality/one"}
    conn = factstore.connect("memory:")
    conn.transact(
        [
            {**attribute, "db/ident": f"person/{name}", "db/valueType": f"db.type/{type}"}
            for name, type in (("name", "string"), ("mother", "ref"), ("father", "ref"), ("age", "long"))
        ]
    )
    people = {"ann": ("eva", "tom"), "ben": ("eva", "tom"), "eva": ("ida", "max"), "tom": (None, "leo"), "ida": ()}
    forms = [{"db/id": name, "person/name": name, "person/age": len(name)} for name in (*people, "max", "leo")]
    forms += [{"db/id": who, "person/mother": pair[0]} for who, pair in people.items() if pair and pair[0]]
    forms += [{"db/id": who, "person/father": pair[1]} for who, pair in people.items() if pair]
    conn.transact([*forms, {"db/id": "leo", "person/father": "leo"}])
    return conn.db()


@pytest.mark.parametrize("clauses", QUERIES.values(), ids=QUERIES)
def test_a_call_answers_the_same_unfolded_and_from_its_table(
    db: Db, clauses: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = f"[:find ?a :where {clauses}]"
    found = set(db.q(query, rules=RULES))
    monkeypatch.setattr(unfold, "_LARGEST", -1)
    RuleSet.of.cache_clear()
    assert set(db.q(query, rules=RULES)) == found
    RuleSet.of.cache_clear()


def test_only_recursive_calls_are_left() -> None:
    rules = RuleSet.of(parse_rules(RULES))
    assert {call.name for rule in rules for call in calls_in(rule.clauses)} == {"older"}


def test_calls_that_double_at_every_level_stay_small(db: Db) -> None:
    levels = "\n".join(f"[(r{n + 1} ?a ?b) (r{n} ?a ?x) (r{n} ?x ?b)]" for n in range(12))
    text = f"[(r0 ?a ?b) [?a :person/father ?b]] {levels}"
    call = RuleSet.of(parse_rules(text)).unfold(parse_query("[:find ?a :where (r12 ?a ?b)]").where)
    assert sum(1 for _ in walk(call)) < 1000
    assert len(db.q("[:find ?a ?b :where (r12 ?a ?b)]", rules=text)) == 4
