"""Making a store's tables, or finding that they are there and of a layout this library can use."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.types.numeric import Int8

from factstore.datom import FIRST_ENTITY
from factstore.errors import StoreError
from factstore.log import FIRST_CODE, bootstrap
from factstore.postgres.intern import intern_params
from factstore.postgres.merge import rows_of, write_params
from factstore.postgres.migrations import migrate_store
from factstore.postgres.pool import READ_ONLY, Session, open_session, translated
from factstore.postgres.statements import creation_key, quoted, script, statements
from factstore.postgres.version import LAYOUT_VERSION, READS_FROM, WRITES_FROM, check_version, layout_of, older
from factstore.schema import Schema


def ensure_store(dsn: str, schema: str, *, read_only: bool = False, create: bool = True) -> None:
    """Creates the store unless it is there; any number of processes may do so at once.

    A store of an older layout is migrated if this role owns it and no program that uses it would be cut off.
    ``store/layout-version`` if it cannot be used as it is, ``store/permission`` if the role may not create it,
    ``store/not-a-store`` if there is something else, or nothing and nothing may be made,
    ``store/encoding`` if the database cannot hold every string.
    """
    session = open_session(dsn, READ_ONLY if read_only else ())
    try:
        if not _exists(session, schema):
            if read_only or not create:
                raise _nothing_there(schema)
            _create(session, schema)
        _check_layout(session, schema, read_only)
    except psycopg.Error as error:
        raise translated(error) from error
    finally:
        session.close()


def migrate(dsn: str, schema: str) -> int:
    """The layout version of the store after all migrations there are; ``store/not-a-store`` if there is none."""
    session = open_session(dsn)
    try:
        if not _exists(session, schema):
            raise _nothing_there(schema)
        return migrate_store(session, schema).version
    except psycopg.Error as error:
        raise translated(error) from error
    finally:
        session.close()


def _nothing_there(schema: str) -> StoreError:
    return StoreError(f"there is no store in schema {schema!r}", code="store/not-a-store", schema=schema)


def _check_layout(session: Session, schema: str, read_only: bool) -> None:
    layout = layout_of(session, schema)
    if layout.version < LAYOUT_VERSION:
        if read_only:
            raise older(schema, layout.version, "its owner has to call factstore.migrate first")
        layout = migrate_store(session, schema, disruptive=False)
    check_version(layout.reads_from, "read", schema)


def _exists(session: Session, schema: str) -> bool:
    return bool(_value(session, statements(schema)["exists"], name=schema))


def _value(session: Session, statement: str, **params: Any) -> Any:
    row = session.execute(statement, params or None).fetchone()
    return None if row is None else row[0]


def _create(session: Session, schema: str) -> None:
    _check_encoding(session)
    sql = statements(schema)
    try:
        with session.transaction():
            _value(session, sql["creating"], key=creation_key(schema))
            if _exists(session, schema):
                return
            if not _value(session, sql["has_schema"], name=schema):
                session.execute(f"CREATE SCHEMA {quoted(schema)}")
            session.execute(script("layout.sql", schema), prepare=False)
            _fill(session, sql)
    except (psycopg.errors.DuplicateTable, psycopg.errors.DuplicateFunction) as error:
        raise StoreError(
            f"schema {schema!r} has other things in it, and no store: {str(error).splitlines()[0]}",
            code="store/not-a-store",
            schema=schema,
        ) from None


def _fill(session: Session, sql: dict[str, str]) -> None:
    entries, rows = bootstrap()
    layout = {"version": LAYOUT_VERSION, "reads_from": READS_FROM, "writes_from": WRITES_FROM}
    session.execute(sql["init_root"], {"next_e": Int8(FIRST_ENTITY), "next_v": Int8(FIRST_CODE), **layout})
    session.execute(sql["intern"], intern_params(entries))
    session.execute(sql["write"], write_params(rows_of(rows, Schema.bootstrap()), rows.added))


def _check_encoding(session: Session) -> None:
    encoding = _value(session, "SHOW server_encoding")
    if encoding != "UTF8":
        raise StoreError(
            f"the database is encoded in {encoding}: expected UTF8", code="store/encoding", encoding=encoding
        )
