"""The reading half of a log in PostgreSQL: what held at t, what happened since, what a code means.

Every answer is one statement, and so comes from one snapshot of the tables. It is exact at ``t`` although
the store goes on: a fact's life is written down, what is newer is masked out, and what has ended since is
found in hist by the same statement that no longer finds it in live. No transaction of a stronger
isolation is needed; only excision, which rewrites the past, can be seen by one load and not by the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np
from psycopg.types.numeric import Int8

from factstore.columns import Intervals, Ints, LogRows, Rows, ints
from factstore.datom import FOREVER, TX0
from factstore.dictionary import Dictionary, Entry, digest
from factstore.errors import LogError
from factstore.log import NO_ENTRIES, Counters, Entries, Sizes, chained
from factstore.postgres.arrays import LAST_ATTRIBUTE, columns, int4s, int8s, uuids
from factstore.postgres.pool import Pool, Row
from factstore.postgres.statements import statements
from factstore.postgres.version import check_version
from factstore.schema import Ids
from factstore.snapshot import NO_FACTS, Facts
from factstore.snapshot_lives import Lives, lives_at
from factstore.values import Value, ValueType
from factstore.values_bytes import from_bytes

_E_V_TX: Final = (("e", ">i8"), ("v", ">i8"), ("tx", ">i8"))
_FACT: Final = (*_E_V_TX, ("a", ">i4"))
_LIFE: Final = (*_E_V_TX, ("end", ">i8"), ("a", ">i4"))
_OPERATION: Final = (("tx", ">i8"), ("e", ">i8"), ("v", ">i8"), ("a", ">i4"), ("vt", ">i2"), ("added", "?"))

_TOO_LARGE: Final = "54000"
"""The sqlstate of a value beyond 1 GB."""
_MANY_CODES: Final = 20_000
_DENSE: Final = 16
"""More than _MANY_CODES are read as a range if that reads at most _DENSE entries for one that is wanted."""


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
        self.dictionary = Dictionary(self)

    def head(self) -> int:
        t, reads_from = self._readers.fetch(self._sql["head"])[0]
        check_version(reads_from, "read", self.schema)
        return int(t)

    def read(self, after: int, upto: int | None = None) -> LogRows:
        last = FOREVER if upto is None else TX0 + upto
        pieces = self._readers.fetch(self._sql["read"], {"after": Int8(TX0 + after), "upto": Int8(last)})
        tx, e, v, a, vt, added = columns(((piece,) for (piece,) in pieces), _OPERATION)
        if len(tx) > 1 and (np.diff(tx) < 0).any():
            order = np.argsort(tx, kind="stable")
            tx, e, v, a, vt, added = (column[order] for column in (tx, e, v, a, vt, added))
        return LogRows(tx, e, a, vt, v, added)

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
        e, v, tx, a = columns(self._pieces("load", attributes, t), _FACT)
        return {attribute: Rows(*_of(attribute, a, e, v, tx)) for attribute in attributes}

    def load_intervals(self, attributes: Sequence[int], t: int) -> Mapping[int, Intervals]:
        e, v, start, end, a = columns(self._pieces("lives", attributes, t), _LIFE)
        end = np.where(end > TX0 + t, FOREVER, end)
        return {attribute: Intervals(*_of(attribute, a, e, v, start, end)) for attribute in attributes}

    def _pieces(self, what: str, attributes: Sequence[int], t: int) -> list[tuple[bytes | None]]:
        """The rows of some attributes: of those in value order by index, of the others by one pass for all.

        One attribute that is in no index of a huge store thus costs a pass over all of it.
        """
        # What only a speculative value defines is not in the store.
        stored = [a for a in attributes if a <= LAST_ATTRIBUTE]
        said = self._said_by_value(stored)
        by_value = {attribute for attribute, _, _ in said}
        indexed, others = [a for a in stored if a in by_value], [a for a in stored if a not in by_value]
        pieces = self._indexed(f"{what}_by_value", indexed, t)
        # Said before and after by the same facts, it held at the load as well: else the index may have lost them.
        if pieces is None or (indexed and self._said_by_value(indexed) != said):
            pieces, others = [], stored
        return pieces + self._columns_of(f"{what}_scan", others, t)

    def _said_by_value(self, attributes: list[int]) -> set[Row]:
        params = {"a": int8s(ints(attributes)), "unique": Int8(Ids.UNIQUE), "index": Int8(Ids.INDEX)}
        return set(self._readers.fetch(self._sql["by_value"], params))

    def _indexed(self, statement: str, attributes: list[int], t: int) -> list[tuple[bytes | None]] | None:
        """The rows by index; None if they are too many for it."""
        try:
            return self._columns_of(statement, attributes, t)
        except LogError as error:
            if error.data.get("sqlstate") != _TOO_LARGE:
                raise
            return None

    def _columns_of(self, statement: str, attributes: list[int], t: int) -> list[tuple[bytes | None]]:
        if not attributes:
            return []
        params = {"a": int4s(ints(attributes)), "t": Int8(t), "tx": Int8(TX0 + t)}
        # Not prepared: a plan is made for these attributes, with what is known of their number.
        return [(piece,) for (piece,) in self._readers.fetch(self._sql[statement], params, prepare=False)]

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
        return self._entries_between(0, next_v) if next_v < asked else None

    def _entries_between(self, low: int, high: int) -> list[Entry]:
        rows = self._readers.fetch(self._sql["entries_between"], {"low": Int8(low), "high": Int8(high)})
        return [_entry(*row) for row in rows]

    def entries_of_codes(self, codes: Sequence[int]) -> Iterable[Entry]:
        if not codes:
            return []
        low, high = min(codes), max(codes)
        if len(codes) > _MANY_CODES and high - low < _DENSE * len(codes):
            return self._entries_between(low, high)
        rows = self._readers.fetch(self._sql["entries"], {"id": int8s(ints(list(codes)))})
        return [_entry(*row) for row in rows]

    def entries_between(self, low: int, high: int) -> Entries:
        try:
            [pieces] = self._readers.fetch(self._sql["entries_as_columns"], {"low": Int8(low), "high": Int8(high)})
        except LogError as error:
            if error.data.get("sqlstate") != _TOO_LARGE or low == high:
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


def _of(attribute: int, a: Ints, *columns: Ints) -> tuple[Ints, ...]:
    mine = a == attribute
    return columns if mine.all() else tuple(column[mine] for column in columns)


_TYPES: Final = {int(vt): vt for vt in ValueType}


def _entry(code: int, kind: int, txt: str | None, bin: bytes | None) -> Entry:
    vt = _TYPES[kind]
    if txt is None:
        return code, vt, from_bytes(vt, bin or b"")
    return code, vt, txt if vt is ValueType.STRING else from_bytes(vt, txt.encode())
