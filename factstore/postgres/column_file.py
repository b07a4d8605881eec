"""One attribute's facts at one basis in a file: the columns e, v and tx as they lie in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from factstore.columns import EMPTY, Rows
from factstore.postgres.mapped_file import Basis, get, put

_KIND: Final = b"fscols1"


class Stamp(NamedTuple):
    """Whose facts: the store's id, the attribute's, and the basis: its t and the instant of that transaction."""

    store: bytes
    attribute: int
    t: int
    instant: int


class Cached(NamedTuple):
    """What a file says; the columns are read-only, and loaded by the system as they are looked at."""

    stamp: Stamp
    rows: Rows


def write(path: Path, stamp: Stamp, rows: Rows) -> None:
    """Puts a file in place; raises OSError."""
    columns = [np.ascontiguousarray(column).view(np.uint8).data for column in rows] if len(rows.e) else []
    basis = Basis(stamp.store, stamp.t, stamp.instant)
    put(path, _KIND, basis, columns, about=stamp.attribute, rows=len(rows.e))


def read(path: Path) -> Cached | None:
    """What a file says; None if there is none, or it is not whole."""
    found = get(path, _KIND)
    if found is None or found.rows < 0 or len(found.body) != 24 * found.rows:
        return None
    store, t, instant = found.basis
    rows = np.frombuffer(found.body, dtype=np.int64).reshape(3, found.rows) if found.rows else (EMPTY,) * 3
    return Cached(Stamp(store, found.about, t, instant), Rows(*rows))
