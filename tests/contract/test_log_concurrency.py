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

from factstore import Connection, StoreError, connect
from factstore.datom import TX0
from tests import pg
from tests.contract import worker
from tests.contract.replay import Replayed, check

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


OPEN = "import sys, factstore; print(factstore.connect(sys.argv[1]).db().basis_t)"


def test_a_directory_is_made_a_store_once_by_many_processes(directory) -> None:
    processes = [python("-c", OPEN, str(directory)) for _ in range(2)]
    assert [process.communicate(timeout=60)[0].strip() for process in processes] == ["0"] * 2


def test_a_reading_role_reads_and_is_refused_to_write(conn, dsn) -> None:
    role, schema = f"reader_{os.getpid()}", schema_of(conn)
    with psycopg.connect(dsn, autocommit=True) as session:
        session.execute(f'CREATE ROLE "{role}" LOGIN')
        session.execute(f'GRANT USAGE ON SCHEMA "{schema}" TO "{role}"')
        session.execute(f'GRANT SELECT ON ALL TABLES IN SCHEMA "{schema}" TO "{role}"')
        with connect(f"{dsn}&user={role}", schema=schema) as reader:
            assert [d.v for d in reader.db().datoms("counter/value")] == [0]
            assert reader.db().as_of(1).datoms("counter/value") == []
            assert reader.db().with_([{"user/name": "x"}]).db_after.entid(["user/name", "x"]) is not None
            with pytest.raises(StoreError) as caught:
                reader.transact([{"user/name": "x"}])
        assert caught.value.code == "store/permission"
        session.execute(f'DROP OWNED BY "{role}"; DROP ROLE "{role}"')
