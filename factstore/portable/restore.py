"""A file into a store: a block to a commit, from where the store ends.

Whatever is in the store already must be the beginning of the file, and is compared with it; so an import that
was killed goes on with the first transaction that is not there.
"""

from __future__ import annotations

import os
from typing import IO, Any

import numpy as np

from factstore.columns import LogRows, Mask
from factstore.datom import TX0
from factstore.dictionary import Dictionary
from factstore.errors import ExportError
from factstore.log import Entries, Log, Stretch, defined_by, defining, rows_at, same_operations, schema_at
from factstore.portable.ahead import ahead
from factstore.portable.blocks import Block
from factstore.portable.bootstrap import Translation
from factstore.portable.reading import Export, Target, opened
from factstore.portable.writing import OnProgress, Progress, Transfer
from factstore.schema import Ids
from factstore.values import ValueType


def restore(log: Log, source: Target, partial: bool = False, progress: OnProgress = None) -> Transfer:
    """Writes the transactions of a file that the store does not have; see ``Connection.import_``."""
    with opened(source) as (file, name):
        _check_whole(file, name, partial)
        export = Export(file, name)
        size, restored = _size(file), _Restored(log, name)
        for block, at in ahead((block, export.bytes) for block in export.blocks()):
            restored.take(block)
            if progress is not None:
                progress(Progress(restored.t, restored.datoms, at / size if size else None))
        if not (export.complete or partial):
            raise _unfinished(export)
        return Transfer(restored.t, restored.t - restored.began, restored.datoms, export.bytes)


def _check_whole(file: IO[bytes], name: str, partial: bool) -> None:
    """Refuses a damaged or unfinished file before anything is written; of a stream that shows only on the way."""
    if not file.seekable():
        return
    at = file.tell()
    export = Export(file, name)
    for _ in export.frames():
        pass
    if not (export.complete or partial):
        raise _unfinished(export)
    file.seek(at)


def _unfinished(export: Export) -> ExportError:
    return ExportError(
        f"{export.name} ends after transaction {export.t} without an end mark: the export was interrupted "
        "(run it again, or import what is there with partial=True)",
        code="export/unfinished",
        path=export.name,
        t=export.t,
    )


def _size(file: IO[bytes]) -> int | None:
    try:
        return os.fstat(file.fileno()).st_size if file.seekable() else None
    except OSError:  # a file of Python's own, such as BytesIO
        return None


class _Restored:
    """A store on its way to what a file says."""

    def __init__(self, log: Log, name: str) -> None:
        self.began = self.t = log.head()
        self.datoms = 0
        self._log = log
        self._name = name
        self._counters = log.counters()
        self._schema = schema_at(log, self.t)
        self._forgetful = {attribute.id for attribute in self._schema if attribute.no_history}
        self._translation: Translation | None = None

    def take(self, block: Block) -> None:
        """Compares what the store has of a block, and writes the rest."""
        if self._translation is None:
            self._translation = Translation(self._log, block, self._name)
            return
        block = self._translation.translated(block)
        if block.after < self.began:
            self._compare(block)
        if block.upto > self.t:
            self._write(block)

    def _compare(self, block: Block) -> None:
        upto = min(block.upto, self.began)
        there = rows_at(block.rows, block.rows.tx <= TX0 + upto)
        given = block.entries.at(block.entries.code < self._counters.next_v)
        if not (same_operations(there, self._log.read(block.after, upto)) and self._has(given)):
            raise ExportError(
                f"the store has {self.began} transactions of its own, which are not the beginning of {self._name}: "
                "expected an empty store, or one that this file was imported into before",
                code="export/other-store",
                path=self._name,
                t=self.began,
            )

    def _has(self, entries: Entries) -> bool:
        if not len(entries.code):
            return True
        known = self._log.entries_between(int(entries.code[0]), int(entries.code[-1]))
        known = known.at(np.isin(known.code, entries.code))
        return known.body == entries.body and all(map(np.array_equal, known[:3], entries[:3]))

    def _write(self, block: Block) -> None:
        rows = rows_at(block.rows, block.rows.tx > TX0 + self.t)
        next_e, next_v = max(block.next_e, self._counters.next_e), max(block.next_v, self._counters.next_v)
        forgotten = self._forgotten(rows)
        self._schema = defined_by(self._schema, rows, self._words(rows, block.entries))
        stretch = Stretch(
            after=self.t,
            upto=block.upto,
            rows=rows,
            entries=block.entries.at(block.entries.code >= self._counters.next_v),
            next_e=next_e,
            next_v=next_v,
            forgotten=forgotten,
            schema=self._schema,
            redefined=_redefined(rows),
        )
        with self._log.writer() as writer:
            writer.write_stretch(stretch)
        self.t, self.datoms = block.upto, self.datoms + len(rows.e)
        self._counters = self._counters._replace(t=self.t + 1, next_e=next_e, next_v=next_v)

    def _forgotten(self, rows: LogRows) -> Mask:
        """Which retractions are under noHistory: each by what holds after its own transaction."""
        found: Mask = np.zeros(len(rows.e), dtype=np.bool_)
        told = np.flatnonzero(rows.a == Ids.NO_HISTORY)
        starts = np.searchsorted(rows.tx, np.unique(rows.tx[told]))
        for begin, end in zip([0, *starts.tolist()], [*starts.tolist(), len(rows.e)], strict=True):
            # A retraction first: a replaced value comes as both.
            for at in sorted(told[(told >= begin) & (told < end)].tolist(), key=lambda at: bool(rows.added[at])):
                forgets = bool(rows.added[at] and rows.v[at])
                (self._forgetful.add if forgets else self._forgetful.discard)(int(rows.e[at]))
            part = slice(begin, end)
            found[part] = np.isin(rows.a[part], list(self._forgetful)) & ~rows.added[part]
        return found

    def _words(self, rows: LogRows, entries: Entries) -> Dictionary:
        """The values that schema datoms speak of, some of which nobody can ask for yet."""
        mine, known = defining(rows), Dictionary()
        interned = mine.vt >= ValueType.STRING
        types: dict[int, Any] = dict(zip(mine.v[interned].tolist(), mine.vt[interned].tolist(), strict=True))
        if types:
            known.learn(entries.at(np.isin(entries.code, list(types))).decoded())
            held = {code for code, _, _ in known.learned(0, max(types))}
            others = [code for code in types if code not in held]
            values = self._log.dictionary.values_of(others)
            known.learn((code, ValueType(types[code]), v) for code, v in zip(others, values, strict=True))
        return known


def _redefined(rows: LogRows) -> tuple[int, ...]:
    """The attributes whose definition a stretch changes, but for those it makes."""
    touched = rows.e[np.isin(rows.a, (Ids.UNIQUE, Ids.INDEX, Ids.CARDINALITY))]
    new = rows.e[(rows.a == Ids.VALUE_TYPE) & rows.added]
    return tuple(np.setdiff1d(touched, new).tolist())
