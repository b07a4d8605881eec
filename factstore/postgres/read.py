"""The reading half of a log in PostgreSQL: what held at t, what happened since, what a code means.

Every answer is one statement, and so comes from one snapshot of the tables. It is exact at ``t`` although
the store goes on: a fact's life is written down, what is newer is masked out, and what has ended since is
found in hist by the same statement that no longer finds it in live. No transaction of a stronger
isolation is needed; only excision, which rewrites the past, can be seen by one load and not by the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from psycopg.types.numeric import Int8

from factstore.columns import Intervals, Ints, LogRows, Rows, ints
from factstore.datom import FOREVER, TX0
from factstore.dictionary import Dictionary
from factstore.dictionary_entries import Entry, digest
from factstore.errors import LogError
from factstore.log import NO_ENTRIES, Counters, Entries, Sizes, chained
from factstore.postgres.arrays import columns, int4s, int8s, uuids, whole_numbers
from factstore.postgres.entries import decoded, fetched
from factstore.postgres.load import load, load_intervals
from factstore.postgres.local import Asked, LocalColumns
from factstore.postgres.pool import TOO_LARGE, Pool, Row
from factstore.postgres.statements import statements
from factstore.postgres.value_file import Values
from factstore.postgres.version import check_version
from factstore.snapshot_lives import Lives, lives_at
from factstore.snapshot_source import NO_FACTS, Facts
from factstore.values import Value, ValueType

_FACT: Final = (("e", ">i8"), ("v", ">i8"), ("tx", ">i8"), ("a", ">i4"))
_LIFE: Final = (("e", ">i8"), ("v", ">i8"), ("tx", ">i8"), ("end", ">i8"), ("a", ">i4"))
_MANY_CODES: Final = 20_000
"""Values from which on it is asked whether there are as many."""
_SHORT: Final = 4096
"""Transactions whose log is read in one piece."""


def facts_in(pieces: Iterable[Row]) -> Facts:
    """The facts in the answer of a statement that sends (e, v, tx, a)."""
    e, v, tx, a = columns(((piece,) for (piece,) in pieces), _FACT)
    return Facts(e, a, v, tx)


class Reads:
    """The reading half of :class:`~factstore.postgres.PostgresLog`."""

    def __init__(self, dsn: str, schema: str, settings: tuple[str, ...] = ()) -> None:
        self.dsn = dsn
        self.schema = schema
        self._sql = statements(schema)
        self._readers = Pool(dsn, keep=4, settings=settings)
        self._local: LocalColumns | None = None
        self.dictionary = Dictionary(self)

    def head(self) -> int:
        t, reads_from = self._readers.fetch(self._sql["head"])[0]
        check_version(reads_from, "read", self.schema)
        return int(t)

    def read(self, after: int, upto: int | None = None) -> LogRows:
        last = FOREVER if upto is None else TX0 + upto
        if last - TX0 - after > _SHORT:
            return self._read("read_long", after, last)
        try:
            return self._read("read", after, last)
        except LogError as error:
            if error.data.get("sqlstate") != TOO_LARGE:
                raise
            return self._read("read_long", after, last)

    def _read(self, statement: str, after: int, last: int) -> LogRows:
        pieces = self._readers.fetch(self._sql[statement], {"after": Int8(TX0 + after), "upto": Int8(last)})
        tx, e, v, what = whole_numbers((piece for (piece,) in pieces), 4)
        if len(tx) > 1 and (tx[1:] < tx[:-1]).any():
            order = np.argsort(tx, kind="stable")
            tx, e, v, what = (column[order] for column in (tx, e, v, what))
        return LogRows(tx, e, what >> 16, (what & 0xFFFF) >> 1, v, (what & 1) == 1)

    def keep_columns(self, directory: Path, limit: int) -> None:
        """Keeps columns in files from here on, of at most ``limit`` bytes."""
        [(store,)] = self._readers.fetch(self._sql["identity"])
        self._local = LocalColumns(directory, store.bytes, limit)

    def counters(self) -> Counters:
        return Counters(*self._readers.fetch(self._sql["counters"])[0])

    def count(self, after: int, upto: int) -> int:
        return int(self._readers.fetch(self._sql["count"], _between(after, upto))[0][0])

    def sizes(self) -> Sizes:
        counted = self._readers.fetch(self._sql["facts_by_attribute"])
        live, ended = ({a: n for which, a, n in counted if which == kind} for kind in ("live", "hist"))
        [(entities, log, entries)] = self._readers.fetch(self._sql["totals"], {"tx": Int8(TX0)})
        found = self._readers.fetch(self._sql["relation_sizes"], {"name": self.schema})
        taken: dict[str, int] = dict(found)
        return Sizes(live, ended, entities, log, entries, taken)

    def reach(self, after: int, upto: int, rows: int) -> int:
        found = self._readers.fetch(self._sql["reach"], {**_between(after, upto), "rows": Int8(rows)})
        return max(int(found[0][0]) - TX0 - 1, after + 1) if found else upto

    def load(self, attributes: Sequence[int], t: int) -> Mapping[int, Rows]:
        if self._local is None:
            return self._load(attributes, t)
        return self._local.load(attributes, t, self._asked)

    @property
    def _asked(self) -> Asked:
        return Asked(self._load, self.read, self.facts_of, self._newest, self.head, self._values)

    def _values(self, codes: Sequence[int]) -> Values:
        return fetched(self._readers, self._sql, codes)

    def _newest(self, attributes: Ints) -> int:
        found = self._readers.fetch(self._sql["newest"], {"a": int4s(attributes)})[0][0]
        return 0 if found is None else int(found) - TX0

    def _load(self, attributes: Sequence[int], t: int) -> Mapping[int, Rows]:
        return load(self._readers, self._sql, attributes, t)

    def load_intervals(self, attributes: Sequence[int], t: int) -> Mapping[int, Intervals]:
        return load_intervals(self._readers, self._sql, attributes, t)

    def size(self) -> int:
        return int(self._readers.fetch(self._sql["size"])[0][0])

    def facts_of(self, entities: Ints, t: int) -> Facts:
        if not len(entities):
            return NO_FACTS
        params = {"e": int8s(np.unique(entities)), "t": Int8(t), "tx": Int8(TX0 + t)}
        return facts_in(self._readers.fetch(self._sql["facts_of"], params))

    def lives_of(self, entities: Ints, t: int) -> Lives:
        return self._lives("lives_of", "e", entities, t)

    def lives_to(self, entities: Ints, t: int) -> Lives:
        return self._lives("lives_to", "v", entities, t)

    def _lives(self, statement: str, key: str, entities: Ints, t: int) -> Lives:
        params = {key: int8s(np.unique(entities)), "tx": Int8(TX0 + t)}
        e, v, start, end, a = columns(self._readers.fetch(self._sql[statement], params), _LIFE)
        return lives_at(Lives(e, a, v, start, end), TX0 + t)

    def entities(self, beyond: int, count: int, backwards: bool) -> Ints:
        statement = self._sql["entities_below" if backwards else "entities_above"]
        # Not prepared: only with the numbers known does the planner see that the index gives the first few.
        params = {"beyond": Int8(beyond), "count": Int8(count)}
        [found] = columns(self._readers.fetch(statement, params, prepare=False), (("e", ">i8"),))
        return ints(found)

    def forget(self, t: int) -> None:
        self.dictionary.forget(t)
        if self._local is not None:
            self._local.forget()

    def entries_of_values(self, vt: ValueType, values: Sequence[Value]) -> Iterable[Entry]:
        every = self._entries_if_fewer(len(values))
        if every is not None:
            return every
        # Equal digests are taken for equal values: of 128 bits, chance will not make two in any store's life.
        params = {"h": uuids([digest(vt, value) for value in values]), "kind": Int8(vt)}
        return [(code, vt, values[i]) for i, code in self._readers.fetch(self._sql["codes"], params)]

    def _entries_if_fewer(self, asked: int) -> list[Entry] | None:
        """All entries, if that are fewer than are asked for: a digest of each would take longer than to read them."""
        if asked < _MANY_CODES:
            return None
        [(next_v,)] = self._readers.fetch(self._sql["next_code"])
        return list(self.entries_of_codes(range(next_v))) if next_v < asked else None

    def entries_of_codes(self, codes: Sequence[int]) -> Iterable[Entry]:
        if self._local is not None and len(codes):
            return self._local.entries(codes, self._asked)
        return decoded(self._values(codes), ints(codes))

    def entries_between(self, low: int, high: int) -> Entries:
        try:
            [pieces] = self._readers.fetch(self._sql["entries_as_columns"], {"low": Int8(low), "high": Int8(high)})
        except LogError as error:
            if error.data.get("sqlstate") != TOO_LARGE or low == high:
                raise
            middle = (low + high) // 2
            return chained(self.entries_between(low, middle), self.entries_between(middle + 1, high))
        return NO_ENTRIES if pieces[0] is None else _in_order(*pieces)


def _between(after: int, upto: int) -> dict[str, Int8]:
    return {"after": Int8(TX0 + after), "upto": Int8(TX0 + upto)}


def _in_order(code: bytes, kind: bytes, size: bytes, body: bytes) -> Entries:
    codes, kinds, sizes = (ints(np.frombuffer(c, t)) for c, t in ((code, ">i8"), (kind, ">i2"), (size, ">i4")))
    found, order = Entries(codes, kinds, sizes, body), np.argsort(codes, kind="stable")
    if (np.diff(order) == 1).all():
        return found
    bodies = found.bodies()
    return Entries(codes[order], kinds[order], sizes[order], b"".join(bodies[place] for place in order.tolist()))
