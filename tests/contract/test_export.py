"""A store goes to a file and comes back as it was: between logs, in pieces, after a kill."""

from __future__ import annotations

import io
import random
import signal
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factstore import Connection, ExportError, ValueType, check_export, connect
from factstore.portable import writing
from factstore.postgres.merge import flags
from tests import pg
from tests.contract.test_log_concurrency import python
from tests.drawn_store import definitions, fill, told


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.facts"


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a transaction or a few, so that a small store has many."""
    monkeypatch.setattr(writing, "ROWS", 16)


@pytest.fixture
def empty(dsn: str) -> Iterator[Connection]:
    """An empty store in PostgreSQL, whose tables are looked into at the end."""
    schema = pg.fresh_schema()
    with connect(dsn, schema=schema) as conn:
        yield conn
        with psycopg.connect(dsn, autocommit=True) as session:
            assert flags_of(session, schema) <= flags_meant(conn)
    pg.drop_schema(dsn, schema)


def flags_of(session: psycopg.Connection[Any], schema: str) -> set[tuple[int, int]]:
    return set(session.execute(f'SELECT DISTINCT a, fl FROM "{schema}".facts').fetchall())


def flags_meant(conn: Connection) -> set[tuple[int, int]]:
    return {(attribute.id, flags(attribute)) for attribute in conn.schema}


def filled(seed: int = 1, steps: int = 12) -> Connection:
    conn = connect("memory:")
    fill(conn, seed, steps)
    return conn


def exported(conn: Connection, **options: Any) -> io.BytesIO:
    file = io.BytesIO()
    conn.export(file, **options)
    file.seek(0)
    return file


def imported(file: io.BytesIO | Path, **options: Any) -> Connection:
    conn = connect("memory:")
    conn.import_(file, **options)
    return conn


# The server is the same for all examples; each has a store of its own.
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(seed=st.integers(0, 10_000), rows=st.sampled_from([1, 30, 200_000]))
def test_a_store_goes_from_memory_to_postgresql_and_back_as_it_was(dsn: str, seed: int, rows: int) -> None:
    schema = pg.fresh_schema()
    source = filled(seed)
    with connect(dsn, schema=schema) as conn, pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "ROWS", rows)
        conn.import_(exported(source))
        assert told(conn) == told(source)
        with psycopg.connect(dsn, autocommit=True) as session:
            assert flags_of(session, schema) <= flags_meant(conn)
        assert told(imported(exported(conn))) == told(source)
    pg.drop_schema(dsn, schema)


@settings(max_examples=12)
@given(seed=st.integers(0, 10_000), rows=st.sampled_from([1, 20, 200_000]))
def test_a_store_goes_from_memory_to_memory_as_it_was(seed: int, rows: int) -> None:
    source = filled(seed, 16)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "ROWS", rows)
        assert told(imported(exported(source))) == told(source)


def test_the_next_transaction_of_both_gives_out_the_same_ids(empty) -> None:
    source = filled()
    empty.import_(exported(source))
    data = [{"db/id": "new", "t/string": "of neither", "t/ref": "other"}, {"db/id": "other", "t/long": 3}]
    assert empty.transact(data).tempids == source.transact(data).tempids
    newest = [conn.log_range(conn.db().basis_t - 1) for conn in (empty, source)]
    codes = [rows.v[rows.vt == ValueType.STRING].tolist() for rows in newest]
    assert codes[0] == codes[1] != []


def test_an_import_goes_on_where_the_store_ends(empty, small_blocks) -> None:
    source = filled(steps=20)
    half = source.db().basis_t // 2
    empty.import_(exported(source, upto=half))
    assert empty.db().basis_t == half
    moved = empty.import_(exported(source))
    assert moved.transactions == source.db().basis_t - half
    assert told(empty) == told(source)


def test_an_import_goes_on_inside_a_block(path) -> None:
    source = filled(steps=20)
    target = imported(exported(source, upto=5))
    assert check_export(exported(source)).blocks == 2
    target.import_(exported(source))
    assert told(target) == told(source)


def test_an_import_of_what_is_there_writes_nothing() -> None:
    source = filled()
    target = imported(exported(source))
    target.transact([{"t/string": "and more"}])
    assert target.import_(exported(source))[1:3] == (0, 0)


@pytest.mark.parametrize("other", [2, 3])
def test_a_store_of_its_own_takes_no_import(other, path) -> None:
    target = filled(other)
    before = told(target)
    with pytest.raises(ExportError, match="not the beginning") as error:
        target.import_(exported(filled(1, 30)))
    assert error.value.code == "export/other-store"
    assert told(target) == before


def test_a_later_export_adds_what_is_new(path, small_blocks) -> None:
    source = filled()
    first = source.export(path)
    whole = path.read_bytes()
    assert source.export(path) == (first.t, 0, 0, 0)
    assert path.read_bytes() == whole
    fill_more(source)
    moved = source.export(path)
    assert moved.transactions == source.db().basis_t - first.t
    assert path.read_bytes().startswith(whole[:-100])
    assert told(imported(path)) == told(source)


def fill_more(conn: Connection) -> None:
    for n in range(5):
        conn.transact([{"t/string": f"later {n}", "t/long": n}])


def test_an_export_that_was_cut_off_goes_on_behind_its_last_whole_block(path, small_blocks) -> None:
    source = filled(steps=6)
    source.export(path)
    whole = path.read_bytes()
    expected = told(source)
    for size in random.Random(1).sample(range(len(whole)), 12):
        path.write_bytes(whole[:size])
        source.export(path)
        assert told(imported(path)) == expected


def test_an_export_mends_a_damaged_block(path, small_blocks) -> None:
    source = filled()
    source.export(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    source.export(path)
    assert told(imported(path)) == told(source)


def test_the_export_of_another_store_is_not_continued(path) -> None:
    filled(1).export(path)
    before = path.read_bytes()
    with pytest.raises(ExportError) as error:
        filled(2, 30).export(path)
    assert error.value.code == "export/other-store"
    assert path.read_bytes() == before


def test_an_export_is_not_written_over_another_file(path) -> None:
    path.write_text("a letter to somebody")
    with pytest.raises(ExportError) as error:
        filled().export(path)
    assert (error.value.code, path.read_text()) == ("export/not-an-export", "a letter to somebody")


def test_two_exports_do_not_write_one_file_at_once(path) -> None:
    source = filled()
    refused = []

    def again(_: Any) -> None:
        with pytest.raises(ExportError) as error:
            source.export(path)
        refused.append(error.value.code)

    source.export(path, progress=again)
    assert set(refused) == {"export/in-use"}


def test_a_flipped_bit_is_found_wherever_it_is(path) -> None:
    filled(steps=3).export(path)
    whole = path.read_bytes()
    for at in random.Random(2).sample(range(len(whole)), 150):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :])
        target = connect("memory:")
        with pytest.raises(ExportError) as error:
            target.import_(path)
        assert error.value.code in {"export/damaged", "export/not-an-export", "export/version"}
        assert target.db().basis_t == 0


def test_a_file_that_ends_between_two_blocks_is_not_taken_for_whole(path, small_blocks) -> None:
    source = filled(steps=12)
    source.export(path)
    whole = path.read_bytes()
    ends = block_ends(path)
    assert len(ends) > 3
    for end in ends:
        path.write_bytes(whole[:end])
        with pytest.raises(ExportError) as error:
            connect("memory:").import_(path)
        assert error.value.code == "export/unfinished"
        assert imported(path, partial=True).db().basis_t == error.value.data["t"]
    path.write_bytes(whole[: ends[-2]] + whole[ends[-1] :])
    with pytest.raises(ExportError, match="damaged"):
        connect("memory:").import_(path)


def block_ends(path: Path) -> list[int]:
    from factstore.portable.reading import Export

    with path.open("rb") as file:
        return [frame.end for frame in Export(file, "it").frames()]


def test_progress_comes_to_the_end(path, small_blocks) -> None:
    source = filled()
    seen = []
    source.export(path, progress=seen.append)
    assert seen[-1].fraction == 1.0
    assert len(seen) > 3
    assert [each.t for each in seen] == sorted({each.t for each in seen})
    arrived = []
    connect("memory:").import_(path, progress=arrived.append)
    assert arrived[-1].t == source.db().basis_t
    assert 0.9 < arrived[-1].fraction <= 1


def test_a_stream_may_be_read_that_cannot_be_rewound() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    source = filled()
    assert told(imported(Pipe(exported(source).getvalue()))) == told(source)


def test_what_holds_no_file_is_said_so(tmp_path) -> None:
    with pytest.raises(ExportError, match="No such file") as error:
        connect("memory:").import_(tmp_path / "nowhere")
    assert error.value.code == "export/no-file"
    with pytest.raises(ExportError, match="Is a directory"):
        connect("memory:").export(tmp_path)


def test_forgotten_values_stay_in_the_log_alone(empty) -> None:
    source = connect("memory:")
    source.transact([{**definition, "db/noHistory": True} for definition in definitions()])
    [entity] = [source.transact([{"db/id": "e", "t/long": 1}]).tempids["e"]]
    source.transact([{"db/id": entity, "t/long": 2}])
    empty.import_(exported(source))
    assert [d.v for d in empty.db().history().datoms("t/long")] == [2]
    assert told(empty) == told(source)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_store(dsn, path, monkeypatch) -> None:
    monkeypatch.setattr(writing, "ROWS", 400)
    peaks = []
    for size in (20, 100):
        schemas = [pg.fresh_schema() for _ in range(2)]
        with connect(dsn, schema=schemas[0]) as source, connect(dsn, schema=schemas[1]) as target:
            source.transact(definitions())
            for n in range(size):
                source.transact([{"t/string": f"{size} {n} {k}" * 50, "t/long": k} for k in range(100)])
        with connect(dsn, schema=schemas[0]) as source, connect(dsn, schema=schemas[1]) as target:
            tracemalloc.start()
            source.export(path)
            target.import_(path)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        path.unlink()
        for schema in schemas:
            pg.drop_schema(dsn, schema)
    assert peaks[1] < 1.3 * peaks[0]


KILLS = 4


@pytest.mark.slow
def test_killed_exports_and_imports_are_run_again_until_they_are_done(dsn, tmp_path) -> None:
    source_schema, target_schema, path = pg.fresh_schema(), pg.fresh_schema(), tmp_path / "store.facts"
    draw = random.Random(3)
    with connect(dsn, schema=source_schema) as source, connect(dsn, schema=target_schema) as target:
        fill(source, 5, 6)
        for n in range(60):
            source.transact([{"t/string": f"{n} {k}", "t/long": k} for k in range(40)])
        for verb, schema in (("export", source_schema), ("import", target_schema)):
            killed = 0
            for _ in range(50):
                worker = python("-m", "tests.contract.export_worker", verb, dsn, schema, str(path))
                lines = [worker.stdout.readline() for _ in range(draw.randint(1, 12))]
                if killed < KILLS:
                    worker.send_signal(signal.SIGKILL)
                said = lines + worker.communicate()[0].splitlines()
                killed += worker.returncode == -signal.SIGKILL
                if any(line.startswith("done") for line in said):
                    break
            assert killed >= 2
        assert told_of(target) == told_of(source)
    pg.drop_schema(dsn, source_schema)
    pg.drop_schema(dsn, target_schema)


def told_of(conn: Connection) -> Any:
    rows = conn.log_range(-1)
    return [column.tolist() for column in rows], conn.db().q("[:find ?e ?v :where [?e :t/string ?v]]").to_list()
