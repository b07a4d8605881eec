"""Entities: mappings that read what is looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from factstore.db import DbValue
from factstore.entity import Entity, entity
from factstore.errors import EntityError, SchemaError
from factstore.values import Keyword
from tests.small_store import GOOD, Fact, SmallStore, db_of, warm

ANN, BOB, CAT, DAN, HOME, ROOM = 301, 302, 303, 304, 311, 312

FACTS: list[Fact] = [
    (ANN, "p/name", "Ann"),
    (ANN, "p/nick", "A"),
    (ANN, "p/nick", "Annie"),
    (ANN, "p/admin", False),
    (ANN, "p/mood", GOOD),
    (ANN, "p/friend", BOB),
    (ANN, "p/friend", CAT),
    (ANN, "p/home", HOME),
    (HOME, "p/name", "home"),
    (HOME, "p/part", ROOM),
    (ROOM, "p/age", 3),
    (BOB, "p/name", "Bob"),
    (BOB, "p/friend", CAT),
    (BOB, "p/spouse", DAN),
    (CAT, "p/age", 7),
]


@pytest.fixture(params=["cold", "warm"])
def db(request: pytest.FixtureRequest) -> DbValue:
    return db_of(*FACTS) if request.param == "cold" else warm(db_of(*FACTS))


def _of(db: DbValue, ref: Any) -> Entity:
    found = entity(db, ref)
    assert found is not None
    return found


VALUES: dict[str, Callable[[DbValue], Any]] = {
    "p/name": lambda db: "Ann",
    ":p/name": lambda db: "Ann",
    "p/nick": lambda db: frozenset({"A", "Annie"}),
    "p/admin": lambda db: False,
    "p/mood": lambda db: Keyword("mood/good"),
    "p/friend": lambda db: frozenset({Entity(db, BOB), Entity(db, CAT)}),
    "p/home": lambda db: Entity(db, HOME),
    "db/id": lambda db: ANN,
}


@pytest.mark.parametrize("name", VALUES)
def test_an_attribute_gives_its_value(db: DbValue, name: str) -> None:
    ann = _of(db, ANN)
    assert name in ann
    assert ann[name] == ann.get(name) == VALUES[name](db)


def test_an_ident_is_a_keyword(db: DbValue) -> None:
    assert type(_of(db, ANN)["p/mood"]) is Keyword


def test_it_iterates_over_the_attributes_it_has(db: DbValue) -> None:
    ann = _of(db, ANN)
    assert list(ann) == ["p/admin", "p/friend", "p/home", "p/mood", "p/name", "p/nick"]
    assert (len(ann), dict(ann)["p/name"]) == (6, "Ann")


def test_what_is_absent_is_a_key_error_and_what_is_unknown_a_schema_error(db: DbValue) -> None:
    ann = _of(db, ANN)
    assert (ann.get("p/age"), ann.get("p/age", 1), ann.get("p/_enemy")) == (None, 1, None)
    assert "p/age" not in ann
    with pytest.raises(KeyError, match="p/age"):
        ann["p/age"]
    with pytest.raises(SchemaError, match="did you mean :p/name"):
        ann.get("p/nmae")


def test_refs_are_followed_backwards(db: DbValue) -> None:
    assert _of(db, CAT)["p/_friend"] == {Entity(db, ANN), Entity(db, BOB)}
    assert _of(db, ROOM)["p/_part"] == Entity(db, HOME)
    assert _of(db, ROOM)["p/_part"]["p/_home"]["p/name"] == "Ann"
    with pytest.raises(EntityError, match="entity/not-a-ref"):
        _of(db, CAT)["p/_name"]


def test_an_entity_is_found_by_id_ident_and_lookup_ref(db: DbValue) -> None:
    assert _of(db, ["p/name", "Ann"]) == _of(db, ANN)
    assert _of(db, ["p/name", "Ann"]).id == ANN
    assert [entity(db, ref) for ref in (999, "no/ident", ["p/name", "nobody"])] == [None, None, None]


def test_a_ref_to_no_entity_is_empty(db: DbValue) -> None:
    dan = _of(db, BOB)["p/spouse"]
    assert (dan.id, list(dan), dan.get("p/name"), list(dan.touch())) == (DAN, [], None, [])
    assert dan["p/_spouse"] == {_of(db, BOB)}


def test_entities_are_equal_in_one_db_value_only(db: DbValue) -> None:
    ann = Entity(db, ANN)
    assert (ann == Entity(db, ANN), hash(ann) == hash(Entity(db, ANN)), ann == Entity(db, BOB)) == (True, True, False)
    assert ann != Entity(db.as_of(0), ANN)
    assert ann != dict(ann)


def test_touch_reads_all_of_it_and_its_components() -> None:
    store = SmallStore(FACTS)
    ann = Entity(store.db(), ANN)
    assert ann.touch() is ann
    asked = len(store.calls)
    assert (ann["p/home"]["p/name"], [room["p/age"] for room in ann["p/home"]["p/part"]]) == ("home", [3])
    assert len(store.calls) == asked == 3


def test_touch_ends_where_components_hold_each_other() -> None:
    one = Entity(db_of((ANN, "p/part", BOB), (BOB, "p/part", ANN)), ANN).touch()
    (two,) = one["p/part"]
    assert two["p/part"] == {one}


def test_touch_goes_three_thousand_deep() -> None:
    top = Entity(db_of(*((n, "p/home", n + 1) for n in range(1000, 4000)), (4000, "p/age", 1)), 1000).touch()
    here = top
    for _ in range(3000):
        here = here["p/home"]
    assert here["p/age"] == 1


def test_nothing_is_read_before_it_is_looked_at_or_twice() -> None:
    store = SmallStore(FACTS)
    ann = Entity(store.db(), ANN)
    assert store.calls == []
    for _ in range(2):
        assert (ann["p/admin"], ann.get("p/age"), ann["p/name"]) == (False, None, "Ann")
    assert store.calls == [("facts_of", 1)]


def test_what_is_loaded_is_not_looked_up() -> None:
    store = SmallStore(FACTS)
    db = warm(store.db())
    store.calls.clear()
    assert [Entity(db, ANN)["p/name"], Entity(db, CAT).get("p/name")] == ["Ann", None]
    assert store.calls == []


def test_siblings_are_read_together() -> None:
    store = SmallStore([*((1, "p/friend", n) for n in range(300, 400)), *((n, "p/age", n) for n in range(300, 400))])
    friends = Entity(store.db(), 1)["p/friend"]
    assert sorted(friend["p/age"] for friend in friends) == list(range(300, 400))
    assert store.calls == [("facts_of", 1), ("facts_of", 100)]


def test_views_show_their_own_facts() -> None:
    ages = [(ANN, "p/age", 5, 1, 2), (ANN, "p/age", 6, 2)]
    db = SmallStore([*ages, (ANN, "p/nick", "x"), (BOB, "p/friend", ANN, 2)]).db(t=2)
    assert _of(db, ANN)["p/age"] == 6
    assert dict(_of(db.as_of(1), ANN)) == {"p/age": 5, "p/nick": {"x"}}
    assert dict(_of(db.since(1), ANN)) == {"p/age": 6}
    assert dict(_of(db.filter(lambda _, datom: datom.a == "p/nick"), ANN)) == {"p/nick": {"x"}}
    assert (entity(db.as_of(1), BOB), len(_of(db, ANN)["p/_friend"])) == (None, 1)


@pytest.mark.parametrize("make", [entity, Entity])
def test_a_history_view_is_refused(db: DbValue, make: Callable[[DbValue, int], object]) -> None:
    with pytest.raises(EntityError, match="entity/history-view"):
        make(db.history(), ANN)


def test_it_prints_what_was_read(db: DbValue) -> None:
    ann = Entity(db, ANN)
    assert repr(ann) == "<Entity 301>"
    ann["p/name"], ann["p/friend"], ann.get("p/age")
    assert repr(ann) == "<Entity 301 p/friend={<Entity 302>, <Entity 303>} p/name='Ann'>"
