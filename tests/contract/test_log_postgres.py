"""What only a log in PostgreSQL has: tables, sessions that break, processes that meet."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psycopg
import pytest

from factstore import connect
from factstore.columns import ints
from factstore.datom import TX0
from factstore.errors import LogError, StoreError
from factstore.log import Writer, operations
from factstore.postgres import PostgresLog
from factstore.postgres import entries as reading
from factstore.schema import Ids
from factstore.values import ValueType
from tests import pg
from tests.contract.plans import AGE, FIRST, FRIEND, NAME, NOTE, SCORE, Columns, HandMade, Store, draft

ANN = FIRST


@pytest.fixture
def admin(dsn: str):
    with psycopg.connect(dsn, autocommit=True) as session:
        yield session


def _schema(log: PostgresLog) -> str:
    return log.schema


def _pid(session: psycopg.Connection) -> int:
    return session.execute("SELECT pg_backend_pid()").fetchone()[0]


def test_a_store_is_created_once_by_many(dsn) -> None:
    schema = pg.fresh_schema()
    with ThreadPoolExecutor(6) as threads:
        logs = list(threads.map(lambda _: PostgresLog(dsn, schema), range(6)))
    assert [log.head() for log in logs] == [0] * 6
    for log in logs:
        log.close()
    pg.drop_schema(dsn, schema)


def test_a_second_process_reads_what_the_first_wrote(pg_store, dsn) -> None:
    pg_store.commit([(ANN, NAME, "ann")])
    other = PostgresLog(dsn, _schema(pg_store.log))
    code = other.load([NAME], 2)[NAME].v.tolist()
    assert other.dictionary.values_of(code) == ["ann"]
    other.close()


def test_a_layout_of_the_future_is_refused(pg_store, dsn, admin) -> None:
    schema = _schema(pg_store.log)
    admin.execute(f'UPDATE "{schema}".root SET version = 99, reads_from = 99, writes_from = 99')
    with pytest.raises(StoreError, match="read by programs that know layout version 99: this one knows 2") as caught:
        PostgresLog(dsn, schema)
    assert caught.value.code == "store/layout-version"


@pytest.mark.parametrize("schema", ["", "two words", 'quo"te', "1st", "x" * 64, "pg_mine", "information_schema", None])
def test_a_schema_name_is_plain(dsn, schema) -> None:
    with pytest.raises(StoreError) as caught:
        PostgresLog(dsn, schema)
    assert caught.value.code == "store/bad-target"


def test_a_role_without_rights_is_told_so(postgres_log, dsn, admin) -> None:
    role = f"reader_{pg.fresh_schema()}"
    admin.execute(f'CREATE ROLE "{role}" LOGIN')
    with pytest.raises(StoreError) as caught:
        PostgresLog(f"{dsn}&user={role}", _schema(postgres_log))
    assert caught.value.code == "store/permission"
    admin.execute(f'DROP ROLE "{role}"')


@pytest.mark.parametrize(
    ("dsn", "code"),
    [
        ("postgresql://nobody@127.0.0.1:1/none", "log/unreachable"),
        ("postgresql://localhost:1/x?no_such=1", "store/bad-target"),
    ],
)
def test_a_server_that_is_not_there_is_our_error(dsn, code) -> None:
    with pytest.raises((LogError, StoreError)) as caught:
        PostgresLog(dsn)
    assert caught.value.code == code
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    "target",
    [
        "postgresql://ann:s3cr%zzet@localhost/x",
        "postgresql://ann:s3cr%zzet@localhost/x?s3cr%zzet=1",
        "postgresql://ann:s3cret@[::1/x",
        "postgresql://localhost/x?s3cret",
        "postgresql+psycopg://ann:s3cret@localhost/x",
        "Postgresql://ann:s3cr@et@localhost/x",
    ],
)
def test_an_address_that_cannot_be_read_is_not_repeated_with_its_password(target) -> None:
    with pytest.raises(StoreError) as caught:
        connect(target)
    assert caught.value.code == "store/bad-target"
    assert "s3cr" not in f"{caught.value} {caught.value.data}"


@pytest.mark.parametrize("statement", ["UPDATE {} SET e = 1", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_log_is_append_only(pg_store, admin, statement) -> None:
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        admin.execute(statement.format(f'"{_schema(pg_store.log)}".log'))


def test_the_datoms_view_reads_like_facts(pg_store, admin) -> None:
    pg_store.commit([(ANN, NAME, "ann"), (ANN, SCORE, -1.5), (ANN, FRIEND, ANN)])
    t = pg_store.commit([], [(ANN, SCORE, -1.5)])
    rows = admin.execute(
        f'SELECT a, v, tx, added FROM "{_schema(pg_store.log)}".datoms WHERE e = %s ORDER BY tx, a', (ANN,)
    ).fetchall()
    assert rows == [
        ("person/friend", str(ANN), TX0 + t - 1, True),
        ("person/name", "ann", TX0 + t - 1, True),
        ("person/score", "-1.5", TX0 + t - 1, True),
        ("person/score", "-1.5", TX0 + t, False),
    ]


DOUBLES = [
    0.0,
    1.0,
    -1.0,
    0.1,
    -2.5e300,
    5e-324,
    -5e-324,
    2.2250738585072014e-308,
    1.7976931348623157e308,
    float("inf"),
]


@pytest.mark.parametrize("value", DOUBLES)
def test_the_view_shows_doubles_exactly(postgres_log, admin, value) -> None:
    from factstore.values import encode_double

    statement = f'SELECT "{_schema(postgres_log)}".as_double(%s::int8)'
    assert admin.execute(statement, (encode_double(value),)).fetchone() == (value,)


def test_a_read_survives_a_broken_connection(pg_store, admin) -> None:
    with pg_store.log._readers.session() as session:
        pid = _pid(session)
    admin.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    assert pg_store.log.head() == 1


def test_a_write_survives_a_connection_broken_before_it(pg_store, admin) -> None:
    with pg_store.log._writers.session() as session:
        pid = _pid(session)
    admin.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    assert pg_store.commit([(ANN, AGE, 1)]) == 2


def test_a_commit_lost_before_it_was_written_says_so(pg_store, admin) -> None:
    def lose() -> None:
        with pg_store.log.writer() as writer:
            pid = _pid(writer._session)
            writer.write(draft(writer, pg_store.schema, [(ANN, AGE, 1)]))
            admin.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))

    with pytest.raises(LogError, match="nothing was written") as caught:
        lose()
    assert caught.value.code == "log/unreachable"
    assert pg_store.log.head() == 1
    assert pg_store.commit([(ANN, AGE, 2)]) == 2


def test_a_commit_whose_answer_was_lost_is_found_in_the_log(pg_store, monkeypatch) -> None:
    """The commit goes through, and its session is gone before the answer is read."""
    from factstore.postgres.write import PostgresWriter

    sent = PostgresWriter.commit

    def lose(self: PostgresWriter, channel: str) -> None:
        sent(self, channel)
        self._session.close()
        raise psycopg.OperationalError("the connection is lost")

    monkeypatch.setattr(PostgresWriter, "commit", lose)
    t = pg_store.commit([(ANN, NAME, "ann")])
    assert (t, pg_store.held(NAME)) == (2, {ANN: ["ann"]})


def test_another_commit_at_the_same_t_is_not_ours(pg_store) -> None:
    with pg_store.log.writer() as writer:
        ours = operations(draft(writer, pg_store.schema, [(ANN, AGE, 1)]))
    t = pg_store.commit([(ANN, AGE, 2)])
    assert not pg_store.log._came_through(t, ours)
    assert not pg_store.log._came_through(t + 1, ours)


def test_a_closed_log_says_so(pg_store) -> None:
    pg_store.log.close()
    with pytest.raises(LogError) as caught:
        pg_store.log.head()
    assert caught.value.code == "log/closed"


def test_the_lock_is_held_across_processes(pg_store, dsn) -> None:
    other = PostgresLog(dsn, _schema(pg_store.log))
    order: list[str] = []

    def second() -> None:
        with other.writer() as writer:
            order.append(f"second {writer.counters.t}")

    with pg_store.log.writer() as writer:
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.1)
        writer.write(draft(writer, pg_store.schema, [(ANN, AGE, 1)]))
        order.append(f"first {writer.counters.t - 1}")
    thread.join()
    other.close()
    assert order == ["first 2", "second 3"]


def test_a_commit_notifies(pg_store, admin) -> None:
    admin.execute(f'LISTEN "{pg_store.log.channel}"')
    t = pg_store.commit([(ANN, AGE, 1)])
    [notice] = admin.notifies(timeout=5, stop_after=1)
    assert notice.payload == str(t)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_opens_its_own_connections(pg_store) -> None:
    pid = os.fork()
    if not pid:
        try:
            os._exit(0 if pg_store.commit([(ANN, AGE, 1)]) == 2 else 1)
        finally:
            os._exit(2)
    assert os.waitpid(pid, 0)[1] == 0
    assert pg_store.held(AGE) == {ANN: [1]}
    assert pg_store.commit([(ANN + 1, AGE, 2)]) == 3


def test_a_bulk_of_codes_is_read_as_a_range(pg_store, dsn, monkeypatch) -> None:
    monkeypatch.setattr(reading, "MANY", 5)
    pg_store.commit([(ANN + n, NAME, f"name {n}") for n in range(10)])
    other = PostgresLog(dsn, _schema(pg_store.log))
    codes = other.load([NAME], 2)[NAME].v.tolist()
    assert sorted(other.dictionary.values_of(codes)) == [f"name {n}" for n in range(10)]
    assert len(other.dictionary) == 10
    other.close()


def test_values_too_large_to_send_together_are_sent_in_halves(pg_store, monkeypatch) -> None:
    pg_store.commit([(ANN + n, NAME, f"name {n}") for n in range(4)])
    other = PostgresLog(pg_store.log._readers._dsn, _schema(pg_store.log))
    too_large = (
        "CASE WHEN array_length(%(id)s, 1) > 1 THEN repeat('longer', 1000000000)::bytea ELSE string_agg(b, '') END"
    )
    entries = other._sql["entries"].replace("string_agg(b, ''::bytea)", too_large.replace("''", "''::bytea"))
    monkeypatch.setattr(other, "_sql", {**other._sql, "entries": entries})
    codes = other.load([NAME], 2)[NAME].v.tolist()
    assert sorted(other.dictionary.values_of(codes)) == [f"name {n}" for n in range(4)]
    other.close()


def _wide(writer: Writer, store: Store, size: int) -> HandMade:
    """A plan of ``size`` long facts, made as columns."""
    t, next_e, next_v = writer.counters
    e = np.arange(next_e, next_e + size)
    added = Columns(e, np.full(size, AGE), np.full(size, int(ValueType.LONG)), e * 3)
    nothing = Columns(*[ints([])] * 4)
    return HandMade(t, [], added, nothing, next_e + size, next_v, store.schema)


def test_statistics_follow_growth(pg_store, admin) -> None:
    with pg_store.log.writer() as writer:
        writer.write(_wide(writer, pg_store, 3000))
    name = f'"{_schema(pg_store.log)}".facts_live'
    assert admin.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", (name,)).fetchone()[0] > 3000
    assert len(pg_store.log.load([AGE], 2)[AGE].e) == 3000


def test_bits_of_facts_follow_their_attribute(pg_store, admin) -> None:
    pg_store.commit([(ANN, AGE, 1), (ANN, NOTE, "x")])
    pg_store.commit([(ANN, AGE, 2)], [(ANN, AGE, 1)])
    pg_store.commit([(AGE, Ids.INDEX, True)])
    rows = admin.execute(
        f'SELECT DISTINCT a, fl FROM "{_schema(pg_store.log)}".facts WHERE a = ANY(%s)', ([AGE, NOTE],)
    )
    assert sorted(rows.fetchall()) == [(AGE, 5), (NOTE, 4)]


def test_a_server_that_says_goodbye_after_the_commit_is_asked_again(pg_store, monkeypatch) -> None:
    """It ends the session between the commit and its answer; the client has not yet seen it close."""
    from factstore.postgres.write import PostgresWriter

    sent = PostgresWriter.commit

    def last_words(self: PostgresWriter, channel: str) -> None:
        sent(self, channel)
        raise psycopg.errors.AdminShutdown("terminating connection due to administrator command")

    monkeypatch.setattr(PostgresWriter, "commit", last_words)
    t = pg_store.commit([(ANN, NAME, "ann")])
    assert (t, pg_store.held(NAME)) == (2, {ANN: ["ann"]})


def test_an_interrupted_wait_leaves_no_lock_behind(pg_store, dsn, monkeypatch) -> None:
    lock, other = PostgresLog._lock, PostgresLog(dsn, _schema(pg_store.log))

    def interrupted(self: PostgresLog, session: psycopg.Connection, *asked: object) -> None:
        lock(self, session, *asked)
        raise KeyboardInterrupt

    monkeypatch.setattr(PostgresLog, "_lock", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pg_store.commit([(ANN, AGE, 1)])
    monkeypatch.undo()
    with other.writer() as writer:
        assert writer.counters.t == 2
    other.close()


def test_a_refused_commit_says_nothing_beside_its_error(pg_store, caplog, capfd) -> None:
    pg_store.commit([(ANN, AGE, 1)])
    with pytest.raises(LogError):
        pg_store.commit([(ANN, AGE, 1)])
    assert (caplog.records, capfd.readouterr().err) == ([], "")


def test_an_attribute_that_only_a_speculation_knows_has_no_facts(pg_store) -> None:
    loaded = pg_store.log.load([NAME, 2**41], 1)
    assert {a: len(rows.e) for a, rows in loaded.items()} == {NAME: 0, 2**41: 0}
    assert len(pg_store.log.load_intervals([2**41], 1)[2**41].e) == 0
