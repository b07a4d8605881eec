"""Programs that fork, each in a process of its own: ``python -m tests.contract.forked SCENARIO TARGET SCHEMA``.

A scenario ends well or with an exception. A child that hangs is killed by its own alarm, and counts as failed.
"""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

from factstore import Connection, LogError, StoreError, connect

SCHEMA = [
    {"db/ident": "done/by", "db/valueType": "db.type/string", "db/cardinality": "db.cardinality/one",
     "db/unique": "db.unique/identity"},
    {"db/ident": "done/n", "db/valueType": "db.type/long", "db/cardinality": "db.cardinality/one"},
]  # fmt: skip
COUNT = "[:find (count ?e) . :where [?e :done/by]]"
CHILDREN = 4
SECONDS = 20


def use(conn: Connection, name: str, times: int = 3) -> None:
    """Reads and writes, and finds what it wrote."""
    for n in range(times):
        t = conn.transact([{"done/by": f"{name} {n}", "done/n": n}]).t
        db = conn.db()
        assert db.basis_t >= t
        assert db.pull(["done/n"], ["done/by", f"{name} {n}"]) == {"done/n": n}
        assert db.as_of(t - 1).entid(["done/by", f"{name} {n}"]) is None
        assert db.q(COUNT) >= n + 1
    if hasattr(conn, "transact_async"):
        conn.transact_async([{"done/by": f"{name} async"}]).result(SECONDS)
        assert conn.db().entid(["done/by", f"{name} async"]) is not None


def fork(work: Callable[[], None], leave: Callable[[int], None] = os._exit) -> int:
    """A child that does its work and leaves with 0, or with 1 and its traceback."""
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        faulthandler.dump_traceback_later(SECONDS, exit=True)  # says where it hangs
        work()
        status = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    leave(status)
    raise AssertionError


def joined(pids: list[int]) -> list[int]:
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]


def prefork(target: str, schema: str) -> None:
    """As gunicorn does with preload: the connection is made and used before the fork, and by all of them after it."""
    conn = connect(target, schema=schema)
    conn.transact(SCHEMA)
    use(conn, "parent before")
    # Some leave as a script does, through the interpreter's end, some as a server's workers do.
    ends: list[Callable[[int], None]] = [os._exit, sys.exit] * (CHILDREN // 2)
    pids = [fork(lambda n=n: use(conn, f"child {n}"), end) for n, end in enumerate(ends)]
    use(conn, "parent beside")
    assert joined(pids) == [0] * CHILDREN
    use(conn, "parent after")
    assert conn.db().q(COUNT) >= 3 * (3 + CHILDREN)
    conn.close()


def closing(target: str, schema: str) -> None:
    """A child that closes the connection, one that is killed, and one that forks again leave the parent's alone."""
    conn = connect(target, schema=schema)
    conn.transact(SCHEMA)
    held = conn.db()

    def grandchild() -> None:
        use(conn, "child")
        assert joined([fork(lambda: use(conn, "grandchild"))]) == [0]
        use(conn, "child again")

    def closes() -> None:
        conn.close()
        try:
            conn.db()
        except LogError as error:
            assert error.code == "log/closed"  # noqa: PT017

    killed = fork(lambda: time.sleep(SECONDS))
    assert joined([fork(closes, sys.exit), fork(lambda: None, sys.exit), fork(grandchild)]) == [0, 0, 0]
    os.kill(killed, signal.SIGKILL)
    assert joined([killed]) == [-signal.SIGKILL]
    use(conn, "parent")
    assert held.q(COUNT) is None
    conn.close()


def busy(target: str, schema: str) -> None:
    """Forked again and again while threads read, write and catch up: whatever they held is free in the child."""
    # Little is kept of a store in PostgreSQL, so that it is loaded again and again.
    conn = connect(target, schema=schema, cache_bytes=None if target.startswith("memory:") else 200_000)
    conn.transact(SCHEMA)
    stop = threading.Event()

    def reads(n: int) -> None:
        while not stop.is_set():
            db = conn.db()
            db.q(COUNT)
            db.as_of(max(1, db.basis_t - 1 - n)).q("[:find (max ?n) . :where [_ :done/n ?n]]")
            db.with_([{"done/by": "nobody"}])

    def writes(n: int) -> None:
        while not stop.is_set():
            conn.transact([{"done/by": f"thread {n}", "done/n": time.monotonic_ns()}])

    with ThreadPoolExecutor(4) as threads:
        futures = [threads.submit(work, n) for n in range(2) for work in (reads, writes)]
        pids = []
        for n in range(2 * CHILDREN):
            time.sleep(0.02)
            pids.append(fork(lambda n=n: use(conn, f"child {n}", 1), sys.exit if n % 2 else os._exit))
        statuses = joined(pids)
        stop.set()
    assert statuses == [0] * len(pids)
    for future in futures:
        future.result()
    use(conn, "parent after")
    conn.close()


_INHERITED: list[Connection] = []
"""What a worker of a forked pool finds, without its being sent."""


def _work(name: str) -> int:
    [conn] = _INHERITED
    use(conn, name)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda n: use(conn, f"{name} thread {n}", 1), range(2)))
    return os.getpid()


def _work_with(conn: Connection, name: str) -> None:
    use(conn, name)


def _work_at(target: str, schema: str, name: str) -> int:
    with connect(target, schema=schema) as conn:
        use(conn, name)
    return os.getpid()


def pools(target: str, schema: str) -> None:
    """multiprocessing: by fork the connection comes along, by spawn and forkserver its address does."""
    conn = connect(target, schema=schema)
    conn.transact(SCHEMA)
    _INHERITED.append(conn)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
        assert os.getpid() not in set(pool.map(_work, ["one", "two", "three"]))
    process = multiprocessing.get_context("fork").Process(target=_work_with, args=(conn, "argument"))
    process.start()
    process.join()
    assert process.exitcode == 0
    for method in ("spawn", "forkserver"):
        context = multiprocessing.get_context(method)
        try:
            context.Process(target=_work_with, args=(conn, "sent")).start()
        except StoreError as error:
            assert error.code == "store/not-portable"  # noqa: PT017
        else:
            raise AssertionError(f"{method} sent a connection")
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            assert pool.submit(_work_at, target, schema, method).result() != os.getpid()
        use(conn, f"parent after {method}")
    for value in (conn, conn.db()):
        try:
            pickle.dumps(value)
        except StoreError as error:
            assert "send the address" in error.message  # noqa: PT017
        else:
            raise AssertionError(f"{value} was pickled")
    conn.close()


def orphan(target: str, schema: str) -> None:
    """The parent closes and ends first; a child that goes on still has its server."""
    conn = connect(target, schema=schema)
    conn.transact(SCHEMA)
    ready, tell = os.pipe()

    def work() -> None:
        os.read(ready, 1)
        time.sleep(1.5)  # longer than it takes a server that nobody uses to stop
        use(conn, "orphan")
        conn.close()

    pid = fork(work)
    conn.close()
    os.write(tell, b"x")
    assert joined([pid]) == [0]


SCENARIOS = {each.__name__: each for each in (prefork, closing, busy, pools, orphan)}

if __name__ == "__main__":
    SCENARIOS[sys.argv[1]](*sys.argv[2:])
