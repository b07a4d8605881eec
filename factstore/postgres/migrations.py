"""Migrations: a store's tables brought from an older layout to this one, step by step, all or nothing.

A migration is one PostgreSQL transaction by the owner of the tables, under the lock that creators of the store
take and with the root row locked against readers and writers. Its DDL comes first. Then, as a transaction of the store
like any other, with a t and an instant, come the facts about builtin attributes that the store was
made without. So no program that is connected misses anything: it reads them in the log.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

import psycopg
from psycopg.types.numeric import Int8

from factstore.datom import FIRST_ENTITY, TX0
from factstore.dictionary_entries import digest
from factstore.errors import StoreError
from factstore.postgres.arrays import uuids
from factstore.postgres.merge import flags
from factstore.postgres.pool import Session
from factstore.postgres.roles import apply_grants, granted
from factstore.postgres.statements import creation_key, script, statements
from factstore.postgres.version import LAYOUT_VERSION, Layout, layout_of, older
from factstore.schema import BUILTIN, Ids, Schema, bootstrap_facts
from factstore.values import Value, ValueType, encode_inline
from factstore.values_bytes import to_bytes


class Step(NamedTuple):
    """What leads to one layout from the one before; ``run`` is given the owner's session and the schema."""

    layout: Layout
    run: Callable[[Session, str], None]


def _script(name: str) -> Callable[[Session, str], None]:
    def run(session: Session, schema: str) -> None:
        session.execute(script(name, schema), prepare=False)

    return run


STEPS: Final[tuple[Step, ...]] = (Step(Layout(2, reads_from=1, writes_from=1), _script("layout_2.sql")),)
"""Every step there ever was, oldest first."""

LOCK_TIMEOUT: Final = "10s"
"""A migration that waits longer for those who use the store gives up: who comes later waits behind it."""


def migrate_store(session: Session, schema: str, *, steps: tuple[Step, ...] = STEPS, disruptive: bool = True) -> Layout:
    """The layout of the store after the steps that were missing; nothing is done if none was.

    Without ``disruptive`` only steps are taken after which every program that could use the store still can.
    Raises ``store/layout-version`` where that is refused, where this role is not the owner, or where the store is
    in use; ``store/migration`` where an entity has the name of a new builtin attribute.
    """
    with session.transaction():
        session.execute(statements(schema)["creating"], {"key": creation_key(schema)})
        found = layout_of(session, schema)
        missing = [step for step in steps if step.layout.version > found.version]
        if not missing:
            return found
        _check_allowed(session, schema, found, missing, disruptive)
        _lock(session, schema, found)
        roles = granted(session, schema)
        for step in missing:
            step.run(session, schema)
        _finish(session, schema, missing[-1].layout)
        apply_grants(session, schema, roles)
    return missing[-1].layout


def _check_allowed(session: Session, schema: str, found: Layout, missing: list[Step], disruptive: bool) -> None:
    owner, is_ours = session.execute(statements(schema)["owner"]).fetchall()[0]
    if not is_ours:
        raise older(schema, found.version, f"{owner!r}, who owns it, has to call factstore.migrate first")
    cut_off = [step for step in missing if max(step.layout.reads_from, step.layout.writes_from) > found.version]
    if cut_off and not disruptive:
        raise older(schema, found.version, "end the older programs that use it, and call factstore.migrate")


def _lock(session: Session, schema: str, found: Layout) -> None:
    try:
        session.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        session.execute(statements(schema)["migrate_lock"])
    except psycopg.errors.LockNotAvailable:
        raise older(schema, found.version, f"others have held it for {LOCK_TIMEOUT}, try again") from None


def _finish(session: Session, schema: str, layout: Layout) -> None:
    """Commits what the store does not know yet of the builtin attributes, as its next transaction."""
    sql = statements(schema)
    t, _, next_v, _ = session.execute(sql["lock"]).fetchall()[0]
    codes = _Codes(session, sql, next_v)
    wanted = [(e, a, codes.encoded(_TYPES[a], v)) for e, a, v in bootstrap_facts()]
    held = set(session.execute(sql["migrate_builtin"], {"first": FIRST_ENTITY}).fetchall())
    # A document or a name that people gave a builtin attribute is theirs, and stays.
    said = {(e, a) for e, a, _ in held}
    fresh = [fact for fact in wanted if fact not in held and fact[:2] not in said]
    _refuse_taken(session, sql, fresh)
    stamp = [
        (TX0 + t, Ids.TX_INSTANT, _next_instant(session, sql)),
        (TX0 + t, Ids.DOC, codes.encoded(ValueType.STRING, f"the tables were brought to layout {layout.version}")),
    ]
    for params in _rows([*fresh, *stamp], TX0 + t):
        session.execute(sql["migrate_fact"], params)
        session.execute(sql["migrate_datom"], {name: params[name] for name in ("tx", "e", "v", "a", "vt")})
    session.execute(sql["migrate_done"], {"t": t, "next_v": codes.next, **layout._asdict()})


_TYPES: Final = {attribute.id: attribute.type for attribute in BUILTIN}


def _rows(facts: list[tuple[int, int, int]], tx: int) -> Iterator[dict[str, Int8]]:
    schema = Schema.bootstrap()
    for e, a, v in facts:
        row = {"tx": tx, "e": e, "v": v, "a": a, "vt": int(_TYPES[a]), "fl": flags(schema.get(a))}
        yield {name: Int8(value) for name, value in row.items()}


def _next_instant(session: Session, sql: dict[str, str]) -> int:
    last = session.execute(sql["migrate_instant"], {"a": Ids.TX_INSTANT}).fetchall()[0][0]
    now = encode_inline(ValueType.INSTANT, datetime.fromtimestamp(time.time(), UTC))
    return max(now, 0 if last is None else last + 1)


def _refuse_taken(session: Session, sql: dict[str, str], facts: list[tuple[int, int, int]]) -> None:
    """An entity of the user's that has the name of a new builtin attribute stops the migration."""
    for e, a, v in facts:
        if a != Ids.IDENT:
            continue
        for (other,) in session.execute(sql["migrate_holder"], {"a": a, "v": v, "e": e}).fetchall():
            ident = Schema.bootstrap().ident(e)
            raise StoreError(
                f"entity {other} is named {ident!r}, which is a builtin attribute by now: give it another ident first",
                code="store/migration",
                entity=other,
                ident=ident,
            )


class _Codes:
    """The dictionary codes of values, with new entries for those that have none."""

    def __init__(self, session: Session, sql: dict[str, str], next_v: int) -> None:
        self.next = next_v
        self._session = session
        self._sql = sql

    def encoded(self, vt: ValueType, value: Value) -> int:
        if not vt.interned:
            return encode_inline(vt, value)
        key = {"h": uuids([digest(vt, value)]), "kind": Int8(vt)}
        rows = self._session.execute(self._sql["codes"], key).fetchall()
        return int(rows[0][1]) if rows else self._new(vt, value)

    def _new(self, vt: ValueType, value: Value) -> int:
        code, self.next = self.next, self.next + 1
        h = digest(vt, value).hex()
        row = {"id": code, "kind": int(vt), "h": h, "txt": to_bytes(vt, value).decode()}
        self._session.execute(self._sql["migrate_entry"], row)
        return code


assert STEPS[-1].layout.version == LAYOUT_VERSION
