"""Whole attributes out of PostgreSQL: by index or by pass, in pieces from several sessions, packed or not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from importlib.resources import files

import numpy as np
import psycopg
import pytest

from factstore.columns import ints
from factstore.datom import FOREVER, TX0
from factstore.errors import LogError
from factstore.log import schema_at
from factstore.postgres import PostgresLog, load_steps
from factstore.postgres import load as loading
from factstore.schema import Ids
from factstore.values import ValueType
from tests.contract.plans import AGE, FIRST, FRIEND, NAME, SCORE, Columns, HandMade, Store

ANN = FIRST
SIZE = 1500


def _ages(store: Store, value: int, before: int | None) -> int:
    """Commits that everyone has this age now, as columns: ``SIZE`` facts that replace as many."""
    with store.log.writer() as writer:
        t, next_e, next_v = writer.counters
        first = next_e if before is None else next_e - SIZE
        e, a = np.arange(first, first + SIZE), np.full(SIZE, AGE)
        types = np.full(SIZE, int(ValueType.LONG))
        gone = Columns(*[ints([])] * 4) if before is None else Columns(e, a, types, np.full(SIZE, before))
        plan = HandMade(t, [], Columns(e, a, types, np.full(SIZE, value)), gone, first + SIZE, next_v, store.schema)
        writer.write(plan)
    return t


@pytest.fixture
def small_pieces(monkeypatch) -> None:
    """A block at a time, so that a small table takes many statements on several sessions."""
    monkeypatch.setattr(loading, "_PIECE", 1)


@pytest.fixture
def busy(pg_store) -> Iterator[tuple[Store, int]]:
    """A store in which everyone's age changes all the time, and the t at which it was 0."""
    first, stop = _ages(pg_store, 0, None), threading.Event()

    def change() -> None:
        age = 0
        while not stop.is_set():
            _ages(pg_store, age + 1, age)
            age += 1

    thread = threading.Thread(target=change)
    thread.start()
    yield pg_store, first
    stop.set()
    thread.join()


@pytest.mark.usefixtures("small_pieces")
def test_pieces_of_several_sessions_are_one_snapshot(busy) -> None:
    store, first = busy
    for _ in range(12):
        t = store.log.head()
        rows = store.log.load([AGE, FRIEND], t)[AGE]
        assert (len(rows.e), len(np.unique(rows.e)), np.unique(rows.v).tolist()) == (SIZE, SIZE, [t - first])


@pytest.mark.usefixtures("small_pieces")
def test_lives_of_several_sessions_follow_each_other(busy) -> None:
    store, first = busy
    for _ in range(6):
        t = store.log.head()
        lives = store.log.load_intervals([AGE], t)[AGE]
        assert len(lives.e) == SIZE * (t - first + 1)
        assert (lives.end == FOREVER).sum() == SIZE
        assert np.unique(lives.v[lives.end == FOREVER]).tolist() == [t - first]


def test_rows_come_sorted(pg_store) -> None:
    pg_store.commit([(ANN + n, FRIEND, ANN + m) for n in (3, 1, 2) for m in (2, 0, 1)])
    rows = pg_store.log.load([FRIEND], 2)[FRIEND]
    assert list(zip(rows.e.tolist(), rows.v.tolist(), strict=True)) == [
        (ANN + n, ANN + m) for n in (1, 2, 3) for m in (0, 1, 2)
    ]


def test_facts_about_transactions_keep_their_entity(pg_store) -> None:
    pg_store.commit([(ANN, AGE, 1)])
    rows = pg_store.log.load([Ids.TX_INSTANT], 2)[Ids.TX_INSTANT]
    assert (rows.e - TX0).tolist() == (rows.tx - TX0).tolist() == [1, 2]


@pytest.mark.parametrize("attributes", [[AGE], [SCORE], [SCORE, AGE]])
def test_what_does_not_fit_one_number_is_sent_as_two(pg_store, dsn, monkeypatch, attributes) -> None:
    """An entity of 42 bits and a transaction of 31 are more than the 63 there are."""
    schema = pg_store.log.channel.removesuffix("_commits")
    far, late = (1 << 42) - 7, (1 << 30) + 5
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute(f'UPDATE "{schema}".root SET t = %s, next_e = %s', (late - 1, far))
    pg_store.commit([(far, AGE, 30), (far, SCORE, 0.5), (ANN, AGE, 7)])
    asked: list[bool] = []
    attempt = loading._attempt
    monkeypatch.setattr(loading, "_attempt", lambda *a, **k: asked.append(k["packed"]) or attempt(*a, **k))
    found = pg_store.log.load(attributes, late)
    assert asked == [True, False]
    assert all(found[a].e.tolist()[-1] == far and found[a].tx.tolist()[-1] == TX0 + late for a in attributes)


@pytest.mark.parametrize("what", ["load", "load_intervals"])
def test_an_index_dropped_after_the_snapshot_loses_no_fact(pg_store, monkeypatch, what) -> None:
    pg_store.commit([(ANN, SCORE, 0.5)])
    begin = loading._begin

    def dropped(*asked):
        extent = begin(*asked)
        pg_store.commit([(SCORE, Ids.INDEX, False)], [(SCORE, Ids.INDEX, True)])
        return extent

    monkeypatch.setattr(loading, "_begin", dropped)
    assert getattr(pg_store.log, what)([SCORE], 2)[SCORE].e.tolist() == [ANN]


def test_a_value_too_large_to_send_is_read_in_pieces(pg_store, monkeypatch) -> None:
    pg_store.commit([(ANN, NAME, "ann")])
    too_large = {**pg_store.log._sql, "load_by_value_live": "SELECT 1, repeat('longer', 1000000000)"}
    monkeypatch.setattr(pg_store.log, "_sql", too_large)
    assert pg_store.log.load([NAME], 2)[NAME].e.tolist() == [ANN]


def test_an_error_of_one_session_is_the_error_of_the_load(pg_store, monkeypatch, small_pieces) -> None:
    _ages(pg_store, 0, None)
    broken = {**pg_store.log._sql, "load_scan_live": "SELECT 1 / 0"}
    monkeypatch.setattr(pg_store.log, "_sql", broken)
    with pytest.raises(LogError) as caught:
        pg_store.log.load([AGE], 2)
    assert caught.value.code == "log/refused"
    assert pg_store.log.head() == 2


def test_a_load_without_other_sessions_is_done_by_one(pg_store, monkeypatch, small_pieces) -> None:
    _ages(pg_store, 0, None)
    monkeypatch.setattr(load_steps.Work, "_assist", lambda self, snapshot: None)
    assert len(pg_store.log.load([AGE], 2)[AGE].e) == SIZE


def test_who_assists_does_not_wait_behind_who_waits_for_the_load(pg_store, dsn, monkeypatch, small_pieces) -> None:
    _ages(pg_store, 0, None)
    table = f'"{pg_store.log.channel.removesuffix("_commits")}".facts_live'
    assist = load_steps.Work._assist
    with psycopg.connect(dsn) as locker, psycopg.connect(dsn, autocommit=True) as admin:
        waiting = threading.Thread(target=locker.execute, args=(f"LOCK TABLE {table}",))

        def late(self, snapshot: str) -> None:
            waiting.start()
            while not admin.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()[0]:
                pass
            assist(self, snapshot)

        monkeypatch.setattr(load_steps, "_SESSIONS", 2)
        monkeypatch.setattr(load_steps.Work, "_assist", late)
        assert len(pg_store.log.load([AGE], 2)[AGE].e) == SIZE
        waiting.join()


def test_sessions_that_broke_are_replaced(pg_store, dsn, small_pieces) -> None:
    _ages(pg_store, 0, None)
    pg_store.log.load([AGE], 2)
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    assert len(pg_store.log.load([AGE], 2)[AGE].e) == SIZE


def test_a_schema_is_read_by_its_index_in_a_store_of_any_size(pg_store, dsn) -> None:
    _ages(pg_store, 0, None)
    pg_store.commit([(AGE, Ids.DOC, "in years"), (AGE, Ids.INDEX, True)])
    other = PostgresLog(dsn, pg_store.log.channel.removesuffix("_commits"))
    assert [schema_at(other, t).attribute(AGE).doc for t in (2, 3)] == [None, "in years"]
    assert [schema_at(other, t).attribute(AGE).indexed for t in (2, 3)] == [False, True]
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute("SET enable_seqscan = off")
        statement = other._sql["load_schema_live"]
        numbers = {"tx0": TX0, "unit": 8, "tx": TX0 + 3, "a": [Ids.IDENT]}
        plan = admin.execute("EXPLAIN " + statement, numbers).fetchall()
    assert any("live_schema" in line for (line,) in plan)
    other.close()


def test_the_schema_indexes_are_of_the_attributes_that_are_read_by_them() -> None:
    left_out = f"a < 256 AND a NOT IN ({Ids.DOC}, {Ids.TX_INSTANT}, {Ids.TX_ORIGIN})"
    layout, statements = (files("factstore.postgres") / f"{name}.sql" for name in ("layout", "statements"))
    assert layout.read_text().count(f"WHERE {left_out};") == 2
    assert statements.read_text().count(f"WHERE {left_out} AND") == 3
    assert set(range(1, 256)) - {Ids.DOC, Ids.TX_INSTANT, Ids.TX_ORIGIN} == loading._SCHEMA
