"""Datoms in an index's order: columns until someone looks, then a page of tuples at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple, SupportsIndex, overload

import numpy as np

from factstore.columns import Ints, Mask, decode
from factstore.columns_distinct import numbered
from factstore.datom import FOREVER, Datom
from factstore.dictionary import Dictionary
from factstore.dictionary_overlay import Overlay
from factstore.schema import Schema
from factstore.snapshot_lives import Lives
from factstore.snapshot_source import Facts
from factstore.values_order import sort_key

_PAGE: Final = 1024
"""Datoms decoded at a time."""


class DatomRows(NamedTuple):
    """Datoms of several attributes as parallel arrays, values encoded."""

    e: Ints
    a: Ints
    v: Ints
    tx: Ints
    added: Mask


def rows_of(e: Ints, attribute: int, v: Ints, tx: Ints, added: Mask | None = None) -> DatomRows:
    """Datoms of one attribute; assertions if ``added`` is left out."""
    return DatomRows(e, np.full(len(e), attribute, dtype=np.int64), v, tx, _all(e) if added is None else added)


def asserted(facts: Facts) -> DatomRows:
    """The datoms of facts that hold."""
    return DatomRows(facts.e, facts.a, facts.v, facts.tx, _all(facts.e))


def lived(lives: Lives) -> DatomRows:
    """The assertion of each life and, if it has ended, its retraction."""
    ended = lives.end != FOREVER
    pairs = ((column, column[ended]) for column in (lives.e, lives.a, lives.v))
    e, a, v = (np.concatenate(pair) for pair in pairs)
    return DatomRows(e, a, v, np.concatenate((lives.start, lives.end[ended])), np.arange(len(e)) < len(lives.e))


def _all(like: Ints) -> Mask:
    return np.ones(len(like), dtype=np.bool_)


def taken(rows: DatomRows, which: Any) -> DatomRows:
    """The rows at a mask, a slice or positions."""
    return DatomRows(rows.e[which], rows.a[which], rows.v[which], rows.tx[which], rows.added[which])


def order_of(rows: DatomRows, index: str, schema: Schema, dictionary: Dictionary | Overlay) -> Any:
    """What puts the rows into the order of ``index``: positions, or the slice of all if they are in it.

    Attributes are ordered by id, values by value. Of one fact, transactions follow each other, and an
    assertion comes before a retraction of the same one.
    """
    if index in ("eavt", "aevt") and (rows.a == rows.a[:1]).all() and (rows.e[1:] > rows.e[:-1]).all():
        return slice(None)
    v = rows.v if index == "vaet" else _value_ranks(rows, schema, dictionary)
    keys = {"e": rows.e, "a": rows.a, "v": v, "t": rows.tx}
    return np.lexsort((~rows.added, *(keys[letter] for letter in reversed(index))))


def _value_ranks(rows: DatomRows, schema: Schema, dictionary: Dictionary | Overlay) -> Ints:
    """Numbers that compare as the values of one attribute do."""
    ranks = rows.v.copy()
    for id in np.unique(rows.a).tolist():
        vt = schema.attribute(id).type
        if vt.interned:
            mine = rows.a == id
            codes, at = numbered(rows.v[mine])
            keys = list(map(sort_key(vt), dictionary.values_of(codes.tolist())))
            rank = np.empty(len(codes), dtype=np.int64)
            rank[sorted(range(len(codes)), key=keys.__getitem__)] = np.arange(len(codes))
            ranks[mine] = rank[at]
    return ranks


def datoms_in(rows: DatomRows, schema: Schema, dictionary: Dictionary | Overlay) -> list[Datom]:
    """The rows as datoms."""
    ids = np.unique(rows.a).tolist()
    names: dict[int, Any] = {id: schema.attribute(id).ident for id in ids}
    if len(ids) == 1:
        values = decode(schema.attribute(ids[0]).type, rows.v, dictionary)
    else:
        values = [None] * len(rows.e)
        for id in ids:
            at = np.flatnonzero(rows.a == id)
            decoded = decode(schema.attribute(id).type, rows.v[at], dictionary)
            for place, value in zip(at.tolist(), decoded, strict=True):
                values[place] = value
    columns = (rows.e.tolist(), rows.a.tolist(), values, rows.tx.tolist(), rows.added.tolist())
    return [Datom(e, names[a], v, tx, added) for e, a, v, tx, added in zip(*columns, strict=True)]


class Reread:
    """Pieces that are made again each time someone goes through them, so that nobody keeps them all."""

    def __init__(self, pieces: Callable[[], Iterator[DatomRows]]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[DatomRows]:
        return self._pieces()


class Datoms(Sequence[Datom]):
    """Datoms in the order of an index: a sequence that reads as it is gone through.

    Iterating decodes a page at a time, and a scan or a seek also loads only as far as it is iterated, as
    often as it is. ``len``, a negative position, ``reversed`` and comparison go through all of it.

    >>> import factstore
    >>> datoms = factstore.connect("memory:").db().datoms("aevt", "db/txInstant")
    >>> len(datoms), list(datoms), datoms == []
    (0, [], True)
    """

    __slots__ = ("_dictionary", "_pieces", "_schema")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, pieces: Iterable[DatomRows], schema: Schema, dictionary: Dictionary | Overlay) -> None:
        self._pieces = pieces
        self._schema = schema
        self._dictionary = dictionary

    def __iter__(self) -> Iterator[Datom]:
        return (datom for page in self.pages(_PAGE) for datom in self._decoded(page))

    def pages(self, size: int) -> Iterator[DatomRows]:
        """The datoms as columns, at most ``size`` rows each."""
        for rows in self._pieces:
            for at in range(0, len(rows.e), size):
                yield taken(rows, slice(at, at + size))

    def _decoded(self, rows: DatomRows) -> list[Datom]:
        return datoms_in(rows, self._schema, self._dictionary)

    def __len__(self) -> int:
        return sum(len(rows.e) for rows in self._pieces)

    def __bool__(self) -> bool:
        return any(len(rows.e) for rows in self._pieces)

    @overload
    def __getitem__(self, at: SupportsIndex) -> Datom: ...
    @overload
    def __getitem__(self, at: slice) -> list[Datom]: ...
    def __getitem__(self, at: SupportsIndex | slice) -> Datom | list[Datom]:
        if isinstance(at, slice):
            return self._sliced(at)
        place = int(at.__index__())
        if place < 0:
            place += len(self)
        for rows in self._pieces if place >= 0 else ():
            if place < len(rows.e):
                return self._decoded(taken(rows, slice(place, place + 1)))[0]
            place -= len(rows.e)
        raise IndexError("no datom at that position")

    def _sliced(self, at: slice) -> list[Datom]:
        ends = [end for end in (at.start, at.stop, at.step) if end is not None]
        if at.stop is None or any(end < 0 for end in ends):
            return list(self)[at]
        return list(islice(self, at.start, at.stop, at.step))

    def __reversed__(self) -> Iterator[Datom]:
        return iter(list(self)[::-1])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Datoms | list | tuple):
            return NotImplemented
        return list(self) == list(other)

    def __repr__(self) -> str:
        shown = list(islice(self, _SHOWN + 1))
        more = ", …" if len(shown) > _SHOWN else ""
        return f"[{', '.join(map(repr, shown[:_SHOWN]))}{more}]"


_SHOWN: Final = 5
