"""Several processes write to one store at once: what they did is what one after the other would have done."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from factstore import Connection, connect
from factstore.datom import TX0
from tests import pg
from tests.contract import worker
from tests.contract.replay import Replayed, check
from tests.contract.swarm import Oracle, Told

ROOT = Path(__file__).parents[2]
ROUNDS = 25


@pytest.fixture
def conn(dsn: str) -> Iterator[Connection]:
    schema = pg.fresh_schema()
    with connect(dsn, schema=schema) as found:
        worker.install(found)
        yield found
    pg.drop_schema(dsn, schema)


def python(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def schema_of(conn: Connection) -> str:
    return conn._log.schema


def held(found: Replayed, conn: Connection, attribute: str, t: int) -> list[tuple[int, int, int]]:
    """(entity, value, t) of an attribute's facts at ``t``, by the replayed log."""
    id = conn.schema.attribute(attribute).id
    lives = [(*fact, start, 2**63 - 1) for fact, start in found.live.items()] + list(found.ended)
    return sorted((e, v, start - TX0) for e, a, v, start, end in lives if a == id and start <= TX0 + t < end)


def test_processes_leave_one_serial_history(conn, dsn) -> None:
    names = ["a", "b", "c"]
    processes = [python("-m", "tests.contract.worker", dsn, schema_of(conn), name, str(ROUNDS)) for name in names]
    said = [[line.split() for line in process.communicate(timeout=60)[0].splitlines()] for process in processes]
    acknowledged = [int(t) for lines in said for what, _, t in lines if what == "done"]
    assert len(set(acknowledged)) == len(names) * ROUNDS
    assert sum(int(won) for lines in said for what, won, _ in lines if what == "won") == worker.KEYS
    with psycopg.connect(dsn, autocommit=True) as session:
        found = check(session, schema_of(conn))
    db = conn.db()
    assert found.ts[-1] == db.basis_t == 2 + len(names) * ROUNDS + worker.KEYS
    assert [d.v for d in db.datoms("counter/value")] == [len(names) * ROUNDS]
    for t in found.ts:
        mine = sorted((d.e, d.v, d.tx - TX0) for d in db.as_of(t).datoms("counter/value"))
        assert mine == held(found, conn, "counter/value", t)
        assert len(db.as_of(t).datoms("user/name")) == len(held(found, conn, "user/name", t))


def test_threads_of_one_connection_count_without_a_gap(conn, dsn) -> None:
    def work(name: str) -> list[int]:
        ts = []
        for n in range(10):
            ts.append(worker.once(conn, name, n))
            # What a thread has committed is there for it, whatever the others do to the head.
            assert conn.db(sync=False).entid(["round/name", f"{name} {n}"]) is not None
        return ts

    with ThreadPoolExecutor(4) as threads:
        ts = sorted(t for part in threads.map(work, "wxyz") for t in part)
    assert ts == list(range(3, 43))
    with psycopg.connect(dsn, autocommit=True) as session:
        check(session, schema_of(conn))


def test_stores_of_one_database_do_not_meet(conn, dsn) -> None:
    schema = pg.fresh_schema()
    with connect(dsn, schema=schema) as other:
        worker.install(other)
        worker.once(other, "other", 0)
        assert conn.db().entid(["round/name", "other 0"]) is None
        assert (conn.db().basis_t, other.db().basis_t) == (2, 3)
    pg.drop_schema(dsn, schema)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_eight_processes_count_and_claim_as_if_one_after_the_other(dsn) -> None:
    """Told apart by an oracle that goes through what each process was told, in the order of t."""
    schema = pg.fresh_schema()
    process = python("-m", "tests.contract.swarm", dsn, schema, "--processes", "8", "--rounds", "12")
    said = process.communicate(timeout=120)[0]
    assert process.returncode == 0
    assert said.endswith("serial, no gap\n")
    with psycopg.connect(dsn, autocommit=True) as session:
        assert check(session, schema).ts[-1] == 2 + 8 * 12 + 12
    pg.drop_schema(dsn, schema)


ORDER = [Told(3, 0, 1, None), Told(4, 1, None, "a"), Told(5, 1, 2, None)]


@pytest.mark.parametrize(
    ("history", "wrong"),
    [
        ([*ORDER, Told(6, 0, 2, None)], "lost update at 6: 2 after 2"),
        ([*ORDER, Told(6, 0, 4, None)], "lost update at 6"),
        ([*ORDER, Told(6, 0, None, "a")], "duplicate at 6"),
    ],
)
def test_the_oracle_finds_what_no_order_could_give(history, wrong) -> None:
    oracle = Oracle()
    for told in ORDER:
        oracle.apply(told)
    with pytest.raises(AssertionError, match=wrong):
        oracle.apply(history[-1])


def test_a_store_is_made_once_by_many_processes(dsn) -> None:
    schema = pg.fresh_schema()
    opening = f"import sys, factstore; print(factstore.connect(sys.argv[1], schema={schema!r}).db().basis_t)"
    processes = [python("-c", opening, dsn) for _ in range(3)]
    assert [process.communicate(timeout=60)[0].strip() for process in processes] == ["0"] * 3
    pg.drop_schema(dsn, schema)


OPEN = "import sys, factstore; print(factstore.connect(sys.argv[1]).db().basis_t)"


def test_a_directory_is_made_a_store_once_by_many_processes(directory) -> None:
    processes = [python("-c", OPEN, str(directory)) for _ in range(2)]
    assert [process.communicate(timeout=60)[0].strip() for process in processes] == ["0"] * 2
