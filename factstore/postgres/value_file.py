"""Dictionary entries in a file: codes, types, ends, and the canonical bytes of all.

A code never changes its meaning, so a file needs no catching up: what is not in it is asked of the store.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from factstore.columns import EMPTY, Ints
from factstore.postgres.mapped_file import Basis, get, put

_KIND: Final = b"fsvals1"


class Values(NamedTuple):
    """Entries in the order of their codes: parallel arrays, and the bytes of all; entry i ends at ``ends[i]``."""

    codes: Ints
    kinds: Ints
    ends: Ints
    data: Any

    def at(self, positions: Ints) -> tuple[list[int], list[int]]:
        """Where in ``data`` entries begin, and where they end."""
        starts = np.where(positions > 0, self.ends[positions - 1], 0)
        return starts.tolist(), self.ends[positions].tolist()

    def find(self, codes: Ints) -> Ints:
        """The position of each code, -1 where it is not there."""
        if not len(self.codes):
            return np.full(len(codes), -1, dtype=np.int64)
        at = np.minimum(np.searchsorted(self.codes, codes), len(self.codes) - 1)
        return np.where(self.codes[at] == codes, at, -1)

    def joined(self, other: Values) -> Values:
        """What is in either."""
        new = np.flatnonzero(self.find(other.codes) < 0)
        codes = np.concatenate((self.codes, other.codes[new]))
        kinds = np.concatenate((self.kinds, other.kinds[new]))
        bodies = [*self.bodies(np.arange(len(self.codes))), *other.bodies(new)]
        return in_order(codes, kinds, bodies)

    def bodies(self, positions: Ints) -> list[bytes]:
        """The bytes of entries."""
        starts, ends = self.at(positions)
        return [bytes(self.data[start:end]) for start, end in zip(starts, ends, strict=True)]


NO_VALUES: Final = Values(EMPTY, EMPTY, EMPTY, b"")


def in_order(codes: Ints, kinds: Ints, bodies: list[bytes]) -> Values:
    """The entries that have these codes, types and bytes."""
    order = np.argsort(codes, kind="stable")
    parts = [bodies[place] for place in order.tolist()]
    ends = np.cumsum(np.fromiter(map(len, parts), dtype=np.int64, count=len(parts)))
    return Values(codes[order], kinds[order], ends, b"".join(parts))


def write_values(path: Path, basis: Basis, values: Values) -> None:
    """Puts a file in place; raises OSError."""
    columns = [np.ascontiguousarray(column).view(np.uint8).data for column in values[:3]]
    put(path, _KIND, basis, [*columns, memoryview(values.data)], about=0, rows=len(values.codes))


def read_values(path: Path) -> tuple[Basis, Values] | None:
    """What a file says; None if there is none, or it is not whole."""
    found = get(path, _KIND)
    if found is None or found.rows < 1 or len(found.body) < 24 * found.rows:
        return None
    table = np.frombuffer(found.body, dtype=np.int64, count=3 * found.rows).reshape(3, found.rows)
    return found.basis, Values(table[0], table[1], table[2], found.body[24 * found.rows :])
