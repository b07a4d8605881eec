"""Whole transactions into the tables at once: by COPY, as fixed-width rows that numpy lays out.

Only what ends lives that began before needs a statement that looks for them; all else is appended.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from typing import Any, Final

import numpy as np
from psycopg.types.numeric import Int8

from factstore.columns import Ints
from factstore.log import Entries, Settled, Stretch, settled
from factstore.postgres.arrays import bools, int4s, int8s
from factstore.postgres.fields import TEXT, flags, is_text
from factstore.postgres.pool import Session

_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER: Final = b"\xff\xff"

Column = tuple[str, Any]
"""The big-endian dtype of a field, and its values."""


def send_stretch(session: Session, sql: dict[str, str], stretch: Stretch) -> None:
    """Sends the entries, the log and what it does to the facts; counters and commit are the writer's."""
    done = settled(stretch.rows)
    # The rows of the next table are laid out while the server takes in those of the last one.
    with ThreadPoolExecutor(1, thread_name_prefix="factstore-rows") as other:
        entries = other.submit(_dict_rows, stretch.entries)
        log = other.submit(_log_rows, stretch)
        passed = other.submit(_passed_rows, stretch, done)
        begun = other.submit(lambda: fixed_rows(_lives(stretch, done.begun)))
        _copy(session, sql["copy_dict"], entries.result())
        _copy(session, sql["copy_log"], log.result())
        _end_lives(session, sql, stretch, done.ended)
        _copy(session, sql["copy_hist"], passed.result())
        _copy(session, sql["copy_live"], begun.result())
    for attribute in map(stretch.schema.get, stretch.redefined):
        if attribute is not None:
            session.execute(sql["reflag"], {"a": Int8(attribute.id), "fl": Int8(flags(attribute))})


def _log_rows(stretch: Stretch) -> bytes:
    rows = stretch.rows
    own = [(">i8", rows.tx), (">i8", rows.e), (">i8", rows.v), (">i4", rows.a), (">i2", rows.vt), ("u1", rows.added)]
    return fixed_rows(own)


def _passed_rows(stretch: Stretch, done: Settled) -> bytes:
    """The lives that began and ended in the stretch, unless they are forgotten."""
    first, last = (part[~stretch.forgotten[done.passed[1]]] for part in done.passed)
    return fixed_rows([*_lives(stretch, first), (">i8", stretch.rows.tx[last])])


def _lives(stretch: Stretch, at: Ints) -> list[Column]:
    """(e, v, tx_from, a, vt, fl) of some assertions."""
    rows = stretch.rows
    ids, places = np.unique(rows.a[at], return_inverse=True)
    bits = np.asarray([flags(stretch.schema.get(id)) for id in ids.tolist()], dtype=np.int64)
    own = [(">i8", rows.e), (">i8", rows.v), (">i8", rows.tx), (">i4", rows.a), (">i2", rows.vt)]
    return [*((kind, column[at]) for kind, column in own), (">i2", bits[places])]


def _end_lives(session: Session, sql: dict[str, str], stretch: Stretch, at: Ints) -> None:
    if len(at):
        rows, kept = stretch.rows, ~stretch.forgotten[at]
        params = {"e": int8s(rows.e[at]), "a": int4s(rows.a[at]), "v": int8s(rows.v[at])}
        session.execute(sql["end_lives"], {**params, "tx": int8s(rows.tx[at]), "kept": bools(kept)})


def _copy(session: Session, statement: str, rows: bytes) -> None:
    if rows:
        with session.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(_HEADER + rows + _TRAILER)


def fixed_rows(columns: Iterable[Column]) -> bytes:
    """Rows of fixed-width fields in the binary form of COPY.

    >>> fixed_rows([(">i2", np.array([7]))])
    b'\\x00\\x01\\x00\\x00\\x00\\x02\\x00\\x07'
    """
    listed = list(columns)
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for place, (kind, _) in enumerate(listed):
        fields += [(f"size{place}", ">i4"), (f"value{place}", kind)]
    out = np.empty(len(listed[0][1]), dtype=fields)
    out["fields"] = len(listed)
    for place, (kind, values) in enumerate(listed):
        out[f"size{place}"] = np.dtype(kind).itemsize
        out[f"value{place}"] = values
    return out.tobytes()


_ENTRY: Final = struct.Struct(">hiqihi16s")
_SIZE: Final = struct.Struct(">i")
_NULL: Final = _SIZE.pack(-1)


def _dict_rows(entries: Entries) -> bytes:
    parts: list[bytes] = []
    for code, kind, body in zip(entries.code.tolist(), entries.kind.tolist(), entries.bodies(), strict=True):
        parts.append(_ENTRY.pack(5, 8, code, 2, kind, 16, blake2b(body, digest_size=16).digest()))
        readable = kind in TEXT and is_text(body)
        parts += (_SIZE.pack(len(body)), body, _NULL) if readable else (_NULL, _SIZE.pack(len(body)), body)
    return b"".join(parts)
