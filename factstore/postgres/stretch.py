"""Whole transactions into the tables at once: by COPY, each table in one go.

Only what ends lives that began before needs a statement that looks for them; all else is appended.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from psycopg.types.numeric import Int8

from factstore.columns import Ints
from factstore.datom import TX0
from factstore.log import Entries, Settled, Stretch, settled
from factstore.postgres.arrays import bools, check_attributes, int4s, int8s
from factstore.postgres.merge import bits_of, flags
from factstore.postgres.parts import Facts, Part
from factstore.postgres.pool import Session
from factstore.postgres.stream import HEADER, TRAILER, entry_rows, pieces
from factstore.values import ValueType

_LIFE: Final = (("e", ">i8"), ("v", ">i8"), ("tx_from", ">i8"), ("a", ">i4"), ("vt", ">i2"), ("fl", ">i2"))
_LOG: Final = (("tx", ">i8"), ("e", ">i8"), ("v", ">i8"), ("a", ">i4"), ("vt", ">i2"), ("added", "u1"))
_TYPES: Final = {int(vt): vt for vt in ValueType}


def send_stretch(session: Session, sql: dict[str, str], stretch: Stretch) -> None:
    """Sends the entries, the log and what it does to the facts; counters and commit are the writer's."""
    check_attributes(stretch.rows.a)
    done = settled(stretch.rows)
    # The rows of the next table are laid out while the server takes in those of the last one.
    with ThreadPoolExecutor(1, thread_name_prefix="factstore-rows") as other:
        entries = other.submit(_dict_rows, stretch.entries)
        log = other.submit(_log_rows, stretch)
        passed = other.submit(_passed_rows, stretch, done)
        begun = other.submit(lambda: list(pieces(_LIFE, *_lives(stretch, done.begun))))
        _copy(session, sql["copy_dict"], entries.result())
        _copy(session, sql["copy_log"], log.result())
        _end_lives(session, sql, stretch, done.ended)
        _copy(session, sql["copy_hist"], passed.result())
        _copy(session, sql["copy_facts_live"], begun.result())
    for attribute in map(stretch.schema.get, stretch.redefined):
        if attribute is not None:
            session.execute(sql["reflag"], {"a": Int8(attribute.id), "fl": Int8(flags(attribute))})


def _log_rows(stretch: Stretch) -> list[bytes]:
    rows = stretch.rows
    return list(pieces(_LOG, rows.tx, rows.e, rows.v, rows.a, rows.vt, rows.added))


def _passed_rows(stretch: Stretch, done: Settled) -> list[bytes]:
    """The lives that began and ended in the stretch, unless they are forgotten."""
    first, last = (part[~stretch.forgotten[done.passed[1]]] for part in done.passed)
    return list(pieces((*_LIFE, ("tx_to", ">i8")), *_lives(stretch, first), stretch.rows.tx[last]))


def _lives(stretch: Stretch, at: Ints) -> list[Any]:
    """The columns of ``_LIFE`` for some assertions, as their attributes are at the stretch's end."""
    rows = stretch.rows
    own = [column[at] for column in (rows.e, rows.v, rows.tx, rows.a, rows.vt)]
    return [*own, bits_of(own[3], stretch.schema)]


def _end_lives(session: Session, sql: dict[str, str], stretch: Stretch, at: Ints) -> None:
    if len(at):
        rows, kept = stretch.rows, ~stretch.forgotten[at]
        params = {"e": int8s(rows.e[at]), "a": int4s(rows.a[at]), "v": int8s(rows.v[at])}
        session.execute(sql["end_lives"], {**params, "tx": int8s(rows.tx[at]), "kept": bools(kept)})


def _dict_rows(entries: Entries) -> list[bytes]:
    kinds = [_TYPES[kind] for kind in entries.kind.tolist()]
    return [entry_rows(entries.code, kinds, entries.bodies())] if kinds else []


def _copy(session: Session, statement: str, rows: Iterable[bytes]) -> None:
    sent = [piece for piece in rows if piece]
    if sent:
        with session.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(HEADER)
            for piece in sent:
                copy.write(piece)
            copy.write(TRAILER)


def last_of(stretch: Stretch) -> Part:
    """The last transaction of a stretch as the plan it might have been."""
    rows = stretch.rows
    mine = rows.tx == TX0 + stretch.upto
    sides = (mine & rows.added, mine & ~rows.added)
    added, retracted = (Facts(rows.e[at], rows.a[at], rows.vt[at], rows.v[at]) for at in sides)
    return Part(stretch.upto, (), added, retracted, stretch.next_e, stretch.next_v, stretch.schema)
