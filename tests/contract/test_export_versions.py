"""What a file may hold that a fresh store does not: another bootstrap, or the gaps that excision leaves."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import psycopg
import pytest

from factstore import Connection, ExportError, Keyword, connect
from factstore.columns import LogRows, ints
from factstore.datom import TX0
from factstore.log import NO_ENTRIES, Entries, chained, rows_at
from factstore.portable import writing
from factstore.portable.blocks import Block, to_frame
from factstore.portable.frames import DIGEST, END, HEADER, MAGIC, TRANSACTIONS, framed
from factstore.portable.reading import Export
from factstore.schema import Ids
from factstore.values import ValueType
from tests import pg
from tests.drawn_store import fill, told


def rewritten(file: io.BytesIO, change: Callable[[Block], Block], **header: object) -> io.BytesIO:
    """An export with its blocks changed, sound in every digest."""
    file.seek(0)
    export = Export(file, "it")
    frames = [(HEADER, export.header | header, b"")]
    frames += [(TRANSACTIONS, *to_frame(change(block))) for block in export.blocks()]
    out, digest = MAGIC, bytes(DIGEST)
    for frame in [*frames, (END, {"t": export.t}, b"")]:
        data, digest = framed(*frame, digest)
        out += data
    return io.BytesIO(out)


def source() -> tuple[Connection, io.BytesIO]:
    conn, file = connect("memory:"), io.BytesIO()
    fill(conn, 4)
    # A value of ours that the bootstrap has given a code of its own already.
    conn.transact([["db/add", "e/1", "t/keyword", Keyword("db/ident")]])
    conn.export(file)
    return conn, file


def shifted(block: Block) -> Block:
    """The block as a version would have written it that gives the bootstrap's values other codes."""
    entries, rows = block.entries, block.rows
    moved = (rows.vt >= ValueType.STRING) & (rows.v < 256)
    code = np.where(entries.code < 256, entries.code + 100, entries.code)
    return block._replace(
        rows=rows._replace(v=np.where(moved, rows.v + 100, rows.v)), entries=entries._replace(code=code)
    )


def test_a_bootstrap_with_other_codes_is_translated() -> None:
    conn, file = source()
    target = connect("memory:")
    target.import_(rewritten(file, shifted))
    assert told(target) == told(conn)
    # Once more: what is there is compared in the store's own codes.
    assert target.import_(rewritten(file, shifted))[1:3] == (0, 0)


def renamed(block: Block) -> Block:
    """The block of a version that has one attribute more: ``db/doc`` under another name."""
    bodies = [b"db/dok" if body == b"db/doc" else body for body in block.entries.bodies()]
    code, kind, size, _ = block.entries
    return block._replace(entries=Entries(code, kind, size, b"".join(bodies)))


def test_a_bootstrap_with_other_attributes_is_refused() -> None:
    target = connect("memory:")
    with pytest.raises(ExportError, match="another version") as error:
        target.import_(rewritten(source()[1], renamed))
    assert (error.value.code, target.db().basis_t) == ("export/bootstrap", 0)


class Upgraded:
    """The blocks of a store that a version without ``tx/origin`` made, and a later one upgraded in transaction 2."""

    def __init__(self) -> None:
        self.rows: LogRows | None = None
        self.entries = NO_ENTRIES

    def __call__(self, block: Block) -> Block:
        if block.upto == 0:
            mine = block.rows.e == Ids.TX_ORIGIN
            self.rows = rows_at(block.rows, mine)
            # Its name and its doc, which nothing else is.
            own = np.isin(block.entries.code, self.rows.v[self.rows.vt >= ValueType.STRING])
            self.entries = block.entries.at(own)
            return block._replace(rows=rows_at(block.rows, ~mine), entries=block.entries.at(~own))
        return self._with_upgrade(block) if block.after == 0 else block

    def _with_upgrade(self, block: Block) -> Block:
        assert self.rows is not None
        codes = dict(zip(self.entries.code.tolist(), range(5000, 5010), strict=False))
        interned = self.rows.vt >= ValueType.STRING
        v = [codes[v] if coded else v for v, coded in zip(self.rows.v.tolist(), interned.tolist(), strict=True)]
        added = self.rows._replace(tx=np.full(len(v), TX0 + 2), v=ints(v))
        at = np.searchsorted(block.rows.tx, TX0 + 2, side="right")
        rows = LogRows(*(np.insert(column, at, more) for column, more in zip(block.rows, added, strict=True)))
        entries = chained(block.entries, self.entries._replace(code=ints(list(codes.values()))))
        return block._replace(rows=rows, entries=entries, next_v=6000, code=5009)


@pytest.mark.parametrize("target", ["memory", "postgresql"])
def test_what_an_upgrade_made_built_in_is_built_in_here(target, dsn) -> None:
    conn, file = source()
    schema = pg.fresh_schema()
    with connect("memory:") if target == "memory" else connect(dsn, schema=schema) as copy:
        copy.import_(rewritten(file, Upgraded()))
        assert told(copy) == told(conn)
        assert copy.import_(rewritten(file, Upgraded()))[1:3] == (0, 0)
    pg.drop_schema(dsn, schema)


def test_what_is_said_otherwise_of_a_built_in_attribute_is_refused() -> None:
    upgraded = Upgraded()

    def changed(block: Block) -> Block:
        block = upgraded(block)
        if upgraded.rows is not None:
            # Of many values, which nobody's tx/origin has.
            many = np.where(upgraded.rows.v == 60, 61, upgraded.rows.v)
            upgraded.rows = upgraded.rows._replace(v=many)
        return block

    target = connect("memory:")
    with pytest.raises(ExportError, match="begin otherwise") as error:
        target.import_(rewritten(source()[1], changed))
    assert (error.value.code, target.db().basis_t) == ("export/bootstrap", 0)


def test_another_version_of_the_format_is_refused() -> None:
    with pytest.raises(ExportError, match="version 2") as error:
        connect("memory:").import_(rewritten(source()[1], lambda block: block, version=2))
    assert error.value.code == "export/version"


def test_transactions_out_of_order_are_refused() -> None:
    with pytest.raises(ExportError, match="damaged"):
        connect("memory:").import_(rewritten(source()[1], lambda block: block._replace(after=block.after + 1)))
    with pytest.raises(ExportError, match="damaged"):
        connect("memory:").import_(rewritten(source()[1], lambda block: block._replace(upto=block.upto + 1)))


@pytest.fixture
def excised(dsn):
    """A store out of which facts were taken by hand, as excision does."""
    schema = pg.fresh_schema()
    with connect(dsn, schema=schema) as conn:
        fill(conn, 8)
        made = conn.transact([{"db/id": "gone", "t/string": "secret"}, {"db/id": "kept", "t/string": "open"}])
        conn.transact([["db/add", made.tempids["kept"], "t/string", "secret"]])
        conn.transact([["db/retract", made.tempids["gone"], "t/string", "secret"]])
        conn.transact([["db/retract", made.tempids["kept"], "t/string", "open"]])
        conn.transact([{"t/long": 5}])
        t = conn.db().basis_t
        with psycopg.connect(dsn, autocommit=True) as session:
            session.execute(f'ALTER TABLE "{schema}".log DISABLE TRIGGER log_append_only')
            # All of an entity, all of a transaction, and an assertion whose retraction stays.
            gone, kept = made.tempids["gone"], made.tempids["kept"]
            session.execute(f'DELETE FROM "{schema}".log WHERE e = {gone} OR tx = {TX0 + t}')
            session.execute(f'DELETE FROM "{schema}".log WHERE e = {kept} AND tx = {made.tx} AND a <> 9')
            session.execute(f'DELETE FROM "{schema}".facts WHERE e = {gone} OR tx_from = {TX0 + t}')
            session.execute(f'DELETE FROM "{schema}".facts WHERE e = {kept} AND tx_from = {made.tx} AND a <> 9')
    with connect(dsn, schema=schema) as conn:
        yield conn
    pg.drop_schema(dsn, schema)


def rows_of(conn: Connection) -> list[list[int]]:
    return [column.tolist() for column in conn.log_range(-1)]


def test_an_excised_store_is_exported_with_its_gaps(excised) -> None:
    file, target = io.BytesIO(), connect("memory:")
    excised.export(file)
    file.seek(0)
    target.import_(file)
    assert rows_of(target) == rows_of(excised)
    assert target.db().basis_t == excised.db().basis_t
    for name in ("t/string", "t/long"):
        assert target.db().history().datoms(name) == excised.db().history().datoms(name)
    assert target.transact([{"t/long": 1}]).tx == excised.transact([{"t/long": 1}]).tx


def test_a_file_from_before_an_excision_is_not_continued(excised, tmp_path, dsn, monkeypatch) -> None:
    # The last block, which is compared, is not the one that lost something.
    monkeypatch.setattr(writing, "ROWS", 8)
    path = tmp_path / "store.facts"
    excised.export(path)
    schema = excised._log.channel.removesuffix("_commits")
    with psycopg.connect(dsn, autocommit=True) as session:
        session.execute(f'DELETE FROM "{schema}".log WHERE tx = {TX0 + 1} AND a = 3')
    with pytest.raises(ExportError, match="excised") as error:
        excised.export(path)
    assert error.value.code == "export/other-store"


@pytest.mark.parametrize("kind", ["memory", "postgresql"])
def test_what_was_excised_is_in_no_export(kind, dsn, tmp_path) -> None:
    schema, path = pg.fresh_schema(), tmp_path / "store.facts"
    with connect("memory:") if kind == "memory" else connect(dsn, schema=schema) as conn:
        fill(conn, 3)
        secret = conn.transact([{"db/id": "s", "t/string": "a secret", "t/uri": "x:kept"}]).tempids["s"]
        conn.transact([["db/add", secret, "t/string", "another secret"], {"t/string": "open"}])
        conn.export(path)
        conn.excise(secret, attrs=["t/string"])
        with pytest.raises(ExportError, match="excised"):
            conn.export(path)
        path.unlink()
        conn.export(path)
        with path.open("rb") as file:
            assert not any(b"secret" in block.entries.body for block in Export(file, "it").blocks())
        copy = connect("memory:")
        copy.import_(path)
        assert told(copy) == told(conn)
        assert copy.transact([{"t/string": "next"}]).tx == conn.transact([{"t/string": "next"}]).tx
    pg.drop_schema(dsn, schema)
