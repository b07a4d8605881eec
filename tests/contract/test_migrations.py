"""Stores of an older layout: opened, brought up, and answering as before; and those that nobody may bring up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

import factstore
from factstore import Connection, LogError, StoreError, connect
from factstore.datom import FIRST_ENTITY, TX0
from factstore.postgres.migrations import Step, migrate_store
from factstore.postgres.pool import open_session
from factstore.postgres.version import LAYOUT_VERSION, Layout, layout_of
from factstore.schema import Schema
from tests import pg
from tests.contract.replay import check

LAYOUTS = Path(__file__).parents[1] / "layouts"
"""Stores as older versions made them, dumped, and what those versions answered."""
OLD_T = 6
"""The t of the store of layout 1."""


@pytest.fixture
def admin(dsn: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(dsn, autocommit=True) as session:
        yield session


@pytest.fixture
def version1(admin: psycopg.Connection) -> Iterator[str]:
    """The schema of a store of layout 1 with facts, as the library of then left it."""
    schema = pg.fresh_schema()
    admin.execute((LAYOUTS / "version1.sql").read_text("utf-8").replace("version1", schema))
    yield schema
    admin.execute(f'DROP SCHEMA "{schema}" CASCADE')


def told(conn: Connection) -> dict[str, Any]:
    """What the store says of people at every t it had, as the frozen answers have it."""
    names = [str(a.ident) for a in conn.schema if a.ident.startswith("person/")]
    db = conn.db()
    views = {str(t): db.as_of(t) for t in range(1, OLD_T + 1)} | {"history": db.history()}
    return {
        at: sorted([d.e, str(d.a), repr(d.v), d.tx, d.added] for name in names for d in view.datoms(name))
        for at, view in views.items()
    }


def test_a_store_of_layout_1_is_brought_up_and_answers_the_same(version1, dsn, admin) -> None:
    with connect(dsn, schema=version1) as conn:
        assert told(conn) == json.loads((LAYOUTS / "version1.json").read_text())
        assert conn.db().basis_t == OLD_T + 1
        assert [attribute for attribute in conn.schema if attribute.id < FIRST_ENTITY] == list(Schema.bootstrap())
        conn.transact([{"person/name": "ann", "person/age": 40}])
        assert conn.db().pull(["person/age"], ["person/name", "ann"]) == {"person/age": 40}
        with open_session(dsn) as session:
            assert layout_of(session, version1) == Layout(LAYOUT_VERSION, 1, 1)
        check(admin, version1)


def test_the_migration_is_a_transaction_like_any_other(version1, dsn) -> None:
    with connect(dsn, schema=version1) as conn:
        [*_, before, mine] = conn.log()
        assert mine.t == OLD_T + 1
        assert mine.instant > before.instant
        assert conn.db().pull(["db/doc"], mine.tx) == {"db/doc": f"the tables were brought to layout {LAYOUT_VERSION}"}


FACTS = """
SELECT 'column', table_name || '.' || column_name, data_type || is_nullable || coalesce(column_default, '')
FROM information_schema.columns WHERE table_schema = '{s}'
UNION ALL SELECT 'function', p.proname, pg_get_functiondef(p.oid) || coalesce(p.proacl::text, '')
FROM pg_proc p WHERE pronamespace = '{s}'::regnamespace
UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = '{s}'
UNION ALL SELECT 'view', viewname, definition FROM pg_views WHERE schemaname = '{s}'
UNION ALL SELECT 'trigger', tgname, pg_get_triggerdef(t.oid)
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace = '{s}'::regnamespace AND NOT tgisinternal
UNION ALL SELECT 'relation', relname, coalesce(reloptions::text, '') || coalesce(pg_get_expr(relpartbound, oid), '')
FROM pg_class WHERE relnamespace = '{s}'::regnamespace
UNION ALL SELECT 'constraint', conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = '{s}'::regnamespace AND contype <> 'n'
"""


def shape(admin: psycopg.Connection, schema: str) -> dict[tuple[str, str], str]:
    """All that a store's schema is made of."""
    rows = admin.execute(FACTS.replace("{s}", schema)).fetchall()
    return {(kind, name): text.replace(schema, "a_store") for kind, name, text in rows}


def test_a_store_that_was_brought_up_is_like_a_new_one(version1, dsn, admin) -> None:
    """A change of layout.sql without a step that makes it shows here."""
    fresh = pg.fresh_schema()
    connect(dsn, schema=fresh).close()
    factstore.migrate(dsn, schema=version1)
    assert shape(admin, version1) == shape(admin, fresh)
    pg.drop_schema(dsn, fresh)


def forget(admin: psycopg.Connection, schema: str, entity: int) -> None:
    """Makes the store one that never had a builtin attribute."""
    admin.execute(f'ALTER TABLE "{schema}".log DISABLE TRIGGER log_append_only')
    names = f'SELECT v FROM "{schema}".log WHERE e = {entity} AND vt >= 6'
    admin.execute(f'DELETE FROM "{schema}".dict WHERE id IN ({names})')
    for table in ("log", "facts"):
        admin.execute(f'DELETE FROM "{schema}".{table} WHERE e = {entity}')
    admin.execute(f'ALTER TABLE "{schema}".log ENABLE TRIGGER log_append_only')


@pytest.mark.parametrize("entity", [9, 18], ids=["db/txInstant is indexed", "tx/origin"])
def test_a_builtin_attribute_that_the_store_lacks_is_added(version1, dsn, admin, entity) -> None:
    forget(admin, version1, entity)
    factstore.migrate(dsn, schema=version1)
    with connect(dsn, schema=version1) as conn:
        builtin = Schema.bootstrap().attribute(entity)
        assert conn.schema.attribute(entity) == builtin
        assert conn.db().entid(builtin.ident) == entity
        assert conn.db().pull(["db/doc"], builtin.ident) == {"db/doc": builtin.doc}
        [*_, mine] = conn.log()
        assert {d.v for d in mine.datoms if d.e == entity and d.a == "db/ident"} == {builtin.ident}
        conn.transact([{"db/id": "db/current-tx", "tx/origin": "test/migrations"}, {"person/name": "dora"}])
        check(admin, version1)


def test_what_people_said_of_a_builtin_attribute_stays(version1, dsn, admin) -> None:
    code = admin.execute(f'SELECT id FROM "{version1}".dict WHERE txt = %s', ("what people call them",)).fetchone()[0]
    for table in ("log", "facts"):
        trigger = f'ALTER TABLE "{version1}".log {{}} TRIGGER log_append_only'
        admin.execute(trigger.format("DISABLE"))
        admin.execute(f'UPDATE "{version1}".{table} SET v = {code} WHERE e = 8 AND a = 8')
        admin.execute(trigger.format("ENABLE"))
    with connect(dsn, schema=version1) as conn:
        assert conn.db().pull(["db/doc"], "db/doc") == {"db/doc": "what people call them"}


def test_a_name_that_is_taken_stops_the_migration(version1, dsn, admin) -> None:
    taken = admin.execute(f'SELECT v FROM "{version1}".facts_live WHERE e = 18 AND a = 1').fetchone()[0]
    forgotten = f'DELETE FROM "{version1}".facts_live WHERE e = 18'
    admin.execute(forgotten)
    admin.execute(f'UPDATE "{version1}".facts_live SET v = {taken} WHERE e = 256 AND a = 1')
    with pytest.raises(StoreError, match="entity 256 is named :tx/origin, which is a builtin") as caught:
        connect(dsn, schema=version1)
    assert caught.value.code == "store/migration"
    assert admin.execute(f'SELECT t FROM "{version1}".root WHERE version = 1').fetchone() == (OLD_T,)
    assert ("column", "root.reads_from") not in shape(admin, version1)


def test_many_processes_bring_it_up_once(version1, dsn) -> None:
    with ThreadPoolExecutor(6) as threads:
        conns = list(threads.map(lambda _: connect(dsn, schema=version1), range(6)))
    assert [conn.db().basis_t for conn in conns] == [OLD_T + 1] * 6
    for conn in conns:
        conn.close()
    assert factstore.migrate(dsn, schema=version1) == LAYOUT_VERSION


def test_who_does_not_own_it_is_told_who_must(version1, dsn, admin) -> None:
    admin.execute(f'CREATE ROLE "{version1}" LOGIN')
    admin.execute(f'GRANT USAGE ON SCHEMA "{version1}" TO "{version1}"')
    admin.execute(f'GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA "{version1}" TO "{version1}"')
    other = f"{dsn}&user={version1}" if "user=" not in dsn else dsn
    with pytest.raises(StoreError, match=r"needs 2: 'postgres', who owns it, has to call factstore\.migrate") as caught:
        connect(other, schema=version1)
    assert (caught.value.code, caught.value.data["version"]) == ("store/layout-version", 1)
    with pytest.raises(StoreError, match=r"layout version 1, .* has to call factstore\.migrate"):
        connect(dsn, schema=version1, read_only=True)
    factstore.migrate(dsn, schema=version1)
    with connect(other, schema=version1) as conn:  # its rights now include what the new layout needs
        conn.transact([{"person/name": f"p{n}"} for n in range(700)])
    assert admin.execute(
        f"SELECT has_function_privilege('{version1}', '{version1}.refresh_statistics()', 'EXECUTE')"
    ).fetchone() == (True,)
    admin.execute(f'DROP OWNED BY "{version1}"; DROP ROLE "{version1}"')


def test_a_program_that_was_connected_goes_on(version1, dsn, admin) -> None:
    """The statements of layout 1's library, sent by a session from before the migration."""
    with psycopg.connect(dsn) as old:
        lock = f'SELECT t + 1, next_e, next_v FROM "{version1}".root FOR UPDATE'
        assert old.execute(lock, prepare=True).fetchone()[0] == OLD_T + 1
        old.commit()
        with connect(dsn, schema=version1) as new:
            [(t, next_e, next_v)] = old.execute(lock, prepare=True).fetchall()
            assert t == OLD_T + 2
            add = f'INSERT INTO "{version1}".{{}} VALUES (%s, %s, %s, %s, 5, {{}})'
            for table, columns in (("log (tx, e, v, a, vt, added)", "true"), ("facts (tx_from, e, v, a, vt, fl)", "5")):
                old.execute(add.format(table, columns), (TX0 + t, TX0 + t, 2**51, 9))
            old.execute(f'UPDATE "{version1}".root SET t = %s, next_e = %s, next_v = %s', (t, next_e, next_v))
            old.commit()
            assert new.db().basis_t == t
            assert new.transact([{"person/name": "next"}]).t == t + 1
    check(admin, version1)


def test_programs_that_know_too_little_are_told_while_they_are_connected(dsn, admin) -> None:
    schema = pg.fresh_schema()
    with connect(dsn, schema=schema) as conn:
        admin.execute(f'UPDATE "{schema}".root SET version = 99, writes_from = 99')
        with pytest.raises(StoreError, match="written by programs that know layout version 99") as caught:
            conn.transact([{"db/ident": "x"}])
        assert (caught.value.code, conn.db().basis_t) == ("store/layout-version", 0)
        with connect(dsn, schema=schema) as later:
            assert later.db().basis_t == 0
        admin.execute(f'UPDATE "{schema}".root SET reads_from = 99')
        with pytest.raises(StoreError, match="read by programs that know layout version 99"):
            conn.db()
        admin.execute(f'UPDATE "{schema}".root SET reads_from = 1, writes_from = 1')
        assert conn.transact([{"db/ident": "x"}]).t == 1
    pg.drop_schema(dsn, schema)


def steps(run: Any) -> tuple[Step, ...]:
    """A step to come, after which today's programs can do nothing."""
    return (Step(Layout(3, reads_from=3, writes_from=3), run),)


def test_a_step_that_fails_leaves_all_as_it_was(dsn, admin) -> None:
    schema = pg.fresh_schema()
    connect(dsn, schema=schema).close()
    before = shape(admin, schema)

    def fail(session: psycopg.Connection, schema: str) -> None:
        session.execute(f'CREATE TABLE "{schema}".half_done (x int)')
        raise ZeroDivisionError

    with open_session(dsn) as session, pytest.raises(ZeroDivisionError):
        migrate_store(session, schema, steps=steps(fail))
    assert shape(admin, schema) == before
    connect(dsn, schema=schema).close()
    pg.drop_schema(dsn, schema)


def test_a_step_that_shuts_others_out_is_not_taken_by_the_way(dsn) -> None:
    schema = pg.fresh_schema()
    with connect(dsn, schema=schema) as conn, open_session(dsn) as session:
        with pytest.raises(StoreError, match="end the older programs") as caught:
            migrate_store(session, schema, steps=steps(lambda *_: None), disruptive=False)
        assert caught.value.code == "store/layout-version"
        assert migrate_store(session, schema, steps=steps(lambda *_: None)).version == 3
        for use in (conn.db, lambda: conn.transact([])):
            with pytest.raises(StoreError, match="needs a newer factstore"):
                use()
    pg.drop_schema(dsn, schema)


def test_a_migration_does_not_wait_for_ever(version1, dsn, admin, monkeypatch) -> None:
    monkeypatch.setattr("factstore.postgres.migrations.LOCK_TIMEOUT", "100ms")
    with psycopg.connect(dsn) as busy:
        busy.execute(f'SELECT * FROM "{version1}".root')
        with pytest.raises(StoreError, match="others have held it for 100ms, try again") as caught:
            connect(dsn, schema=version1)
    assert caught.value.code == "store/layout-version"
    connect(dsn, schema=version1).close()


def test_where_nothing_is_nothing_is_migrated(dsn, admin) -> None:
    schema = pg.fresh_schema()
    with pytest.raises(StoreError) as caught:
        factstore.migrate(dsn, schema=schema)
    assert caught.value.code == "store/not-a-store"
    admin.execute(f'CREATE SCHEMA "{schema}"; CREATE TABLE "{schema}".root (id int)')
    with pytest.raises(StoreError, match='other things in it, and no store: relation "root" already exists') as caught:
        connect(dsn, schema=schema)
    assert caught.value.code == "store/not-a-store"
    pg.drop_schema(dsn, schema)


def test_a_root_without_its_row_is_damage(dsn, admin) -> None:
    schema = pg.fresh_schema()
    connect(dsn, schema=schema).close()
    admin.execute(f'DELETE FROM "{schema}".root')
    with pytest.raises((StoreError, LogError)) as caught:
        connect(dsn, schema=schema)
    assert caught.value.code == "store/damaged"
    pg.drop_schema(dsn, schema)
