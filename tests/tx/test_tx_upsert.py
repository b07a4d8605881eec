"""Identity: who is meant, who becomes one, and who can not be."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from tests.tx.tx_store import Store, attribute, changed, person


def test_a_map_with_a_known_identity_is_that_entity() -> None:
    store = Store()
    ann = store.add(email="a@b", age=1)
    report = store.transact([person("x", email="a@b", age=2)])
    assert report.tempids["x"] == ann
    assert changed(report) == [(ann, "person/age", 1, False), (ann, "person/age", 2, True)]


def test_several_identities_may_agree() -> None:
    store = Store()
    ann = store.add(email="a@b", login="ann")
    assert store.transact([person("x", email="a@b", login="ann", slug=["new"])]).tempids["x"] == ann
    assert store.transact([person("x", slug=["new", "newer"])]).tempids["x"] == ann


@pytest.mark.parametrize("slugs", [["one", "two"], ["two", "one"]])
def test_identities_that_disagree_are_a_conflict_naming_both(slugs: list[str]) -> None:
    store = Store()
    one, two = store.add(slug=["one"]), store.add(slug=["two"])
    error = store.refused([person(slug=slugs)], "tx/upsert-conflict")
    assert f"[:person/slug 'one'] is entity {one}" in error.message
    assert f"[:person/slug 'two'] is entity {two}" in error.message


def test_an_identity_against_another_id_is_a_conflict() -> None:
    store = Store()
    ann, bob = store.add(email="a@b"), store.add(email="b@b")
    error = store.refused([person(name="ok"), person(bob, email="a@b")], "tx/upsert-conflict")
    assert f"[:person/email 'a@b'] is entity {ann}, but :db/id is {bob}, in form 1" in error.message


def test_an_identity_against_a_lookup_ref_is_a_conflict() -> None:
    store = Store()
    ann, bob = store.add(email="a@b"), store.add(email="b@b")
    data = [person(["person/email", "b@b"], email="a@b"), person(name="ok")]
    error = store.refused(data, "tx/upsert-conflict")
    assert set(error.data["entities"]) == {ann, bob}
    assert error.data["form"] == 0


def test_tempids_with_one_new_identity_are_one_entity() -> None:
    store = Store()
    report = store.transact([person("x", email="n@n", name="N"), person("y", email="n@n", age=3), person(email="n@n")])
    assert report.tempids["x"] == report.tempids["y"]
    assert store.of(report.tempids["x"]) == {"person/email": "n@n", "person/name": "N", "person/age": 3}


def test_a_chain_of_identities_unifies_in_every_order() -> None:
    chain = [
        person("a", email="1", name="A"),
        person("b", email="1", login="2"),
        person("c", login="2", slug=["3"]),
        person("d", slug=["3"], age=4),
    ]
    for order in permutations(chain):
        store = Store()
        ids = {store.transact(list(order)).tempids[name] for name in "abcd"}
        assert len(ids) == 1


def test_tempids_meet_through_a_known_entity() -> None:
    store = Store()
    ann = store.add(email="1", login="2")
    tempids = store.transact([person("a", email="1"), person("b", login="2"), person("c", boss="b")]).tempids
    assert (tempids["a"], tempids["b"]) == (ann, ann)
    assert store.of(tempids["c"])["person/boss"] == ann


def test_a_new_identity_joins_a_tempid_with_an_explicit_id_in_every_order() -> None:
    for reverse in (False, True):
        store = Store()
        ann = store.add(name="Ann")
        forms = [person(ann, email="new"), person("x", email="new", age=1)]
        assert store.transact(forms[::-1] if reverse else forms).tempids["x"] == ann


def test_one_new_identity_of_two_known_entities_is_a_conflict() -> None:
    store = Store()
    ann, bob = store.add(name="Ann"), store.add(name="Bob")
    error = store.refused([person(ann, email="e"), person(bob, email="e")], "tx/unique-conflict")
    assert error.data["entities"] == [ann, bob]


def test_unified_tempids_must_not_be_held_by_two() -> None:
    store = Store()
    store.add(email="1")
    store.add(login="2")
    store.refused([person("x", email="1", slug=["s"]), person("y", login="2", slug=["s"])], "tx/unique-conflict")


def test_a_unique_value_of_another_entity_is_refused() -> None:
    store = Store()
    ann = store.add(badge=7)
    error = store.refused([person(badge=7)], "tx/unique-conflict")
    assert f"[:person/badge 7] is entity {ann}" in error.message
    store.refused([person("x", badge=8), person("y", badge=8)], "tx/unique-conflict")
    assert changed(store.transact([person(ann, badge=7)])) == []


@pytest.mark.parametrize("name", ["badge", "email"])
def test_a_unique_value_does_not_move_within_a_transaction(name: str) -> None:
    store = Store()
    value: Any = 7 if name == "badge" else "a@b"
    ann, bob = store.add(**{name: value}), store.add(name="Bob")
    forms = [["db/retract", ann, f"person/{name}", value], ["db/add", bob, f"person/{name}", value]]
    store.refused(forms, "tx/conflict")
    store.refused(forms[::-1], "tx/conflict")
    store.transact(forms[:1])
    store.transact(forms[1:])
    assert store.of(bob)[f"person/{name}"] == value


def test_upsert_by_a_ref() -> None:
    store = Store()
    desk = store.add(name="desk", email="d@d")
    ann = store.add(desk=desk)
    assert store.transact([person("x", desk=desk)]).tempids["x"] == ann
    assert store.transact([person("x", desk=["person/email", "d@d"])]).tempids["x"] == ann


def test_upsert_by_a_ref_whose_target_is_found_by_upsert_in_every_order() -> None:
    forms = [person("d", email="d@d"), person("x", desk="d", email="x@x"), person("y", email="x@x", age=2)]
    for order in permutations(forms):
        store = Store()
        desk = store.add(email="d@d")
        ann = store.add(desk=desk)
        tempids = store.transact(list(order)).tempids
        assert (tempids["d"], tempids["x"], tempids["y"]) == (desk, ann, ann)


def test_two_tempids_at_one_new_desk_are_one() -> None:
    tempids = Store().transact([person("d", name="desk"), person("x", desk="d"), person("y", desk="d")]).tempids
    assert tempids["x"] == tempids["y"] != tempids["d"]


def test_a_nested_map_upserts() -> None:
    store = Store()
    bob = store.add(email="b@b")
    ann = store.add(
        boss={"person/email": "b@b", "person/age": 50}, friend=[{"person/email": "c@c"}, {"person/email": "b@b"}]
    )
    assert store.of(ann)["person/boss"] == bob
    assert len(store.of(ann)["person/friend"]) == 2
    assert store.of(bob)["person/age"] == 50


def test_a_lookup_ref_by_ref_and_through_another_lookup() -> None:
    store = Store()
    desk = store.add(email="d@d")
    ann = store.add(desk=desk)
    store.transact(
        [person(["person/desk", ["person/email", "d@d"]], age=1), ["db/add", ["person/desk", desk], "person/name", "A"]]
    )
    assert store.of(ann) == {"person/desk": desk, "person/age": 1, "person/name": "A"}


def test_a_lookup_ref_sees_only_the_state_before() -> None:
    store = Store()
    store.refused([person(email="n@n"), person(["person/email", "n@n"], age=1)], "entity/missing")


@pytest.mark.parametrize("email", ["ann@x", "new@x"])
def test_a_lookup_ref_that_names_nobody_does_not_upsert(email: str) -> None:
    store = Store()
    ann = store.add(email="ann@x")
    nobody = ["person/login", "nobody"]
    store.refused([["db/add", nobody, "person/email", email]], "entity/missing")
    store.refused([["db/add", nobody, "person/email", email], person(id="a", email=email)], "entity/missing")
    assert store.of(ann) == {"person/email": "ann@x"}


def test_idents_upsert_by_name() -> None:
    store = Store()
    red = store.db.entid("color/red")
    assert store.transact([{"db/id": "x", "db/ident": "color/red", "db/doc": "warm"}]).tempids["x"] == red


LARGE = [2**62 - 1, 2**62, 2**63 - 1, -(2**63), 1.0, 2.0, -2.0, 1e308, float("inf")]


@pytest.mark.parametrize("value", LARGE)
def test_numbers_as_large_as_the_codes_of_new_values_are_found(value: float) -> None:
    """Doubles from 2.0 on are encoded above 2**62, where the provisional codes of strings begin."""
    kind = "long" if type(value) is int else "double"
    store = Store([attribute("k/id", kind, unique="identity"), attribute("k/value", kind, unique="value")])
    first = store.transact([{"db/id": "x", "k/id": value, "k/value": value}]).tempids["x"]
    assert store.transact([{"db/id": "x", "k/id": value}]).tempids["x"] == first
    store.refused([{"k/value": value}], "tx/unique-conflict")
