"""Every way a query is refused: the code, and the place the caret points to."""

from __future__ import annotations

from typing import Any

import pytest

import factstore
from factstore import Db, FactstoreError, QueryError

RULES = "[[(boss ?a ?b) [?a :person/boss ?b]] [(old [?a]) [?x :person/age ?a] [(> ?a 40)]]]"
AGE = "[?x :person/age ?a]"

QUERIES: list[tuple[str, str]] = [
    ("[:find ^1 :where [?x :person/age]]", "query/syntax"),
    ("[:find ^?z :where [?x :person/age]]", "query/syntax"),
    ("[:find ?x :with ^?z :where [?x :person/age]]", "query/syntax"),
    ("[:find ?x :with ^?x :where [?x :person/age]]", "query/syntax"),
    ("[:find ?x :where [?x :person/age] :order-by ^?y]", "query/syntax"),
    ("[:find ?x :where [?x :person/age] :limit ^-1]", "query/syntax"),
    ("[:find ?x ^:were [?x :person/age]]", "query/syntax"),
    ("[:find ^(pull ?x p) :where [?x :person/age]]", "query/syntax"),
    (f"[:find ?x ?a :keys ^x :where {AGE}]", "query/syntax"),
    (f"[:find ?x :keys x ^:strs x :where {AGE}]", "query/syntax"),
    (f"[:find [?x ...] ^:keys x :where {AGE}]", "query/syntax"),
    ("[:find ?x :where [^$2 ?x :person/age]]", "query/syntax"),
    # DataScript takes patterns of any length over collections; here five places are all there are.
    ("[:find ?x :where ^[?x :a ?b ?c ?d ?e]]", "query/syntax"),
    ("[:find ?x :where ^[?x :person/age", "edn/syntax"),
    ("[:find ?x :where [?x :person/age] [(< ?x ^?y)]]", "query/unbound"),
    # DataScript says nothing where no row gets as far.
    ("[:find ?x :where [?x :person/age 99] [(inc ^?y) ?z]]", "query/unbound"),
    ("[:find ?x\n :where [?x :person/age ?a]\n  [(< ^?b ?a)]]", "query/unbound"),
    ("[:find ?x :where [?x :person/age] ^(not [?y :person/age ?z])]", "query/unbound"),
    ("[:find ?x :where [?x :person/age] ^(not-join [?y] [?y :person/age])]", "query/unbound"),
    ("[:find ?x :where [?x :person/age] (or-join [[^?n]] [(> ?n 1)])]", "query/unbound"),
    ("[:find ?x :where [?x :person/age] (old ^?n)]", "query/unbound"),
    ("[:find ?x :where (boss _ ?x) ^(old _)]", "query/unbound"),
    ("[:find ?x :where ^(or [?x :person/age ?y] [?x :person/name])]", "query/or-branches"),
    ("[:find ?x :where (or-join [?x ?y] [?x :person/age ?y] ^[?x :person/name])]", "query/or-branches"),
    # DataScript and Datalevin find nothing; a name that was mistyped should not look like an empty answer.
    ("[:find ?x :where [?x ^:person/agee]]", "query/unknown-attribute"),
    (f"[:find ?x :where {AGE} ^[(os.system ?a)]]", "query/unknown-function"),
    (f"[:find ^(total ?a) :where {AGE}]", "query/unknown-function"),
    ("[:find ?x :where ^(bos ?x ?y)]", "query/unknown-rule"),
    ("[:find ?x :where ^(boss ?x)]", "query/arity"),
    (f"[:find ?x :where {AGE} ^[(get-else $ ?x :person/name nil) ?n]]", "query/arity"),
    (f"[:find ?x :where {AGE} ^[(missing? $ ?x)]]", "query/arity"),
    ('[:find ?a :where [^[:person/name "zed"] :person/age ?a]]', "query/not-an-entity"),
    ("[:find ?x :where [?x :person/boss ^:mood/bad]]", "query/not-an-entity"),
    # DataScript orders values of different types; an order nobody meant is worse than none.
    (f'[:find ?x :where {AGE} ^[(< ?a "x")]]', "query/type-mismatch"),
    (f"[:find ?x :where {AGE} ^[(/ ?a 0) ?b]]", "query/function-failed"),
    (f"[:find ?x :where {AGE} [(untuple ?a) ^[?b ?c]]]", "query/binding"),
]

INPUTS: list[tuple[str, tuple[Any, ...], str]] = [
    ("[:find ?x :in ?x ^?x]", (1, 1), "query/syntax"),
    ("^[:find ?x :in $ ?x ?y :where [?x :person/age ?y]]", (1,), "query/inputs"),
    ("^[:find ?x :in $ ?x :where [?x :person/age ?y]]", (1, 2), "query/inputs"),
    ("[:find ?x :in ^?x]", (None,), "query/inputs"),
    ("[:find ?x :in ^$s :where [$s ?x]]", (7,), "query/inputs"),
    ("[:find ?x ?y :in ^[?x ?y]]", ([1],), "query/binding"),
    ("[:find ?x :in ^[?x ...]]", ("abc",), "query/binding"),
    ("[:find ?x :in ^[?x ...]]", (7,), "query/binding"),
    ("[:find ^(max ?x) :in [?x ...]]", ([1, "a"],), "query/type-mismatch"),
    ("[:find ?x :in $ ?a :where [?x ^?a]]", ("person/agee",), "query/unknown-attribute"),
]

REFUSED_RULES: list[tuple[str, str]] = [
    ("[[(r ?x ^?y) [?x :person/age]]]", "query/unbound"),
    ("[[(r ?x) [?x :person/age] [(< ?x ^?q)]]]", "query/unbound"),
    ("[[(r ?x) [?x :person/age] [(< ?x ^?q)]] [(r ?x) (r ?x)]]", "query/unbound"),
    ("[[(r ?x) [?x :person/age]] [^(r ?x ?y) [?x :person/age ?y]]]", "query/arity"),
    ("[[(r ?x) [?x :person/age] (not ^(r ?x))]]", "query/unstratifiable"),
    ("[[^(r) [?x :person/age]]]", "query/syntax"),
    ("[^[(r ?x)]]", "query/syntax"),
    ("[[(r ?x ^?x) [?x :person/age]]]", "query/syntax"),
    ("[[(r ?x) ^(s ?x)]]", "query/unknown-rule"),
    ("[[(r ?x) [?x ^:person/agee]]]", "query/unknown-attribute"),
]


@pytest.fixture(scope="module")
def db() -> Db:
    conn = factstore.connect("memory:")
    types = {"name": "string", "age": "long", "boss": "ref"}
    one = {"db/cardinality": "db.cardinality/one"}
    conn.transact([{**one, "db/ident": f"person/{n}", "db/valueType": f"db.type/{vt}"} for n, vt in types.items()])
    conn.transact([["db/add", db_id, "db/unique", "db.unique/identity"] for db_id in ["person/name"]])
    conn.transact([{"person/name": "ann", "person/age": 30}, {"person/name": "ben", "person/age": 20}])
    return conn.db()


def refusal(db: Db, query: str, *inputs: Any, rules: str = RULES) -> FactstoreError:
    with pytest.raises(FactstoreError) as caught:
        db.q(query, *inputs, rules=rules)
    return caught.value


def check(error: FactstoreError, marked: str, code: str) -> None:
    """Raises unless the error has the code, and its caret stands where ``^`` is in the text."""
    before = marked.split("^", maxsplit=1)[0]
    column = len(before) - before.rfind("\n")
    assert (error.code, error.data["line"], error.data["column"]) == (code, before.count("\n") + 1, column)
    *_, shown, under = error.message.split("\n")
    assert under.index("^") - len("  | ") == column - 1
    assert shown == f"  | {marked.replace('^', '').splitlines()[before.count(chr(10))]}"


@pytest.mark.parametrize(("marked", "code"), QUERIES)
def test_a_query_is_refused_at(db: Db, marked: str, code: str) -> None:
    check(refusal(db, marked.replace("^", "")), marked, code)


@pytest.mark.parametrize(("marked", "inputs", "code"), INPUTS)
def test_inputs_are_refused_at(db: Db, marked: str, inputs: tuple[Any, ...], code: str) -> None:
    check(refusal(db, marked.replace("^", ""), *inputs), marked, code)


@pytest.mark.parametrize(("marked", "code"), REFUSED_RULES)
def test_rules_are_refused_at(db: Db, marked: str, code: str) -> None:
    check(refusal(db, "[:find ?x :where (r ?x)]", rules=marked.replace("^", "")), marked, code)


def test_near_names_are_told(db: Db) -> None:
    assert "did you mean :person/age" in refusal(db, "[:find ?x :where [?x :person/agee]]").message
    assert "did you mean boss" in refusal(db, "[:find ?x :where (bos ?x ?y)]").message


def test_the_variables_of_a_rule_are_told_as_they_are_written(db: Db) -> None:
    error = refusal(db, "[:find ?x :where (r ?x)]", rules="[[(r ?x) [?x :person/age] [(< ?x ?q)]]]")
    assert error.message.startswith("?q in [(< ?x ?q)] cannot be bound")
    assert error.data["variables"] == ["?q"]


def test_what_is_too_large_is_refused(db: Db) -> None:
    query = "[:find ?x ?y :where [?x :person/age] [?y :person/age] :max-rows %d]"
    assert refusal(db, query % 3).code == "query/too-large"
    assert len(db.q(query % 4)) == 4


def test_what_takes_too_long_is_refused(db: Db) -> None:
    with pytest.raises(FactstoreError) as caught:
        db.q("[:find ?x ?y :where [?x :person/age] [?y :person/name]]", timeout=0.0)
    assert caught.value.code == "query/timeout"


@pytest.mark.parametrize("query", [7, None, b"[:find ?x]"])
def test_what_is_no_query_is_refused(db: Db, query: Any) -> None:
    assert refusal(db, query).code == "query/syntax"


def test_an_implicit_source_that_is_not_given_is_named(db: Db) -> None:
    with pytest.raises(QueryError, match="the source \\$ is not given") as caught:
        db.q("[:find ?x . :in [?x ...] :where [?x :person/name]]", [1])
    assert caught.value.code == "query/unknown-source"


@pytest.mark.parametrize("given", [[1], ["ab"], 5, "ab"])
def test_a_source_that_is_no_rows_is_refused(db: Db, given: object) -> None:
    with pytest.raises(QueryError) as caught:
        db.q("[:find ?x :in $ $d :where [$d ?x]]", given)
    assert caught.value.code == "query/inputs"


def test_a_nested_query_is_no_aggregate(db: Db) -> None:
    with pytest.raises(QueryError) as caught:
        db.q("[:find (q ?n) :where [_ :person/name ?n]]")
    assert caught.value.code == "query/unknown-function"
