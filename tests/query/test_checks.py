"""Static checks: what is wrong with a query is told on an empty store too, word for word, and under the mistake."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import factstore
from factstore import Db, FactstoreError, InvalidValue, QueryError
from factstore.edn import read

AGE = "[?x :person/age ?a]"
NAMES = "; did you mean :person/name or :person/age or :person/born?"

REFUSED: list[tuple[str, str, str]] = [
    (f"[:find ?b :where {AGE} ^[(inc ?a ?a) ?b]]", "query/arity", "[(inc ?a ?a) ?b] has 2 arguments: inc takes 1"),
    (f"[:find ?b :where {AGE} ^[(subs ?a) ?b]]", "query/arity", "[(subs ?a) ?b] has 1 argument: subs takes 2 to 3"),
    (
        f"[:find ?b :where {AGE} ^[(twice ?a ?a) ?b]]",
        "query/arity",
        "[(twice ?a ?a) ?b] has 2 arguments: twice takes 1",
    ),
    (f"[:find ?b :where {AGE} ^[(twce ?a) ?b]]", "query/unknown-function", "no function twce: did you mean twice"),
    (f"[:find ^(cout ?a) :where {AGE}]", "query/unknown-function", "no aggregate cout: did you mean count"),
    (f"[:find ^(count 3 ?a) :where {AGE}]", "query/arity", "(count 3 ?a) has 2 arguments: count takes 1"),
    (f"[:find ^(sample ?a) :where {AGE}]", "query/arity", "(sample ?a) has 1 argument: sample takes 2"),
    (
        f'[:find (max ^"x" ?a) :where {AGE}]',
        "query/type-mismatch",
        '"x" in (max "x" ?a) is no count: expected a whole number from 0',
    ),
    (
        f"[:find (max ^?n ?a) :where {AGE} [?x :person/boss ?n]]",
        "query/inputs",
        "?n in (max ?n ?a) has no one value: expected a constant or an input ?x of :in",
    ),
    (
        f"[:find (pull ?x [^:person/nme]) :where {AGE}]",
        "query/unknown-attribute",
        f"no attribute :person/nme{NAMES}",
    ),
    (
        f"[:find (pull ?x [{{:person/boss [^:person/nme]}}]) :where {AGE}]",
        "query/unknown-attribute",
        f"no attribute :person/nme{NAMES}",
    ),
    (
        f"[:find (pull ?x [{{^:person/age [*]}}]) :where {AGE}]",
        "query/pull-not-a-ref",
        "{:person/age [*]} follows :person/age, a long: expected a ref",
    ),
    (
        f"[:find (pull ?x [[^:person/age :xform up]]) :where {AGE}]",
        "query/unknown-function",
        "no function up for :xform in [:person/age :xform up]: expected one that was registered",
    ),
    (
        f"[:find ?b :where {AGE} [(get-else $ ?x ^:person/nme 1) ?b]]",
        "query/unknown-attribute",
        f"no attribute :person/nme{NAMES}",
    ),
    (
        f"[:find ?b :where {AGE} [(get-some $ ?x ^:person/nme) [_ ?b]]]",
        "query/unknown-attribute",
        f"no attribute :person/nme{NAMES}",
    ),
    (
        f"[:find ?x :where {AGE} [(missing? $ ?x ^:person/nme)]]",
        "query/unknown-attribute",
        f"no attribute :person/nme{NAMES}",
    ),
    (
        f"[:find ?b :where {AGE} [(get-else $ ?x :person/name 1) ^[?b ?c]]]",
        "query/binding",
        "[(get-else $ ?x :person/name 1) [?b ?c]] gives one value: expected ?x or _ after it",
    ),
    (f"[:find ?x :where {AGE} (not [?x ^:person/nme])]", "query/unknown-attribute", f"no attribute :person/nme{NAMES}"),
    # Another clause would have left nothing to go wrong with.
    (
        f"[:find ?x :where [?x :person/age 99999] {AGE} [(< ?a ^?n)]]",
        "query/unbound",
        "?n in [(< ?a ?n)] cannot be bound by any clause",
    ),
    (f"[:find ?x :where {AGE} ^(bss ?x ?y)]", "query/unknown-rule", "no rule bss: did you mean boss"),
]

RULES = "[[(boss ?a ?b) [?a :person/boss ?b]]]"
NEVER_CALLED: list[tuple[str, str]] = [
    ("[[(r ?x) [?x ^:person/nme]]]", "query/unknown-attribute"),
    ("[[(r ?x) [?x :person/age ?a] ^[(twce ?a) ?b]]]", "query/unknown-function"),
    ("[[(r ?x) [?x :person/age ?a] [(get-else $ ?x ^:person/nme 1) ?b]]]", "query/unknown-attribute"),
    ("[[(r ?x) [?x :person/age] [(< ?x ^?q)]] [(s ?x) (r ?x) (s ?x)]]", "query/unbound"),
]


def twice(x: Any) -> Any:
    """A function that a caller registers."""
    return x * 2


@pytest.fixture(scope="module", params=["empty", "full"])
def db(request: pytest.FixtureRequest) -> Db:
    conn = factstore.connect("memory:")
    types = {"name": "string", "age": "long", "boss": "ref", "born": "instant"}
    one = {"db/cardinality": "db.cardinality/one"}
    conn.transact([{**one, "db/ident": f"person/{n}", "db/valueType": f"db.type/{vt}"} for n, vt in types.items()])
    if request.param == "full":
        conn.transact([{"db/id": "a", "person/age": 30, "person/boss": "b"}, {"db/id": "b", "person/name": "ben"}])
    return conn.db()


def refusal(db: Db, query: Any, *inputs: Any, rules: str = RULES) -> FactstoreError:
    with pytest.raises(FactstoreError) as caught:
        db.q(query, *inputs, rules=rules, functions={"twice": twice})
    return caught.value


def check_place(error: FactstoreError, marked: str) -> None:
    """Raises unless the caret of the error stands where ``^`` is in the text."""
    column = marked.index("^") + 1
    assert (error.data["line"], error.data["column"]) == (1, column)
    *_, shown, under = error.message.split("\n")
    assert shown[under.index("^")] == marked[column]


@pytest.mark.parametrize(("marked", "code", "message"), REFUSED)
def test_a_query_is_refused_before_it_runs(db: Db, marked: str, code: str, message: str) -> None:
    error = refusal(db, marked.replace("^", ""))
    place = f", at <query>:1:{marked.index('^') + 1}"
    assert (error.code, error.message.split("\n")[0]) == (code, message + place)
    check_place(error, marked)


@pytest.mark.parametrize(("marked", "code"), NEVER_CALLED)
def test_a_rule_is_refused_though_nobody_calls_it(db: Db, marked: str, code: str) -> None:
    error = refusal(db, "[:find ?x :where [?x :person/age]]", rules=marked.replace("^", ""))
    assert error.code == code
    check_place(error, marked)


def test_a_query_of_data_is_shown_as_text(db: Db) -> None:
    error = refusal(db, read("[:find ?x :where [?x :person/nme]]"))
    assert str(error) == (
        f"query/unknown-attribute: no attribute :person/nme{NAMES}, at <query>:1:22\n"
        "  | [:find ?x :where [?x :person/nme]]\n"
        "  |                      ^"
    )


def test_a_pattern_given_as_input_is_checked_on_an_empty_store(db: Db) -> None:
    query = "[:find (pull ?x p) :in $ p :where [?x :person/age]]"
    assert refusal(db, query, "[:person/nme]").code == "query/unknown-attribute"


@pytest.mark.parametrize("time", [date(2020, 1, 1), datetime(2020, 1, 1), np.datetime64("2020-01-01")])
@pytest.mark.parametrize(
    "shape", [("?t", lambda t: t), ("[?t ...]", lambda t: [1, t]), ("[[?t _]]", lambda t: [(t, 1)])]
)
def test_a_time_that_is_no_moment_is_refused(db: Db, time: Any, shape: Any) -> None:
    binding, given = shape
    with pytest.raises(InvalidValue, match="expected a datetime with a time zone") as caught:
        db.q(f"[:find ?x :in $ {binding} :where [?x :person/born ?t]]", given(time))
    assert (caught.value.code, caught.value.data["column"]) == ("value/wrong-type", 17)


def test_a_numpy_scalar_is_the_value_it_stands_for(db: Db) -> None:
    query = "[:find ?a ?b :in ?a [?b ...]]"
    assert db.q(query, np.int64(3), [np.float64(0.5), np.bool_(True)]) == {(3, 0.5), (3, True)}


@pytest.mark.parametrize("value", [10**50_000, Decimal("NaN")], ids=["huge", "nan"])
def test_a_number_that_no_store_holds_is_refused(db: Db, value: Any) -> None:
    for query, given in (("?n", value), ("[?n ...]", [value, 1]), ("[?n ...]", [value]), ("$n", [(value,)])):
        with pytest.raises(InvalidValue):
            db.q(f"[:find ?x :in $ {query} :where [?x :person/age ?a]]", given)


def test_an_array_given_for_one_value_breaks_nothing(db: Db) -> None:
    assert db.q("[:find ?x :in $ ?n :where [?x :person/born ?a] [(< ?a ?n)]]", np.array([1, 2])) == []


WARNED: list[tuple[str, list[str]]] = [
    ('[:find ?x :where [?x :person/age ^"30"]]', ['"30" is never a value of :person/age, which is a long']),
    (
        "[:find ?x :where [?x :person/name ?n] ^[(< ?n 3)]]",
        ["?n (str) and 3 (number) have no order between them"],
    ),
    (
        "[:find ?x :where [?x :person/born ?t] ^[(< ?t 3)]]",
        ["?t (datetime) and 3 (number) have no order between them"],
    ),
    (
        '[:find ?x :where [?x :person/age ?n] ^[(= ?n "a")]]',
        ['?n (number) and "a" (str) are never equal'],
    ),
    (
        "[:find ?x :where [?x :person/name ?n] [?y :person/age ^?n]]",
        ["?n can have no value: here it is a long (of :person/age), elsewhere a string (of :person/name)"],
    ),
    (
        "[:find ?x :where [?x :person/name ?n] [^?n :person/age 3]]",
        ["?n can have no value: here it is an entity (of :person/age), elsewhere a string (of :person/name)"],
    ),
    (
        '[:find ?x :where [?x :person/boss ?y] (not [?y :person/age ^"a"])]',
        ['"a" is never a value of :person/age, which is a long'],
    ),
    ("[:find ?x :where [?x :person/boss ?y] [?y :person/age ?a] [(< ?a 3.5)]]", []),
    ("[:find ?x :where [?x :person/age ?y] [?y :person/name]]", []),
    ("[:find ?x :in $ ?n :where [?x :person/name ?n]]", []),
]


@pytest.mark.parametrize(("marked", "messages"), WARNED)
def test_explain_warns_of_what_can_never_be(db: Db, marked: str, messages: list[str]) -> None:
    query = marked.replace("^", "")
    inputs = ("ann",) if "$ ?n" in query else ()
    warnings = db.explain(query, *inputs).warnings
    assert [warning.message.partition(", at ")[0] for warning in warnings] == messages
    for warning in warnings:
        assert (warning.line, warning.column) == (1, marked.index("^") + 1)
        assert warning.message.endswith("^")


def test_explain_warns_of_rules_that_make_values_without_end(db: Db) -> None:
    rules = "[[(n ?x) [_ :person/age ?x]] [(n ?x) (n ?y) [(inc ?y) ?x]]]"
    (warning,) = db.explain("[:find ?x :where (n ?x)]", rules=rules).warnings
    assert warning.code == "plan/endless"
    assert warning.message.startswith("the rule n makes new values of old ones by [(inc ?y) ?x], and may never end")


def test_a_warning_never_stops_a_query(db: Db) -> None:
    assert db.q('[:find ?x :where [?x :person/age "30"]]') == []


def test_an_error_says_query_error(db: Db) -> None:
    assert isinstance(refusal(db, "[:find (pull ?x [:person/nme]) :where [?x :person/age]]"), QueryError)
