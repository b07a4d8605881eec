"""What Clojure programs write around and in their queries is read, or refused, and never misread."""

from __future__ import annotations

from typing import Any

import pytest

import factstore
from factstore import Db, EdnError, Keyword, QueryError


@pytest.fixture(scope="module")
def db() -> Db:
    conn = factstore.connect("memory:")
    one = {"db/cardinality": "db.cardinality/one"}
    conn.transact(
        [
            {"db/ident": "name", "db/valueType": "db.type/string", "db/unique": "db.unique/identity", **one},
            {"db/ident": "age", "db/valueType": "db.type/long", **one},
            {"db/ident": "boss", "db/valueType": "db.type/ref", **one},
        ]
    )
    conn.transact([{"db/id": "a", "name": "ann", "age": 30}, {"name": "o'ben", "boss": "a"}])
    return conn.db()


ANSWERED: dict[str, tuple[str, tuple[Any, ...], Any]] = {
    "a quote before the query": ("'[:find [?n ...] :where [_ :name ?n]]", (), {"ann", "o'ben"}),
    "a quote before a query in it": ("[:find ?x . :where [(q '[:find (max ?a) . :where [_ :age ?a]] $) ?x]]", (), 30),
    "a quote in a string stays": ('[:find ?a . :where [?e :name "o\'ben"] [?e :boss ?b] [?b :age ?a]]', (), 30),
    "a quote in a comment stays": ("[:find ?a . ; don't\n :where [_ :age ?a]]", (), 30),
    "a quote at the end of a name stays": ("[:find ?a' . :where [_ :age ?a']]", (), 30),
    "quoted rules": ("[:find [?n ...] :in $ % :where (r ?n)]", ('\'[[(r ?n) [_ :name ?n] [(< "b" ?n)]]]',), {"o'ben"}),
    "a type hint": ('[:find [?n ...] :where [_ :name ?n] [(.contains ^String ?n "nn")]]', (), {"ann"}),
    "a regular expression": (r'[:find [?x ...] :where [_ :name ?n] [(re-find #"^\w" ?n) ?x]]', (), {"a", "o"}),
    "a quote in a regular expression": (r"""[:find ?n . :where [_ :name ?n] [(re-find #"'b" ?n)]]""", (), "o'ben"),
    "commas, and a form left out": ("{:find, [?a .], #_:with #_[?e], :where, [[_, :age, ?a]]}", (), 30),
    "an attribute given to get-else": (
        "[:find [?v ...] :in $ ?a :where [_ :name ?n] [?e :name ?n] [(get-else $ ?e ?a 0) ?v]]",
        (Keyword("age"),),
        {30, 0},
    ),
    "get-some as one value": (
        '[:find ?v . :where [?e :name "ann"] [(get-some $ ?e :boss :age) ?v]]',
        (),
        (Keyword("age"), 30),
    ),
    "rows longer than a datom": (
        "[:find ?a ?g :in $c :where [$c ?a _ _ _ _ _ ?g]]",
        ([tuple("abcdefgh"), (1, 2)],),
        {("a", "g")},
    ),
}


@pytest.mark.parametrize(("query", "inputs", "expected"), ANSWERED.values(), ids=ANSWERED)
def test_it_is_read(db: Db, query: str, inputs: tuple[Any, ...], expected: Any) -> None:
    assert db.q(query, *inputs) == expected


def test_an_error_behind_a_quote_is_shown_where_it_is(db: Db) -> None:
    with pytest.raises(QueryError) as caught:
        db.q("'[:find ?n :where [_ :nmae ?n]]")
    assert (caught.value.data["column"], caught.value.data["line"]) == (22, 1)


def test_a_regular_expression_is_data_too(db: Db) -> None:
    query = factstore.edn.read(r'[:find ?n . :where [_ :name ?n] [(re-find #"a\"?\w{2}" ?n)]]')
    assert factstore.edn.read(factstore.edn.write(query)) == query
    assert db.q(query) == "ann"
    with pytest.raises(EdnError, match="no regular expression"):
        factstore.edn.read('#"(a"')


def test_a_datom_has_five_places(db: Db) -> None:
    with pytest.raises(QueryError) as caught:
        db.q("[:find ?x :in $ $2 :where [$2 ?a _ _ _ _ ?x]]", db)
    assert caught.value.code == "query/arity"


RULES = """[[(under [?b] ?e) [?e :boss ?b]]
            [(apart ?a ?b) [?a :name] [?b :name] [(!= ?a ?b)]]
            [(apart* ?a ?b) (apart ?a ?b)] [(apart* ?a ?b) (apart ?a ?x) (apart* ?x ?b) [(!= ?a ?b)]]]"""


def test_a_blank_for_what_a_rule_requires_is_refused(db: Db) -> None:
    """Also where the rule does not recurse, and its body could bind it."""
    with pytest.raises(QueryError) as caught:
        db.q("[:find ?e :where (under _ ?e)]", rules=RULES)
    assert caught.value.code == "query/unbound"


@pytest.mark.parametrize("rule", ["apart", "apart*"])
def test_functions_in_a_rule_see_the_entity_that_a_lookup_ref_names(db: Db, rule: str) -> None:
    """Whether or not the rule recurses; ``!=`` saw the lookup ref itself, where it does not."""
    assert db.q(f'[:find [?n ...] :where ({rule} [:name "ann"] ?b) [?b :name ?n]]', rules=RULES) == {"o'ben"}


def test_a_constant_in_a_call_is_bound_where_the_rule_negates(db: Db) -> None:
    """Of what the negation shares with the rest, nothing was left once the call had been replaced by the body."""
    rules = """[[(idle ?e) [?e :name] (not [?e :age])] [(lone ?e ?n) [_ :name ?n] (not [?x :boss ?e])]
                [(deep ?e ?n) [_ :name ?n] (or-join [?e] (and [?e :name] (not [?e :age])))]]"""
    ann, ben = db.entid(["name", "ann"]), db.entid(["name", "o'ben"])
    for name, found in [("lone", {ben}), ("deep", {ben})]:
        for entity in (ann, ben):
            assert bool(db.q(f"[:find ?n :where ({name} {entity} ?n)]", rules=rules)) == (entity in found)
    assert len(db.q(f"[:find ?n :where [_ :name ?n] (idle {ben})]", rules=rules)) == 2
