"""Making a store's tables, or finding that they are there and of a version this library knows."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import psycopg
from psycopg.types.numeric import Int8

from factstore.datom import FIRST_ENTITY
from factstore.errors import StoreError
from factstore.log import FIRST_CODE, bootstrap
from factstore.postgres.intern import intern_params
from factstore.postgres.merge import rows_of, write_params
from factstore.postgres.pool import Session, open_session, translated
from factstore.postgres.statements import layout, quoted, statements
from factstore.schema import Schema

LAYOUT_VERSION: Final = 1


def ensure_store(dsn: str, schema: str, *, create: bool = True) -> None:
    """Creates the store unless it is there; any number of processes may do so at once.

    ``store/missing`` if it is not there and may not be created.
    ``store/layout-version`` if it was made by another version of the layout, ``store/permission`` if the
    role may not create it, ``store/encoding`` if the database cannot hold every string.
    """
    session = open_session(dsn)
    try:
        if not _exists(session, schema):
            if not create:
                raise StoreError(f"there is no store in schema {schema!r}", code="store/missing", schema=schema)
            _create(session, schema)
        _check_version(session, schema)
    except psycopg.Error as error:
        raise translated(error) from error
    finally:
        session.close()


def _exists(session: Session, schema: str) -> bool:
    return bool(_value(session, statements(schema)["exists"], name=schema))


def _value(session: Session, statement: str, **params: Any) -> Any:
    row = session.execute(statement, params or None).fetchone()
    return None if row is None else row[0]


def _create(session: Session, schema: str) -> None:
    _check_encoding(session)
    sql = statements(schema)
    with session.transaction():
        _value(session, sql["creating"], key=_lock_key(schema))
        if _exists(session, schema):
            return
        if not _value(session, sql["has_schema"], name=schema):
            session.execute(f"CREATE SCHEMA {quoted(schema)}")
        session.execute(layout(schema), prepare=False)
        _fill(session, sql)


def _fill(session: Session, sql: dict[str, str]) -> None:
    entries, rows = bootstrap()
    counters = {"next_e": Int8(FIRST_ENTITY), "next_v": Int8(FIRST_CODE), "version": LAYOUT_VERSION}
    session.execute(sql["init_root"], counters)
    session.execute(sql["intern"], intern_params(entries))
    session.execute(sql["write"], write_params(rows_of(rows, Schema.bootstrap()), rows.added))


def _check_encoding(session: Session) -> None:
    encoding = _value(session, "SHOW server_encoding")
    if encoding != "UTF8":
        raise StoreError(
            f"the database is encoded in {encoding}: expected UTF8", code="store/encoding", encoding=encoding
        )


def _check_version(session: Session, schema: str) -> None:
    version = _value(session, statements(schema)["version"])
    if version != LAYOUT_VERSION:
        raise StoreError(
            f"the store in schema {schema!r} has layout version {version}: this library knows {LAYOUT_VERSION}",
            code="store/layout-version",
            version=version,
            expected=LAYOUT_VERSION,
        )


def _lock_key(schema: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"factstore {schema}".encode(), digest_size=8).digest(), "big", signed=True)
