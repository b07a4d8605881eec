"""What a connection holds in memory, and that a bound on it holds and changes no answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factstore import Connection, connect
from factstore.columns import Rows, ints
from factstore.conn_cache import Recency, within
from factstore.index import AttributeIndex
from factstore.postgres import PostgresLog
from tests import pg

KINDS = {"m/name": "string", "m/age": "long", "m/score": "double"}
SIZE = 300
SCHEMA = [
    {"db/ident": name, "db/valueType": f"db.type/{kind}", "db/cardinality": "db.cardinality/one"}
    for name, kind in KINDS.items()
]
ALL = {name: f"[:find ?e ?v :where [?e :{name} ?v]]" for name in KINDS}


def fill(conn: Connection) -> Connection:
    conn.transact(SCHEMA)
    conn.transact([{"m/name": f"n{n}", "m/age": n, "m/score": n / 2} for n in range(SIZE)])
    return conn


@pytest.fixture
def conn() -> Connection:
    return fill(connect("memory:"))


@pytest.fixture
def stored(dsn: str) -> Iterator[str]:
    """The schema of a filled store in PostgreSQL."""
    schema = pg.fresh_schema()
    with connect(dsn, schema=schema) as conn:
        fill(conn)
    yield schema
    pg.drop_schema(dsn, schema)


def held(conn: Connection) -> set[str]:
    return KINDS.keys() & {str(name) for name in conn.memory().columns}


def test_the_cache_keeps_what_was_used_last(conn) -> None:
    bounded = Connection(conn._log, cache_bytes=24 * (SIZE + 50))
    bounded.db().q(ALL["m/name"])
    bounded.db().q(ALL["m/age"])
    bounded.db()
    assert held(bounded) == {"m/age"}
    assert len(bounded.db().q(ALL["m/name"])) == SIZE


def test_without_a_bound_all_is_kept(conn) -> None:
    for query in ALL.values():
        conn.db().q(query)
    assert held(conn) == set(KINDS)
    assert conn.memory().bound is None


def test_what_was_used_last_is_kept_until_the_bound() -> None:
    recency = Recency()
    for attribute in (3, 1, 2):
        recency.note(("columns", attribute))
    sizes = {("columns", attribute): 10 for attribute in (1, 2, 3)}
    assert [len(within(sizes, bound, recency)) for bound in (0, 9, 10, 29, 30)] == [0, 0, 1, 2, 3]
    assert within(sizes, 20, recency) == {("columns", 1), ("columns", 2)}


def test_an_index_counts_what_is_made_of_its_columns() -> None:
    index = AttributeIndex.of(Rows(ints(range(1000)), ints(range(1000)), ints([0] * 1000)))
    sizes = [index.nbytes]
    index.by_entity(ints([5]))
    sizes.append(index.nbytes)
    index.by_value(ints([5]))
    sizes.append(index.nbytes)
    assert sizes == [24_000, 24_000 + 4 * 1001, 24_000 + 4 * 1001 + 16_000 + 4 * 1001]


def test_a_tail_and_what_is_dead_are_counted() -> None:
    index = AttributeIndex.of(Rows(ints([1, 2]), ints([1, 2]), ints([0, 0])))
    after = index.advance(Rows(ints([3]), ints([3]), ints([1])), Rows(ints([1]), ints([1]), ints([1])))
    assert after.nbytes == index.nbytes + 24 + 8


def test_histories_and_the_past_are_counted_and_bounded(conn) -> None:
    bounded = Connection(conn._log, cache_bytes=24 * 40)
    t = bounded.db().basis_t
    conn.transact([{"m/age": 1}])
    db = bounded.db()
    db.history().q(ALL["m/age"])
    db.as_of(t).q(ALL["m/age"])
    before = bounded.memory()
    made = db.history().operated(db.schema.attribute("m/age")).nbytes
    assert made >= 24 * (SIZE + 1)
    assert before.lives["m/age"] == 32 * (SIZE + 1) + made
    assert before.past >= 24 * SIZE
    bounded.db()
    after = bounded.memory()
    assert (after.lives, after.past) == ({}, 0)
    assert len(bounded.db().history().q(ALL["m/age"])) == SIZE + 1
    assert len(bounded.db().as_of(t).q(ALL["m/age"])) == SIZE


def test_a_history_in_use_is_kept_and_an_attribute_that_is_not_goes(conn) -> None:
    bounded = Connection(conn._log, cache_bytes=64 * (SIZE + 20))
    bounded.db().q(ALL["m/name"])
    bounded.db().history().q(ALL["m/age"])
    bounded.db()
    assert (held(bounded), set(bounded.memory().lives)) == (set(), {"m/age"})


def test_a_db_value_outlives_what_the_connection_let_go(dsn, stored) -> None:
    with connect(dsn, schema=stored, cache_bytes=0) as bounded:
        db = bounded.db()
        every = {name: set(db.q(query)) for name, query in ALL.items()}
        bounded.db()
        assert held(bounded) == set()
        assert {name: set(db.q(query)) for name, query in ALL.items()} == every
        assert set(bounded.db().q(ALL["m/name"])) == every["m/name"]


def test_values_are_bounded_with_the_columns(dsn, stored) -> None:
    with connect(dsn, schema=stored, cache_bytes=40_000) as bounded:
        for _ in range(3):
            assert len(list(bounded.db().q(ALL["m/name"]))) == SIZE
            bounded.db()
            assert bounded.memory().dictionary <= 10_000
            assert bounded.memory().total <= 40_000


def test_memory_says_how_many_values_there_are(dsn, stored) -> None:
    with connect(dsn, schema=stored) as conn:
        before = conn.memory()
        assert len(list(conn.db().q(ALL["m/name"]))) == SIZE
        after = conn.memory()
    assert after.entries == before.entries + SIZE
    assert after.dictionary > before.dictionary + 50 * SIZE
    assert after.total > before.total


def test_threads_read_right_while_everything_is_let_go(dsn, stored) -> None:
    wrong: list[int] = []
    with connect(dsn, schema=stored, cache_bytes=1000) as bounded, connect(dsn, schema=stored) as writer:

        def read() -> None:
            for _ in range(15):
                db = bounded.db()
                size = db.basis_t - 2 + SIZE
                wrong.extend(len(db.q(query)) - size for query in ALL.values() if len(db.q(query)) != size)

        threads = [threading.Thread(target=read) for _ in range(3)]
        for thread in threads:
            thread.start()
        for n in range(15):
            writer.transact([{"m/name": f"more {n}", "m/age": n, "m/score": -1.0 - n}])
        for thread in threads:
            thread.join()
    assert wrong == []


@given(
    bound=st.integers(0, 3 * 24 * SIZE),
    steps=st.lists(st.tuples(st.sampled_from(["now", "then", "history", "write"]), st.sampled_from(list(KINDS)))),
)
def test_a_bound_changes_no_answer(bound: int, steps: list[tuple[str, str]]) -> None:
    free = fill(connect("memory:"))
    bounded = Connection(free._log, cache_bytes=bound)
    for step, name in steps:
        if step == "write":
            free.transact([{name: {"string": "x", "long": 7, "double": 0.5}[KINDS[name]]}])
        answers = [_seen(conn.db(), step).q(ALL[name]) for conn in (free, bounded)]
        assert set(answers[0]) == set(answers[1])
        bounded.db()
        assert bounded.memory().total - bounded.memory().dictionary <= bound


def _seen(db, step: str):
    return db.as_of(2) if step == "then" else db.history() if step == "history" else db


def test_a_bounded_store_is_read_by_codes_it_forgot(dsn, stored) -> None:
    log = PostgresLog(dsn, stored)
    bounded = Connection(log, cache_bytes=5000)
    names = sorted(value for _, value in bounded.db().q(ALL["m/name"]))
    bounded.db()
    assert len(log.dictionary) < SIZE
    assert sorted(value for _, value in bounded.db().q(ALL["m/name"])) == names
    bounded.close()
