"""Db values: views that compose, times that are named, and values that stay what they were."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from factstore import Connection, Db, EntityError, connect
from factstore.errors import InvalidValue
from factstore.snapshot import Snapshot

START = datetime(2024, 1, 1, tzinfo=UTC)


def attribute(ident: str, type: str, **more: Any) -> dict[str, Any]:
    return {
        "db/ident": ident,
        "db/valueType": f"db.type/{type}",
        "db/cardinality": "db.cardinality/one",
        **{f"db/{key}": value for key, value in more.items()},
    }


SCHEMA = [
    attribute("p/name", "string", unique="db.unique/identity"),
    attribute("p/age", "long"),
    attribute("p/desk", "long", unique="db.unique/value"),
]


def at(day: int) -> datetime:
    return START + timedelta(days=day)


@pytest.fixture
def conn() -> Connection:
    """Ann is 1 at t = 2, 2 at t = 3, and so on; t was on that day of January."""
    found = connect("memory:")
    found.transact([*SCHEMA, {"db/id": "db/current-tx", "db/txInstant": at(1)}])
    for t in range(2, 7):
        found.transact([{"p/name": "ann", "p/age": t - 1}, {"db/id": "db/current-tx", "db/txInstant": at(t)}])
    return found


def ages(db: Db) -> list[int]:
    return [datom.v for datom in db.datoms("p/age")]


@pytest.mark.parametrize(
    ("when", "t"),
    [
        (at(0), 0),
        (datetime.min.replace(tzinfo=UTC), 0),
        (at(1), 1),
        (at(3) - timedelta(microseconds=1), 2),
        (at(3), 3),
        (at(3) + timedelta(microseconds=1), 3),
        (at(99), 6),
        (datetime.max.replace(tzinfo=UTC), 6),
        (0, 0),
        (4, 4),
        ((1 << 42) + 4, 4),
    ],
)
def test_a_time_is_the_last_transaction_at_or_before_it(conn, when, t) -> None:
    assert conn.db().t_of(when) == t
    assert ages(conn.db().as_of(when)) == ages(conn.db().as_of(t))


@pytest.mark.parametrize("when", [-1, True, 1.5, "2024", None, 2**63, 10**400])
def test_what_is_no_time_is_named(conn, when) -> None:
    with pytest.raises(EntityError) as caught:
        conn.db().as_of(when)
    assert caught.value.code == "db/no-such-time"


@pytest.mark.parametrize("when", [datetime(2024, 1, 1), datetime.fromisoformat("0001-01-01T00:00:00+05:00")])
def test_an_instant_is_one_in_utc(conn, when) -> None:
    with pytest.raises(InvalidValue, match="is not a instant"):
        conn.db().since(when)


def test_views_compose_in_any_order(conn) -> None:
    db = conn.db()
    assert ages(db.as_of(4).since(2)) == ages(db.since(2).as_of(4)) == [3]
    assert ages(db.as_of(4).as_of(9)) == ages(db.as_of(9).as_of(4)) == [3]
    assert ages(db.as_of(3).since(3)) == []
    told = [(d.v, d.added) for d in db.history().as_of(4).since(2).datoms("p/age")]
    assert told == [(1, False), (2, True), (2, False), (3, True)]


def test_filters_see_the_value_below_them(conn) -> None:
    seen: list[list[int]] = []

    def odd(db: Any, datom: Any) -> bool:
        seen.append(ages(db))
        return datom.a != "p/age" or datom.v % 2 == 1

    db = conn.db().history().filter(odd)
    assert [(d.v, d.added) for d in db.as_of(5).datoms("p/age")] == [(1, True), (1, False), (3, True), (3, False)]
    assert ages(conn.db().filter(odd)) == [5]
    assert ages(conn.db().filter(odd).filter(lambda db, d: ages(db) == [])) == []
    assert seen[-1] == [5]


def test_an_old_value_is_exact_after_many_commits(conn) -> None:
    old = conn.db()
    for n in range(50):
        conn.transact([{"p/name": "ann", "p/age": 100 + n}, {"p/name": f"n{n}", "p/age": n}])
    assert (ages(old), len(old.datoms("p/name"))) == ([5], 1)
    assert [ages(old.as_of(t)) for t in (2, 5, 99)] == [[1], [4], [5]]
    assert old.entid(["p/name", "n1"]) is None


def test_a_snapshot_loaded_by_many_threads_while_others_advance() -> None:
    conn = connect("memory:")
    names = [f"a/{n}" for n in range(30)]
    conn.transact([attribute(name, "long") for name in names])
    conn.transact([dict.fromkeys(names, 0)])
    found: list[list[Any]] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            db = conn.db()
            found.append([db.datoms(name)[0].v for name in names])

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    [datom] = conn.db().datoms("a/0")
    for n in range(1, 40):
        conn.transact([{"db/id": datom.e, **dict.fromkeys(names, n)}])
    stop.set()
    for reader in readers:
        reader.join()
    assert all(len(set(values)) == 1 for values in found)
    assert [conn.db().datoms(name)[0].v for name in names] == [39] * 30


def test_speculations_stand_on_each_other_and_on_the_past(conn) -> None:
    past = conn.db().as_of(3)
    one = past.with_([{"p/name": "ann", "p/age": 40}, {"p/name": "bob", "p/age": 9}]).db_after
    two = one.with_([{"p/name": "ann", "p/age": 41}, ["db/retract", ["p/name", "bob"], "p/age", 9]]).db_after
    assert (ages(past), sorted(ages(one)), ages(two)) == ([2], [9, 40], [41])
    assert (two.basis_t, sorted(ages(two.as_of(4))), ages(two.as_of(2))) == (5, [9, 40], [1])
    told = [(d.tx - (1 << 42), d.v, d.added) for d in two.history().datoms("p/age") if d.v > 2]
    assert sorted(told) == [(4, 9, True), (4, 40, True), (5, 9, False), (5, 40, False), (5, 41, True)]


def test_a_speculation_stays_as_it_was_when_its_words_are_committed(conn) -> None:
    """What had a code of its own keeps it, though the store gives the same value another later."""
    after = conn.db().with_([{"p/name": "late", "p/age": 7}]).db_after
    conn.transact([{"p/name": "late", "p/age": 8}])
    found = after.entid(["p/name", "late"])
    assert found == after.datoms("p/name", v="late")[0].e != conn.db().entid(["p/name", "late"])
    again = after.with_([{"p/name": "late", "p/age": 6}]).db_after
    assert [d.v for d in again.datoms("p/age", e=found)] == [6]


def test_a_lookup_ref_in_a_history_names_who_had_the_value_last(conn) -> None:
    ann = conn.db().entid(["p/name", "ann"])
    bob = conn.transact([{"db/id": "bob", "p/name": "bob", "p/desk": 1}]).tempids["bob"]
    conn.transact([["db/retract", bob, "p/desk", 1]])
    conn.transact([["db/add", ann, "p/desk", 1]])
    db = conn.db()
    assert db.entid(["p/desk", 1]) == db.history().entid(["p/desk", 1]) == ann
    assert db.history().as_of(db.basis_t - 1).entid(["p/desk", 1]) == bob


@pytest.mark.parametrize("ref", [2**63, -(2**63) - 1, 10**400, True, 1.5, None, b"ab", ["p/name"], [1, 2]])
def test_what_names_no_entity_is_refused(conn, ref) -> None:
    with pytest.raises(EntityError) as caught:
        conn.db().entid(ref)
    assert caught.value.code == "entity/bad-ref"


def test_the_past_is_loaded_once_whoever_asks(conn, monkeypatch) -> None:
    loads: list[int] = []
    load = Snapshot._load
    monkeypatch.setattr(Snapshot, "_load", lambda self, a: loads.append(self.t) or load(self, a))
    assert [ages(conn.db().as_of(3)) for _ in range(3)] == [[2]] * 3
    conn.transact([{"p/name": "bob"}])
    assert ages(conn.db().as_of(3)) == [2]
    assert loads.count(3) == 1
