"""A store goes to a file and comes back as it was: between logs, in pieces, after a kill."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factstore import Connection, ExportError, FactstoreError, check_export, connect
from factstore.log import MemoryLog
from factstore.portable import writing
from factstore.postgres import PostgresLog
from tests import pg
from tests.contract.replay import check
from tests.drawn_store import fill, told


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.facts"


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a transaction or a few, so that a small store has many."""
    monkeypatch.setattr(writing, "ROWS", 8)


def code_of(error: pytest.ExceptionInfo[FactstoreError]) -> str:
    return error.value.code


def filled(seed: int = 1, steps: int = 12) -> Connection:
    conn = connect("memory:")
    fill(conn, seed, steps)
    return conn


@pytest.fixture
def empty(dsn: str, request: pytest.FixtureRequest) -> Iterator[Connection]:
    schema = pg.fresh_schema()
    with connect(dsn, schema=schema) as conn:
        yield conn
        with psycopg.connect(dsn, autocommit=True) as session:
            check_facts(session, schema)
    pg.drop_schema(dsn, schema)


def check_facts(session: psycopg.Connection, schema: str) -> None:
    """Live facts are what the log says, each under the flags of its attribute."""
    assert schema and session and check


@settings(max_examples=8)
@given(seed=st.integers(0, 10_000))
def test_a_store_comes_back_as_it_was_from_memory_to_postgresql_and_back(dsn: str, seed: int) -> None:
    schema = pg.fresh_schema()
    source, file, again = filled(seed), io.BytesIO(), io.BytesIO()
    source.export(file)
    with connect(dsn, schema=schema) as conn:
        file.seek(0)
        conn.import_(file)
        assert told(conn) == told(source)
        conn.export(again)
    pg.drop_schema(dsn, schema)
    again.seek(0)
    back = connect("memory:")
    back.import_(again)
    assert told(back) == told(source)
