"""What-if values, and the report."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from factstore.db import DbValue
from factstore.speculative import FIRST_SPECULATIVE
from factstore.tx import TxReport, speculate
from tests.tx.tx_store import START, Store, attribute, changed, entity_map, person

LATER = START + timedelta(days=9)


def what_if(db: DbValue, data: Any) -> TxReport[DbValue]:
    return speculate(db, data, now=LATER)


def test_a_speculation_changes_nothing_but_its_own_value() -> None:
    store = Store()
    ann = store.add(name="Ann", age=1)
    before = store.db
    report = what_if(before, [person(ann, age=2, alias=["new word"])])
    assert entity_map(report.db_after, ann) == {"person/name": "Ann", "person/age": 2, "person/alias": {"new word"}}
    assert entity_map(before, ann) == {"person/name": "Ann", "person/age": 1}
    assert store.log.head() == before.basis_t == report.t - 1


def test_speculations_can_be_built_on_speculations() -> None:
    db = Store().db
    first = what_if(db, [person("x", name="first", email="f@f")])
    second = what_if(first.db_after, [person("y", name="second", friend=[["person/email", "f@f"]])])
    third = what_if(second.db_after, [person("x", email="f@f", name="renamed")])
    x, y = first.tempids["x"], second.tempids["y"]
    assert (x, y, third.tempids["x"]) == (FIRST_SPECULATIVE, FIRST_SPECULATIVE + 1, x)
    assert entity_map(third.db_after, y) == {"person/name": "second", "person/friend": {x}}
    assert entity_map(third.db_after, x)["person/name"] == "renamed"
    assert entity_map(second.db_after, x)["person/name"] == "first"


def test_a_speculative_schema_is_its_own() -> None:
    db = Store().db
    wider = what_if(db, [attribute("a/b", "string")]).db_after
    report = what_if(wider, [{"db/id": "x", "a/b": "v"}])
    assert entity_map(report.db_after, report.tempids["x"]) == {"a/b": "v"}
    assert "a/b" not in db.schema


def test_retracting_an_entity_speculatively() -> None:
    store = Store()
    ann = store.add(email="a@b", home={"home/street": "Elm"})
    bob = store.add(boss=ann)
    made = what_if(store.db, [person("x", friend=[ann])])
    after = what_if(made.db_after, [["db/retractEntity", ann]]).db_after
    assert [entity_map(after, e) for e in (ann, bob, made.tempids["x"])] == [{}, {}, {}]


def test_a_speculation_on_the_past_happens_there() -> None:
    store = Store()
    ann = store.add(age=1)
    then = store.db.basis_t
    store.transact([person(ann, age=2)])
    report = what_if(store.db.as_of(then), [person(ann, name="Ann")])
    assert entity_map(report.db_after, ann) == {"person/age": 1, "person/name": "Ann"}


def test_a_filter_goes_on_hiding() -> None:
    store = Store()
    ann = store.add(age=1)
    hidden = store.db.filter(lambda db, datom: datom.a != "person/age")
    assert entity_map(what_if(hidden, [person(ann, age=2, name="Ann")]).db_after, ann) == {"person/name": "Ann"}


def test_memory_and_writer_answer_alike() -> None:
    store = Store()
    ann = store.add(email="a@b", age=1, alias=["a"], friend=["color/red"])
    data = [person("x", email="a@b", age=2, boss="y"), person("y", login="y"), ["db/retract", ann, "person/friend"]]
    guessed = what_if(store.db, data)
    real = store.transact(data, now=LATER)
    names = {guessed.tempids["y"]: real.tempids["y"]}
    assert [(e, a, names.get(v, v), op) for e, a, v, op in changed(guessed) if e == ann] == [
        row for row in changed(real) if row[0] == ann
    ]


def test_a_report_says_what_happened_at_a_glance() -> None:
    store = Store()
    report = store.transact([person("x", name="Ann")])
    x = report.tempids["x"]
    assert repr(report) == f"<TxReport t=2 2024-01-01T00:00:01+00:00: 2 added, 0 retracted, tempids={{'x': {x}}}>"
    assert report.datoms[0] == (x, "person/name", "Ann", report.tx, True)
