"""What rules and the branches of an or need bound is found out beforehand: the order of clauses decides nothing."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

import factstore
from factstore import Db, QueryError


@pytest.fixture(scope="module")
def db() -> Db:
    conn = factstore.connect("memory:")
    kinds = (("n/age", "long", "one"), ("n/to", "ref", "many"))
    conn.transact(
        [
            {"db/ident": name, "db/valueType": f"db.type/{kind}", "db/cardinality": f"db.cardinality/{many}"}
            for name, kind, many in kinds
        ]
    )
    conn.transact(
        [
            {"db/id": "a", "n/age": 1, "n/to": ["b"]},
            {"db/id": "b", "n/age": 2, "n/to": ["c", "b"]},
            {"db/id": "c", "n/age": 5},
        ]
    )
    return conn.db()


BELOW = """[(below ?w ?x) [(< ?w 3)] [?x :n/age ?a] [(<= ?w ?a)]]
           [(below ?w ?x) [(< ?w 3)] [?y :n/to ?x] (below ?w ?y)]"""
AGED = "[(aged ?w ?x) [?x :n/age ?w]] [(aged ?w ?x) [?y :n/to ?x] (aged ?w ?y)]"
OUTER = "[(outer ?w ?x) (below ?w ?x)] [(outer ?w ?x) (outer ?w ?x) (below ?w ?x)]"
EITHER = "[(next ?a ?b) [(inc ?a) ?b] [(dec ?b) ?a]]"
BOTH_WAYS = "(or-join [?a ?b] (and [(inc ?a) ?b] [(dec ?b) ?a]))"
LOOPS = f"{EITHER} [(next ?a ?b) [_ :n/age ?a] [_ :n/age ?b] [(< ?a 0)] (next ?b ?a)]"


def in_every_order(db: Db, rules: str, *clauses: str, find: str = "?w ?x", **more: Any) -> list[set[Any]]:
    queries = [f"[:find {find} :where {' '.join(each)}]" for each in itertools.permutations(clauses)]
    return [set(db.q(query, rules=f"[{rules}]", **more)) for query in queries]


@pytest.mark.parametrize("name", ["below", "outer"])
def test_a_recursive_rule_that_needs_a_variable_waits_for_it(db: Db, name: str) -> None:
    a, b, c = range(min(d.e for d in db.datoms("n/age")), max(d.e for d in db.datoms("n/age")) + 1)
    expected = {(1, a), (1, b), (1, c), (2, b), (2, c)}
    found = in_every_order(db, f"{BELOW} {AGED} {OUTER}", f"({name} ?w ?x)", "(aged ?w ?y)")
    assert found == [expected, expected]


@pytest.mark.parametrize("rules", [EITHER, LOOPS], ids=["unfolded", "with a table"])
def test_one_end_or_the_other_will_do(db: Db, rules: str) -> None:
    """A chain of calls each of which can run from either side, known at one end."""
    for known, start in (("?a", 0), ("?b", -1), ("?c", -2)):
        found = in_every_order(db, rules, "(next ?a ?b)", "(next ?b ?c)", f"[_ :n/age {known}]", find="?a")
        assert found == [{(age + start,) for age in (1, 2, 5)}] * 6


def test_an_or_whose_branch_needs_one_variable_or_another(db: Db) -> None:
    for known, start in (("?a", 0), ("?b", -1)):
        found = in_every_order(db, "", BOTH_WAYS, f"[_ :n/age {known}]", find="?a")
        assert found == [{(age + start,) for age in (1, 2, 5)}] * 2


def test_an_or_waits_for_what_a_rule_in_it_needs(db: Db) -> None:
    found = in_every_order(db, BELOW, "(or (below ?w ?x) [?x :n/age ?w])", "[_ :n/age ?w]")
    assert found[0] == found[1]
    assert len(found[0]) == 6


@pytest.mark.parametrize("where", ["(below ?w ?x)", "(outer ?w ?x)", "(or (below ?w ?x) [?x :n/age ?w])"])
def test_what_nothing_binds_is_told_beforehand_where_it_stands(db: Db, where: str) -> None:
    with pytest.raises(QueryError) as caught:
        db.q(f"[:find ?w ?x :where {where}]", rules=f"[{BELOW} {OUTER}]")
    assert caught.value.code == "query/unbound"
    assert "?w in [(< ?w 3)] cannot be bound by any clause" in str(caught.value)


@pytest.mark.parametrize("form", ["?e", "[?e ...]", "[[?e _]]"])
def test_an_entity_given_as_input_means_its_id(db: Db, form: str) -> None:
    entity = db.entity(min(datom.e for datom in db.datoms("n/age")))
    given: Any = {"?e": entity, "[?e ...]": [entity], "[[?e _]]": [(entity, 0)]}[form]
    for engine in ("columns", "rows"):
        assert set(db.q(f"[:find ?e ?a :in $ {form} :where [?e :n/age ?a]]", given, engine=engine)) == {(entity.id, 1)}


def test_an_error_in_a_rule_speaks_of_variables_as_they_are_written(db: Db) -> None:
    with pytest.raises(QueryError) as caught:
        db.q(
            "[:find ?x ?y :where (p ?x ?y)]",
            rules="[[(p ?x ?y) [?x :n/age] (or [?x :n/to ?y] [?y :n/age ?z])] [(q ?x ?y) (p ?x ?y)]]",
        )
    assert caught.value.code == "query/or-branches"
    assert "\u00b7" not in str(caught.value)
