"""How pull and entity get at facts: a question for all entities of a level at once, never one each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

from factstore.columns import EMPTY, Ints, Rows, encode, ints, order_by
from factstore.db import DbValue
from factstore.db_lookups import EntityRef
from factstore.errors import EntityError
from factstore.index import NO_INDEX, AttributeIndex
from factstore.schema import Attribute
from factstore.values_coerce import coerce

_LOOKUPS: Final = 1024
"""Entities that are looked up in the store before whole attributes are loaded instead."""
_ROUND: Final = 64
"""Asking the store at all costs about as much as so many entities."""


def current(db: DbValue) -> DbValue:
    """``db``; :class:`EntityError` ``entity/history-view`` if it shows no state but all of them."""
    if db.is_history:
        raise EntityError(
            f"{db} has all values an entity ever had: expected a view of one state, such as as_of",
            code="entity/history-view",
        )
    return db


def facts_of(db: DbValue, e: Ints) -> dict[int, AttributeIndex]:
    """All facts about the entities, as an index for each attribute they have: small, or of everybody's facts.

    Everything is loaded once asking for a few at a time has cost as much.
    """
    if db.whole() is None and db.is_worth_loading(len(e)):
        db.prefetch(db.schema)
    whole = db.whole()
    if whole is None:
        return _looked_up_of(db, e)
    held = ((id, index, index.ranges_of_entities(e)) for id, index in whole.items())
    return {id: index for id, index, ranges in held if ranges.size}


def _looked_up_of(db: DbValue, e: Ints) -> dict[int, AttributeIndex]:
    facts = db.facts_of(np.unique(e))
    order = order_by(facts.a)
    ids, starts = np.unique(facts.a[order], return_index=True)
    parts = np.split(order, starts[1:]) if len(ids) else []
    return {
        id: AttributeIndex.of(Rows(facts.e[at], facts.v[at], facts.tx[at]))
        for id, at in zip(ids.tolist(), parts, strict=True)
    }


class Fetch:
    """The facts for one pull, which remembers what it has asked the store for already."""

    def __init__(self, db: DbValue) -> None:
        self.db = db
        self._asked = 0

    def indexes(self, e: Ints, attributes: Iterable[Attribute]) -> dict[int, AttributeIndex]:
        """For each attribute, an index that has at least its facts about the entities."""
        wanted = {attribute.id: attribute for attribute in attributes}
        whole = [attribute for attribute in wanted.values() if self._worth_loading(attribute, len(e))]
        few: dict[int, AttributeIndex] = {}
        if len(whole) < len(wanted) and self.db.is_worth_loading(len(e)):
            whole = list(wanted.values())
        if len(whole) < len(wanted):
            self._asked += len(e) + _ROUND
            few = _looked_up_of(self.db, e)
        self.db.prefetch(whole)
        known = {attribute.id: self.db.index(attribute) for attribute in whole}
        return {id: known[id] if id in known else few.get(id, NO_INDEX) for id in wanted}

    def _worth_loading(self, attribute: Attribute, entities: int) -> bool:
        return self.db.holds(attribute) or self._asked + entities > _LOOKUPS


def values_of(index: AttributeIndex, e: Ints, limit: int | None) -> tuple[Ints, Ints]:
    """(row, value): up to ``limit`` encoded values of each entity, in order."""
    row, rows = index.by_entity(e)
    return _first(row, rows.v, limit)


def referrers_of(index: AttributeIndex, e: Ints, limit: int | None) -> tuple[Ints, Ints]:
    """(row, referrer): up to ``limit`` entities that refer to each entity, in order."""
    row, rows = index.by_value(e)
    return _first(row, rows.e, limit)


def _first(row: Ints, v: Ints, limit: int | None) -> tuple[Ints, Ints]:
    # An index with a tail answers base first, so that an entity's values may come in two places.
    if ((row[1:] < row[:-1]) | ((row[1:] == row[:-1]) & (v[1:] < v[:-1]))).any():
        order = order_by(row, v)
        row, v = row[order], v[order]
    if limit is None or len(row) <= limit:
        return row, v
    kept = np.arange(len(row)) - np.searchsorted(row, row) < limit
    return row[kept], v[kept]


def entids(db: DbValue, refs: Sequence[EntityRef]) -> list[int | None]:
    """The entity of each ref, None where it names nothing; lookup refs of one attribute go together."""
    found: list[int | None] = [None] * len(refs)
    lookups: dict[int, list[int]] = {}
    for at, ref in enumerate(refs):
        attribute = _looked_up(db, ref)
        if attribute is None:
            found[at] = db.entid(ref)
        else:
            lookups.setdefault(attribute.id, []).append(at)
    for id, places in lookups.items():
        holders = _holders(db, db.schema.attribute(id), [refs[at][1] for at in places])
        for at, entity in zip(places, holders, strict=True):
            found[at] = entity
    return found


def _looked_up(db: DbValue, ref: EntityRef) -> Attribute | None:
    if not isinstance(ref, list | tuple) or len(ref) != 2 or not isinstance(ref[0], str) or ref[1] is None:
        return None
    attribute = db.schema.attribute(ref[0])
    return attribute if attribute.unique is not None and not attribute.is_ref else None


def _holders(db: DbValue, attribute: Attribute, values: Sequence[Any]) -> list[int | None]:
    codes = encode(attribute.type, [coerce(attribute.type, value) for value in values], db.dictionary)
    at = [place for place, code in enumerate(codes) if code is not None]
    known = ints([codes[place] for place in at]) if at else EMPTY
    row, rows = db.index(attribute).by_value(known)
    holders: list[int | None] = [None] * len(values)
    for place, entity in zip(row.tolist(), rows.e.tolist(), strict=True):
        holders[at[place]] = entity
    return holders
