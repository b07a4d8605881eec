"""One connection in many threads, doing all it can at once, and closed in the middle of it."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from factstore import Connection, LogError, TransactionError, connect
from tests import pg
from tests.contract.conftest import SYSTEM, Servers

SECONDS = 1.2
TOTAL = 100
SCHEMA = [
    {"db/ident": "side/name", "db/valueType": "db.type/string", "db/cardinality": "db.cardinality/one",
     "db/unique": "db.unique/identity"},
    {"db/ident": "side/units", "db/valueType": "db.type/long", "db/cardinality": "db.cardinality/one"},
    {"db/ident": "side/note", "db/valueType": "db.type/string", "db/cardinality": "db.cardinality/many"},
]  # fmt: skip
SUM = "[:find (sum ?n) . :with ?e :where [?e :side/units ?n]]"
LEFT, RIGHT = ["side/name", "left"], ["side/name", "right"]


@pytest.fixture(params=["memory", "embedded", SYSTEM])
def target(request: pytest.FixtureRequest, servers: Servers) -> Iterator[tuple[str, str]]:
    schema = pg.fresh_schema()
    if request.param == "memory":
        yield f"memory:{schema}", schema
        return
    yield servers.dsn(request.param), schema
    pg.drop_schema(servers.dsn(request.param), schema)


def move(conn: Connection, draw: random.Random, done: list[int]) -> None:
    """Moves a unit from one side to the other, if it is still as it was read."""
    db = conn.db()
    left, right = (db.pull(["side/units"], side)["side/units"] for side in (LEFT, RIGHT))
    assert left + right == TOTAL
    try:
        report = conn.transact([
            ["db/cas", LEFT, "side/units", left, left - 1], ["db/cas", RIGHT, "side/units", right, right + 1],
            ["db/add", LEFT, "side/note", f"note {draw.random()}"],
        ])  # fmt: skip
        done.append(report.t)
        assert report.db_after.q(SUM) == TOTAL
    except TransactionError as error:
        assert error.code == "tx/cas-failed"  # noqa: PT017


def ask(conn: Connection, draw: random.Random, done: list[int]) -> None:
    db = conn.db(sync=draw.random() < 0.5)
    views = [db, db.as_of(draw.randint(2, db.basis_t)), db.with_([["db/add", LEFT, "side/note", "what if"]]).db_after]
    for view in draw.sample(views, 3):
        assert view.q(SUM) == TOTAL


def look_back(conn: Connection, draw: random.Random, done: list[int]) -> None:
    db = conn.db()
    datoms = db.history().datoms("side/units")
    assert len([d for d in datoms if d.added]) == len([d for d in datoms if not d.added]) + 2
    since = draw.randint(1, db.basis_t)
    assert [commit.t for commit in conn.log(since)][: db.basis_t - since] == list(range(since + 1, db.basis_t + 1))


def look_up(conn: Connection, draw: random.Random, done: list[int]) -> None:
    entity = conn.db().entity(LEFT)
    assert entity["side/units"] <= TOTAL
    assert "side/units" in conn.schema


WORK: list[Callable[[Connection, random.Random, list[int]], None]] = [move, ask, look_back, look_up]


def hammer(conn: Connection, stop: threading.Event) -> list[int]:
    """Every kind of work in two threads each until ``stop`` or the connection is closed; the t of what was written."""
    done: list[int] = []

    def run(n: int) -> int:
        draw, rounds = random.Random(n), 0
        try:
            while not stop.is_set():
                WORK[n % len(WORK)](conn, draw, done)
                rounds += 1
        except LogError as error:
            assert error.code == "log/closed"  # noqa: PT017
        return rounds

    interval = sys.getswitchinterval()
    # NumPy lets go of the interpreter in most calls: who waits 5 ms to have it back each time gets nowhere here.
    sys.setswitchinterval(0.0002)
    try:
        with ThreadPoolExecutor(2 * len(WORK)) as threads:
            assert all(threads.map(run, range(2 * len(WORK))))
    finally:
        sys.setswitchinterval(interval)
    return done


def prepared(target: tuple[str, str], cache_bytes: int | None) -> Connection:
    conn = connect(target[0], schema=target[1], cache_bytes=cache_bytes)
    conn.transact(SCHEMA)
    sides = (("left", TOTAL), ("right", 0))
    conn.transact([{"side/name": name, "side/units": units} for name, units in sides])
    return conn


@pytest.mark.parametrize("cache_bytes", [None, 300], ids=["all kept", "little kept"])
def test_threads_do_all_at_once_until_it_is_closed_under_them(target, cache_bytes) -> None:
    conn = prepared(target, cache_bytes)
    stop = threading.Timer(SECONDS, conn.close)
    stop.start()
    done = hammer(conn, threading.Event())
    stop.join()
    with connect(target[0], schema=target[1]) as fresh:
        ts = [commit.t for commit in fresh.log()]
        assert ts == list(range(1, len(ts) + 1))
        # One that was closed while it waited for its answer may have committed.
        assert sorted(done) == sorted(set(done))
        assert set(done) <= set(ts)
        assert len(done) <= len(ts) - 2 <= len(done) + 2
        assert fresh.db().q(SUM) == TOTAL
        assert fresh.db().pull(["side/units"], RIGHT) == {"side/units": len(ts) - 2}


def test_closing_waits_for_nobody_and_is_done_once(target) -> None:
    conn = prepared(target, None)
    with ThreadPoolExecutor(4) as threads:
        began = time.monotonic()
        list(threads.map(lambda _: conn.close(), range(4)))
    assert time.monotonic() - began < 5
    with pytest.raises(LogError) as caught:
        conn.db()
    assert caught.value.code == "log/closed"
