"""Sessions that are ended, networks that are cut, servers that are restarted: what goes on, and what says not."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from factstore import Connection, LogError, connect
from tests import pg
from tests.contract.proxy import Proxy, proxied
from tests.contract.replay import check

SCHEMA = [
    {"db/ident": "item/name", "db/valueType": "db.type/string", "db/cardinality": "db.cardinality/one",
     "db/unique": "db.unique/identity"},
    {"db/ident": "item/n", "db/valueType": "db.type/long", "db/cardinality": "db.cardinality/one"},
]  # fmt: skip
NAMES = "[:find [?name ...] :where [_ :item/name ?name]]"
SUM = "[:find (sum ?n) . :with ?e :where [?e :item/n ?n]]"


@pytest.fixture
def proxy(dsn: str) -> Iterator[Proxy]:
    with proxied(dsn) as found:
        yield found


@pytest.fixture
def schema(dsn: str) -> Iterator[str]:
    name = pg.fresh_schema()
    with connect(dsn, schema=name) as conn:
        conn.transact(SCHEMA)
    yield name
    with psycopg.connect(dsn, autocommit=True) as session:
        check(session, name)
    pg.drop_schema(dsn, name)


@pytest.fixture
def conn(proxy: Proxy, schema: str) -> Iterator[Connection]:
    with connect(proxy.dsn, schema=schema) as found:
        yield found


def code_of(call, *arguments: object) -> str:
    with pytest.raises(LogError) as caught:
        call(*arguments)
    return caught.value.code


def test_readers_do_not_notice_a_cut(conn, proxy) -> None:
    conn.transact([{"item/name": "a", "item/n": 1}])
    old = conn.db()
    assert old.q(NAMES) == ["a"]
    proxy.cut()
    assert conn.db().q(NAMES) == ["a"]
    proxy.cut()
    assert old.q(SUM) == 1  # an attribute that was not loaded yet
    proxy.cut()
    assert [commit.t for commit in conn.log()] == [1, 2]
    assert proxy.cuts >= 3


def test_an_answer_cut_in_its_middle_is_asked_for_again(conn, proxy, dsn, schema) -> None:
    conn.transact([{"item/name": f"item {n}", "item/n": n} for n in range(5000)])
    stop = threading.Event()

    def cuts() -> None:
        while not stop.wait(0.05):
            proxy.cut()

    with ThreadPoolExecutor(1) as threads:
        cutting = threads.submit(cuts)
        try:
            found = []
            while len(found) < 8:
                try:
                    with connect(proxy.dsn, schema=schema) as fresh:
                        found.append(fresh.db().q(SUM))
                except LogError as error:  # two cuts in one read, or one while connecting
                    assert error.code == "log/unreachable"  # noqa: PT017
        finally:
            stop.set()
        cutting.result()
    assert found == [sum(range(5000))] * 8


def test_a_writer_whose_idle_session_was_cut_does_not_notice(conn, proxy) -> None:
    for n in range(3):
        proxy.cut()
        assert conn.transact([{"item/name": f"item {n}"}]).t == n + 2


def test_a_commit_that_was_not_sent_is_refused_and_not_written(conn, proxy) -> None:
    proxy.moment = "before the commit"
    assert code_of(conn.transact, [{"item/name": "lost", "item/n": 1}]) == "log/unreachable"
    assert (conn.db().basis_t, conn.db().q(NAMES)) == (1, [])
    assert conn.transact([{"item/name": "lost", "item/n": 1}]).t == 2


def test_a_commit_whose_answer_was_cut_is_found_and_done_once(conn, proxy) -> None:
    proxy.moment = "after the commit"
    report = conn.transact([{"item/name": "kept", "item/n": 1}])
    assert proxy.moment == "never"
    assert (report.t, report.db_after.q(NAMES), conn.db().q(NAMES)) == (2, ["kept"], ["kept"])
    assert conn.transact([{"item/name": "kept", "item/n": 1}]).t == 3
    assert [d.added for d in conn.db().history().datoms("item/name")] == [True]


def test_a_commit_that_nobody_can_be_asked_about_says_so(conn, proxy, monkeypatch) -> None:
    monkeypatch.setattr("factstore.postgres._SETTLE_PAUSES", (0.0, 0.05), raising=False)
    conn.transact([{"item/name": "first"}])
    proxy.moment, proxy.open = "after the commit", False
    assert code_of(conn.transact, [{"item/name": "who knows"}]) == "log/outcome-unknown"
    assert code_of(conn.db) == "log/unreachable"
    proxy.open = True
    assert conn.db().q(NAMES) == ["first", "who knows"]
    assert conn.transact([{"item/name": "next"}]).t == 4


def test_a_session_that_idled_too_long_is_replaced(proxy, schema) -> None:
    address = f"{proxy.dsn}&options=-cidle_session_timeout%3D100ms"
    with connect(address, schema=schema) as conn:
        for n in range(2):
            time.sleep(0.3)
            assert conn.db().q(NAMES) == [f"item {m}" for m in range(n)]
            time.sleep(0.3)
            conn.transact([{"item/name": f"item {n}"}])


def test_a_thread_that_stops_in_a_transaction_is_ended_by_the_server(proxy, schema, dsn) -> None:
    """Whoever keeps the writer's place is put out of it; the others go on, and nothing of it was written."""

    def stuck(db: object) -> list[object]:
        # What the server does after a minute by itself.
        with psycopg.connect(dsn, autocommit=True) as admin:
            holder = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE state = 'idle in transaction'"
            assert admin.execute(holder).fetchall()
        return [{"item/name": "never"}]

    with connect(proxy.dsn, schema=schema) as conn:
        assert code_of(conn.transact, [["db/fn", stuck]]) == "log/unreachable"
        assert conn.transact([{"item/name": "next"}]).t == 2
        assert conn.db().q(NAMES) == ["next"]


def load(conn: Connection, name: str, stop: threading.Event) -> tuple[set[str], set[str]]:
    """Writes until told to stop; what was acknowledged, and of what nobody knows."""
    done, unknown = set(), set()
    for n in range(10**6):
        if stop.is_set():
            break
        try:
            conn.transact([{"item/name": f"{name} {n}", "item/n": n}])
            done.add(f"{name} {n}")
        except LogError as error:
            if error.code == "log/outcome-unknown":
                unknown.add(f"{name} {n}")
            elif error.code != "log/unreachable":
                raise
    return done, unknown


def look(conn: Connection, stop: threading.Event) -> int:
    """Reads until told to stop: time never runs backwards, and no name comes without its number."""
    seen = reads = 0
    while not stop.is_set():
        try:
            db = conn.db()
            assert db.basis_t >= seen
            assert len(db.datoms("item/name")) == len(db.datoms("item/n"))
            seen, reads = db.basis_t, reads + 1
        except LogError as error:
            assert error.code == "log/unreachable"  # noqa: PT017
    return reads


@pytest.mark.parametrize("how", ["cut by the network", "ended by an administrator"])
def test_under_load_nothing_acknowledged_is_lost_and_nothing_written_twice(proxy, schema, dsn, how) -> None:
    stop, draw = threading.Event(), random.Random(11)
    ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'factstore'"
    with (
        ThreadPoolExecutor(4) as threads,
        connect(proxy.dsn, schema=schema) as conn,
        connect(dsn, schema=schema) as own,
    ):
        writing = [threads.submit(load, each, name, stop) for name, each in (("a", conn), ("b", conn), ("c", own))]
        reading = threads.submit(look, conn, stop)
        with psycopg.connect(dsn, autocommit=True) as admin:
            for _ in range(12):
                time.sleep(draw.uniform(0.02, 0.1))
                proxy.cut() if how.startswith("cut") else admin.execute(ended)
        stop.set()
        outcomes = [each.result() for each in writing]
        assert reading.result() > 0
    done, unknown = (set.union(*each) for each in zip(*outcomes, strict=True))
    with connect(dsn, schema=schema) as fresh:
        kept = list(fresh.db().q(NAMES))
    assert len(kept) == len(set(kept))
    assert done <= set(kept) <= done | unknown
    assert len(done) > 10


@pytest.mark.service
def test_a_restarted_server_is_found_again() -> None:
    with pg.cluster() as cluster:
        if cluster is None:
            pytest.skip("there is no system PostgreSQL here")
        cluster.start()
        with connect(cluster.dsn) as conn:
            conn.transact(SCHEMA)
            cluster.stop("fast")
            assert code_of(conn.db) == "log/unreachable"
            assert code_of(conn.transact, [{"item/name": "x"}]) == "log/unreachable"
            cluster.start()
            assert conn.db().q(NAMES) == []
            assert conn.transact([{"item/name": "x"}]).t == 2
            cluster.stop("fast")
            cluster.start()
            assert conn.transact([{"item/name": "y"}]).t == 3
