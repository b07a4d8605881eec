"""Schema as data: what may be defined and changed, and what only the engine or one program may write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.tx.tx_store import START, Store, attribute, changed, person


def test_an_attribute_is_usable_in_the_next_transaction() -> None:
    store = Store()
    store.transact([attribute("a/b", "long", many=True)])
    e = store.transact([{"db/id": "x", "a/b": [1, 2]}]).tempids["x"]
    assert store.of(e) == {"a/b": {1, 2}}


def test_definitions_are_checked_before_anything_is_written() -> None:
    store = Store()
    store.refused(
        [attribute("a/b", "long"), {"db/ident": "a/c", "db/cardinality": "db.cardinality/one"}], "schema/incomplete"
    )
    store.refused([{**attribute("a/b", "long"), "db/valueType": ":color/red"}], "schema/invalid")
    store.refused([{"db/id": "person/name", "db/valueType": "db.type/long"}], "schema/immutable")


def test_a_renamed_attribute_answers_to_both_names() -> None:
    store = Store()
    e = store.add(name="Ann")
    store.transact([{"db/id": "person/name", "db/ident": "person/called"}])
    store.transact([{"db/id": e, "person/called": "Bea"}])
    store.transact([{"db/id": e, "person/name": "Cid"}])
    assert store.of(e) == {"person/called": "Cid"}


def test_many_becomes_one_only_where_no_entity_has_two() -> None:
    store = Store()
    e = store.add(alias=["a", "b"])
    change = {"db/id": "person/alias", "db/cardinality": "db.cardinality/one"}
    assert f"entity {e}" in store.refused([change], "schema/contradicted").message
    store.transact([change, ["db/retract", e, "person/alias", "b"]])
    store.transact([person(e, alias="c")])
    assert store.of(e)["person/alias"] == "c"


def test_one_becomes_many() -> None:
    store = Store()
    e = store.add(name="a")
    store.transact([{"db/id": "person/name", "db/cardinality": "db.cardinality/many"}])
    store.transact([person(e, name=["b"])])
    assert store.of(e)["person/name"] == {"a", "b"}


def test_unique_is_added_only_where_no_value_is_shared() -> None:
    store = Store()
    one, two = store.add(name="same"), store.add(name="same")
    change = {"db/id": "person/name", "db/unique": "db.unique/identity"}
    store.refused([change], "schema/contradicted")
    store.refused([change, person(two, name="other"), person("x", name="same")], "schema/contradicted")
    store.transact([person(two, name="other"), change])
    assert store.transact([person("x", name="same")]).tempids["x"] == one


@pytest.mark.parametrize(
    "form",
    [
        ["db/add", "db/doc", "db/cardinality", "db.cardinality/many"],
        ["db/add", "db/ident", "db/doc", "mine"],
        ["db/retract", "db/doc", "db/doc"],
        ["db/retractEntity", "db.type/long"],
    ],
)
def test_what_is_built_in_stays(form: Any) -> None:
    Store().refused([form], "schema/immutable")


def test_the_instant_always_moves_on() -> None:
    store = Store()
    late = START + timedelta(days=1)
    assert store.transact([], now=late).instant == late
    assert store.transact([], now=START).instant == late + timedelta(microseconds=1)
    assert store.transact([], now=late).instant == late + timedelta(microseconds=2)


def test_an_instant_may_be_stated_if_it_is_later() -> None:
    store = Store()
    later = START + timedelta(days=400)
    report = store.transact([["db/add", "db/current-tx", "db/txInstant", later]])
    assert report.instant == later
    assert [datom.v for datom in report.datoms] == [later]
    store.refused([{"db/id": "db/current-tx", "db/txInstant": later}], "tx/past-instant")


def test_the_instants_of_other_transactions_are_history() -> None:
    store = Store()
    tx = store.transact([]).tx
    for form in (["db/add", tx, "db/txInstant", START], ["db/retract", tx, "db/txInstant"], ["db/retractEntity", tx]):
        store.refused([form], "tx/instant")
    store.refused([{"db/id": "x", "db/txInstant": START}], "tx/instant")


ORIGIN = {"db/id": "db/current-tx", "tx/origin": "enrich/rules"}


def test_a_derived_attribute_is_written_by_its_program_only() -> None:
    store = Store()
    ann, bob = store.add(name="Ann"), store.add(name="Bob")
    form = {"db/id": ann, "person/score-of": bob}
    store.refused([form], "tx/derived")
    store.refused([form, {"db/id": "db/current-tx", "tx/origin": "other"}], "tx/derived")
    store.transact([form, ORIGIN])
    store.refused([["db/retract", ann, "person/score-of"]], "tx/derived")
    store.refused([["db/retract", ann, "person/score-of", bob]], "tx/derived")
    store.transact([["db/retract", ann, "person/score-of", bob], ORIGIN])
    assert store.of(ann) == {"person/name": "Ann"}


def test_a_derived_fact_ends_with_what_it_is_about() -> None:
    store = Store()
    ann, bob = store.add(name="Ann"), store.add(name="Bob")
    store.transact([{"db/id": ann, "person/score-of": bob}, ORIGIN])
    store.transact([["db/retractEntity", bob]])
    assert store.of(ann) == {"person/name": "Ann"}


def test_a_composite_tuple_follows_its_parts() -> None:
    store = Store()
    e = store.transact([{"db/id": "r", "reg/course": "bio"}]).tempids["r"]
    assert store.of(e)["reg/key"] == ("bio", None)
    report = store.transact([{"db/id": e, "reg/year": 2020}])
    assert changed(report)[1:] == [(e, "reg/key", ("bio", None), False), (e, "reg/key", ("bio", 2020), True)]
    store.transact([["db/retract", e, "reg/course"]])
    assert store.of(e)["reg/key"] == (None, 2020)
    store.transact([["db/retract", e, "reg/year", 2020]])
    assert store.of(e) == {}


def test_a_composite_tuple_goes_with_its_entity_and_is_found_by_lookup() -> None:
    store = Store()
    e = store.transact([{"db/id": "r", "reg/course": "bio", "reg/year": 1}]).tempids["r"]
    store.transact([{"db/id": ["reg/key", ["bio", 1]], "reg/year": 2}])
    assert store.of(e)["reg/year"] == 2
    store.transact([["db/retractEntity", ["reg/key", ("bio", 2)]]])
    assert store.of(e) == {}


def test_a_composite_tuple_is_unique() -> None:
    store = Store()
    one, two = ({"db/id": name, "reg/course": "bio", "reg/year": 1} for name in "ab")
    store.refused([one, two], "tx/unique-conflict")
    store.transact([one])
    store.refused([two], "tx/unique-conflict")


def test_composite_keys_may_be_swapped() -> None:
    store = Store()
    ids = store.transact([{"db/id": c, "reg/course": "bio", "reg/year": y} for c, y in (("a", 1), ("b", 2))]).tempids
    store.transact([{"db/id": ids["a"], "reg/year": 2}, {"db/id": ids["b"], "reg/year": 1}])
    assert store.of(ids["a"])["reg/key"] == ("bio", 2)


def test_a_composite_key_is_free_when_its_entity_is_retracted() -> None:
    store = Store()
    algebra = {"reg/course": "algebra", "reg/year": 2024}
    old = store.transact([{"db/id": "old", **algebra}]).tempids["old"]
    new = store.transact([["db/retractEntity", old], {"db/id": "new", **algebra}]).tempids["new"]
    assert store.db.entid(["reg/key", ("algebra", 2024)]) == new


def test_a_composite_tuple_follows_a_part_that_was_renamed() -> None:
    store = Store()
    store.transact([{"db/id": "reg/year", "db/ident": "reg/from"}])
    new = store.transact([{"db/id": "new", "reg/from": 2024}]).tempids["new"]
    assert store.of(new)["reg/key"] == (None, 2024)
    store.transact([["db/retractEntity", new]])
    assert store.of(new) == {}


def test_a_composite_tuple_is_not_written_by_hand() -> None:
    store = Store()
    store.refused([{"reg/key": ["bio", 1]}], "tx/composite-tuple")
    store.refused([["db/retract", 256, "reg/key"]], "tx/composite-tuple")


def test_a_composite_tuple_has_single_parts_that_exist() -> None:
    store = Store()
    for parts in (["person/name", "no/such"], ["person/name", "person/alias"], ["person/name", "person/point"]):
        store.refused([attribute("a/key", "tuple", tupleAttrs=parts)], "schema/invalid")


def test_a_part_of_a_composite_tuple_stays_single() -> None:
    error = Store().refused([["db/add", "reg/year", "db/cardinality", "db.cardinality/many"]], "schema/invalid")
    assert ":reg/key is made of :reg/year, which has many values" in error.message


def test_what_contradicts_a_change_is_shown_as_it_was_written() -> None:
    store = Store()
    store.transact([person(name="Ann", born=START), person(name="Ann", born=START)])
    for name, shown in (("name", "'Ann'"), ("born", "datetime.datetime(2024, 1, 1")):
        error = store.refused([["db/add", f"person/{name}", "db/unique", "db.unique/value"]], "schema/contradicted")
        assert f"it has two entities with {shown}" in error.message


def test_an_instant_leaves_time_for_the_next() -> None:
    store = Store()
    last = datetime.max.replace(tzinfo=UTC)
    store.refused([{"db/id": "db/current-tx", "db/txInstant": last}], "tx/instant")
    store.transact([{"db/id": "db/current-tx", "db/txInstant": last.replace(year=9998)}])
    assert store.transact([]).instant.year == 9999


def test_a_document_is_the_attributes_however_early_it_was_said() -> None:
    store = Store()
    e = store.transact([{"db/id": "x", "db/doc": "early"}]).tempids["x"]
    store.transact([{"db/id": e, **attribute("a/b", "long")}])
    assert store.schema.attribute("a/b").doc == "early"
    f = store.transact([{"db/id": "x", "db/doc": "early"}]).tempids["x"]
    store.transact([{"db/id": f, **attribute("a/c", "long"), "db/doc": "late"}])
    g = store.transact([{"db/id": "x", "db/doc": "early"}]).tempids["x"]
    store.transact([{"db/id": g, **attribute("a/d", "long")}, ["db/retract", g, "db/doc", "early"]])
    assert [store.schema.attribute(name).doc for name in ("a/c", "a/d")] == ["late", None]
