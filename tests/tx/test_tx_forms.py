"""Every way to write a transaction, and every way to write it wrongly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from factstore.datom import TX0
from factstore.errors import SchemaError, TransactionError
from factstore.values import Keyword, Symbol
from tests.tx.tx_store import Store, changed, person


def test_a_map_makes_an_entity_and_its_tempid_is_reported() -> None:
    store = Store()
    report = store.transact([{"db/id": "ann", "person/name": "Ann", ":person/age": 40, Keyword("person/admin"): False}])
    ann = report.tempids["ann"]
    assert store.of(ann) == {"person/name": "Ann", "person/age": 40, "person/admin": False}
    assert report.tempids == {"ann": ann, "db/current-tx": TX0 + report.t}


def test_new_ids_are_given_in_the_order_of_first_appearance() -> None:
    tempids = (
        Store().transact([person(-3, name="a"), ["db/add", "b", "person/name", "b"], person(-1, name="c")]).tempids
    )
    assert [tempids[-3] + n for n in range(3)] == [tempids[-3], tempids["b"], tempids[-1]]


@pytest.mark.parametrize("operation", ["db/add", ":db/add", Keyword("db/add"), Symbol("db/add")])
def test_operations_are_named_with_or_without_colon(operation: str) -> None:
    store = Store()
    report = store.transact([(operation, "x", ":person/name", "X"), None])
    assert store.of(report.tempids["x"]) == {"person/name": "X"}


def test_edn_text_is_transaction_data() -> None:
    store = Store()
    report = store.transact(
        '[{:db/id "a" :person/name "Ann" :person/alias #{"x" "y"} :person/point [1 "p"]}'
        ' [:db/add "a" :person/boss "a"]]'
    )
    a = report.tempids["a"]
    assert store.of(a) == {
        "person/name": "Ann",
        "person/alias": {"x", "y"},
        "person/point": (1, "p"),
        "person/boss": a,
    }


@pytest.mark.parametrize("kind", [list, tuple, set, frozenset])
def test_many_values_come_in_any_collection(kind: Any) -> None:
    store = Store()
    assert store.of(store.add(alias=kind(["a", "b"]), friend=kind(["color/red"])))["person/alias"] == {"a", "b"}


def test_values_are_coerced_where_nothing_is_lost() -> None:
    store = Store()
    zoned = datetime(2020, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    e = store.add(score=3, born=zoned, point=[1, "a"])
    assert store.of(e) == {
        "person/score": 3.0,
        "person/born": datetime(2020, 1, 1, tzinfo=UTC),
        "person/point": (1, "a"),
    }
    assert type(store.of(e)["person/score"]) is float


def test_two_items_that_are_a_lookup_ref_are_one_value() -> None:
    store = Store()
    bob = store.add(email="bob@b")
    ann = store.add(friend=["person/email", "bob@b"], boss=["person/email", "bob@b"])
    both = store.add(friend=[["person/email", "bob@b"], ann])
    assert store.of(ann) == {"person/friend": {bob}, "person/boss": bob}
    assert store.of(both) == {"person/friend": {bob, ann}}


def test_a_lookup_ref_names_the_subject_of_maps_and_operations() -> None:
    store = Store()
    bob = store.add(email="bob@b", age=1)
    store.transact(
        [person(["person/email", "bob@b"], age=2), ["db/add", ["person/email", "bob@b"], "person/name", "B"]]
    )
    assert store.of(bob) == {"person/email": "bob@b", "person/age": 2, "person/name": "B"}


def test_component_maps_are_nested() -> None:
    store = Store()
    e = store.add(home={"home/street": "Elm"}, part=[{"home/street": "a"}, {"home/street": "b"}])
    found = store.of(e)
    assert store.of(found["person/home"]) == {"home/street": "Elm"}
    assert {store.of(part)["home/street"] for part in found["person/part"]} == {"a", "b"}


def test_a_nested_map_may_go_on_along_the_same_attribute() -> None:
    store = Store()
    nested = person(id="b", name="b", friend=[person(id="c", name="c")])
    found = store.transact([person(id="a", name="a", friend=[nested, "b"])]).tempids
    assert store.of(found["a"])["person/friend"] == {found["b"]}
    assert store.of(found["b"])["person/friend"] == {found["c"]}


def test_a_nested_map_needs_an_anchor() -> None:
    store = Store()
    bob = store.add(email="b@b")
    ann = store.add(friend=[{"person/email": "b@b", "person/age": 7}], boss={"db/id": bob, "person/name": "Bob"})
    assert store.of(ann) == {"person/friend": {bob}, "person/boss": bob}
    assert store.of(bob)["person/age"] == 7
    assert "person/boss" in store.refused([person(boss={"person/name": "lost"})], "tx/orphan-map").message


def test_reversed_attributes_point_from_there_to_here() -> None:
    store = Store()
    bob = store.add(email="b@b")
    report = store.transact([{"db/id": "x", "person/name": "X", "person/_friend": [bob, {"person/name": "new"}]}])
    x = report.tempids["x"]
    assert store.of(bob)["person/friend"] == {x}
    assert len(store.db.datoms("person/friend", v=x)) == 2
    store.transact([{"db/id": x, "person/_boss": ["person/email", "b@b"]}])
    assert store.of(bob)["person/boss"] == x


@pytest.mark.parametrize("name", ["db/current-tx", ":db/current-tx", "datomic.tx", Keyword("db/current-tx")])
def test_the_transaction_is_an_entity_in_every_position(name: str) -> None:
    store = Store()
    report = store.transact([{"db/id": name, "db/doc": "why"}, ["db/add", name, "person/boss", name]])
    assert store.of(report.tx)["db/doc"] == "why"
    assert store.of(report.tx)["person/boss"] == report.tx


def test_idents_are_refs_and_subjects() -> None:
    store = Store()
    e = store.add(boss="color/red")
    red = store.of(e)["person/boss"]
    report = store.transact(
        [{"db/id": ":color/red", "db/doc": "warm"}, ["db/add", e, "person/friend", Keyword("color/red")]]
    )
    assert changed(report) == [(red, "db/doc", "warm", True), (e, "person/friend", red, True)]


def test_functions_see_the_value_before_and_may_call_each_other() -> None:
    def grow(db: Any, e: int, by: int) -> Any:
        age = db.datoms("person/age", e=e)[0].v
        return [["db/add", e, "person/age", age + by], None, [":note", e]]

    store = Store(functions={":note": lambda db, e: [{"db/id": e, "person/name": f"t{db.basis_t}"}]})
    e = store.add(age=1)
    store.transact([["db/fn", grow, e, 5]])
    assert store.of(e) == {"person/age": 6, "person/name": "t2"}


def test_a_function_that_returns_nothing_does_nothing() -> None:
    store = Store(functions={"quiet": lambda db: None})
    assert changed(store.transact("[[quiet]]")) == []


def test_endless_functions_and_maps_are_stopped() -> None:
    store = Store(functions={"loop": lambda db: [["loop"]]})
    nested: Any = {"home/street": "x"}
    for _ in range(200):
        nested = person(home=nested)
    store.refused([["loop"]], "tx/too-deep")
    store.refused([nested], "tx/too-deep")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"person/name": "x"}, "tx/bad-data"),
        (17, "tx/bad-data"),
        ("{:a 1}", "tx/bad-data"),
        ([17], "tx/bad-form"),
        ([[]], "tx/bad-form"),
        ([["db/add", 1, "person/name"]], "tx/bad-form"),
        ([["db/retractEntity", 1, 2]], "tx/bad-form"),
        ([["db/fn", 3]], "tx/bad-form"),
        ([["db/ad", 1, "person/name", "x"]], "tx/unknown-operation"),
        ([[5, 1]], "tx/unknown-operation"),
        ([{"person/name": None}], "tx/no-value"),
        ([["db/add", "x", "person/name", None]], "tx/no-value"),
        ([{"person/friend": [None]}], "tx/no-value"),
        ([{"person/name": ["a", "b"]}], "tx/not-one-value"),
        ([{"person/name": {"a": 1}}], "tx/not-one-value"),
        ([{"person/boss": {1, 2}}], "tx/not-one-value"),
        ([["db/add", "x", "person/alias", ["a", "b"]]], "tx/not-one-value"),
        ([{"person/boss": [1, 2]}], "tx/bad-entity"),
        ([{"db/id": None, "person/name": "x"}], "tx/bad-entity"),
        ([{"db/id": 1.5, "person/name": "x"}], "tx/bad-entity"),
        ([{"db/id": True, "person/name": "x"}], "tx/bad-entity"),
        ([{"db/id": 2**70, "person/name": "x"}], "tx/bad-entity"),
        ([{"person/boss": True}], "tx/bad-entity"),
        ([{"db/id": 99999, "person/name": "x"}], "tx/unknown-entity"),
        ([{"db/id": 0, "person/name": "x"}], "tx/unknown-entity"),
        ([{"db/id": TX0 + 99, "person/name": "x"}], "tx/unknown-entity"),
        ([{"person/boss": 99999}], "tx/unknown-entity"),
        ([{17: "x"}], "tx/bad-attribute"),
        ([["db/add", "x", None, 1]], "tx/bad-attribute"),
        ([{"person/nmae": "x"}], "schema/unknown-attribute"),
        ([{"person/_name": "x"}], "tx/reverse-not-ref"),
        ([{"person/boss": Keyword("no/such")}], "entity/missing"),
        ([{"db/id": ":no/such", "person/name": "x"}], "entity/missing"),
        ([{"person/boss": ["person/email", "nobody"]}], "entity/missing"),
        ([{"db/id": ["person/email", "nobody"], "person/name": "x"}], "entity/missing"),
        ([{"db/id": ["person/email", None], "person/name": "x"}], "entity/missing"),
        ([{"db/id": ["person/name", "Ann"], "person/age": 1}], "entity/not-unique"),
        ([{"db/id": ["person/emial", "Ann"], "person/age": 1}], "schema/unknown-attribute"),
        ([{"db/id": ["person/email"], "person/age": 1}], "tx/bad-entity"),
        ([{"person/age": "x"}], "value/wrong-type"),
        ([{"person/age": 2**63}], "value/wrong-type"),
        ([{"person/age": True}], "value/wrong-type"),
        ([{"person/score": float("nan")}], "value/wrong-type"),
        ([{"person/born": datetime(2020, 1, 1)}], "value/wrong-type"),
        ([{"person/point": [1]}], "value/wrong-type"),
        ([{"person/point": ["a", 1]}], "value/wrong-type"),
        ([{"db/id": ["person/email", 3], "person/age": 1}], "value/wrong-type"),
        ([{"person/friend": ["ghost"]}], "tx/tempid-not-entity"),
        ([{"person/home": {}}], "tx/tempid-not-entity"),
        ([["db/retract", "x", "person/name"]], "tx/tempid-not-allowed"),
        ([["db/retract", 256, "person/boss", "x"]], "tx/tempid-not-allowed"),
        ([["db/retractEntity", -1]], "tx/tempid-not-allowed"),
        ([["db/cas", "x", "person/age", None, 1]], "tx/tempid-not-allowed"),
        ([["db/cas", 256, "person/boss", None, "x"]], "tx/tempid-not-allowed"),
        ([{"db/ensure": "color/red"}], "tx/unsupported"),
        ([{"db.attr/preds": "f"}], "tx/unsupported"),
    ],
)
def test_what_is_wrong_is_refused_by_name(data: Any, code: str) -> None:
    Store().refused(data, code)


def test_an_error_shows_the_form_and_its_number() -> None:
    error = Store().refused([person(name="ok"), person(age="old")], "value/wrong-type")
    assert "in form 1 {'person/age': 'old'}" in error.message
    assert (error.data["form"], error.data["attribute"]) == (1, "person/age")


def test_the_right_value_is_blamed() -> None:
    data = [person(n, age=n) for n in range(-9, -1)] + [person(-1, age=2.5)]
    assert Store().refused(data, "value/wrong-type").data["form"] == 8


def test_an_attribute_can_not_be_used_where_it_is_defined() -> None:
    new = {"db/ident": "a/b", "db/valueType": "db.type/string", "db/cardinality": "db.cardinality/one"}
    error = Store().refused([{"a/b": "x"}, new], "schema/unknown-attribute")
    assert "can be used in the next" in error.message
    assert isinstance(error, SchemaError)


def test_an_ident_that_is_new_is_referred_to_by_tempid() -> None:
    store = Store()
    error = store.refused([{"db/id": "b", "db/ident": "color/blue"}, person(boss=":color/blue")], "entity/missing")
    assert "tempid" in error.message
    report = store.transact([{"db/id": "b", "db/ident": "color/blue"}, person("x", boss="b")])
    assert store.of(report.tempids["x"])["person/boss"] == store.db.entid("color/blue")


def test_tempids_only_used_as_values_are_listed() -> None:
    error = Store().refused([person(friend=["g1", "g2"])], "tx/tempid-not-entity")
    assert error.data["tempids"] == ["g1", "g2"]
    assert isinstance(error, TransactionError)
