"""Views of a db value: what each shows at the edges, how they compose, and when two are the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from factstore import Connection, Db, connect
from factstore.datom import TX0
from factstore.log import MemoryLog

START = datetime(2024, 1, 1, tzinfo=UTC)
SCHEMA = [
    {"db/ident": "v/n", "db/valueType": "db.type/long", "db/cardinality": "db.cardinality/one"},
    {
        "db/ident": "v/now",
        "db/valueType": "db.type/string",
        "db/cardinality": "db.cardinality/one",
        "db/noHistory": True,
    },
]


@pytest.fixture
def conn() -> Connection:
    """One entity whose ``v/n`` is t - 1 from t = 2 on; t was on that day of January."""
    found = connect("memory:")
    found.transact([*SCHEMA, on(1)])
    e = found.transact([{"db/id": "x", "v/n": 1}, on(2)]).tempids["x"]
    for t in range(3, 7):
        found.transact([{"db/id": e, "v/n": t - 1}, on(t)])
    return found


def on(day: int) -> dict[str, Any]:
    return {"db/id": "db/current-tx", "db/txInstant": START + timedelta(days=day)}


def ns(db: Db) -> list[int]:
    return [datom.v for datom in db.datoms("v/n")]


def told(db: Db) -> list[tuple[int, bool]]:
    return [(datom.v, datom.added) for datom in db.history().datoms("v/n")]


def test_times_at_the_edges(conn) -> None:
    db = conn.db()
    assert ns(db.as_of(99)) == ns(db.as_of(6)) == ns(db) == [5]
    assert ns(db.as_of(0)) == ns(db.as_of(START - timedelta(days=999))) == []
    assert ns(db.since(0)) == ns(db.since(5)) == [5]
    assert ns(db.since(6)) == ns(db.since(99)) == ns(db.since(START + timedelta(days=6))) == []
    assert told(db.as_of(1)) == told(db.since(6)) == []


def test_a_time_after_the_basis_does_not_grow_with_the_store(conn) -> None:
    view = conn.db().as_of(9)
    conn.transact([["db/retract", conn.db().datoms("v/n")[0].e, "v/n", 5]])
    assert (ns(view), ns(conn.db())) == ([5], [])


def test_history_lists_a_replacement_as_both(conn) -> None:
    found = [(d.tx - TX0, d.v, d.added) for d in conn.db().history().datoms("v/n")]
    assert sorted(found) == [(2, 1, True), *sorted((t, n, n == t - 1) for t in range(3, 7) for n in (t - 2, t - 1))]


def test_a_history_orders_a_fact_by_time(conn) -> None:
    e = conn.db().datoms("v/n")[0].e
    conn.transact([["db/add", e, "v/n", 1]])
    assert [(d.tx - TX0, d.added) for d in conn.db().history().datoms("eavt", e, "v/n", 1)] == [
        (2, True),
        (3, False),
        (7, True),
    ]


def test_a_speculation_stands_on_the_moment_and_keeps_the_other_views(conn) -> None:
    e = conn.db().datoms("v/n")[0].e
    data = [{"db/id": e, "v/n": 100}]
    assert told(conn.db().as_of(3).with_(data).db_after) == [(1, True), (1, False), (2, True), (2, False), (100, True)]
    assert ns(conn.db().since(6).with_(data).db_after) == [100]
    odd = conn.db().filter(lambda _, datom: datom.a != "v/n" or datom.v % 2 == 1)
    assert (ns(odd), ns(odd.with_(data).db_after)) == ([5], [])
    assert told(conn.db().history().since(6).with_(data).db_after) == [(5, False), (100, True)]


def test_values_of_one_basis_and_view_are_equal(conn) -> None:
    db, again = conn.db(), Connection(conn._log).db()
    assert (db, hash(db)) == (again, hash(again))
    for one, other in (
        (db.as_of(3), again.as_of(START + timedelta(days=3))),
        (db.since(2).history(), again.history().since(2)),
        (db.as_of(5).as_of(3), again.as_of(3)),
        (db.filter(_all), again.filter(_all)),
    ):
        assert (one == other, hash(one) == hash(other), one == db) == (True, True, False)


def _all(db: Any, datom: Any) -> bool:
    return True


def test_values_that_show_other_facts_differ(conn) -> None:
    db = conn.db()
    speculated = [db.with_([{"db/id": "x", "v/n": 1}]).db_after for _ in range(2)]
    others = [db.as_of(6), db.since(0), db.history(), db.filter(_all), *speculated, Connection(MemoryLog()).db(), None]
    assert [db == other for other in others] == [False] * len(others)
    assert speculated[0] != speculated[1]
    assert db.filter(_all) != db.filter(lambda db, datom: True)
    conn.transact([])
    assert conn.db() != db


def test_a_value_says_which_view_it_is(conn) -> None:
    db = conn.db()
    assert (db.is_filtered, db.is_history, db.as_of_t, db.since_t, db.basis_t) == (False, False, None, None, 6)
    view = db.as_of(START + timedelta(days=4)).since(2).history().filter(_all)
    assert (view.is_filtered, view.is_history, view.as_of_t, view.since_t, view.basis_t) == (True, True, 4, 2, 6)
    assert repr(view) == "<Db t=6 as_of=4 since=2 history 1 filters>"


def test_what_forgets_shows_the_past_as_long_as_it_is_present(conn) -> None:
    """As of an attribute without history: only what still holds is kept for any view but the log's."""
    e = conn.transact([{"db/id": "x", "v/now": "one"}]).tempids["x"]
    fresh, warm = conn.db(), conn.db().as_of(7)
    assert [d.v for d in warm.datoms("v/now")] == ["one"]
    conn.transact([{"db/id": e, "v/now": "two"}])
    assert [d.v for d in conn.db().datoms("v/now")] == ["two"]
    assert [d.v for d in conn.db().history().datoms("v/now")] == ["two"]
    assert [(d.v, d.added) for commit in conn.log(6) for d in commit.datoms if d.a == "v/now"] == [
        ("one", True),
        ("one", False),
        ("two", True),
    ]
    assert fresh.basis_t == 7


@pytest.mark.parametrize(
    ("after", "upto", "ts"),
    [
        (0, None, [1, 2, 3, 4, 5, 6]),
        (2, 4, [3, 4]),
        (TX0 + 2, TX0 + 4, [3, 4]),
        (START + timedelta(days=2), START + timedelta(days=4), [3, 4]),
        (START + timedelta(days=2, hours=-1), START + timedelta(days=4, hours=-1), [2, 3]),
        (START - timedelta(days=9), START + timedelta(days=1), [1]),
        (4, 4, []),
        (5, 2, []),
        (6, 99, []),
        (99, None, []),
    ],
)
def test_the_log_is_open_at_its_start_and_closed_at_its_end(conn, after, upto, ts) -> None:
    assert [commit.t for commit in conn.log(after, upto)] == ts


def test_the_log_is_read_in_pages_by_weight(monkeypatch) -> None:
    conn = connect("memory:")
    conn.transact(SCHEMA)
    for n in range(300):
        conn.transact([{"db/id": f"{m}", "v/n": m} for m in range(200 if n == 150 else 1)])
    read: list[int] = []
    log = conn._log
    monkeypatch.setattr("factstore.conn_listen._PAGE", 150)
    original = log.read
    monkeypatch.setattr(log, "read", lambda after, upto=None: read.append(upto - after) or original(after, upto))
    assert [commit.t for commit in conn.log()] == list(range(1, 302))
    assert max(read) < 301
    assert len(set(read)) > 2


def test_an_index_is_in_value_order_while_the_store_moves_on() -> None:
    conn = connect("memory:")
    named = {"db/ident": "v/name", "db/valueType": "db.type/string", "db/cardinality": "db.cardinality/one"}
    conn.transact([{**named, "db/index": True}])
    made = conn.transact([{"db/id": str(n), "v/name": f"{n * 7919 % 1000:03}"} for n in range(1000)])
    assert [d.v for d in conn.db().datoms("avet", "v/name")] == [f"{n:03}" for n in range(1000)]
    for n in range(0, 40, 2):
        e, other = made.tempids[str(n)], made.tempids[str(n + 1)]
        conn.transact([{"db/id": e, "v/name": f"{n:03}+"}, {"db/id": "x", "v/name": f"{n * 3:03}"}])
        conn.transact([["db/retract", other, "v/name", f"{(n + 1) * 7919 % 1000:03}"]])
        db = conn.db()
        every = sorted((d.v, d.e) for d in db.datoms("v/name"))
        assert [(d.v, d.e) for d in db.datoms("avet", "v/name")] == every
        ahead = db.with_([{"db/id": "y", "v/name": "500!"}]).db_after
        assert [d.v for d in ahead.index_range("v/name", "500", "501")][-1] == "500!"
