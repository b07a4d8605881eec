"""Columns in local files: the same answers as the server's, whatever has become of the files."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from factstore import Connection, StoreError, connect
from factstore.columns import ints
from factstore.datom import TX0
from factstore.postgres import PostgresLog, column_file, local, value_file
from factstore.schema import Ids
from tests import pg
from tests.contract.histories import ATTRIBUTES, History
from tests.contract.plans import AGE, FIRST, FRIEND, NAME, SCORE, Store

ANN = FIRST
WANTED = [NAME, AGE, FRIEND, SCORE]


@pytest.fixture(autouse=True)
def every_load_is_slow(monkeypatch) -> None:
    """So that each is worth a file."""
    monkeypatch.setattr(local, "_SLOW", -1.0)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return tmp_path / "columns"


@pytest.fixture
def opened(pg_store, dsn, files) -> Iterator[list[PostgresLog]]:
    logs: list[PostgresLog] = []
    yield logs
    for log in logs:
        log.close()


def _schema(store: Store) -> str:
    return store.log.channel.removesuffix("_commits")


def _open(store: Store, dsn: str, files: Path, limit: int = 1 << 30) -> PostgresLog:
    log = PostgresLog(dsn, _schema(store))
    log.keep_columns(files, limit)
    return log


def _seen(log: PostgresLog, t: int) -> dict[int, list[tuple[int, ...]]]:
    return {a: sorted(zip(*map(list, rows), strict=True)) for a, rows in log.load(WANTED, t).items()}


def _written(store: Store, dsn: str, files: Path, limit: int = 1 << 30) -> list[Path]:
    """The files that a process leaves behind which has read everything."""
    log = _open(store, dsn, files, limit)
    log.load(WANTED, log.head())
    log.close()
    return sorted(files.glob("*/*.columns"))


def _without_server(log: PostgresLog, monkeypatch) -> PostgresLog:
    """A log that can no longer load, only catch up."""
    monkeypatch.setattr(log, "_load", lambda attributes, t: pytest.fail(f"{attributes} were loaded"))
    return log


def _filled(store: Store) -> None:
    store.commit([(ANN + n, AGE, n) for n in range(50)] + [(ANN + n, FRIEND, ANN) for n in range(20)])
    store.commit([(ANN, NAME, "ann"), (ANN, SCORE, 0.5)], [(ANN + 7, AGE, 7)])


def test_a_second_process_loads_nothing(pg_store, dsn, files, opened, monkeypatch) -> None:
    _filled(pg_store)
    assert len(_written(pg_store, dsn, files)) == len(WANTED)
    log = _without_server(_open(pg_store, dsn, files), monkeypatch)
    opened.append(log)
    assert _seen(log, 3) == _seen(pg_store.log, 3)
    assert not log.load([AGE], 3)[AGE].e.flags.writeable


def test_it_catches_up_with_what_was_done_since(pg_store, dsn, files, opened, monkeypatch) -> None:
    _filled(pg_store)
    _written(pg_store, dsn, files)
    pg_store.commit([(ANN + 3, AGE, 99), (ANN + 100, FRIEND, ANN)], [(ANN + 3, AGE, 3), (ANN + 1, FRIEND, ANN)])
    pg_store.commit([(ANN + 3, AGE, 3)], [(ANN + 3, AGE, 99)])
    opened.append(_without_server(_open(pg_store, dsn, files), monkeypatch))
    assert [_seen(opened[0], t) for t in (3, 4, 5)] == [_seen(pg_store.log, t) for t in (3, 4, 5)]


def test_the_past_before_a_file_is_the_servers(pg_store, dsn, files, opened) -> None:
    _filled(pg_store)
    _written(pg_store, dsn, files)
    opened.append(_open(pg_store, dsn, files))
    assert [_seen(opened[0], t) for t in (1, 2)] == [_seen(pg_store.log, t) for t in (1, 2)]


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-8])


def _turn_a_bit(path: Path) -> None:
    body = bytearray(path.read_bytes())
    body[-3] ^= 16
    path.write_bytes(body)


def _turn_a_bit_of_the_header(path: Path) -> None:
    body = bytearray(path.read_bytes())
    body[35] ^= 1
    path.write_bytes(body)


def _lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + bytes(24))


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def _take_another_attributes(path: Path) -> None:
    other = next(other for other in sorted(path.parent.glob("*.columns")) if other != path)
    path.write_bytes(other.read_bytes())


def _take_another_stores(path: Path) -> None:
    cached = column_file.read(path)
    assert cached is not None
    column_file.write(path, cached.stamp._replace(store=bytes(16)), cached.rows)


def _take_another_history(path: Path) -> None:
    """A basis of the same number in a store that was restored and went another way."""
    cached = column_file.read(path)
    assert cached is not None
    column_file.write(path, cached.stamp._replace(instant=cached.stamp.instant + 1), cached.rows)


DAMAGES = [
    _truncate,
    _turn_a_bit,
    _turn_a_bit_of_the_header,
    _lengthen,
    _empty,
    _zeros,
    _take_another_attributes,
    _take_another_stores,
    _take_another_history,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_that_is_not_right_counts_as_none_and_is_written_again(pg_store, dsn, files, opened, damage) -> None:
    _filled(pg_store)
    path = next(path for path in _written(pg_store, dsn, files) if path.stem == str(AGE))
    right = path.read_bytes()
    damage(path)
    log = _open(pg_store, dsn, files)
    opened.append(log)
    assert _seen(log, 3) == _seen(pg_store.log, 3)
    log.close()
    assert path.read_bytes() == right


def test_a_store_made_again_under_the_same_name_is_another(dsn, files) -> None:
    schema = pg.fresh_schema()
    for value in (1, 2):
        with connect(dsn, schema=schema, cache_dir=files) as conn:
            conn.transact([{"db/ident": "x/v", "db/valueType": "db.type/long", "db/cardinality": "db.cardinality/one"}])
            conn.transact([{"x/v": value}])
            assert conn.db().q("[:find ?v . :where [_ :x/v ?v]]") == value
        pg.drop_schema(dsn, schema)
    assert len(list(files.iterdir())) == 2


def test_an_excision_after_a_file_makes_it_worthless(pg_store, dsn, files, opened, monkeypatch) -> None:
    """It takes facts out of the log as well, so that nothing else tells of it."""
    _filled(pg_store)
    _written(pg_store, dsn, files)
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute(f'DELETE FROM "{_schema(pg_store)}".facts WHERE e = %s AND a = %s', (ANN + 1, AGE))
    monkeypatch.setattr(local, "_REWRITING", ints([Ids.IS_COMPONENT]))
    pg_store.commit([(FRIEND, Ids.IS_COMPONENT, True)])
    opened.append(_open(pg_store, dsn, files))
    assert [_seen(opened[0], t) for t in (4, 3)] == [_seen(pg_store.log, t) for t in (4, 3)]
    assert ANN + 1 not in opened[0].load([AGE], 3)[AGE].e.tolist()
    _written(pg_store, dsn, files)
    stamps = {cached.stamp.t for path in files.glob("*/*.columns") if (cached := column_file.read(path))}
    assert stamps == {4}


def test_a_look_at_the_past_leaves_the_files_of_the_present(pg_store, dsn, files, opened) -> None:
    _filled(pg_store)
    paths = _written(pg_store, dsn, files)
    before = [path.read_bytes() for path in paths]
    log = _open(pg_store, dsn, files)
    assert _seen(log, 2) == _seen(pg_store.log, 2)
    log.close()
    assert [path.read_bytes() for path in paths] == before


def test_a_store_that_was_set_back_gets_new_files(pg_store, dsn, files) -> None:
    """The files know of transactions that the store has never heard of."""
    _filled(pg_store)
    path, *_ = _written(pg_store, dsn, files)
    cached = column_file.read(path)
    assert cached is not None
    column_file.write(path, cached.stamp._replace(t=99), cached.rows)
    _written(pg_store, dsn, files)
    again = column_file.read(path)
    assert again is not None
    assert again.stamp == cached.stamp


def test_a_file_from_far_back_is_written_again(pg_store, dsn, files, monkeypatch) -> None:
    _filled(pg_store)
    _written(pg_store, dsn, files)
    pg_store.commit([(ANN + 60, AGE, 1)])
    monkeypatch.setattr(local, "_FAR", 1)
    path = next(path for path in _written(pg_store, dsn, files) if path.stem == str(AGE))
    cached = column_file.read(path)
    assert cached is not None
    assert (cached.stamp.t, cached.rows.e.tolist()[-1]) == (4, ANN + 60)


def test_a_quick_load_leaves_no_file(pg_store, dsn, files, monkeypatch) -> None:
    monkeypatch.setattr(local, "_SLOW", 1000.0)
    _filled(pg_store)
    assert _written(pg_store, dsn, files) == []


def test_files_are_bounded_and_the_ones_used_longest_ago_go(pg_store, dsn, files) -> None:
    pg_store.commit([(ANN + n, a, n) for n in range(100) for a in (AGE, FRIEND)])
    of_one = 128 + 24 * 100
    for path in _written(pg_store, dsn, files, limit=1 << 30):
        os.utime(path, (0, 0) if path.stem == str(AGE) else None)
    log = _open(pg_store, dsn, files, limit=of_one + 3 * 128)
    log.close()
    assert str(AGE) not in {path.stem for path in files.glob("*/*.columns")}
    assert sum(path.stat().st_size for path in files.glob("*/*")) <= of_one + 3 * 128


def test_what_a_dead_writer_left_is_removed_and_a_live_ones_is_not(pg_store, dsn, files) -> None:
    [*_, path] = _written_any(pg_store, dsn, files)
    old, new = path.with_name(".7.columns.1.1.new"), path.with_name(".7.columns.2.1.new")
    for unfinished in (old, new):
        unfinished.write_bytes(b"half")
    os.utime(old, (0, 0))
    _open(pg_store, dsn, files).close()
    assert (old.exists(), new.exists()) == (False, True)


def _written_any(store: Store, dsn: str, files: Path) -> list[Path]:
    _filled(store)
    return _written(store, dsn, files)


def test_a_directory_that_goes_away_or_fills_up_only_slows_things(pg_store, dsn, files, opened, monkeypatch) -> None:
    _filled(pg_store)
    opened.append(_open(pg_store, dsn, files))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(local, "write", full)
    assert _seen(opened[0], 3) == _seen(pg_store.log, 3)
    opened[0].close()
    assert list(files.glob("*/*")) == []


def test_a_cache_dir_that_is_a_file_is_named(dsn, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    for wrong in (tmp_path / "file", tmp_path / "file" / "below", 7, "", b"bytes"):
        with pytest.raises(StoreError, match="cache_dir") as caught:
            connect(dsn, schema=pg.fresh_schema(), cache_dir=wrong)
        assert caught.value.code == "store/bad-option"


def test_a_store_in_memory_needs_no_directory(files) -> None:
    assert connect("memory:", cache_dir=files).db().basis_t == 0
    assert not files.exists()


@pytest.mark.parametrize("seed", range(4))
def test_files_and_server_agree_through_any_history(dsn, files, seed) -> None:
    """Each step may open a new process over the files as they are, and damage one of them first."""
    schema, draw = pg.fresh_schema(), random.Random(seed)
    with connect(dsn, schema=schema) as conn:
        history = History(conn, seed)
        for _ in range(10):
            for _ in range(draw.randint(0, 4)):
                history.step()
            paths = sorted(files.glob("*/*.columns"))
            if paths and draw.random() < 0.4:
                draw.choice(DAMAGES[:6])(draw.choice(paths))
            with connect(dsn, schema=schema, cache_dir=files) as cached:
                names = draw.sample(ATTRIBUTES, draw.randint(1, len(ATTRIBUTES)))
                db = cached.db()
                db.prefetch(db.schema.attribute(name) for name in names)
                assert [_datoms(db, name) for name in names] == [_datoms(conn.db(), name) for name in names]
                history.agrees(db)
    pg.drop_schema(dsn, schema)


def _datoms(db, name: str) -> list[tuple[object, ...]]:
    return sorted((d.e, repr(d.v), d.tx - TX0) for d in db.datoms(name))


def test_processes_share_a_directory_while_the_store_goes_on(dsn, files) -> None:
    schema, wrong = pg.fresh_schema(), []
    with connect(dsn, schema=schema) as conn:
        conn.transact([{"db/ident": "x/v", "db/valueType": "db.type/long", "db/cardinality": "db.cardinality/many"}])

        def read() -> None:
            for _ in range(8):
                with connect(dsn, schema=schema, cache_dir=files) as other:
                    db = other.db()
                    seen = sorted(db.q("[:find [?v ...] :where [_ :x/v ?v]]"))
                    wrong.extend([] if seen == list(range(db.basis_t - 1)) else [seen])

        threads = [threading.Thread(target=read) for _ in range(3)]
        for thread in threads:
            thread.start()
        for n in range(60):
            conn.transact([{"x/v": n}])
        for thread in threads:
            thread.join()
    pg.drop_schema(dsn, schema)
    assert wrong == []


def test_a_connection_serves_queries_from_mapped_files(dsn, files) -> None:
    schema = pg.fresh_schema()
    for value in range(3):
        with connect(dsn, schema=schema, cache_dir=files) as conn:
            _define_once(conn)
            conn.transact([{"x/name": f"n{value}"}, {"x/name": "gone"}])
            conn.transact([["db/retractEntity", ["x/name", "gone"]]])
            assert sorted(conn.db().q("[:find [?n ...] :where [_ :x/name ?n]]")) == [f"n{n}" for n in range(value + 1)]
            assert conn.db().q('[:find ?e . :where [?e :x/name "n0"]]') is not None
    pg.drop_schema(dsn, schema)


def _define_once(conn: Connection) -> None:
    if "x/name" not in conn.schema:
        name = {"db/ident": "x/name", "db/valueType": "db.type/string", "db/cardinality": "db.cardinality/one"}
        conn.transact([{**name, "db/unique": "db.unique/identity"}])


STRINGS = ["", "plain", "nul \0 inside", "lone \ud800 surrogate", "snow \N{SNOWMAN}", "x" * 5000]


def _strings(log: PostgresLog) -> list[str]:
    """All names, by their codes."""
    return sorted(map(repr, log.dictionary.values_of(log.load([NAME], log.head())[NAME].v.tolist())))


@pytest.fixture
def many_is_three(monkeypatch) -> None:
    monkeypatch.setattr(local, "MANY", 3)


@pytest.mark.usefixtures("many_is_three")
def test_values_are_read_from_a_file_and_only_new_ones_are_asked_for(pg_store, dsn, files, opened, monkeypatch) -> None:
    pg_store.commit([(ANN + n, NAME, text) for n, text in enumerate(STRINGS)])
    first = _open(pg_store, dsn, files)
    assert len(_strings(first)) == len(STRINGS)
    first.close()
    pg_store.commit([(ANN + 50, NAME, "new")])
    second = _open(pg_store, dsn, files)
    opened.append(second)
    asked: list[int] = []
    values = second._values
    monkeypatch.setattr(second, "_values", lambda codes: asked.extend(codes) or values(codes))
    assert _strings(second) == sorted(map(repr, [*STRINGS, "new"]))
    assert len(asked) == 1


@pytest.mark.usefixtures("many_is_three")
def test_a_file_of_values_grows_by_what_was_asked_for(pg_store, dsn, files) -> None:
    for n in range(3):
        pg_store.commit([(ANN + 10 * n + m, NAME, f"{n} {m}") for m in range(5)])
        log = _open(pg_store, dsn, files)
        assert len(_strings(log)) == 5 * (n + 1)
        log.close()
    found = value_file.read_values(next(files.glob("*/*.values")))
    assert found is not None
    assert len(found[1].codes) >= 15


@pytest.mark.usefixtures("many_is_three")
@pytest.mark.parametrize("damage", [*DAMAGES[:6], "store", "instant", "excised"])
def test_a_file_of_values_that_is_not_right_counts_as_none(pg_store, dsn, files, damage, monkeypatch) -> None:
    pg_store.commit([(ANN + n, NAME, text) for n, text in enumerate(STRINGS)])
    log = _open(pg_store, dsn, files)
    _strings(log)
    log.close()
    [path] = files.glob("*/*.values")
    if callable(damage):
        damage(path)
    elif damage == "excised":
        monkeypatch.setattr(local, "_REWRITING", ints([Ids.IS_COMPONENT]))
        pg_store.commit([(FRIEND, Ids.IS_COMPONENT, True)])
    else:
        basis, values = value_file.read_values(path)
        wrong = {"store": bytes(16)} if damage == "store" else {"instant": basis.instant + 1}
        value_file.write_values(path, basis._replace(**wrong), values)
    again = _open(pg_store, dsn, files)
    asked: list[int] = []
    values_of = again._values
    monkeypatch.setattr(again, "_values", lambda codes: asked.extend(codes) or values_of(codes))
    assert _strings(again) == sorted(map(repr, STRINGS))
    assert len(asked) == len(STRINGS)
    again.close()


@pytest.mark.parametrize("excising", ["the same process", "another"])
def test_what_was_excised_is_in_no_answer_and_no_file(dsn, files, excising) -> None:
    schema = pg.fresh_schema()
    ages = "[:find [?n ...] :where [_ :x/name ?n]]"
    with connect(dsn, schema=schema, cache_dir=files) as conn:
        _define_once(conn)
        conn.transact([{"db/id": "a", "x/name": "secret"}, {"x/name": "open"}])
        then = conn.db().basis_t
        assert sorted(conn.db().q(ages)) == ["open", "secret"]
    with connect(dsn, schema=schema, cache_dir=files if excising == "the same process" else None) as conn:
        assert sorted(conn.db().q(ages)) == ["open", "secret"]
        conn.excise(["x/name", "secret"])
        assert excising == "another" or not list(files.glob("*/*.columns"))
        conn.transact([{"x/name": "later"}])
    with connect(dsn, schema=schema, cache_dir=files) as conn:
        assert sorted(conn.db().as_of(then).q(ages)) == ["open"]
        assert sorted(conn.db().q(ages)) == ["later", "open"]
    assert all(b"secret" not in path.read_bytes() for path in files.glob("*/*"))
    pg.drop_schema(dsn, schema)


def test_a_file_from_before_an_excision_stays_worthless_when_the_record_of_it_is_retracted(dsn, files) -> None:
    schema = pg.fresh_schema()
    names = "[:find [?n ...] :where [_ :x/name ?n]]"
    with connect(dsn, schema=schema, cache_dir=files) as conn:
        _define_once(conn)
        conn.transact([{"x/name": "secret"}, {"x/name": "open"}])
        then = conn.db().basis_t
        assert sorted(conn.db().q(names)) == ["open", "secret"]
    with connect(dsn, schema=schema) as conn:
        conn.excise(["x/name", "secret"])
        record = conn.db().q("[:find ?e . :where [?e :db/excise _]]")
        conn.transact([["db/retractEntity", record]])
    with connect(dsn, schema=schema, cache_dir=files) as conn:
        assert sorted(conn.db().as_of(then).q(names)) == ["open"]
        assert sorted(conn.db().q(names)) == ["open"]
    pg.drop_schema(dsn, schema)


@pytest.mark.usefixtures("many_is_three")
def test_values_added_to_a_file_count_only_in_a_store_that_has_come_as_far(dsn, files) -> None:
    schema = pg.fresh_schema()

    def names_after(word: str) -> list[str]:
        with connect(dsn, schema=schema) as conn:
            _define_once(conn)
            conn.transact([{"x/name": f"{word} {n}"} for n in range(5)])
        with connect(dsn, schema=schema, cache_dir=files) as conn:
            return sorted(conn.db().q("[:find [?n ...] :where [_ :x/name ?n]]"))

    names_after("old")
    with psycopg.connect(dsn, autocommit=True) as session:
        backup = session.execute(f"SELECT t, next_e, next_v FROM {schema}.root").fetchone()
        assert len(names_after("lost")) == 10
        _restore(session, schema, *backup)
    assert names_after("new") == [f"{word} {n}" for word in ("new", "old") for n in range(5)]
    pg.drop_schema(dsn, schema)


def _restore(session, schema: str, t: int, next_e: int, next_v: int) -> None:
    """What a backup taken at ``t`` would bring back."""
    session.execute(f"ALTER TABLE {schema}.log DISABLE TRIGGER log_append_only")
    session.execute(f"DELETE FROM {schema}.log WHERE tx > %s", (TX0 + t,))
    session.execute(f"DELETE FROM {schema}.facts WHERE tx_from > %s", (TX0 + t,))
    session.execute(f"DELETE FROM {schema}.dict WHERE id >= %s", (next_v,))
    session.execute(f"UPDATE {schema}.root SET t = %s, next_e = %s, next_v = %s", (t, next_e, next_v))
    session.execute(f"ALTER TABLE {schema}.log ENABLE TRIGGER log_append_only")


def test_files_are_for_their_owner_alone(pg_store, dsn, files) -> None:
    _filled(pg_store)
    found = _written(pg_store, dsn, files)
    assert {path.stat().st_mode & 0o777 for path in found} == {0o600}
    assert found[0].parent.stat().st_mode & 0o777 == 0o700
