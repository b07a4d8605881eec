"""Transaction 0 of a file beside that of a store: versions may differ in what every store begins with.

Where both begin alike, nothing is translated. Where the store has more than the file, what is built in keeps the
codes it has here; and what the file says of it later on, having come to a newer version after its beginning, is
left out, because it holds already.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from factstore.columns import Ints, LogRows, Mask, ints, member
from factstore.datom import FIRST_ENTITY
from factstore.errors import ExportError
from factstore.log import FIRST_CODE, NO_ENTRIES, Entries, Log, chained, rows_at, same_operations
from factstore.portable.blocks import Block
from factstore.schema import Ids
from factstore.values import ValueType

_MEANING: Final = (Ids.IDENT, Ids.VALUE_TYPE, Ids.CARDINALITY, Ids.UNIQUE)
"""What a file may not say otherwise of a built-in attribute than the store does; a doc may."""
_NOWHERE: Final = -1

Key = tuple[int, bytes]
"""A value as its type and bytes."""


class Translation:
    """The dictionary codes and built-in facts of a file as those of a store.

    Raises ``export/bootstrap`` for what this version of the library cannot say.
    """

    def __init__(self, log: Log, first: Block, name: str) -> None:
        self._name = name
        self._mine = log.read(-1, 0)
        here = _used(log, self._mine)
        self._codes = {key: code for code, key in _keyed(here)}
        self._taken = set(here.code.tolist())
        self._table: dict[int, int] = {}
        self._moved = self._to = ints([])
        used = first.entries.at(member(first.entries.code, _interned(first.rows)))
        same = all(map(np.array_equal, here[:3], used[:3])) and here.body == used.body
        self._alike = same and same_operations(self._mine, first.rows)
        own = member(first.entries.code, here.code) if self._alike else ~self._fresh(first.entries)
        # Excision may have made the first block carry more than its own.
        self._carried = first.entries.at(~own)
        if not self._alike:
            self._check_meaning(first.rows)

    def translated(self, block: Block) -> Block:
        """The block as this store would have it."""
        entries, self._carried = chained(self._carried, block.entries), NO_ENTRIES
        if self._alike:
            return block._replace(entries=entries)
        entries = entries.at(self._fresh(entries))
        rows = block.rows._replace(v=self._values(block.rows))
        return block._replace(rows=self._without_builtin(rows), entries=entries)

    def _fresh(self, entries: Entries) -> Mask:
        """Which entries the store does not begin with; the codes of the others are noted."""
        fresh = np.zeros(len(entries.code), dtype=np.bool_)
        known = len(self._table)
        for place, (code, key) in enumerate(_keyed(entries)):
            to = self._codes.get(key, _NOWHERE if code < FIRST_CODE else code)
            fresh[place] = code >= FIRST_CODE and key not in self._codes
            if fresh[place] and code in self._taken:
                raise self._refused("values in the place of those that are built in here")
            if code != to:
                self._table[code] = to
        if len(self._table) > known:
            self._moved = ints(sorted(self._table))
            self._to = ints([self._table[code] for code in self._moved.tolist()])
        return fresh

    def _values(self, rows: LogRows) -> Ints:
        at = np.flatnonzero((rows.vt >= ValueType.STRING) & member(rows.v, self._moved))
        values = rows.v.copy()
        values[at] = self._to[np.searchsorted(self._moved, rows.v[at])]
        if (values[at] == _NOWHERE).any():
            raise self._refused("a built-in value that this version does not have")
        return values

    def _without_builtin(self, rows: LogRows) -> LogRows:
        """The operations without those that the store begins with."""
        at = np.flatnonzero(rows.e < FIRST_ENTITY)
        if not len(at):
            return rows
        held = set(_facts(self._mine))
        said = {fact[:2] for fact in held}
        kept = np.ones(len(rows.e), dtype=np.bool_)
        for place, fact in zip(at.tolist(), _facts(rows_at(rows, at)), strict=True):
            kept[place] = fact not in held
            if not rows.added[place] or (kept[place] and fact[:2] in said):
                raise self._refused("changes of built-in attributes that begin otherwise here")
        return rows_at(rows, kept)

    def _check_meaning(self, theirs: LogRows) -> None:
        meant = rows_at(theirs, np.isin(theirs.a, _MEANING))
        if not set(_facts(self._mine)).issuperset(_facts(meant._replace(v=self._values(meant)))):
            raise self._refused("built-in attributes that this version does not have")

    def _refused(self, what: str) -> ExportError:
        return ExportError(
            f"{self._name} has {what}: it was made by another version of factstore",
            code="export/bootstrap",
            path=self._name,
        )


def _interned(rows: LogRows) -> Ints:
    return np.unique(rows.v[rows.vt >= ValueType.STRING])


def _used(log: Log, rows: LogRows) -> Entries:
    """The entries that some operations use: dense, but where a migration has added to them."""
    found, codes = NO_ENTRIES, _interned(rows)
    for run in np.split(codes, np.flatnonzero(np.diff(codes) > 1) + 1):
        found = chained(found, log.entries_between(int(run[0]), int(run[-1])))
    return found


def _keyed(entries: Entries) -> list[tuple[int, Key]]:
    keys = zip(entries.kind.tolist(), entries.bodies(), strict=True)
    return list(zip(entries.code.tolist(), keys, strict=True))


def _facts(rows: LogRows) -> list[tuple[int, int, int]]:
    return list(zip(rows.e.tolist(), rows.a.tolist(), rows.v.tolist(), strict=True))
