"""What DataScript 1.7.8, Datalevin 1.2.8 or Cozo 0.7.6 answered wrongly when it was tried, with the right answer."""

from __future__ import annotations

import pytest

import factstore
from factstore import Db, Keyword, QueryError

ANC = "[[(anc ?x ?y) [?x :ref ?y]] [(anc ?x ?z) [?x :ref ?y] (anc ?y ?z)]]"
LEFT = "[[(anc ?x ?y) [?x :ref ?y]] [(anc ?x ?z) (anc ?x ?y) [?y :ref ?z]]]"


@pytest.fixture(scope="module")
def db() -> Db:
    """``a → a``, ``b → a``, a cycle of c and d, and ``e → f`` that leads to it nowhere."""
    conn = factstore.connect("memory:")
    conn.transact(
        [
            {"db/ident": "ref", "db/valueType": "db.type/ref", "db/cardinality": "db.cardinality/many"},
            {"db/ident": "n", "db/valueType": "db.type/long", "db/cardinality": "db.cardinality/one"},
        ]
    )
    edges = {"a": "a", "b": "a", "c": "d", "d": "c", "e": "f"}
    conn.transact([{"db/id": name, "db/ident": name, "n": place} for place, name in enumerate("abcdef")])
    conn.transact([{"db/ident": name, "ref": to} for name, to in edges.items()])
    return conn.db()


def named(db: Db, where: str, rules: str = "[]") -> str:
    """The names of the ``?x`` that clauses find, in one string."""
    found = db.q(f"[:find [?i ...] :where {where} [?x :db/ident ?i]]", rules=rules)
    return "".join(sorted(found))


def refusal(db: Db, query: str, rules: str = "[]") -> str:
    with pytest.raises(QueryError) as caught:
        db.q(query, rules=rules)
    return caught.value.code


def test_a_variable_twice_in_a_pattern_means_equality(db: Db) -> None:
    """DataScript and Datalevin also give what refers to something that refers to itself."""
    assert named(db, "[?x :ref ?x]") == "a"


@pytest.mark.parametrize("where", ["[?x :n _] (or [?x :ref ?x] [?x :n 99])", "[?x :n] (not (not [?x :ref ?x]))"])
def test_it_does_inside_other_clauses_too(db: Db, where: str) -> None:
    assert named(db, where) == "a"


@pytest.mark.parametrize("rules", [ANC, LEFT])
def test_a_variable_twice_in_a_call_means_equality(db: Db, rules: str) -> None:
    """DataScript also gives entities that only lead to something."""
    assert named(db, "(anc ?x ?x)", rules) == "acd"


def test_left_recursion_ends(db: Db) -> None:
    """DataScript never returns."""
    assert named(db, "(anc :b ?x)", LEFT) == named(db, "(anc :b ?x)", ANC) == "a"
    assert named(db, "(anc ?x :d)", LEFT) == "cd"


def test_negation_through_recursion_is_refused(db: Db) -> None:
    """DataScript and Datalevin overflow their stacks, if the data is cyclic."""
    win = "[[(win ?x) [?x :ref ?y] (not (win ?y))]]"
    assert refusal(db, "[:find ?x :where (win ?x)]", win) == "query/unstratifiable"
    mutual = "[[(even ?x) [?x :n] (not (odd ?x))] [(odd ?x) [?x :ref ?y] (even ?y)]]"
    assert refusal(db, "[:find ?x :where (odd ?x)]", mutual) == "query/unstratifiable"


def test_negation_of_a_recursive_rule_is_answered(db: Db) -> None:
    assert named(db, "[?x :n] (not (anc ?x ?x))", ANC) == "bef"


def test_a_head_variable_that_the_body_does_not_bind_is_refused(db: Db) -> None:
    """DataScript gives a column of null."""
    assert refusal(db, "[:find ?x ?y :where (r ?x ?y)]", "[[(r ?x ?y) [?x :n]]]") == "query/unbound"


@pytest.mark.parametrize("call", ["(anc ?x)", "(anc ?x ?y ?z)"])
def test_a_call_of_another_arity_is_refused(db: Db, call: str) -> None:
    """DataScript takes it silently."""
    assert refusal(db, f"[:find ?x :where [?x :n ?y] [?x :n ?z] {call}]", ANC) == "query/arity"


@pytest.mark.parametrize("clauses", ["(big ?n)", "(big _)", "(big ?n) (not [_ :n ?n])"])
def test_a_required_variable_that_nothing_binds_is_refused(db: Db, clauses: str) -> None:
    """DataScript gives rows of nil."""
    rules = "[[(big [?n]) [(> ?n 3)]]]"
    assert refusal(db, f"[:find ?x :where [?x :ref] {clauses}]", rules) == "query/unbound"
    assert named(db, "[?x :n ?n] (big ?n)", rules) == "ef"


def test_an_unbound_predicate_is_refused_whatever_the_data(db: Db) -> None:
    """DataScript and Datalevin answer nothing, if no row gets as far."""
    assert refusal(db, "[:find ?x :where [?x :n 99] [(< ?x ?y)]]") == "query/unbound"


def test_the_fifth_place_is_true_on_a_current_database(db: Db) -> None:
    """DataScript fails: index out of bounds."""
    assert db.q("[:find [?op ...] :where [_ :n _ _ ?op]]") == [True]
    assert named(db, "[?x :n 1 _ true]") == "b"
    assert named(db, "[?x :n 1 _ false]") == ""


PLANNER = {
    "an or-branch of constants that hold is true": ("[?x :n ?n] (or [(= 1 1)] [?x :n 99])", "abcdef"),
    "an or-branch of constants that do not hold is absent": ("[?x :n ?n] (or [(= 1 2)] [?x :ref ?x])", "a"),
    "a negated predicate over constants": ("[?x :n] (not [?x :n ?n] [(= 1 2)])", "abcdef"),
    "a negated predicate over an outer variable": ("[?x :n ?n] (not [(> ?n 1)])", "ab"),
    "a rule does not take the caller's variables": ("[?x :ref ?y] [?z :n 5] (anc ?y ?y)", "abcd"),
    "many values projected away leave one row": ("[?x :ref _] [?x :ref ?z]", "abcde"),
}


@pytest.mark.parametrize(("where", "expected"), PLANNER.values(), ids=PLANNER)
def test_what_planners_got_wrong(db: Db, where: str, expected: str) -> None:
    """Datahike's changelog of 0.8 lists these as bugs of its own planner."""
    assert named(db, where, ANC) == expected


def test_an_existence_check_of_inputs_alone_holds_or_does_not(db: Db) -> None:
    query = "[:find ?x ?y :in $ ?x ?y :where [?x :ref ?y]]"
    a, b = db.entid("a"), db.entid("b")
    assert db.q(query, b, a) == {(b, a)}
    assert db.q(query, a, b) == []


def test_columns_stay_in_the_order_they_are_asked_for(db: Db) -> None:
    query = "[:find ?n ?i ?e :where [?e :db/ident ?i] [?e :n ?n] [(= ?n 2)]]"
    assert db.q(query) == [(2, Keyword("c"), db.entid("c"))]


def test_the_variables_of_a_nested_query_are_its_own(db: Db) -> None:
    query = "[:find [?n ...] :where [?x :n ?n] [(q [:find (max ?n) . :where [?x :n ?n]] $) ?top] [(= ?n ?top)]]"
    assert db.q(query) == [5]


def test_get_else_of_an_entity_reached_by_a_join(db: Db) -> None:
    assert named(db, "[?y :n 4] [?y :ref ?x] [(get-else $ ?x :ref 0) ?r] [(= ?r 0)]") == "f"
