"""Inputs that name entities: idents and lookup refs mean the entity wherever one is meant, in any order of clauses."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

import factstore
from factstore import Db, Keyword, QueryError

ANN, BEN = ("name", "ann"), ("name", "ben")
PATH = "[[(path ?a ?b) [?a :friend ?b]] [(path ?a ?b) [?a :friend ?c] (path ?c ?b)]]"


@pytest.fixture(scope="module")
def db() -> Db:
    conn = factstore.connect("memory:")
    types = {"name": "string", "age": "long", "color": "ref", "likes": "keyword"}
    attributes = [
        {"db/ident": name, "db/valueType": f"db.type/{vt}", "db/cardinality": "db.cardinality/one"}
        for name, vt in types.items()
    ]
    friend = {"db/ident": "friend", "db/valueType": "db.type/ref", "db/cardinality": "db.cardinality/many"}
    attributes[0]["db/unique"] = "db.unique/identity"
    conn.transact([*attributes, friend, {"db/ident": "red"}])
    people = [("ann", 30, ["ben"]), ("ben", 20, ["cat"]), ("cat", 20, ["ben"]), ("dan", 50, ["ann"])]
    conn.transact(
        [{"db/id": n, "name": n, "age": a, "friend": f, "color": "red", "likes": "red"} for n, a, f in people]
    )
    return conn.db()


QUERIES: dict[str, tuple[list[str], list[Any], Any]] = {
    "in entity place": (["[?x :friend ?f]", "[?f :name ?n]"], [["?x", ANN]], {(ANN, "ben")}),
    "in value place": (["[?f :friend ?x]", "[?f :name ?n]"], [["?x", ANN]], {(ANN, "dan")}),
    "several": (
        ["[?x :friend ?f]", "[?f :name ?n]"],
        [["[?x ...]", [ANN, BEN, ("name", "no")]]],
        {(ANN, "ben"), (BEN, "cat")},
    ),
    "beside ids": (["[?f :friend ?x]", "[?f :name ?n]"], [["[?x ...]", [ANN, 1]]], {(ANN, "dan")}),
    "in a rule": (["(path ?x ?f)", "[?f :name ?n]"], [["?x", ANN]], {(ANN, "ben"), (ANN, "cat")}),
    "in a rule from behind": (["(path ?f ?x)", "[?f :name ?n]"], [["?x", ANN]], {(ANN, "dan")}),
    "several in a rule": (["(path ?f ?x)", "[?f :name ?n]"], [["[?x ...]", [ANN, ("name", "no")]]], {(ANN, "dan")}),
    "in a branch": (
        ["(or [?x :friend ?f] [?f :friend ?x])", "[?f :name ?n]"],
        [["?x", ANN]],
        {(ANN, "ben"), (ANN, "dan")},
    ),
    "in a negation": (["[?f :name ?n]", "(not [?f :friend ?x])", "[?f :age 20]"], [["?x", BEN]], {(BEN, "ben")}),
    "an ident": (["[?f :color ?x]", "[?f :age 30]", "[?f :name ?n]"], [["?x", Keyword("red")]], {("red", "ann")}),
    "an ident that is a value too": (
        ["[?f :color ?x]", "[?f :likes ?x]", "[?f :age 30]", "[?f :name ?n]"],
        [["?x", Keyword("red")]],
        {("red", "ann")},
    ),
    "an attribute": (["[?f ?x 30]", "[?f :name ?n]"], [["?x", Keyword("age")]], {("age", "ann")}),
    "an attribute as a string": (["[?f ?x 30]", "[?f :name ?n]"], [["?x", "age"]], {("age", "ann")}),
    "several attributes": (
        ["[?f ?x ?n]", "[?f :age 30]"],
        [["[?x ...]", ["age", "name"]]],
        {("age", 30), ("name", "ann")},
    ),
}


@pytest.mark.parametrize("case", QUERIES.values(), ids=QUERIES)
def test_a_name_given_in_means_the_entity(db: Db, case: tuple[list[str], list[Any], Any]) -> None:
    clauses, inputs, expected = case
    for order in itertools.permutations(clauses):
        query = f"[:find ?x ?n :in $ {' '.join(form for form, _ in inputs)} :where {' '.join(order)}]"
        assert db.q(query, *(value for _, value in inputs), rules=PATH) == expected, query


def test_a_name_given_in_means_the_entity_in_history(db: Db) -> None:
    query = "[:find [?n ...] :in $ $h ?x :where [$h ?x :friend ?f _ true] [?f :name ?n]]"
    assert db.q(query, db.history(), ANN) == ["ben"]


def test_an_attribute_given_in_has_to_be_one(db: Db) -> None:
    with pytest.raises(QueryError, match="no attribute :aeg; did you mean :age") as caught:
        db.q("[:find ?e :in $ ?a :where [?e ?a]]", Keyword("aeg"))
    assert (caught.value.code, caught.value.data["column"]) == ("query/unknown-attribute", 31)
    with pytest.raises(QueryError, match="no attribute :aeg"):
        db.q("[:find ?e :in $ [?a ...] :where [?e ?a]]", ["name", "aeg"])


RULES = f"""{PATH[1:-1]}
[(has ?e ?a) [?e ?a _]]
[(colored ?e ?c) [?e :color ?c]]
[(colored ?e :red) [?e :age 50]]
[(again ?e ?c) (colored ?e ?c)]
[(again ?e ?c) (path ?e ?f) (again ?f ?c)]
"""


@pytest.mark.parametrize(
    ("where", "names"),
    {
        '(path [:name "ann"] ?x)': "ben cat",
        '(path ?x [:name "ann"])': "dan",
        "(has ?x :likes)": "ann ben cat dan",
        "(colored ?x :red) [?x :age 20]": "ben cat",
        "(again ?x :red) [?x :age 30]": "ann",
        '[?x :age 20] (not (path ?x [:name "ann"]))': "ben cat",
    }.items(),
)
def test_a_name_in_a_call_means_the_entity(db: Db, where: str, names: str) -> None:
    assert db.q(f"[:find [?n ...] :where {where} [?x :name ?n]]", rules=RULES) == set(names.split())


def test_a_name_in_a_call_has_to_name_something(db: Db) -> None:
    with pytest.raises(QueryError, match=r'\[:name "no"\] names no entity') as caught:
        db.q('[:find ?x :where (path [:name "no"] ?x)]', rules=PATH)
    assert (caught.value.code, caught.value.data["column"]) == ("query/not-an-entity", 24)


@pytest.mark.parametrize("order", [1, -1])
def test_what_a_clause_binds_is_no_name(db: Db, order: int) -> None:
    """Else the answer would depend on which clause runs first."""
    clauses = ["[?e :likes ?x]", "[?f :color ?x]"][::order]
    assert db.q(f"[:find ?e ?f :where {' '.join(clauses)}]") == []
