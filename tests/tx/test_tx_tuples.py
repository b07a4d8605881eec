"""Tuples: composites as identities, what is said of them, and who stands in them."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from factstore.tx import speculate
from factstore.values import Keyword
from tests.tx.tx_store import START, Store, attribute, changed

SCHEMA = [
    attribute("s/email", "string", unique="identity"),
    attribute("s/name", "string"),
    attribute("r/student", "ref"),
    attribute("r/course", "string"),
    attribute("r/year", "long"),
    attribute("r/grade", "string"),
    attribute("r/of", "ref", many=True),
    attribute("r/key", "tuple", tupleAttrs=["r/student", "r/course", "r/year"], unique="identity"),
    attribute("t/pair", "tuple", tupleTypes=["db.type/ref", "db.type/string"], unique="identity"),
    attribute("t/path", "tuple", tupleType="db.type/ref"),
    attribute("t/paths", "tuple", tupleType="db.type/long", many=True),
    attribute("t/seat", "tuple", tupleTypes=["db.type/ref", "db.type/long"], unique="value"),
    attribute("t/any", "tuple"),
    {"db/ident": "color/red"},
]
ANN = {"db/id": "ann", "s/email": "ann@s"}
REG = {"r/course": "bio", "r/year": 1}


def registered() -> tuple[Store, int, int]:
    store = Store(SCHEMA)
    ids = store.transact([ANN, {"db/id": "r", "r/student": "ann", **REG}]).tempids
    return store, ids["ann"], ids["r"]


def test_a_map_with_all_parts_of_a_known_identity_is_that_entity() -> None:
    store, ann, reg = registered()
    for student in (ann, ["s/email", "ann@s"]):
        report = store.transact([{"db/id": "x", "r/student": student, **REG, "r/grade": f"A{student}"}])
        assert report.tempids["x"] == reg


def test_the_parts_may_be_said_in_several_forms_and_through_upserts_in_any_order() -> None:
    forms = [
        ANN,
        {"db/id": "x", "r/student": "ann", "r/year": 1},
        ["db/add", "x", "r/course", "bio"],
        {"db/id": "y", "r/of": ["x"]},
    ]
    for order in permutations(forms):
        store, ann, reg = registered()
        report = store.transact(list(order))
        assert (report.tempids["ann"], report.tempids["x"]) == (ann, reg)
        assert changed(report) == [(report.tempids["y"], "r/of", reg, True)]


def test_two_maps_with_the_same_new_parts_are_one_entity() -> None:
    bob = {"db/id": "bob", "s/email": "bob@s"}
    one, two = ({"db/id": n, "r/student": "bob", **REG} for n in "xy")
    for order in permutations([bob, one, two]):
        store, _, _ = registered()
        tempids = store.transact(list(order)).tempids
        assert tempids["x"] == tempids["y"]


def test_a_map_without_all_parts_is_another_entity() -> None:
    store, ann, reg = registered()
    tempids = store.transact([{"db/id": "x", "r/student": ann, "r/course": "bio"}]).tempids
    assert tempids["x"] != reg


def test_an_entity_found_by_parts_and_another_by_value_disagree() -> None:
    store, ann, reg = registered()
    other = store.transact([{"db/id": "o", "s/email": "o@s"}]).tempids["o"]
    error = store.refused([{"s/email": "o@s", "r/student": ann, **REG}], "tx/upsert-conflict")
    assert set(error.data["entities"]) == {reg, other}
    assert f"[:r/key ({ann}, 'bio', 1)] is entity {reg}" in error.message
    store.refused([{"db/id": other, "r/student": ann, **REG}], "tx/unique-conflict")


def test_a_stated_composite_finds_its_entity() -> None:
    store, ann, reg = registered()
    for key in ([ann, "bio", 1], (["s/email", "ann@s"], "bio", 1)):
        report = store.transact([{"db/id": "x", "r/key": key, "r/grade": str(key)}])
        assert report.tempids["x"] == reg
    report = store.transact([ANN, {"db/id": "x", "r/key": ["ann", "bio", 1], "r/grade": "B"}])
    assert report.tempids["x"] == reg


def test_a_stated_composite_must_be_what_its_parts_make_it() -> None:
    store, ann, reg = registered()
    report = store.transact([{"db/id": reg, "r/year": 2, "r/key": [ann, "bio", 2]}])
    assert store.of(reg)["r/key"] == (ann, "bio", 2)
    assert len(changed(report)) == 4
    error = store.refused([{"db/id": reg, "r/year": 3, "r/key": [ann, "bio", 2]}], "tx/composite-tuple")
    assert f"said to be ({ann}, 'bio', 2), but its parts make it ({ann}, 'bio', 3)" in error.message
    assert "make it nothing" in store.refused([{"r/key": [ann, "bio", 9]}], "tx/composite-tuple").message
    store.refused([{"db/id": "x", "s/name": "X", "r/key": [ann, "bio", 9]}], "tx/composite-tuple")
    store.refused([["db/retract", reg, "r/key", [ann, "bio", 2]]], "tx/composite-tuple")
    store.refused([["db/cas", reg, "r/key", None, [ann, "bio", 2]]], "tx/composite-tuple")
    store.refused([{"db/id": reg, "r/key": [ann, "bio"]}], "value/wrong-type")
    store.refused([{"db/id": reg, "r/key": [ann, 1, 2]}], "value/wrong-type")


def test_a_stated_composite_beside_its_parts_makes_the_entity() -> None:
    store = Store(SCHEMA)
    report = store.transact([ANN, {"db/id": "x", "r/student": "ann", **REG, "r/key": ["ann", "bio", 1]}])
    assert store.of(report.tempids["x"])["r/key"] == (report.tempids["ann"], "bio", 1)


def test_a_lookup_ref_by_composite_takes_lookup_refs_and_idents_inside() -> None:
    store, ann, reg = registered()
    for key in ([ann, "bio", 1], [["s/email", "ann@s"], "bio", 1]):
        assert store.db.entid(["r/key", key]) == reg
        store.transact([{"db/id": ["r/key", key], "r/grade": str(key)}, {"r/of": [["r/key", key]]}])
    store.transact([["db/retract", reg, "r/course"]])
    assert store.db.entid(["r/key", [ann, None, 1]]) == reg
    assert store.db.entid(["r/key", [["s/email", "nobody"], None, 1]]) is None
    store.refused([{"db/id": ["r/key", [["s/email", "no"], "bio", 1]], "r/grade": "x"}], "entity/missing")
    store.refused([{"db/id": ["r/key", ["tempid", "bio", 1]], "r/grade": "x"}], "tx/tempid-not-allowed")


def test_a_nested_map_may_be_found_by_its_parts() -> None:
    store, ann, reg = registered()
    report = store.transact([{"db/id": "x", "r/of": [{"r/student": ann, **REG, "r/grade": "A"}]}])
    assert store.of(report.tempids["x"])["r/of"] == {reg}
    store.refused([{"r/of": [{"r/student": ann, "r/year": 1}]}], "tx/orphan-map")


def test_unique_composites_of_several_entities_change_as_one() -> None:
    store = Store(SCHEMA)
    forms = [{"db/id": f"r{n}", "r/student": "ann", "r/course": "bio", "r/year": n} for n in range(5)]
    ids = store.transact([ANN, *forms]).tempids
    store.transact([{"db/id": ids[f"r{n}"], "r/year": (n + 1) % 5} for n in range(5)])
    assert [store.of(ids[f"r{n}"])["r/key"][2] for n in range(5)] == [1, 2, 3, 4, 0]
    store.refused([{"db/id": ids["r0"], "r/year": 2}], "tx/unique-conflict")


def test_a_part_that_goes_with_its_target_leaves_a_hole() -> None:
    store, ann, reg = registered()
    store.transact([["db/retractEntity", ann]])
    assert store.of(reg)["r/key"] == (None, "bio", 1)


def test_a_new_composite_is_filled_in_from_what_is_there() -> None:
    store = Store(SCHEMA)
    a, b, c = (
        store.transact([{"db/id": "x", "r/course": "bio", "r/year": n} if n else {"db/id": "x", "s/name": "n"}])
        .tempids["x"]
        for n in (1, 2, 0)
    )  # fmt: skip
    new = attribute("r/slot", "tuple", tupleAttrs=["r/course", "r/year", "r/new"], unique="value")
    report = store.transact([new, attribute("r/new", "string"), {"db/id": b, "r/year": 3}])
    assert [store.of(e).get("r/slot") for e in (a, b, c)] == [("bio", 1, None), ("bio", 3, None), None]
    assert {d.e for d in report.datoms if d.a == "r/slot"} == {a, b}
    store.transact([{"db/id": a, "r/new": "x"}])
    assert store.of(a)["r/slot"] == ("bio", 1, "x")
    assert store.db.entid(["r/slot", ["bio", 3, None]]) == b


def test_a_new_composite_is_not_unique_over_equal_parts() -> None:
    store = Store(SCHEMA)
    store.transact([{"r/course": "bio", "r/year": 1}, {"r/course": "bio", "r/year": 2}])
    error = store.refused(
        [attribute("r/slot", "tuple", tupleAttrs=["r/course", "r/grade"], unique="value")], "schema/contradicted"
    )
    assert "it has two entities with ('bio', None)" in error.message


def test_a_composite_becomes_unique_only_where_no_two_are_equal() -> None:
    parts = [attribute("a/x", "long"), attribute("a/y", "long")]
    store = Store([*parts, attribute("a/xy", "tuple", tupleAttrs=["a/x", "a/y"])])
    one = store.transact([{"db/id": "o", "a/x": 1, "a/y": 1}, {"a/x": 1, "a/y": 1}]).tempids["o"]
    change = ["db/add", "a/xy", "db/unique", "db.unique/identity"]
    store.refused([change], "schema/contradicted")
    store.transact([change, {"db/id": one, "a/y": 2}])
    assert store.transact([{"db/id": "x", "a/x": 1, "a/y": 2}]).tempids["x"] == one


def test_a_part_stays_the_part_whatever_it_is_called() -> None:
    store, ann, reg = registered()
    store.transact([{"db/id": "r/course", "db/ident": "r/subject"}])
    store.transact([attribute("r/course", "string")])
    store.transact([{"db/id": reg, "r/subject": "chem", "r/course": "main"}])
    assert store.of(reg)["r/key"] == (ann, "chem", 1)


def test_refs_in_a_typed_tuple_are_written_as_anywhere_else() -> None:
    store, ann, _ = registered()
    red = store.db.entid("color/red")
    path = [["s/email", "ann@s"], ":color/red", "new", None, ann]
    report = store.transact([{"db/id": "x", "t/path": path}, {"db/id": "new", "s/name": "N"}])
    x, new = report.tempids["x"], report.tempids["new"]
    assert store.of(x)["t/path"] == (ann, red, new, None, ann)
    store.transact([["db/retract", x, "t/path", [["s/email", "ann@s"], red, new, None, ann]]])
    assert store.of(x) == {}


def test_a_typed_tuple_with_a_ref_is_an_identity() -> None:
    store, _, _ = registered()
    one = store.transact([ANN, {"db/id": "x", "t/pair": ["ann", "seat"], "s/name": "1"}]).tempids["x"]
    assert store.transact([{"db/id": "y", "t/pair": [["s/email", "ann@s"], "seat"]}]).tempids["y"] == one
    assert store.db.entid(["t/pair", [["s/email", "ann@s"], "seat"]]) == one
    pairs = [{"db/id": name, "t/pair": ["bob", "seat"]} for name in "pq"]
    for order in permutations([{"db/id": "bob", "s/email": "bob@s"}, *pairs]):
        other = Store(SCHEMA)
        tempids = other.transact(list(order)).tempids
        assert tempids["p"] == tempids["q"]


def test_a_unique_tuple_with_somebody_new_in_it_is_taken_once() -> None:
    store = Store(SCHEMA)
    ids = [{"db/id": "n", "s/name": "N"}, {"db/id": "p", "t/seat": ["n", 1]}]
    store.refused([*ids, {"db/id": "q", "t/seat": ["n", 1]}], "tx/unique-conflict")
    n = store.transact(ids).tempids["n"]
    store.refused([{"t/seat": [n, 1]}], "tx/unique-conflict")


@pytest.mark.parametrize(
    ("forms", "code"),
    [
        ([{"t/path": ["ghost"]}], "tx/tempid-not-entity"),
        ([{"t/path": [["s/email", "nobody"]]}], "entity/missing"),
        ([{"t/path": [Keyword("no/such")]}], "entity/missing"),
        ([{"t/path": [1.5]}], "tx/bad-entity"),
        ([{"t/path": []}], "value/wrong-type"),
        ([{"t/pair": ["color/red"]}], "value/wrong-type"),
        ([{"t/pair": ["color/red", 7]}], "value/wrong-type"),
        ([{"t/any": []}], "value/wrong-type"),
        ([{"t/any": [[1], 2]}], "value/wrong-type"),
        ([{"t/any": [{"a": 1}]}], "value/wrong-type"),
        ([{"t/any": "text"}], "value/wrong-type"),
        ([["db/retract", "color/red", "t/path", ["tempid"]]], "tx/tempid-not-allowed"),
    ],
)
def test_what_can_not_stand_in_a_tuple_is_refused(forms: Any, code: str) -> None:
    Store(SCHEMA).refused(forms, code)


def test_many_tuples_come_in_a_list_of_tuples() -> None:
    store = Store(SCHEMA)
    e = store.transact([{"db/id": "x", "t/paths": [[1, 2], [3]]}, ["db/add", "x", "t/paths", [4, 5, 6]]]).tempids["x"]
    assert store.of(e)["t/paths"] == {(1, 2), (3,), (4, 5, 6)}


def test_a_speculation_upserts_by_parts_as_well() -> None:
    store, _, reg = registered()
    forms: list[Any] = [{"db/id": "x", "r/student": ["s/email", "ann@s"], **REG, "r/grade": "A"}]
    first = speculate(store.db, forms, now=START)
    assert first.tempids["x"] == reg
    made = speculate(
        first.db_after, [{"db/id": "b", "s/email": "b@s"}, {"db/id": "y", "r/student": "b", **REG}], now=START
    )
    again = speculate(
        made.db_after, [{"db/id": "z", "r/student": ["s/email", "b@s"], **REG, "r/grade": "C"}], now=START
    )
    assert again.tempids["z"] == made.tempids["y"]
