"""A connection: commits, the head that follows them, and what a target names."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

import factstore
from factstore import Connection, EntityError, FactstoreError, LogError, StoreError, TransactionError, connect
from factstore.log import MemoryLog
from tests import pg

NAMED = {"db/unique": "db.unique/identity"}


def attribute(ident: str, type: str, **more: object) -> dict[str, object]:
    return {"db/ident": ident, "db/valueType": f"db.type/{type}", "db/cardinality": "db.cardinality/one", **more}


SCHEMA = [attribute("person/name", "string", **NAMED), attribute("person/age", "long"), attribute("person/boss", "ref")]
NAMES = "[:find [?name ...] :where [_ :person/name ?name]]"
AGES = "[:find ?name ?age :where [?e :person/name ?name] [?e :person/age ?age]]"


@pytest.fixture
def conn() -> Connection:
    found = connect("memory:")
    found.transact(SCHEMA)
    return found


@pytest.fixture
def pair(dsn: str) -> Iterator[tuple[Connection, Connection]]:
    """Two connections to one store, as two processes would have."""
    schema = pg.fresh_schema()
    with connect(dsn, schema=schema) as one, connect(dsn, schema=schema) as other:
        one.transact(SCHEMA)
        yield one, other
    pg.drop_schema(dsn, schema)


def test_what_is_transacted_is_found(conn) -> None:
    report = conn.transact([{"person/name": "ann", "person/age": 30}, {"person/name": "bob"}])
    assert conn.db().q(NAMES) == ["ann", "bob"]
    assert (report.db_before.q(NAMES), report.db_after.q(AGES)) == ([], [("ann", 30)])
    assert report.db_after.basis_t == conn.db().basis_t == report.t == 2


def test_a_loaded_head_moves_with_its_own_commits(conn) -> None:
    conn.transact([{"person/name": "ann", "person/age": 1}])
    for age in range(2, 6):
        assert conn.db().q(AGES) == [("ann", age - 1)]
        conn.transact([{"person/name": "ann", "person/age": age}])
    assert conn.db().q(AGES) == [("ann", 5)]
    assert [conn.db().as_of(t).q(AGES) for t in (2, 4)] == [[("ann", 1)], [("ann", 3)]]


def test_a_refused_transaction_leaves_the_head_alone(conn) -> None:
    with pytest.raises(FactstoreError):
        conn.transact([{"person/name": "ann"}, {"person/name": 7}])
    assert (conn.db().basis_t, conn.db().q(NAMES)) == (1, [])
    assert conn.transact([{"person/name": "ann"}]).t == 2


def test_a_commit_of_another_is_seen_at_once(pair) -> None:
    one, other = pair
    assert other.db().q(NAMES) == []
    one.transact([{"person/name": "ann", "person/age": 1}])
    assert other.db().q(NAMES) == ["ann"]
    other.transact([{"person/name": "ann", "person/age": 2}])
    assert one.db().q(AGES) == [("ann", 2)]


def test_without_sync_nobody_is_asked(pair) -> None:
    one, other = pair
    before = other.db().basis_t
    one.transact([{"person/name": "ann"}])
    assert other.db(sync=False).basis_t == before
    assert other.db().basis_t == other.db(sync=False).basis_t == before + 1


def test_schema_of_another_is_caught_up_with(pair) -> None:
    one, other = pair
    one.transact([attribute("person/nick", "string")])
    one.transact([["db/add", "person/age", "db/ident", "person/years"]])
    other.transact([{"person/name": "ann", "person/nick": "a", "person/years": 3}])
    assert one.db().q("[:find ?n ?y :where [?e :person/nick ?n] [?e :person/years ?y]]") == [("a", 3)]
    assert "person/years" in other.schema


def test_upserts_meet_what_another_wrote(pair) -> None:
    one, other = pair
    entity = one.transact([{"db/id": "a", "person/name": "ann"}]).tempids["a"]
    assert other.transact([{"db/id": "b", "person/name": "ann", "person/age": 4}]).tempids["b"] == entity


def test_a_process_that_only_writes_loads_no_attribute(pair) -> None:
    one, _ = pair
    one.transact([{"person/name": f"n{i}", "person/age": i} for i in range(5)])
    one.transact([{"person/name": "n1", "person/age": 9}])
    assert dict(one.db().snapshot.loaded) == {}


def test_instants_strictly_increase_across_connections(pair) -> None:
    instants = [pair[i % 2].transact([{"person/name": f"n{i}"}]).instant for i in range(6)]
    assert instants == sorted(set(instants))
    reopened = pair[0].log(2)
    assert [commit.instant for commit in reopened] == instants[1:]


def test_a_stated_instant_holds_after_reopening(dsn) -> None:
    schema = pg.fresh_schema()
    late = datetime(2999, 1, 1, tzinfo=UTC)
    with connect(dsn, schema=schema) as first:
        first.transact([{"db/id": "db/current-tx", "db/txInstant": late}])
    with connect(dsn, schema=schema) as second:
        assert second.transact([{"db/ident": "x"}]).instant > late
    pg.drop_schema(dsn, schema)


def test_writers_in_threads_take_turns(pair) -> None:
    def work(n: int) -> int:
        return pair[n % 2].transact([{"person/name": f"n{n}", "person/age": n}]).t

    with ThreadPoolExecutor(4) as threads:
        ts = sorted(threads.map(work, range(20)))
    assert ts == list(range(2, 22))
    assert pair[0].db().q(AGES) == pair[1].db().q(AGES) == [(f"n{n}", n) for n in range(20)]


def test_readers_see_whole_commits_while_others_write(conn) -> None:
    conn.transact([{"person/name": "ann", "person/age": 50}, {"person/name": "bob", "person/age": 50}])
    sums: set[int] = set()
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            sums.add(conn.db().q("[:find (sum ?age) . :with ?e :where [?e :person/age ?age]]"))

    reader = threading.Thread(target=look)
    reader.start()
    for n in range(1, 30):
        conn.transact([{"person/name": "ann", "person/age": 50 - n}, {"person/name": "bob", "person/age": 50 + n}])
    stop.set()
    reader.join()
    assert sums == {100}


def test_transact_inside_a_transaction_is_refused(conn) -> None:
    def nested(db: object) -> object:
        return conn.transact([{"person/name": "inner"}])

    with pytest.raises(TransactionError, match="inside a transaction") as caught:
        conn.transact([["db/fn", nested]])
    assert caught.value.code == "tx/nested"
    assert conn.db().q(NAMES) == []


def test_registered_functions_are_found_by_name() -> None:
    conn = connect("memory:", functions={"shout": lambda text: text.upper()})
    assert conn.db().q('[:find ?x . :where [(shout "ann") ?x]]') == "ANN"
    assert conn.db().q('[:find ?x . :where [(whisper "ANN") ?x]]', functions={"whisper": str.lower}) == "ann"


def test_with_writes_nothing(conn) -> None:
    db = conn.db()
    after = db.with_([{"person/name": "ann"}]).db_after
    assert (after.q(NAMES), db.q(NAMES), conn.db().basis_t) == (["ann"], [], 1)
    assert isinstance(after, factstore.Db)


def test_pull_and_entity_go_through_the_db(conn) -> None:
    conn.transact([{"person/name": "bob", "person/boss": {"person/name": "ann", "db/id": "ann"}}])
    db = conn.db()
    assert db.pull(["person/name", {"person/boss": ["person/name"]}], ["person/name", "bob"]) == {
        "person/name": "bob",
        "person/boss": {"person/name": "ann"},
    }
    assert [found and found["person/name"] for found in db.pull_many(["person/name"], [["person/name", "ann"]])] == [
        "ann"
    ]
    assert db.entity(["person/name", "bob"])["person/boss"]["person/name"] == "ann"


def test_explain_shows_each_clause(conn) -> None:
    conn.transact([{"person/name": "ann", "person/age": 30}])
    text = str(conn.db().explain(AGES))
    assert ":person/age" in text
    assert ":person/name" in text


def test_the_log_is_read_by_transactions(conn) -> None:
    conn.transact([{"person/name": "ann", "person/age": 1}])
    conn.transact([{"person/name": "ann", "person/age": 2}])
    [commit] = conn.log(2)
    assert [(d.a, d.v, d.added) for d in commit.datoms if d.a == "person/age"] == [
        ("person/age", 1, False),
        ("person/age", 2, True),
    ]
    assert [commit.t for commit in conn.log(1, 2)] == [2]
    assert set(conn.log_range(2).tx.tolist()) == {commit.tx}


@pytest.mark.parametrize(
    "use", [Connection.db, lambda c: c.transact([]), lambda c: list(c.log()), Connection.log_range]
)
def test_a_closed_connection_says_so(conn, use) -> None:
    conn.close()
    conn.close()
    with pytest.raises(LogError) as caught:
        use(conn)
    assert caught.value.code == "log/closed"


def test_memory_stores_are_new_unless_they_have_a_name() -> None:
    connect("memory:").transact(SCHEMA)
    assert connect("memory:").db().basis_t == 0
    connect("memory:test-conn").transact(SCHEMA)
    assert connect("memory:test-conn").db().basis_t == 1
    assert connect("memory:test-conn", schema="other").db().basis_t == 0


@pytest.mark.parametrize("target", ["mysql://x/y", "", 7, b"dir", "sqlite:///x.db"])
def test_a_bad_target_is_named(target) -> None:
    with pytest.raises(StoreError) as caught:
        connect(target)
    assert caught.value.code == "store/bad-target"
    assert repr(target) in caught.value.message


@pytest.mark.parametrize("size", [-1, 1.5, True, "1GB"])
def test_a_bad_cache_size_is_named(size) -> None:
    with pytest.raises(StoreError, match="expected a number of bytes"):
        connect("memory:", cache_bytes=size)


def test_a_directory_keeps_its_facts(dsn, tmp_path: Path) -> None:
    for expected in ([], ["ann"]):
        with connect(tmp_path / "store") as conn:
            if "person/name" not in conn.schema:
                conn.transact(SCHEMA)
            assert conn.db().q(NAMES) == expected
            conn.transact([{"person/name": "ann"}])


def test_a_failed_open_closes_what_it_opened(monkeypatch) -> None:
    closed: list[bool] = []
    monkeypatch.setattr(MemoryLog, "head", lambda self: 1 / 0)
    monkeypatch.setattr(MemoryLog, "close", lambda self: closed.append(True))
    with pytest.raises(ZeroDivisionError):
        connect("memory:")
    assert closed == [True]


def test_a_document_said_before_its_attribute_is_told_to_all(pair) -> None:
    """Only documents of attributes are held; those of other entities may be many."""
    one, other = pair
    entity = one.transact([{"db/id": "x", "db/doc": "early"}]).tempids["x"]
    assert other.db().basis_t == 2
    one.transact([{"db/id": entity, **attribute("person/nick", "string")}])
    docs = [conn.schema.attribute("person/nick").doc for conn in (one, other, Connection(one._log))]
    assert docs == ["early"] * 3
    one.transact([["db/retract", entity, "db/doc"]])
    docs = [conn.schema.attribute("person/nick").doc for conn in (one, other, Connection(one._log))]
    assert docs == [None] * 3


def test_a_speculative_schema_stands_on_a_store_in_postgres(pair) -> None:
    one, _ = pair
    one.transact([{"person/name": "ann"}])
    wider = one.db().with_([attribute("x/key", "string", **NAMED), attribute("x/to", "ref")]).db_after
    after = wider.with_([{"x/key": "a", "x/to": ["person/name", "ann"]}]).db_after
    again = after.with_([["db/retractEntity", ["person/name", "ann"]]]).db_after
    assert [len(db.datoms("x/to")) for db in (wider, after, again)] == [0, 1, 0]
    assert [d.added for d in again.history().datoms("x/to")] == [True, False]


def test_the_log_is_read_by_instants_and_transactions_too(conn) -> None:
    reports = [conn.transact([{"person/name": f"n{n}"}]) for n in range(3)]
    assert [c.t for c in conn.log(reports[0].instant, reports[1].instant)] == [3]
    assert [c.t for c in conn.log(reports[1].tx)] == [4]
    assert [c.t for c in conn.log(upto=99)] == [1, 2, 3, 4]


@pytest.mark.parametrize(("after", "upto"), [(-1, None), (0, -1), ("1", None), (None, None), (0, 2.0)])
def test_a_stretch_of_no_time_is_named(conn, after, upto) -> None:
    with pytest.raises(EntityError) as caught:
        list(conn.log(after, upto))
    assert caught.value.code == "db/no-such-time"


def test_a_value_of_a_closed_connection_reads_no_further(pair) -> None:
    one, _ = pair
    one.transact([{"person/name": "ann", "person/age": 1}])
    db = one.db()
    assert len(db.datoms("person/name")) == 1
    one.close()
    assert len(db.datoms("person/name")) == 1
    with pytest.raises(LogError) as caught:
        db.datoms("person/age")
    assert caught.value.code == "log/closed"
