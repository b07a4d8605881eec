"""Corners of the transaction rules that other suites do not go round."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from factstore.values import Keyword
from tests.tx.tx_store import Store, attribute, changed, person

NUMBERS = [
    attribute("n/dec", "bigdec", unique="identity"),
    attribute("n/double", "double"),
    attribute("n/big", "bigint"),
    attribute("n/at", "instant"),
    attribute("n/any", "tuple", many=True),
]


def test_what_is_said_again_keeps_its_first_transaction() -> None:
    store = Store()
    e = store.add(name="Ann")
    first = store.db.datoms("person/name", e=e)
    store.transact([person(e, name="Ann"), person(e, age=1)])
    assert store.db.datoms("person/name", e=e) == first


def test_a_lookup_ref_with_no_value_names_nobody() -> None:
    store = Store()
    e = store.add(email="a@b")
    assert store.db.entid(["person/email", None]) is None
    assert changed(store.transact([["db/retractEntity", ["person/email", None]]])) == []
    assert store.of(e) == {"person/email": "a@b"}


def test_cas_of_an_absent_ref() -> None:
    store = Store()
    boss, e = store.add(name="B"), store.add(name="A")
    store.transact([["db/cas", e, "person/boss", None, boss]])
    assert store.of(e)["person/boss"] == boss
    store.refused([["db/cas", e, "person/boss", None, boss]], "tx/cas-failed")


def test_cas_of_a_tuple() -> None:
    store = Store()
    e = store.add(point=[1, "a"])
    store.transact([["db/cas", e, "person/point", [1, "a"], (2, "b")]])
    assert store.of(e)["person/point"] == (2, "b")


def test_who_has_no_tempid_is_not_reported() -> None:
    store = Store()
    assert list(store.transact([person(name="A", home={"home/street": "x"})]).tempids) == ["db/current-tx"]


@pytest.mark.parametrize("given", [17, '{:person/name "x"}', {"person/name": "x"}])
def test_a_function_that_gives_no_forms_is_refused(given: Any) -> None:
    Store().refused([["db/fn", lambda db: given]], "tx/bad-data")


def test_two_functions_in_one_transaction_see_the_same_state() -> None:
    """Their results are one set: two increments agree on one value, and two different ones contradict each other."""

    def grow(db: Any, e: int, by: int) -> Any:
        return [["db/add", e, "person/age", db.datoms("person/age", e=e)[0].v + by]]

    store = Store()
    e = store.add(age=1)
    store.transact([["db/fn", grow, e, 1], ["db/fn", grow, e, 1]])
    assert store.of(e)["person/age"] == 2
    store.refused([["db/fn", grow, e, 1], ["db/fn", grow, e, 2]], "tx/conflict")


def test_decimals_are_equal_by_number() -> None:
    store = Store(NUMBERS)
    e = store.transact([{"db/id": "x", "n/dec": Decimal("1.50")}]).tempids["x"]
    report = store.transact([{"db/id": "y", "n/dec": Decimal("1.5")}, {"db/id": "z", "n/dec": Decimal("15e-1")}])
    assert (report.tempids["y"], report.tempids["z"], changed(report)) == (e, e, [])


def test_zero_has_no_sign_and_large_integers_have_one_value() -> None:
    store = Store(NUMBERS)
    e = store.transact([{"db/id": "x", "n/double": 0.0, "n/big": 2**70}]).tempids["x"]
    assert changed(store.transact([{"db/id": e, "n/double": -0.0, "n/big": 2**70}])) == []


def test_instants_are_kept_to_the_microsecond_whatever_their_zone() -> None:
    store = Store(NUMBERS)
    at = datetime(2024, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
    e = store.transact([{"db/id": "x", "n/at": at}]).tempids["x"]
    assert changed(store.transact([{"db/id": e, "n/at": at.astimezone(timezone(timedelta(hours=5)))}])) == []


def test_one_one_point_nought_and_true_are_three_values_in_a_tuple() -> None:
    store = Store(NUMBERS)
    values = [(1,), (1.0,), (True,), ("1",), (Keyword("1"),), (None,)]
    e = store.transact([{"db/id": "x", "n/any": values}]).tempids["x"]
    assert len(store.db.datoms("n/any", e=e)) == len(values)
    assert changed(store.transact([{"db/id": e, "n/any": values[::-1]}])) == []


def test_an_ident_names_its_entity_wherever_one_is_named() -> None:
    store = Store()
    red = store.db.entid("color/red")
    assert store.db.entid(["db/ident", "color/red"]) == red
    e = store.add(boss="color/red", friend=[":color/red", Keyword("color/red"), ["db/ident", ":color/red"], red])
    assert store.of(e) == {"person/boss": red, "person/friend": {red}}
    store.transact(
        [["db/add", "color/red", "person/name", "Red"], {"db/id": ["db/ident", "color/red"], "person/age": 1}]
    )
    assert store.of(red or 0) == {"db/ident": "color/red", "person/name": "Red", "person/age": 1}


def test_a_unique_value_that_is_taken_is_refused_for_many_valued_attributes_too() -> None:
    store = Store()
    one, two = store.add(slug=["a", "b"]), store.add(slug=["c"])
    store.refused([person(two, slug=["b"])], "tx/upsert-conflict")
    assert store.transact([person("x", slug=["b", "d"])]).tempids["x"] == one
