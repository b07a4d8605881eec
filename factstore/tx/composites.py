"""Composite tuples: after everything else is known, each is what its parts say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from factstore.columns import Ints, ints, member
from factstore.errors import TransactionError
from factstore.schema import Attribute, Schema
from factstore.tx.before import Before, traits
from factstore.tx.diff import Diff, Said, at, joined
from factstore.tx.encode import PROVISIONAL, Codes
from factstore.tx.reader import Reader
from factstore.values import Value, ValueType

_Parts = dict[tuple[int, int], int]
"""The code of each (entity, attribute)."""


def with_composites(found: Diff, schema: Schema, before: Before, codes: Codes, reader: Reader) -> Diff:
    """``found`` and what it does to composite tuples; ``tx/unique-conflict`` if two entities get the same."""
    for attribute in traits(schema).composites:
        change = _Composite(attribute, schema, before, codes).change(found)
        if attribute.unique is not None and len(change.added.e):
            _refuse_taken(attribute, change, found.retracted, reader, codes)
        found = Diff(joined(found.added, change.added), joined(found.retracted, change.retracted))
    return found


class _Composite(NamedTuple):
    attribute: Attribute
    schema: Schema
    before: Before
    codes: Codes

    def change(self, found: Diff) -> Diff:
        parts = [self.schema.attribute(name) for name in self.attribute.tuple_attrs or ()]
        ids = ints(sorted(part.id for part in parts))
        touched = [said.e[member(said.a, ids)] for said in found]
        entities = np.unique(np.concatenate(touched)).tolist()
        if not entities:
            return Diff(self._said([], []), self._said([], []))
        wanted = frozenset((*ids.tolist(), self.attribute.id))
        held = self._held(ints(entities), wanted)
        gone = {(e, a) for e, a, _ in _facts(found.retracted, wanted)}
        now = {key: v for key, v in held.items() if key not in gone}
        now |= {(e, a): v for e, a, v in _facts(found.added, wanted)}
        values = self._values(entities, parts, now)
        return self._difference(entities, values, now)

    def _held(self, entities: Ints, wanted: frozenset[int]) -> _Parts:
        facts = self.before.about(entities)
        rows = zip(facts.e.tolist(), facts.a.tolist(), facts.v.tolist(), strict=True)
        return {(e, a): v for e, a, v in rows if a in wanted}

    def _values(self, entities: list[int], parts: Sequence[Attribute], now: _Parts) -> list[tuple[Value, ...]]:
        slots = []
        for part in parts:
            codes = [now.get((e, part.id)) for e in entities]
            present = iter(self.codes.decode(part.type, ints([code for code in codes if code is not None])))
            slots.append([None if code is None else next(present) for code in codes])
        return list(zip(*slots, strict=True))

    def _difference(self, entities: list[int], values: list[tuple[Value, ...]], now: _Parts) -> Diff:
        whole = [any(slot is not None for slot in value) for value in values]
        kept = [value for value, is_whole in zip(values, whole, strict=True) if is_whole]
        fresh = iter(self.codes.intern(ValueType.TUPLE, kept).tolist())
        rows = [(e, next(fresh) if is_whole else None) for e, is_whole in zip(entities, whole, strict=True)]
        old = [(e, now.get((e, self.attribute.id)), code) for e, code in rows]
        changed = [(e, had, has) for e, had, has in old if had != has]
        added = [(e, has) for e, _, has in changed if has is not None]
        retracted = [(e, had) for e, had, _ in changed if had is not None]
        return Diff(self._said(*_columns(added)), self._said(*_columns(retracted)))

    def _said(self, e: Sequence[int], v: Sequence[int]) -> Said:
        size = len(e)
        a = np.full(size, self.attribute.id, dtype=np.int64)
        return Said(ints(e), a, ints(v), np.full(size, -1, dtype=np.int64))


def _columns(pairs: Sequence[tuple[int, int]]) -> tuple[list[int], list[int]]:
    return [e for e, _ in pairs], [v for _, v in pairs]


def _facts(said: Said, wanted: frozenset[int]) -> list[tuple[int, int, int]]:
    mask = member(said.a, ints(sorted(wanted)))
    return list(zip(said.e[mask].tolist(), said.a[mask].tolist(), said.v[mask].tolist(), strict=True))


def _refuse_taken(attribute: Attribute, change: Diff, retracted: Said, reader: Reader, codes: Codes) -> None:
    added = change.added
    old = np.flatnonzero(added.v < PROVISIONAL)
    holders = np.full(len(added.e), -1, dtype=np.int64)
    holders[old] = reader.holders(added.a[old], added.v[old])
    # Unlike a value that is written, one the store keeps may move: its parts were free to. A holder that is
    # retracted whole has lost it before.
    ended = at(retracted, retracted.a == attribute.id)
    gone = joined(change.retracted, ended)
    lost = set(zip(gone.e.tolist(), gone.v.tolist(), strict=True))
    first: dict[int, int] = {}
    for e, v, holder in zip(added.e.tolist(), added.v.tolist(), holders.tolist(), strict=True):
        held = holder >= 0 and (holder, v) not in lost
        other = holder if held else first.setdefault(v, e)
        if other != e:
            raise TransactionError(
                f"[{attribute.ident!r} {codes.show(attribute, v)}] is entity {other}, and can not be entity {e} too",
                code="tx/unique-conflict",
                attribute=attribute.ident,
                entities=[other, e],
            )
