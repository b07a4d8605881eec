"""Large transactions: the same on every log, whatever becomes of the indexes meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import psycopg
import pytest

from factstore.conn import Connection
from factstore.errors import FactstoreError
from factstore.log import Log, MemoryLog
from factstore.postgres import PostgresLog, bulk
from tests.tx.tx_store import SCHEMA

SIZE = 300


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test writes is large already."""
    monkeypatch.setattr(bulk, "LARGE", 100)


@pytest.fixture
def conn(log: Log) -> Connection:
    found = Connection(log)
    found.transact(SCHEMA)
    return found


@pytest.fixture
def admin(postgres_log: PostgresLog, dsn: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(dsn, autocommit=True) as session:
        session.execute(f"SET search_path = {postgres_log.channel.removesuffix('_commits')}")
        yield session


def table(seed: int = 1) -> dict[str, Any]:
    draw = np.random.default_rng(seed)
    tempids = -np.arange(1, SIZE + 1)
    return {
        "db/id": tempids,
        "person/email": [f"{n}@example.org" for n in range(SIZE)],
        "person/name": ["nul \0", "lone \udc80", "é", *(f"name {n % 7} of {seed}" for n in range(SIZE - 3))],
        "person/age": draw.integers(0, 50, SIZE),
        "person/score": draw.random(SIZE),
        "person/friend": tempids[draw.integers(0, SIZE, SIZE)],
        "person/point": [(n, "p") for n in range(SIZE)],
    }


def indexes(admin: psycopg.Connection) -> list[tuple[Any, ...]]:
    return admin.execute(
        "SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema"
        " AND tablename IN ('log', 'facts_live', 'dict') ORDER BY 1"
    ).fetchall()


def datoms(conn: Connection) -> list[Any]:
    return [datom for commit in conn.log() for datom in commit.datoms if datom.a != "db/txInstant"]


def loaded(log: Log) -> Connection:
    conn = Connection(log)
    conn.transact(SCHEMA)
    conn.load(table(1))
    conn.load(table(2))
    return conn


def test_every_log_comes_to_the_same_datoms(postgres_log: PostgresLog) -> None:
    ours = loaded(postgres_log)
    assert datoms(ours) == datoms(loaded(MemoryLog()))
    assert sum(not datom.added for datom in datoms(ours)) > SIZE


def test_a_fresh_process_reads_what_was_streamed(postgres_log: PostgresLog, dsn: str) -> None:
    ours = loaded(postgres_log)
    other = Connection(PostgresLog(dsn, postgres_log.channel.removesuffix("_commits")))
    for attribute in ("person/name", "person/point", "person/friend", "person/score"):
        assert sorted(other.db().datoms(attribute)) == sorted(ours.db().datoms(attribute))
    assert other.db().entid(["person/email", "7@example.org"]) == ours.db().entid(["person/email", "7@example.org"])
    other.close()


def test_the_indexes_are_there_again(postgres_log: PostgresLog, admin: psycopg.Connection) -> None:
    before = indexes(admin)
    loaded(postgres_log)
    assert (len(before), indexes(admin)) == (7, before)


def test_a_refused_load_leaves_store_and_indexes_as_they_were(
    postgres_log: PostgresLog, admin: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    conn = Connection(postgres_log)
    conn.transact(SCHEMA)
    before = indexes(admin), admin.execute("SELECT count(*) FROM facts_live").fetchone()
    monkeypatch.setattr(bulk, "log_pieces", lambda facts, tx: iter([b"\x00\x01garbage"]))
    with pytest.raises(FactstoreError) as caught:
        conn.load(table())
    assert caught.value.code.startswith("log/")
    assert (indexes(admin), admin.execute("SELECT count(*) FROM facts_live").fetchone()) == before
    monkeypatch.undo()
    assert conn.load(table()).t == 2


def made(admin: psycopg.Connection) -> list[int]:
    """Which indexes there are: one that was made again is another."""
    return [oid for (oid,) in admin.execute("SELECT 'live_eavt'::regclass::oid").fetchall()]


def test_a_reader_that_does_not_end_keeps_the_indexes(postgres_log: PostgresLog, admin: psycopg.Connection) -> None:
    conn = Connection(postgres_log)
    conn.transact(SCHEMA)
    before = made(admin)
    with admin.transaction():
        admin.execute("SELECT count(*) FROM facts_live, log, dict")
        assert len(conn.load(table()).datoms) == 6 * SIZE + 1
        assert made(admin) == before


def test_into_a_store_that_is_small_beside_it_the_indexes_come_last(
    postgres_log: PostgresLog, admin: psycopg.Connection
) -> None:
    conn = Connection(postgres_log)
    conn.transact(SCHEMA)
    before = made(admin)
    conn.load(table())
    after = made(admin)
    conn.load({"person/name": [f"one of few {n}" for n in range(100)]})
    assert before != after == made(admin)


def test_what_is_queued_with_a_large_transaction_is_one_commit_with_it(conn: Connection) -> None:
    futures = [conn.transact_async([{"person/name": f"before {n}"}]) for n in range(3)]
    conn.load(table())
    assert [future.result().t for future in futures] == [2, 3, 4]
    assert conn.transact([{"person/email": "7@example.org", "person/age": 99}]).t == 6
    assert len(conn.db().q("[:find ?e :where [?e :person/name]]")) == SIZE + 3
