"""Transaction 0 of a file beside that of a store: versions may differ in what every store begins with."""

from __future__ import annotations

from typing import Final

import numpy as np

from factstore.columns import Ints, LogRows, ints, member
from factstore.errors import ExportError
from factstore.log import FIRST_CODE, NO_ENTRIES, Entries, Log
from factstore.portable.blocks import Block
from factstore.schema import Ids
from factstore.values import ValueType

_MEANING: Final = ints([Ids.IDENT, Ids.VALUE_TYPE, Ids.CARDINALITY, Ids.UNIQUE])
"""What a file may not say otherwise of a built-in attribute than the store does; a doc may."""
_NOWHERE: Final = -1


class Translation:
    """The dictionary codes of a file as those of a store; the same ones, where both begin alike.

    Raises ``export/bootstrap`` where the file knows built-in attributes or values that the store does not.
    """

    def __init__(self, log: Log, first: Block, name: str) -> None:
        self._name = name
        mine = log.read(-1, 0)
        codes = {key: code for code, key in _keyed(_used(log, mine))}
        self._table = {
            code: codes.get(key, code if code >= FIRST_CODE else _NOWHERE) for code, key in _keyed(first.entries)
        }
        self._moved = ints(sorted(code for code, to in self._table.items() if code != to))
        self._to = ints([self._table[code] for code in self._moved.tolist()])
        self._check_collisions(set(codes.values()))
        self._check_meaning(first.rows, mine)
        carried = [self._table[code] == code and key not in codes for code, key in _keyed(first.entries)]
        self._carried = first.entries.at(np.asarray(carried, dtype=np.bool_))

    def translated(self, block: Block) -> Block:
        """The block in the store's codes. What excision made the first block carry early goes to the second."""
        carried, self._carried = self._carried, NO_ENTRIES
        rows = block.rows._replace(v=self._values(block.rows))
        return block._replace(rows=rows, entries=_chained(carried, block.entries))

    def _values(self, rows: LogRows) -> Ints:
        at = np.flatnonzero((rows.vt >= ValueType.STRING) & member(rows.v, self._moved))
        if not len(at):
            return rows.v
        values = rows.v.copy()
        values[at] = self._to[np.searchsorted(self._moved, rows.v[at])]
        if (values[at] == _NOWHERE).any():
            raise self._refused("facts with a built-in value that this version does not have")
        return values

    def _check_collisions(self, mine: set[int]) -> None:
        """A migrated store may have given a built-in value a code that is another value's in the file."""
        taken = {code for code in mine if code >= FIRST_CODE and self._table.get(code) != code}
        if taken:
            raise self._refused("other built-in values, in the place of which this store has its own")

    def _check_meaning(self, theirs: LogRows, mine: LogRows) -> None:
        here = set(_facts(mine, mine.v))
        moved = [self._table.get(v, _NOWHERE) if vt >= ValueType.STRING else v for v, vt in _pairs(theirs)]
        if not here.issuperset(_facts(theirs, ints(moved))):
            raise self._refused("built-in attributes that this version does not have")

    def _refused(self, what: str) -> ExportError:
        return ExportError(
            f"{self._name} has {what}: it was made by another version of factstore",
            code="export/bootstrap",
            path=self._name,
        )


def _used(log: Log, rows: LogRows) -> Entries:
    codes = np.unique(rows.v[rows.vt >= ValueType.STRING])
    entries = log.entries_between(int(codes[0]), int(codes[-1]))
    return entries.at(member(entries.code, codes))


def _keyed(entries: Entries) -> list[tuple[int, tuple[int, bytes]]]:
    kinds = zip(entries.kind.tolist(), entries.bodies(), strict=True)
    return list(zip(entries.code.tolist(), kinds, strict=True))


def _pairs(rows: LogRows) -> list[tuple[int, int]]:
    return list(zip(rows.v.tolist(), rows.vt.tolist(), strict=True))


def _facts(rows: LogRows, v: Ints) -> list[tuple[int, int, int]]:
    at = np.isin(rows.a, _MEANING)
    return list(zip(rows.e[at].tolist(), rows.a[at].tolist(), v[at].tolist(), strict=True))


def _chained(one: Entries, other: Entries) -> Entries:
    if not len(one.code):
        return other
    code, kind, size = (np.concatenate(pair) for pair in zip(one[:3], other[:3], strict=True))
    return Entries(code, kind, size, one.body + other.body)
