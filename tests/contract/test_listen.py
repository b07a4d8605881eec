"""Following a store: whoever commits, every listener gets every transaction once and in order."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from factstore import Connection, FactstoreError, TxReport, connect
from factstore.log import Log, MemoryLog
from factstore.postgres import PostgresLog
from factstore.postgres.listen import channel_of
from tests import pg

START = datetime(2024, 1, 1, tzinfo=UTC)
SCHEMA = [{"db/ident": "l/n", "db/valueType": "db.type/long", "db/cardinality": "db.cardinality/one"}]
PATIENCE = 20.0
"""Seconds after which what should come at once is taken to never come."""


@pytest.fixture
def conn(log: Log) -> Connection:
    """The second of January is t = 2, and so on."""
    found = Connection(log)
    found.transact([*SCHEMA, instant(1)])
    for t in range(2, 6):
        found.transact([{"db/id": "x", "l/n": t}, instant(t)])
    return found


@pytest.fixture
def other(conn: Connection, log: Log) -> Iterator[Connection]:
    """Another connection to the store, with a log of its own where there can be one."""
    if isinstance(log, MemoryLog):
        yield Connection(log)
        return
    assert isinstance(log, PostgresLog)
    with connect(log._readers._dsn, schema=log.channel.removesuffix("_commits")) as found:
        yield found


def instant(day: int) -> dict[str, Any]:
    return {"db/id": "db/current-tx", "db/txInstant": START + timedelta(days=day)}


def say(conn: Connection, n: int) -> TxReport[Any]:
    return conn.transact([{"db/id": "x", "l/n": n}])


def numbers(report: TxReport[Any]) -> list[int]:
    return [datom.v for datom in report.datoms if datom.a == "l/n"]


def test_a_listener_gets_what_is_committed_after_it_was_made(conn, other) -> None:
    with conn.listen(timeout=0.05) as reports:
        written = [say(conn, 100), say(other, 101), say(conn, 102)]
        found = list(reports)
    assert [(r.t, r.tx, r.instant, r.datoms) for r in found] == [(w.t, w.tx, w.instant, w.datoms) for w in written]
    assert [dict(r.tempids) for r in found] == [{}] * 3


@pytest.mark.parametrize(
    ("after", "first"),
    [(0, 1), (3, 4), ((1 << 42) + 3, 4), (START + timedelta(days=3), 4), (START, 1), (START + timedelta(days=99), 6)],
)
def test_a_listener_begins_after_a_moment(conn, after, first) -> None:
    assert [report.t for report in conn.listen(after, timeout=0)] == list(range(first, 6))


def test_a_listener_may_begin_after_what_is_yet_to_come(conn) -> None:
    with conn.listen(after=6, timeout=0) as reports:
        assert reports.t == 6
        say(conn, 6)
        assert list(reports) == []
        say(conn, 7)
        assert [numbers(report) for report in reports] == [[7]]


def test_a_report_shows_the_store_before_and_after(conn) -> None:
    for report in conn.listen(after=0, timeout=0):
        for db, t in ((report.db_before, report.t - 1), (report.db_after, report.t)):
            assert db.basis_t == t
            known = "l/n" in db.schema
            assert known == (t >= 1)
            assert not known or db.datoms("l/n") == conn.db().as_of(t).datoms("l/n")


def test_a_listener_that_keeps_up_shares_what_the_connection_has_loaded(conn) -> None:
    with conn.listen(timeout=0) as reports:
        conn.db().datoms("l/n")
        say(conn, 6)
        [report] = reports
    assert report.db_after is conn.db()
    assert report.db_after.holds(conn.schema.attribute("l/n"))


def test_an_iteration_that_ended_for_want_of_news_goes_on(conn, other) -> None:
    reports = conn.listen(timeout=0)
    assert list(reports) == []
    say(other, 6)
    assert [numbers(report) for report in reports] == [[6]]
    assert (reports.t, reports.poll(0)) == (6, None)
    say(other, 7)
    assert numbers(reports.poll(PATIENCE)) == [7]


def test_closing_ends_who_waits(conn) -> None:
    reports = conn.listen()
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(list, reports), pool.submit(list, conn.listen(timeout=PATIENCE))]
        time.sleep(0.1)
        reports.close()
        assert waiting[0].result(PATIENCE) == []
        say(conn, 6)
        conn.close()
        with pytest.raises(FactstoreError) as caught:
            waiting[1].result(PATIENCE)
    assert caught.value.code == "log/closed"


def test_many_listeners_each_get_all_that_many_writers_commit(conn, other) -> None:
    every = 60
    listeners = [who.listen() for who in (conn, other, conn, other)]
    found: list[list[int]] = [[] for _ in listeners]

    def follow(place: int) -> None:
        for report in listeners[place]:
            found[place].append(report.t)
            time.sleep(0.002 * place)  # some are slower than the writers
            if report.t == 5 + every:
                return

    with ThreadPoolExecutor(8) as pool:
        following = [pool.submit(follow, place) for place in range(len(listeners))]
        for n in range(every):
            pool.submit(say, (conn, other)[n % 2], n)
        for each in following:
            each.result(PATIENCE)
    assert found == [list(range(6, 6 + every))] * len(listeners)


def test_a_slow_listener_reads_a_page_ahead_and_no_more(conn) -> None:
    reports = conn.listen(timeout=0)
    for n in range(200):
        say(conn, n)
    assert next(reports).t == 6
    assert len(reports._page) < 64
    assert [report.t for report in reports] == list(range(7, 206))


def test_sync_waits_for_a_transaction(conn, other) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(conn.sync, 7, timeout=PATIENCE)
        time.sleep(0.05)
        say(other, 6)
        assert not waiting.done()
        say(other, 7)
        assert waiting.result(PATIENCE).basis_t == 7
    assert conn.sync().basis_t == conn.sync(3).basis_t == conn.sync((1 << 42) + 7).basis_t == 7


def test_sync_ends_when_its_time_is_over(conn) -> None:
    with pytest.raises(FactstoreError, match="transaction 9 has not come within") as caught:
        conn.sync(9, timeout=0.05)
    assert caught.value.code == "log/timeout"


def backends(dsn: str) -> None:
    """Ends every session of the server's but one."""
    with psycopg.connect(dsn, autocommit=True) as session:
        session.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")


def test_no_transaction_is_missed_while_connections_break(postgres_log, dsn) -> None:
    conn = Connection(postgres_log)
    conn.transact(SCHEMA)
    schema = postgres_log.channel.removesuffix("_commits")
    stop = threading.Event()

    def interrupt() -> None:
        while not stop.wait(0.15):
            backends(dsn)

    def write() -> int:
        with connect(dsn, schema=schema) as writer:
            for n in range(60):
                while True:
                    try:
                        say(writer, n)
                        break
                    except FactstoreError:
                        continue
                time.sleep(0.01)
            return writer.db().basis_t

    found = []
    with ThreadPoolExecutor(2) as pool, conn.listen(timeout=PATIENCE) as reports:
        interrupting, writing = pool.submit(interrupt), pool.submit(write)
        last = writing.result(60)
        for report in reports:
            found.append(report.t)
            if report.t == last:
                break
        stop.set()
        interrupting.result(PATIENCE)
    assert found == list(range(2, last + 1))
    assert last >= 61


def test_a_forked_child_listens_for_itself(postgres_log) -> None:
    conn = Connection(postgres_log)
    conn.transact(SCHEMA)
    reports = conn.listen(timeout=PATIENCE)
    say(conn, 1)
    assert numbers(next(reports)) == [1]
    child = os.fork()
    if child == 0:
        report = reports.poll(PATIENCE)
        os._exit(0 if report is not None and numbers(report) == [2] else 1)
    time.sleep(0.1)
    say(conn, 2)
    assert numbers(next(reports)) == [2]
    assert os.waitpid(child, 0)[1] == 0


def test_a_hint_that_never_comes_costs_seconds_and_no_transaction(postgres_log, dsn, monkeypatch) -> None:
    monkeypatch.setattr("factstore.postgres.listen._INTERVAL", 0.2)
    conn = Connection(postgres_log)
    conn.transact(SCHEMA)
    deaf = PostgresLog(dsn, postgres_log.channel.removesuffix("_commits"))
    deaf._notifications._channel = "nobody_notifies"
    with Connection(deaf) as other, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(next, other.listen(timeout=PATIENCE))
        time.sleep(0.3)
        say(conn, 1)
        assert numbers(waiting.result(PATIENCE)) == [1]


def test_a_long_schema_name_has_a_channel(dsn) -> None:
    schema = f"{pg.fresh_schema()}_{'long' * 20}"[:63]
    assert len(channel_of(schema)) <= 63
    with connect(dsn, schema=schema) as conn, conn.listen(timeout=PATIENCE) as reports:
        conn.transact(SCHEMA)
        assert next(reports).t == 1
    pg.drop_schema(dsn, schema)
