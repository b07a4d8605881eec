"""What is written: nothing redundant, nothing absent, no contradiction."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tx.tx_store import Store, changed, person


def test_saying_it_again_writes_nothing_and_makes_no_dictionary_entry() -> None:
    store = Store()
    e = store.add(name="Ann", alias=["a"], email="a@b")
    again = store.transact([person(e, name="Ann", alias=["a", "a"]), ["db/add", e, "person/name", "Ann"]])
    assert changed(again) == []
    assert len(again.datoms) == 1


def test_a_replaced_value_is_retracted_first() -> None:
    store = Store()
    e = store.add(name="Ann")
    report = store.transact([["db/add", e, "person/name", "Bea"]])
    assert changed(report) == [(e, "person/name", "Ann", False), (e, "person/name", "Bea", True)]


def test_many_values_add_up() -> None:
    store = Store()
    e = store.add(alias=["a"])
    assert changed(store.transact([person(e, alias=["b"])])) == [(e, "person/alias", "b", True)]


@pytest.mark.parametrize(
    "retraction",
    [
        lambda e: ["db/retract", e, "person/name", "Other"],
        lambda e: ["db/retract", e, "person/age"],
        lambda e: ["db/retract", e, "person/admin", False],
        lambda e: ["db/retract", ["person/email", "nobody"], "person/name"],
        lambda e: ["db/retract", 99999, "person/name", "Ann"],
        lambda e: ["db/retractEntity", 99999],
        lambda e: ["db/retractEntity", ["person/email", "nobody"]],
        lambda e: ["db/retract", e, "person/friend", ["person/email", "nobody"]],
    ],
)
def test_retracting_what_is_not_there_does_nothing(retraction: Any) -> None:
    store = Store()
    e = store.add(name="Ann")
    assert changed(store.transact([retraction(e), retraction(e)])) == []


def test_a_false_value_is_a_value() -> None:
    store = Store()
    e = store.add(admin=True)
    assert changed(store.transact([["db/retract", e, "person/admin", False]])) == []
    assert changed(store.transact([["db/retract", e, "person/admin"]])) == [(e, "person/admin", True, False)]


def test_all_values_go_with_a_retraction_without_value() -> None:
    store = Store()
    e = store.add(alias=["a", "b"], name="Ann")
    store.transact([["db/retract", e, "person/alias"]])
    assert store.of(e) == {"person/name": "Ann"}


@pytest.mark.parametrize(
    "forms",
    [
        lambda e: [person(e, name="x"), person(e, name="y")],
        lambda e: [person(e, name="Ann"), person(e, name="y")],
        lambda e: [["db/add", e, "person/name", "x"], ["db/retract", e, "person/name", "x"]],
        lambda e: [["db/add", e, "person/name", "Ann"], ["db/retract", e, "person/name"]],
        lambda e: [["db/retractEntity", e], person(e, name="Ann")],
        lambda e: [["db/add", e, "person/alias", "x"], ["db/retract", e, "person/alias", "x"]],
        lambda e: [["db/cas", e, "person/name", "Ann", "x"], ["db/cas", e, "person/name", "Ann", "y"]],
    ],
)
def test_contradictions_are_conflicts_in_any_order(forms: Any) -> None:
    store = Store()
    e = store.add(name="Ann")
    for data in (forms(e), forms(e)[::-1]):
        error = store.refused(data, "tx/conflict")
        assert error.data["entity"] == e


def test_a_conflict_names_both_values() -> None:
    store = Store()
    error = store.refused([person("x", name="one"), person("x", name="two")], "tx/conflict")
    assert "'one' and 'two'" in error.message


def test_a_retracted_value_may_be_replaced_in_the_same_transaction() -> None:
    store = Store()
    e = store.add(name="Ann")
    report = store.transact([["db/retract", e, "person/name"], ["db/add", e, "person/name", "Bea"]])
    assert changed(report) == [(e, "person/name", "Ann", False), (e, "person/name", "Bea", True)]


def test_cas_writes_if_the_old_value_is_there() -> None:
    store = Store()
    e = store.add(age=1)
    store.transact([["db/cas", e, "person/age", 1, 2], ["db/cas", e, "person/name", None, "Ann"]])
    assert store.of(e) == {"person/age": 2, "person/name": "Ann"}


@pytest.mark.parametrize(
    ("name", "old", "seen"), [("age", 7, "is 1"), ("age", None, "is 1"), ("name", "x", "is absent")]
)
def test_cas_says_what_was_there(name: str, old: Any, seen: str) -> None:
    store = Store()
    e = store.add(age=1)
    new = "z" if name == "name" else 9
    error = store.refused([["db/cas", e, f"person/{name}", old, new]], "tx/cas-failed")
    assert seen in error.message


def test_cas_of_many_values_keeps_the_old_one() -> None:
    store = Store()
    e = store.add(alias=["a", "b"])
    store.transact([["db/cas", e, "person/alias", "a", "c"]])
    assert store.of(e)["person/alias"] == {"a", "b", "c"}


def test_cas_of_refs_takes_lookup_refs() -> None:
    store = Store()
    one, two = store.add(email="1"), store.add(email="2")
    e = store.add(boss=one)
    store.transact([["db/cas", e, "person/boss", ["person/email", "1"], ["person/email", "2"]]])
    assert store.of(e)["person/boss"] == two


def test_a_retracted_entity_takes_components_and_incoming_refs_along() -> None:
    store = Store()
    e = store.add(name="Ann", home={"home/street": "Elm"}, part=[{"home/street": "x"}])
    home = store.of(e)["person/home"]
    fan, visitor = store.add(friend=[e], name="Fan"), store.add(boss=home, name="V")
    store.transact([["db/retractEntity", e]])
    assert (store.of(e), store.of(home)) == ({}, {})
    assert (store.of(fan), store.of(visitor)) == ({"person/name": "Fan"}, {"person/name": "V"})


def test_components_in_a_circle_end() -> None:
    store = Store()
    ids = store.transact([person("a", part=["b"]), person("b", part=["a"], name="B")]).tempids
    store.transact([["db/retractEntity", ids["a"]]])
    assert (store.of(ids["a"]), store.of(ids["b"])) == ({}, {})


def test_components_go_with_the_attribute_but_stay_when_replaced_or_retracted_by_value() -> None:
    store = Store()
    e = store.add(home={"home/street": "Elm"})
    first = store.of(e)["person/home"]
    store.transact([person(e, home={"home/street": "Oak"})])
    second = store.of(e)["person/home"]
    store.transact([["db/retract", e, "person/home", second]])
    assert (store.of(first), store.of(second)) == ({"home/street": "Elm"}, {"home/street": "Oak"})
    store.transact([person(e, home=second)])
    store.transact([["db/retract", e, "person/home"]])
    assert (store.of(e), store.of(second)) == ({}, {})


def test_an_empty_transaction_is_one() -> None:
    store = Store()
    report = store.transact([])
    assert [str(datom.a) for datom in report.datoms] == ["db/txInstant"]


def test_facts_about_earlier_transactions_can_be_added() -> None:
    store = Store()
    first = store.transact([]).tx
    store.transact([{"db/id": first, "db/doc": "noted later"}])
    assert store.of(first)["db/doc"] == "noted later"


def test_only_values_that_are_written_are_kept_in_first_appearance_order() -> None:
    store = Store()
    e = store.add(name="Ann")
    before = len(store.log.dictionary)
    store.transact([["db/retract", e, "person/name", "never said"], person(e, name="Ann")])
    assert len(store.log.dictionary) == before
    report = store.transact([person("x", name="one", alias=["two"])])
    codes = [store.log.dictionary.code_of(kind, v) for kind, v in [(6, "one"), (6, "two")]]  # type: ignore[arg-type]
    assert abs(codes[0] - codes[1]) == 1  # type: ignore[operator]
    assert report.tempids["x"]
