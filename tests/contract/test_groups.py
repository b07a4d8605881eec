"""A group of transactions is what its members are one by one: the same log, the same reports, the same refusals."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from hypothesis import given, settings

from factstore import Connection, LogError
from factstore.datom import TX0
from factstore.log import MemoryLog
from factstore.postgres import PostgresLog
from factstore.postgres.write import PostgresWriter
from tests import pg
from tests.contract import grouped
from tests.contract.conftest import SYSTEM, Servers
from tests.contract.grouped import FUNCTIONS, SCHEMA, commit, commit_somehow, instants_increase, lives_of, log_of


def _opened(log: Any) -> Connection:
    conn = Connection(log, functions=FUNCTIONS)
    conn.transact(SCHEMA)
    return conn


def _agree(grouped_conn: Connection, groups: list[Any]) -> None:
    one_by_one = _opened(MemoryLog())
    for group in groups:
        expected = [outcome for data in group for outcome in commit(one_by_one, [data])]
        assert commit(grouped_conn, group) == expected
    assert log_of(grouped_conn) == log_of(one_by_one)
    assert lives_of(grouped_conn) == lives_of(one_by_one)
    assert instants_increase(grouped_conn)


@settings(max_examples=40)
@given(grouped.groups)
def test_a_group_in_memory_is_its_members_one_by_one(groups: list[Any]) -> None:
    _agree(_opened(MemoryLog()), groups)


@pytest.mark.parametrize("kind", ["embedded", SYSTEM])
@settings(max_examples=15)
@given(groups=grouped.groups)
def test_a_group_in_postgres_is_its_members_one_by_one(servers: Servers, kind: str, groups: list[Any]) -> None:
    dsn, schema = servers.dsn(kind), pg.fresh_schema()
    conn = _opened(PostgresLog(dsn, schema))
    try:
        _agree(conn, groups)
        assert lives_of(Connection(conn._log)) == lives_of(conn)
    finally:
        conn.close()
        pg.drop_schema(dsn, schema)


@pytest.fixture
def conn(log: Any) -> Connection:
    return _opened(log)


def test_a_group_takes_one_commit(postgres_log: PostgresLog, monkeypatch: pytest.MonkeyPatch) -> None:
    conn, commits = _opened(postgres_log), []
    settled = PostgresLog._commit
    monkeypatch.setattr(PostgresLog, "_commit", lambda self, *args: (commits.append(1), settled(self, *args))[1])
    outcomes = commit(conn, [[{"x/key": f"k{n}", "x/count": n}] for n in range(10)])
    assert [t for t, *_ in outcomes] == list(range(2, 12))
    assert len(commits) == 1


def test_a_fact_that_comes_and_goes_in_a_group_is_history_at_once(conn: Connection) -> None:
    say = {"x/key": "k", "x/text": "brief", "x/note": "forgotten"}
    gone = [["db/retract", ["x/key", "k"], a, v] for a, v in (("x/text", "brief"), ("x/note", "forgotten"))]
    commit(conn, [[{"x/key": "k"}], [say], [{"x/key": "other"}], gone, [say], gone])
    db = conn.db()
    assert db.datoms("x/text") == []
    history = [(d.tx - TX0, d.added) for d in db.history().datoms("x/text")]
    assert history == [(3, True), (5, False), (6, True), (7, False)]
    assert db.history().datoms("x/note") == []


def test_a_fact_retracted_and_asserted_again_in_a_group_holds(conn: Connection) -> None:
    conn.transact([{"x/key": "k", "x/text": "here"}])
    gone = [["db/retract", ["x/key", "k"], "x/text", "here"]]
    commit(conn, [gone, [{"x/key": "k", "x/text": "here"}], gone, [{"x/key": "k", "x/text": "here"}]])
    assert [d.tx - TX0 for d in conn.db().datoms("x/text")] == [6]
    assert len(conn.db().history().datoms("x/text")) == 5


def test_a_function_sees_the_members_before_its_own(conn: Connection) -> None:
    outcomes = commit(conn, [[["bump", "k0", 1]] for _ in range(5)])
    assert [d.v for _, _, datoms, *_ in outcomes for d in datoms if d.a == "x/count" and d.added] == [1, 2, 3, 4, 5]


def test_a_refused_member_leaves_nothing_to_the_others(conn: Connection) -> None:
    bad = [{"x/key": "k0", "x/text": "never"}, {"x/key": "k1", "x/count": "no number"}]
    first, refused, last = commit(conn, [[{"x/key": "k0"}], bad, [{"x/key": "k1"}]])
    assert refused.startswith("value/wrong-type")
    assert (first[0], last[0]) == (2, 3)
    assert conn.db().q("[:find ?t . :where [_ :x/text ?t]]") is None


def test_a_value_has_one_holder_though_its_attribute_was_not_unique_in_between(conn: Connection) -> None:
    conn.transact([{"x/key": "k0"}, {"x/key": "k1"}])
    (say0, say1) = ([{"x/key": key, "x/badge": 7}] for key in ("k0", "k1"))
    (unsay, say) = ([[f"db/{op}", "x/badge", "db/unique", "db.unique/value"]] for op in ("retract", "add"))
    gone = [["db/retract", ["x/key", "k0"], "x/badge", 7]]
    *taken, refused = commit(conn, [say0, unsay, say1, gone, say, say0])
    assert [t for t, *_ in taken] == [3, 4, 5, 6, 7]
    assert refused.startswith("tx/unique")


def test_a_group_of_refusals_writes_nothing(conn: Connection) -> None:
    assert all(isinstance(each, str) for each in commit(conn, [[{"x/count": "no"}], [["db/add", 10**6, "x/count", 1]]]))
    assert conn.db().basis_t == 1


def test_a_large_member_among_small_ones_is_seen_by_those_after_it(conn: Connection) -> None:
    large = [{"x/key": f"n{n}", "x/count": n, "x/text": f"text {n}"} for n in range(2000)]
    upsert = [{"x/key": "n1999", "x/count": 0}]
    *_, last = commit(conn, [[{"x/key": "n5"}], large, upsert, [["bump", "n1999", 7]]])
    assert [(d.v, d.added) for d in last[2] if d.a == "x/count"] == [(0, False), (7, True)]


def test_a_member_the_store_refuses_fails_alone(postgres_log: PostgresLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit is refused as a whole, and each member is tried by itself."""
    conn, sent = _opened(postgres_log), PostgresWriter.commit

    def refuse(self: PostgresWriter, channel: str) -> None:
        if any("poison" in str(entry) for plan in self._queue for entry in plan.entries):
            raise psycopg.errors.UniqueViolation("a key that is there")
        sent(self, channel)

    monkeypatch.setattr(PostgresWriter, "commit", refuse)
    first, refused, last = commit_somehow(conn, [[{"x/key": "k0"}], [{"x/key": "poison"}], [{"x/key": "k1"}]])
    assert (first[0], refused[:12], last[0]) == (2, "log/conflict", 3)


def test_a_lost_commit_is_each_members_error(postgres_log: PostgresLog, monkeypatch: pytest.MonkeyPatch) -> None:
    conn = _opened(postgres_log)

    def lose(self: PostgresWriter, channel: str) -> None:
        self._session.close()
        raise psycopg.OperationalError("the connection is lost")

    monkeypatch.setattr(PostgresWriter, "commit", lose)
    outcomes = commit_somehow(conn, [[{"x/key": "k0"}], [{"x/count": "refused"}], [{"x/key": "k1"}]])
    monkeypatch.undo()
    assert all(text.startswith("log/unreachable") and "nothing was written" in text for text in outcomes)
    assert conn.transact([{"x/key": "k0"}]).t == 2


def test_a_commit_whose_answer_was_lost_settles_all(postgres_log: PostgresLog, monkeypatch: pytest.MonkeyPatch) -> None:
    conn, sent = _opened(postgres_log), PostgresWriter.commit

    def lose(self: PostgresWriter, channel: str) -> None:
        sent(self, channel)
        self._session.close()
        raise psycopg.OperationalError("the connection is lost")

    monkeypatch.setattr(PostgresWriter, "commit", lose)
    outcomes = commit_somehow(conn, [[{"x/key": "k0"}], [{"x/key": "k1"}]])
    assert [t for t, *_ in outcomes] == [2, 3]


def test_an_unknown_outcome_is_each_members(postgres_log: PostgresLog, monkeypatch: pytest.MonkeyPatch) -> None:
    conn = _opened(postgres_log)

    def lose(self: PostgresWriter, channel: str) -> None:
        self._session.close()
        raise psycopg.OperationalError("the connection is lost")

    def ask(self: PostgresLog, t: int, written: object) -> bool:
        raise LogError("nobody knows", code="log/outcome-unknown")

    monkeypatch.setattr(PostgresWriter, "commit", lose)
    monkeypatch.setattr(PostgresLog, "_came_through", ask)
    outcomes = commit_somehow(conn, [[{"x/key": "k0"}], [{"x/key": "k1"}]])
    assert outcomes == ["log/outcome-unknown: nobody knows"] * 2


def test_a_value_that_was_free_is_taken_by_the_first_of_a_group(conn: Connection) -> None:
    """The store said that nobody has it; after the first member that is not so."""
    conn.transact([{"x/key": "k0", "x/badge": 1}])
    conn.transact([["db/retractEntity", ["x/key", "k0"]]])
    first, second, refused = commit(
        conn, [[{"x/key": "k0", "x/badge": 1}], [{"x/key": "k0", "x/text": "same"}], [{"x/key": "k1", "x/badge": 1}]]
    )
    assert first[2][0].e == second[2][0].e
    assert refused.startswith("tx/unique-conflict")


def test_a_value_that_was_taken_is_free_after_the_first_of_a_group(conn: Connection) -> None:
    conn.transact([{"x/key": "k0", "x/badge": 1}])
    again = [[{"x/key": "k0"}], [{"x/key": "k1", "x/badge": 1}]]
    outcomes = commit(conn, [[["db/retractEntity", ["x/key", "k0"]]], *again])
    assert [t for t, *_ in outcomes] == [3, 4, 5]
