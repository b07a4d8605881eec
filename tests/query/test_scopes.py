"""Which variables clauses share, and what is said about those that nothing binds; each was wrong once."""

from __future__ import annotations

from typing import Any

import pytest

import factstore
from factstore import Db, QueryError
from factstore.query.language.ast import Constant
from factstore.query.language.parse import parse_query


@pytest.fixture(scope="module")
def db() -> Db:
    conn = factstore.connect("memory:")
    conn.transact(
        [
            {"db/ident": name, "db/valueType": f"db.type/{vt}", "db/cardinality": f"db.cardinality/{card}"}
            for name, vt, card in [("n", "long", "one"), ("m", "long", "many"), ("to", "ref", "many")]
        ]
    )
    ids = conn.transact(
        [{"db/id": name, "n": n, "m": m} for name, n, m in [("a", 1, [2, 3]), ("b", 2, [2]), ("c", 3, [])]]
    )
    a, b, c = (ids.tempids[name] for name in "abc")
    conn.transact([["db/add", a, "to", b], ["db/add", b, "to", c], ["db/add", c, "to", b]])
    return conn.db()


PATH = "[(path ?x ?y) [?x :to ?y]] [(path ?x ?y) [?x :to ?z] (path ?z ?y)]"
WHERE: dict[str, tuple[str, list[int]]] = {
    "a not in a branch shares what is bound outside": ("[?e :n ?n] [?e :m ?v] (or (not [?e :n ?v]) [?e :n 9])", [1]),
    "a local of or-join is not what is so called outside": (
        "[?e :n ?n] [?f :n 3] (or-join [?e] [?e :to ?f])",
        [1, 2, 3],
    ),
    "nor where the or is a call": ("[?e :n ?n] [?y :n 3] (or-join [?e] (path ?e ?y) [?e :n 9])", [1, 2, 3]),
    "a local of or-join in a rule is not the caller's": ("[?y :n ?n] (inner ?y ?y)", [2, 3]),
    "a local of a rule is not an input": ("[?e :n ?n] (above ?e 1)", [2, 3]),
    "branches of calls may differ in what is bound outside": ("[?e :n ?n] (either ?e ?v)", [1, 2]),
    "an or waits for a later call": ("(bounded ?e ?v) [?e :n ?n]", [1, 2]),
    "an optional variable can be tested": ("[?e :n ?n] (optional [?e :m ?v]) [(nil? ?v)]", [3]),
    "a tuple is unified part by part": ("[?e :n ?n] [?f :m ?v] [(tuple ?v ?f) [?n ?g]] [(= ?g ?e)]", [2]),
    "a list is taken apart to a set": ("[(ground [[1 [2 2]] [1 [2]]]) [[?n [?v ...]]]]", [1]),
    "two scans without anything in common": ("[?e ?a ?v] [?f ?b ?w] [?e :n ?n] [?f :n 1]", [1, 2, 3]),
    "a constant in a head meets the same constant": ("(kind 1 ?e) [?e :n ?n]", [1, 3]),
    "an argument that is not handed through": ("[?e :n 1] (crossed ?e ?f) [?f :n ?n]", [3]),
}
RULES = f"""{PATH}
[(inner ?x ?y) [?x :n ?v] (or-join [?x] [?x :to ?y] [?x :n 9]) (path ?y ?y)]
[(above ?e ?x) [?e :n ?v] [(> ?v ?x)]]
[(either ?e ?v) [?e :m ?v] (or (small ?e) (and (small ?v) [?e :n]))]
[(small ?e) [?e :n ?k] [(< ?k 3)]]
[(small ?e) [?e :n 99] (path ?e ?e)]
[(bounded ?e ?v) [?e :m ?v] (or [(< ?v ?k)] [(= ?v ?k)]) (ceiling ?k)]
[(ceiling ?k) [_ :n ?k]] [(ceiling ?k) [?e :n 3] (ceiling ?k)]
[(kind 1 ?e) [?e :n 1]] [(kind 2 ?e) [?e :n 2]] [(kind ?k ?e) [?e :n 3] [(ground 1) ?k]]
[(crossed ?x ?y) [?x :to ?z] [?z :to ?y]] [(crossed ?x ?y) [?x :to ?z] [?y :to ?z] (crossed ?z ?y)]
"""


@pytest.mark.parametrize(("where", "expected"), WHERE.values(), ids=WHERE)
def test_that(db: Db, where: str, expected: list[int]) -> None:
    # ?x is an input so that it could leak.
    assert sorted(db.q(f"[:find [?n ...] :in $ ?x :where {where}]", 2, rules=f"[{RULES}]")) == expected


UNBOUND: dict[str, str] = {
    "asked for, and bound only in a negation": "[:find ?v :where [?e :n] (not [?e :m ?v])]",
    "in :with, and bound only in a negation": "[:find ?e :with ?v :where [?e :n] (not [?e :m ?v])]",
    "in the list of a not-join alone": "[:find ?e :where [?e :n] (not-join [?e ?v] [?e :m ?v])]",
    "needed before two optionals that wait for each other": (
        "[:find ?e ?v :where [?e :n] (optional [?e :n ?v]) (optional [?e :m ?v])]"
    ),
    "in a body that the data never leads to": "[:find ?e :where [?e :n 99] (broken ?e ?f)]",
    "required by a call in a body": "[:find ?e :where (asks ?e)]",
}
BROKEN = """
[(broken ?e ?f) [?e :n ?f]] [(broken ?e ?f) [?e :n ?f] [(< ?k ?f)] (broken ?e ?f)]
[(over [?v] ?e) [?e :n ?v]] [(over [?v] ?e) [?e :m ?v] (over ?v ?e)]
[(asks ?e) (over ?w ?e)] [(asks ?e) (over ?w ?e) (asks ?e)]
"""


@pytest.mark.parametrize("query", UNBOUND.values(), ids=UNBOUND)
def test_a_variable_is_refused_that_is(db: Db, query: str) -> None:
    with pytest.raises(QueryError) as caught:
        db.q(query, rules=f"[{BROKEN}]")
    assert caught.value.code == "query/unbound"
    assert caught.value.data["line"] >= 1


def test_a_required_argument_is_bound_before_the_call(db: Db) -> None:
    rules = "[(over [?v] ?e) [?e :n ?v]] [(over [?v] ?e) [?e :m ?v] (over ?v ?e)] [(r ?e ?v) (over ?v ?e) [_ :m ?v]]"
    assert len(db.q("[:find ?e ?v :where (r ?e ?v)]", rules=f"[{rules} [(r ?e ?v) (r ?e ?v)]]")) == 2


INPUTS: dict[str, tuple[str, tuple[Any, ...], Any]] = {
    "a function called by variable": (
        "[:find [?n ...] :in $ ?f :where [_ :n ?n] [(?f ?n)]]",
        (lambda n: n > 1,),
        {2, 3},
    ),
    "a count for an aggregate": ("[:find (max ?k ?n) . :in $ ?k :where [_ :n ?n]]", (2,), [2, 3]),
    "an aggregate by variable": ("[:find (aggregate ?f ?n) . :in $ ?f :where [_ :n ?n]]", (sum,), 6),
}


@pytest.mark.parametrize(("query", "inputs", "expected"), INPUTS.values(), ids=INPUTS)
def test_an_input_may_be(db: Db, query: str, inputs: tuple[Any, ...], expected: Any) -> None:
    assert db.q(query, *inputs) == expected


def test_an_option_of_an_aggregate_has_one_value(db: Db) -> None:
    with pytest.raises(QueryError, match=r"\?m in \(max \?m \?n\) has no one value") as caught:
        db.q("[:find (max ?m ?n) :where [?e :n ?n] [?e :m ?m]]")
    assert caught.value.code == "query/inputs"


def test_equal_nodes_are_not_unequal() -> None:
    query = "[:find ?x :where [?x :a 1]]"
    assert not Constant(1) != Constant(1)  # noqa: SIM202
    assert not parse_query(query) != parse_query(parse_query(query).text + " ")  # noqa: SIM202
