"""Writing from many threads: who leads, in what order, and what becomes of each when something goes wrong."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from factstore import Connection, FactstoreError, LogError, TransactionError, connect
from factstore import conn_turns as turns
from tests import pg

SCHEMA = [
    {
        "db/ident": "c/key",
        "db/valueType": "db.type/string",
        "db/cardinality": "db.cardinality/one",
        "db/unique": "db.unique/identity",
    },
    {"db/ident": "c/n", "db/valueType": "db.type/long", "db/cardinality": "db.cardinality/one"},
]
KEYS = "[:find [?key ...] :where [_ :c/key ?key]]"


@pytest.fixture(params=["memory", "postgres"])
def conn(request: pytest.FixtureRequest) -> Iterator[Connection]:
    if request.param == "memory":
        with connect("memory:", functions={"bump": bump}) as found:
            found.transact(SCHEMA)
            yield found
        return
    dsn, schema = request.getfixturevalue("dsn"), pg.fresh_schema()
    with connect(dsn, schema=schema, functions={"bump": bump}) as found:
        found.transact(SCHEMA)
        yield found
    pg.drop_schema(dsn, schema)


def bump(db: Any, key: str) -> list[Any]:
    entity = db.entid(["c/key", key])
    held = [] if entity is None else db.datoms("c/n", e=entity)
    return [{"c/key": key, "c/n": 1 + (held[0].v if held else 0)}]


class Gate:
    """A transaction that holds the leader until it is opened; what comes meanwhile waits together."""

    def __init__(self, conn: Connection) -> None:
        self.entered, self._opened = threading.Event(), threading.Event()
        self.future = conn.transact_async([["db/fn", self._hold]])
        assert self.entered.wait(10)

    def _hold(self, db: object) -> list[Any]:
        self.entered.set()
        assert self._opened.wait(10)
        return []

    def open(self) -> None:
        self._opened.set()
        self.future.result(10)


@contextmanager
def held(conn: Connection) -> Iterator[Gate]:
    gate = Gate(conn)
    try:
        yield gate
    finally:
        gate.open()


def sizes(conn: Connection, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The size of each group from here on."""
    seen: list[int] = []
    commit = conn._commit
    monkeypatch.setattr(conn, "_commit", lambda entries: (seen.append(len(entries)), commit(entries))[1])
    return seen


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until, "it did not come to pass"
        time.sleep(0.001)


def test_a_future_gives_the_report(conn) -> None:
    report = conn.transact_async([{"db/id": "a", "c/key": "ann"}]).result(10)
    assert (report.t, report.db_before.q(KEYS), report.db_after.q(KEYS)) == (2, [], ["ann"])
    assert conn.db().entid(["c/key", "ann"]) == report.tempids["a"]


def test_a_future_gives_the_error(conn) -> None:
    error = conn.transact_async([{"c/key": 7}]).exception(10)
    assert isinstance(error, FactstoreError)
    assert error.code == "value/wrong-type"


def test_what_one_thread_queues_is_committed_in_its_order(conn) -> None:
    futures = [conn.transact_async([{"c/key": "same", "c/n": n}]) for n in range(200)]
    assert [future.result(10).t for future in futures] == list(range(2, 202))
    assert conn.db().q("[:find ?n . :where [_ :c/n ?n]]") == 199


def test_what_waits_together_is_one_group(conn, monkeypatch) -> None:
    seen = sizes(conn, monkeypatch)
    with held(conn):
        futures = [conn.transact_async([{"c/key": f"k{n}"}]) for n in range(20)]
    ts = [future.result(10).t for future in futures]
    assert ts == list(range(ts[0], ts[0] + 20))
    assert seen == [1, 20]


def test_a_group_has_a_bound(conn, monkeypatch) -> None:
    monkeypatch.setattr(turns, "MOST_TRANSACTIONS", 8)
    monkeypatch.setattr(turns, "MOST_FORMS", 12)
    seen = sizes(conn, monkeypatch)
    with held(conn):
        small = [conn.transact_async([{"c/key": f"k{n}"}]) for n in range(10)]
        large = [conn.transact_async([{"c/key": f"l{n} {m}"} for m in range(10)]) for n in range(2)]
        huge = conn.transact_async([{"c/key": f"h{m}"} for m in range(20)])
    assert [future.result(10).t for future in (*small, *large, huge)] == list(range(3, 16))
    assert seen == [1, 8, 3, 1, 1]


def test_one_thread_alone_commits_in_itself(conn) -> None:
    ran: list[int] = []
    conn.transact([["db/fn", lambda db: ran.append(threading.get_ident())]])
    assert ran == [threading.get_ident()]
    assert conn._turns._pool is None


def test_threads_and_futures_meet_without_a_loss(conn) -> None:
    """Counters, unique values and mistakes from eight threads: what was acknowledged is there, in one order."""
    said: dict[int, Any] = {}
    refused: list[str] = []

    def work(number: int) -> int:
        draw, done = random.Random(number), 0
        for step in range(25):
            kind = draw.randrange(4)
            data = (
                [["bump", "counter"]],
                [{"c/key": f"{number} {step}"}],
                [{"c/key": f"{number} {step}", "c/n": "no number"}],
                [["bump", "counter"], ["db/cas", ["c/key", "nobody"], "c/n", 1, 2]],
            )[kind]
            try:
                report = conn.transact_async(data).result(30) if draw.random() < 0.5 else conn.transact(data)
            except FactstoreError as error:
                refused.append(error.code)
                assert kind > 1
            else:
                said[report.t] = (report, data)
                done += kind == 0
        return done

    with ThreadPoolExecutor(8) as pool:
        bumps = sum(pool.map(work, range(8)))
    assert sorted(said) == list(range(2, 2 + len(said)))
    assert len(refused) + len(said) == 8 * 25
    assert conn.db().pull(["c/n"], ["c/key", "counter"]) == {"c/n": bumps}
    for t, (report, _) in said.items():
        assert (report.db_before.basis_t, report.db_after.basis_t) == (t - 1, t)
        assert sorted(report.db_after.q(KEYS)) == sorted(conn.db().as_of(t).q(KEYS))


def test_a_future_cancelled_before_its_turn_is_not_committed(conn) -> None:
    with held(conn):
        kept, cancelled = (conn.transact_async([{"c/key": key}]) for key in ("kept", "cancelled"))
        assert cancelled.cancel()
    assert kept.result(10).db_after.q(KEYS) == ["kept"]
    with pytest.raises(CancelledError):
        cancelled.result(10)
    assert conn.db().q(KEYS) == ["kept"]


def test_closing_commits_what_is_queued(dsn) -> None:
    schema = pg.fresh_schema()
    conn = connect(dsn, schema=schema)
    conn.transact(SCHEMA)
    gate = Gate(conn)
    futures = [conn.transact_async([{"c/key": f"k{n}"}]) for n in range(5)]
    threading.Timer(0.05, gate.open).start()
    conn.close()
    assert [future.result(0).t for future in futures] == [3, 4, 5, 6, 7]
    with pytest.raises(LogError) as caught:
        conn.transact_async([])
    assert caught.value.code == "log/closed"
    with connect(dsn, schema=schema) as again:
        assert len(again.db().q(KEYS)) == 5
    pg.drop_schema(dsn, schema)


@pytest.mark.parametrize("verb", [Connection.transact, Connection.transact_async])
def test_a_function_may_not_transact(conn, verb) -> None:
    error = conn.transact_async([["db/fn", lambda db: verb(conn, [{"c/key": "inner"}])]]).exception(10)
    assert isinstance(error, TransactionError)
    assert error.code == "tx/nested"
    assert conn.db().q(KEYS) == []


def test_a_callback_may_transact(conn) -> None:
    reports: list[Any] = []
    with held(conn):
        first = conn.transact_async([{"c/key": "first"}])
        first.add_done_callback(lambda _: reports.append(conn.transact([{"c/key": "inner"}])))
        first.add_done_callback(lambda _: reports.append(conn.transact_async([{"c/key": "later"}])))
        second = conn.transact_async([{"c/key": "second"}])
    second.result(10)
    wait_for(lambda: len(reports) == 2)
    reports[1].result(10)
    assert sorted(conn.db().q(KEYS)) == ["first", "inner", "later", "second"]


def test_a_function_that_exits_does_so_in_the_thread_that_asked(conn) -> None:
    def leave(db: object) -> None:
        raise SystemExit(3)

    with held(conn):
        leaving, staying = conn.transact_async([["db/fn", leave]]), conn.transact_async([{"c/key": "staying"}])
    assert isinstance(leaving.exception(10), SystemExit)
    assert staying.result(10).db_after.q(KEYS) == ["staying"]


def _interrupt(db: object) -> None:
    raise KeyboardInterrupt


def test_an_interrupted_leader_leaves_the_others_to_the_next(conn) -> None:
    """Control-C meets the leader between the transactions of others; theirs are committed by another thread."""
    entered = threading.Event()
    interrupted: list[type[BaseException]] = []

    def lead() -> None:
        try:
            conn.transact([["db/fn", wait_then_interrupt]])
        except KeyboardInterrupt as error:
            interrupted.append(type(error))

    futures: list[Future[Any]] = []

    def wait_then_interrupt(db: object) -> None:
        entered.set()
        wait_for(lambda: len(futures) == 3)
        raise KeyboardInterrupt

    leader = threading.Thread(target=lead)
    leader.start()
    assert entered.wait(10)
    futures += [conn.transact_async([{"c/key": f"k{n}"}]) for n in range(3)]
    leader.join(10)
    assert [future.result(10).t for future in futures] == [2, 3, 4]
    assert interrupted == [KeyboardInterrupt]


def test_the_group_of_an_interrupted_leader_is_put_back_in_order(conn) -> None:
    entries = [turns.Entry([{"c/key": f"k{n}"}], conn._commit) for n in range(4)]
    mine = turns.Entry([["db/fn", _interrupt]], conn._commit)
    conn._turns._queue.extend([*entries[:2], mine, *entries[2:]])
    conn._turns._leader = mine
    with pytest.raises(KeyboardInterrupt):
        conn._turns._commit_next(mine)
    assert list(conn._turns._queue) == entries
    conn._turns._leave(mine)
    assert conn._turns._leader is entries[0]
    conn._turns._lead_until(entries[0])
    conn._turns._leave(entries[0])
    assert [entry.result().t for entry in entries] == [2, 3, 4, 5]


@pytest.mark.parametrize("step", ["append", "popleft"])
def test_an_interrupt_while_a_group_is_gathered_loses_and_doubles_nobody(conn, step) -> None:
    entries = [turns.Entry([{"c/key": f"k{n}"}], conn._commit) for n in range(3)]

    class Group(list[Any]):
        def append(self, entry: Any) -> None:
            super().append(entry)
            if step == "append" and entry is entries[1]:
                raise KeyboardInterrupt

    class Queue(deque[Any]):
        def popleft(self) -> Any:
            found = super().popleft()
            if step == "popleft" and found is entries[1]:
                raise KeyboardInterrupt
            return found

    own, group = conn._turns, Group()
    own._queue = Queue(entries)
    with pytest.raises(KeyboardInterrupt):
        own._gather(group)
    own._put_back(group)
    assert list(own._queue) == entries


def test_a_function_that_raises_an_interrupt_ends_only_its_own_transaction(conn) -> None:
    """No signal reaches a thread in the background: what is raised there is the function's doing."""
    with held(conn):
        interrupted, other = conn.transact_async([["db/fn", _interrupt]]), conn.transact_async([{"c/key": "other"}])
    assert isinstance(interrupted.exception(10), KeyboardInterrupt)
    assert other.result(10).db_after.q(KEYS) == ["other"]


def test_a_defect_in_the_commit_leaves_nobody_waiting(conn, monkeypatch) -> None:
    def broken(*args: object) -> None:
        raise ZeroDivisionError

    with held(conn):
        futures = [conn.transact_async([{"c/key": f"k{n}"}]) for n in range(3)]
        # Beside the heads of the commit that is held, which is to end well.
        heads = SimpleNamespace(catch_up=conn._heads.catch_up, reach=conn._heads.reach, moved=broken)
        monkeypatch.setattr(conn, "_heads", heads)
    assert [type(future.exception(10)) for future in futures] == [ZeroDivisionError] * 3
    monkeypatch.undo()
    # The commits stood; only their reports could not be made.
    assert sorted(conn.db().q(KEYS)) == ["k0", "k1", "k2"]


def test_a_transaction_whose_thread_gave_up_does_not_inherit_the_lead(conn) -> None:
    entries = [turns.Entry([{"c/key": f"k{n}"}], conn._commit) for n in range(2)]
    mine = turns.Entry([["db/fn", _interrupt]], conn._commit)
    conn._turns._queue.extend([*entries, mine])
    conn._turns._leader = mine
    entries[0].abandoned = True
    with pytest.raises(KeyboardInterrupt):
        conn._turns._commit_next(mine)
    conn._turns._leave(mine)
    assert conn._turns._leader is entries[1]
    conn._turns._lead_until(entries[1])
    conn._turns._leave(entries[1])
    assert conn.db().q(KEYS) == ["k1"]


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="there are no signals to threads here")
def test_an_interrupted_wait_takes_its_transaction_back(conn) -> None:
    with held(conn):
        threading.Timer(0.1, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT)).start()
        with pytest.raises(KeyboardInterrupt):
            conn.transact([{"c/key": "withdrawn"}])
    assert conn.transact([{"c/key": "after"}]).db_after.q(KEYS) == ["after"]


def test_an_interrupt_after_the_commit_tells_the_others(dsn, monkeypatch) -> None:
    from factstore.postgres.write import PostgresWriter

    schema, sent = pg.fresh_schema(), PostgresWriter.commit
    with connect(dsn, schema=schema) as conn:
        conn.transact(SCHEMA)

        def interrupt(self: PostgresWriter, channel: str) -> None:
            sent(self, channel)
            raise KeyboardInterrupt

        monkeypatch.setattr(PostgresWriter, "commit", interrupt)
        entries = [turns.Entry([{"c/key": f"k{n}"}], conn._commit) for n in range(3)]
        with pytest.raises(KeyboardInterrupt):
            conn._commit(entries)
        monkeypatch.undo()
        assert [entry.result().t for entry in entries] == [2, 3, 4]
        assert conn.transact([{"c/key": "k0", "c/n": 1}]).t == 5
    pg.drop_schema(dsn, schema)


def test_an_interrupt_before_the_commit_leaves_no_trace(dsn, monkeypatch) -> None:
    from factstore.postgres.write import PostgresWriter

    def interrupt(self: PostgresWriter, channel: str) -> None:
        raise KeyboardInterrupt

    schema = pg.fresh_schema()
    with connect(dsn, schema=schema) as conn:
        conn.transact(SCHEMA)
        monkeypatch.setattr(PostgresWriter, "commit", interrupt)
        entries = [turns.Entry([{"c/key": f"k{n}"}], conn._commit) for n in range(3)]
        with pytest.raises(KeyboardInterrupt):
            conn._commit(entries)
        monkeypatch.undo()
        assert [entry.settled for entry in entries] == [False] * 3
        assert conn.transact([{"c/key": "next"}]).db_after.q(KEYS) == ["next"]
    pg.drop_schema(dsn, schema)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_does_not_send_what_its_parent_queued(dsn) -> None:
    schema = pg.fresh_schema()
    with connect(dsn, schema=schema) as conn:
        conn.transact(SCHEMA)
        with held(conn):
            futures = [conn.transact_async([{"c/key": f"k{n}"}]) for n in range(3)]
            pid = os.fork()
            if not pid:
                # The parent holds the store's lock and has the futures; the child has neither.
                empty = not conn._turns._queue and conn._turns._leader is None
                os._exit(0 if empty else 1)
            assert os.waitpid(pid, 0)[1] == 0
        assert [future.result(10).t for future in futures] == [3, 4, 5]
        pid = os.fork()
        if not pid:
            try:
                sync = conn.transact([{"c/key": "child"}]).t
                queued = conn.transact_async([{"c/key": "queued"}]).result(10).t
                os._exit(0 if (sync, queued) == (6, 7) else 1)
            finally:
                os._exit(2)
        assert os.waitpid(pid, 0)[1] == 0
        assert conn.transact([{"c/key": "parent"}]).t == 8
    pg.drop_schema(dsn, schema)


def test_a_writer_that_was_idle_catches_up_before_it_takes_the_lock(dsn, monkeypatch) -> None:
    from factstore.postgres import PostgresLog

    schema = pg.fresh_schema()
    with connect(dsn, schema=schema) as idle, connect(dsn, schema=schema) as busy:
        busy.transact(SCHEMA)
        for n in range(5):
            busy.transact([{"c/key": f"k{n}"}])
        monkeypatch.setattr(idle._heads, "_committed", 0.0)
        bases: list[int] = []
        lock = PostgresLog._lock

        def look(self: PostgresLog, *args: Any) -> Any:
            bases.append(idle.db(sync=False).basis_t)
            return lock(self, *args)

        monkeypatch.setattr(PostgresLog, "_lock", look)
        assert idle.transact([{"c/key": "k0", "c/n": 1}]).t == 7
        assert bases == [6]
    pg.drop_schema(dsn, schema)
