"""Attribute predicates and entity specs: what a value, and an entity, must pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from factstore.errors import SchemaError
from factstore.tx import speculate
from factstore.values import Symbol
from tests.tx.tx_store import START, Store, attribute

CALLS: list[Any] = []


def short(value: str) -> bool:
    CALLS.append(value)
    return len(value) <= 3


def broken(value: Any) -> bool:
    raise ValueError("out of order")


def adult(db: Any, entity: int) -> Any:
    ages = db.datoms("p/age", e=entity)
    return bool(ages) and ages[0].v >= 18


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "app/short?": short,
    ":app/even?": lambda value: value % 2 == 0,
    "app/broken": broken,
    "app/count": len,
    "app/adult?": adult,
    "app/never": lambda db, entity: None,
}
SCHEMA = [
    attribute("p/code", "string", many=True) | {"db.attr/preds": ["app/short?"]},
    attribute("p/even", "long") | {"db.attr/preds": "app/even?"},
    attribute("p/odd", "long") | {"db.attr/preds": Symbol("app/missing")},
    attribute("p/bad", "string") | {"db.attr/preds": "app/broken"},
    attribute("p/counted", "string") | {"db.attr/preds": "app/count"},
    attribute("p/age", "long"),
    attribute("p/name", "string", unique="identity"),
    {"db/ident": "p/guard", "db.entity/attrs": ["p/name", "p/age"], "db.entity/preds": "app/adult?"},
    {"db/ident": "p/named", "db.entity/attrs": ["p/name"]},
    {"db/ident": "p/closed", "db.entity/preds": ["app/never"]},
    {"db/ident": "color/red"},
]


@pytest.fixture
def store() -> Store:
    CALLS.clear()
    return Store(SCHEMA, FUNCTIONS)


def test_a_value_that_passes_is_written(store: Store) -> None:
    e = store.transact([{"db/id": "x", "p/code": ["abc"], "p/even": 4}]).tempids["x"]
    assert store.of(e) == {"p/code": {"abc"}, "p/even": 4}


def test_a_value_that_does_not_pass_is_refused_with_all_there_is_to_know(store: Store) -> None:
    error = store.refused([{"p/even": 2}, {"p/even": 3}], "tx/attribute-predicate")
    assert "3 as :p/even: the predicate app/even? returned False, expected True, in form 1" in error.message
    assert (error.data["attribute"], error.data["value"], error.data["predicate"]) == ("p/even", 3, "app/even?")


def test_only_true_will_do(store: Store) -> None:
    assert "returned 3" in store.refused([{"p/counted": "abc"}], "tx/attribute-predicate").message


def test_a_predicate_that_raises_is_told_with_its_message(store: Store) -> None:
    assert "raised ValueError: out of order" in store.refused([{"p/bad": "x"}], "tx/attribute-predicate").message


def test_a_predicate_nobody_registered_is_named_when_it_is_needed(store: Store) -> None:
    error = store.refused([{"p/odd": 1}], "tx/unknown-predicate")
    assert ":p/odd names the predicate app/missing" in error.message
    assert "app/even?" in error.message


def test_a_predicate_is_called_once_for_each_distinct_new_value(store: Store) -> None:
    e = store.transact([{"db/id": "x", "p/code": ["old"]}]).tempids["x"]
    CALLS.clear()
    store.transact([{"db/id": e, "p/code": ["old", "new"]}, *({"p/code": ["new"]} for _ in range(50))])
    assert sorted(CALLS) == ["new"]
    CALLS.clear()
    store.transact([{"db/id": e, "p/code": ["old"]}, ["db/retract", e, "p/code", "new"]])
    assert CALLS == []


def test_a_new_predicate_judges_what_comes_after_it(store: Store) -> None:
    e = store.transact([{"db/id": "x", "p/name": "long name"}]).tempids["x"]
    store.transact([{"db/id": "p/name", "db.attr/preds": "app/short?"}])
    store.refused([{"p/name": "longer name"}], "tx/attribute-predicate")
    store.transact([["db/retract", "p/name", "db.attr/preds", "app/short?"]])
    assert store.schema.attribute("p/name").preds == ()
    store.transact([{"db/id": e, "p/name": "longer name"}])


def test_a_value_set_by_cas_is_judged(store: Store) -> None:
    e = store.transact([{"db/id": "x", "p/even": 2}]).tempids["x"]
    store.refused([["db/cas", e, "p/even", 2, 3]], "tx/attribute-predicate")


def test_an_entity_that_meets_its_spec_is_written_and_the_spec_is_not(store: Store) -> None:
    e = store.transact([{"db/id": "x", "p/name": "Ann", "p/age": 40, "db/ensure": "p/guard"}]).tempids["x"]
    assert store.of(e) == {"p/name": "Ann", "p/age": 40}
    assert store.db.datoms("db/ensure") == []


@pytest.mark.parametrize(
    "ensure",
    [
        lambda spec: [{"db/id": "x", "p/name": "Ann", "db/ensure": spec}],
        lambda spec: [["db/add", "x", "db/ensure", spec], ["db/add", "x", "p/name", "Ann"]],
    ],
)
def test_missing_attributes_are_named(store: Store, ensure: Any) -> None:
    guard = store.db.entid("p/guard")
    for spec in ("p/guard", ":p/guard", guard, ["db/ident", "p/guard"]):
        error = store.refused(ensure(spec), "tx/ensure-failed")
        assert "does not meet the spec :p/guard: it lacks :p/age" in error.message
        assert (error.data["spec"], error.data["missing"]) == ("p/guard", ["p/age"])


def test_a_spec_sees_the_facts_before_and_those_of_the_transaction(store: Store) -> None:
    e = store.transact([{"db/id": "x", "p/name": "Ann"}]).tempids["x"]
    store.transact([{"db/id": e, "p/age": 20}, ["db/add", e, "db/ensure", "p/guard"]])
    store.refused([["db/retract", e, "p/name"], ["db/add", e, "db/ensure", "p/guard"]], "tx/ensure-failed")
    store.refused([["db/retractEntity", e], ["db/add", e, "db/ensure", "p/named"]], "tx/ensure-failed")
    store.transact([["db/retract", e, "p/name"]])


def test_a_predicate_of_a_spec_is_asked_of_the_db_after(store: Store) -> None:
    error = store.refused([{"p/name": "Bo", "p/age": 17, "db/ensure": "p/guard"}], "tx/ensure-failed")
    assert "the predicate app/adult? returned False" in error.message
    e = store.transact([{"db/id": "x", "p/name": "Bo", "p/age": 18, "db/ensure": ["p/guard", "p/named"]}]).tempids["x"]
    store.refused([{"db/id": e, "p/age": 3, "db/ensure": "p/guard"}], "tx/ensure-failed")
    store.refused([{"db/id": e, "db/ensure": "p/closed"}], "tx/ensure-failed")


def test_the_db_after_shows_new_strings_names_and_the_transaction() -> None:
    seen: list[Any] = []

    def look(db: Any, entity: int) -> bool:
        seen.append((db.basis_t, db.datoms("p/name", e=entity)[0].v, db.lookup(db.schema.attribute("p/name"), "New")))
        return True

    store = Store([*SCHEMA, {"db/ident": "p/look", "db.entity/preds": "look"}], {"look": look})
    report = store.transact([{"db/id": "x", "p/name": "New", "db/ensure": "p/look"}])
    assert seen == [(report.t, "New", report.tempids["x"])]


def test_a_spec_may_be_defined_where_it_is_first_used(store: Store) -> None:
    spec = {"db/id": "spec", "db/ident": "p/fresh", "db.entity/attrs": ["p/age"]}
    store.refused([spec, {"p/name": "Ann", "db/ensure": "spec"}], "tx/ensure-failed")
    store.transact([spec, {"p/name": "Ann", "p/age": 1, "db/ensure": "spec"}])
    assert [found.ident for found in store.schema.specs] == ["p/closed", "p/fresh", "p/guard", "p/named"]


@pytest.mark.parametrize(
    ("forms", "code"),
    [
        ([{"p/name": "Ann", "db/ensure": "color/red"}], "tx/not-a-spec"),
        ([{"p/name": "Ann", "db/ensure": "p/name"}], "tx/not-a-spec"),
        ([{"p/name": "Ann", "db/ensure": ":no/such"}], "entity/missing"),
        ([{"p/name": "Ann", "db/ensure": ["p/name", "Bo"]}], "entity/missing"),
        ([{"p/name": "Ann", "db/ensure": 99999}], "tx/unknown-entity"),
        ([["db/add", 99999, "db/ensure", "p/closed"]], "tx/unknown-entity"),
        ([["db/add", ["p/name", "Bo"], "db/ensure", "p/closed"]], "entity/missing"),
        ([["db/add", "x", "db/ensure", "p/guard"]], "tx/tempid-not-entity"),
        ([["db/retract", "p/name", "db/ensure", "p/guard"]], "tx/ensure-not-stored"),
        ([["db/cas", "p/name", "db/ensure", None, "p/guard"]], "tx/ensure-not-stored"),
        ([{"db/id": "p/guard", "db/_ensure": "p/name"}], "tx/ensure-not-stored"),
        ([{"p/name": "Ann", "db/ensure": None}], "tx/no-value"),
    ],
)
def test_what_is_no_spec_is_refused(store: Store, forms: Any, code: str) -> None:
    store.refused(forms, code)


def test_a_spec_that_requires_what_is_no_attribute_says_so(store: Store) -> None:
    store.transact([{"db/ident": "p/typo", "db.entity/attrs": ["p/nmae"]}])
    error = store.refused([{"p/name": "Ann", "db/ensure": "p/typo"}], "schema/unknown-attribute")
    assert "did you mean :p/name" in error.message
    assert isinstance(error, SchemaError)


def test_a_spec_that_is_taken_back_is_none(store: Store) -> None:
    store.transact([["db/retract", "p/named", "db.entity/attrs"]])
    store.refused([{"p/name": "Ann", "db/ensure": "p/named"}], "tx/not-a-spec")


def test_a_speculation_is_held_to_the_same(store: Store) -> None:
    for forms, code in (
        ([{"p/even": 3}], "tx/attribute-predicate"),
        ([{"p/name": "Bo", "p/age": 17, "db/ensure": "p/guard"}], "tx/ensure-failed"),
    ):
        with pytest.raises(Exception, match=code):
            speculate(store.db, forms, FUNCTIONS, now=START)
    report = speculate(store.db, [{"db/id": "x", "p/name": "Bo", "p/age": 18}], FUNCTIONS, now=START)
    again = [{"db/id": report.tempids["x"], "p/age": 20, "db/ensure": "p/guard"}]
    assert speculate(report.db_after, again, FUNCTIONS, now=START).datoms[1].v == 20


def test_the_schema_reads_back_as_it_was_said(store: Store) -> None:
    assert store.schema.attribute("p/code").preds == (Symbol("app/short?"),)
    guard = store.schema.spec(store.db.entid("p/guard") or 0)
    assert guard is not None
    assert (guard.ident, guard.attrs, guard.preds) == ("p/guard", ("p/age", "p/name"), ("app/adult?",))
