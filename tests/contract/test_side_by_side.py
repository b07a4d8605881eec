"""Stores of one database: by their schema's name alone they are two, whatever their attributes are called."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest

from factstore import Connection, LogError, connect
from factstore.postgres.listen import channel_of as channel
from tests import pg
from tests.contract.replay import check


@pytest.fixture
def names(dsn: str) -> Iterator[list[str]]:
    """Names that are as alike as names can be: in upper and lower case, and as long as they may be."""
    base = pg.fresh_schema()
    long = f"{base}_".ljust(62, "x")
    found = [base, base.upper(), f"{base}_", f"{long}a", f"{long}b"]
    yield found
    for name in found:
        pg.drop_schema(dsn, name)


def attribute(type: str) -> dict[str, str]:
    return {"db/ident": "thing/value", "db/valueType": f"db.type/{type}", "db/cardinality": "db.cardinality/one"}


VALUES = [("string", "x"), ("long", 7), ("double", 1.5), ("boolean", True), ("keyword", "a/b")]


def test_attributes_of_one_name_are_independent(dsn, names) -> None:
    with ExitStack() as stack:
        conns = [stack.enter_context(connect(dsn, schema=name)) for name in names]
        for n, (conn, (type, value)) in enumerate(zip(conns, VALUES, strict=True)):
            conn.transact([attribute(type)])
            for _ in range(n):
                conn.transact([{"thing/value": value}])
        for n, (conn, (type, value)) in enumerate(zip(conns, VALUES, strict=True)):
            assert conn.schema.attribute("thing/value").type.name.lower() == type
            assert (conn.db().basis_t, [d.v for d in conn.db().datoms("thing/value")]) == (n + 1, [value] * n)
    with psycopg.connect(dsn, autocommit=True) as session:
        assert [check(session, name).ts[-1] for name in names] == [1, 2, 3, 4, 5]


def test_writers_of_two_stores_do_not_wait_for_each_other(dsn, names) -> None:
    with connect(dsn, schema=names[0]) as one, connect(dsn, schema=names[1]) as other, one._log.writer():
        assert other.transact([{"db/ident": "free"}]).t == 1


def test_listeners_hear_of_their_own_store_alone(dsn, names) -> None:
    with psycopg.connect(dsn, autocommit=True) as listening, ExitStack() as stack:
        conns: list[Connection] = [stack.enter_context(connect(dsn, schema=name)) for name in names]
        for heard, conn in itertools.product(range(len(names)), repeat=2):
            listening.execute(f'LISTEN "{channel(names[heard])}"')
            conns[conn].transact([])
            told = list(listening.notifies(timeout=0.05 if heard != conn else 5, stop_after=1))
            assert [each.channel for each in told] == ([channel(names[heard])] if heard == conn else [])
            listening.execute("UNLISTEN *")


def test_dropping_one_leaves_the_others(dsn, names) -> None:
    with connect(dsn, schema=names[0]) as one, connect(dsn, schema=names[1]) as other:
        other.transact([{"db/ident": "kept"}])
        pg.drop_schema(dsn, names[0])
        with pytest.raises(LogError) as caught:
            one.db()
        assert caught.value.code == "log/refused"
        assert other.db().entid("kept") is not None


def test_a_store_may_live_in_a_schema_that_has_other_things(dsn, names) -> None:
    with psycopg.connect(dsn, autocommit=True) as session:
        session.execute(f'CREATE SCHEMA "{names[0]}"; CREATE TABLE "{names[0]}".orders (id int)')
        with connect(dsn, schema=names[0]) as conn:
            assert conn.transact([{"db/ident": "x"}]).t == 1
        assert session.execute(f'SELECT count(*) FROM "{names[0]}".orders').fetchone() == (0,)
