"""Composite tuples: after everything else is known, each is what its parts say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from factstore.columns import Ints, ints, member
from factstore.errors import TransactionError
from factstore.schema import Attribute, Schema
from factstore.tx.before import Before, traits
from factstore.tx.diff import NOTHING, Diff, Said, at, joined
from factstore.tx.encode import PROVISIONAL, Codes
from factstore.tx.reader import Reader
from factstore.values import ValueType

_Parts = dict[tuple[int, int], int]
"""The code of each (entity, attribute)."""


Misstated = Callable[[int, Attribute, str], Exception]
"""Gives the error for a row that says of a composite what its parts do not make it."""


def with_composites(
    found: Diff, stated: Said, schema: Schema, before: Before, codes: Codes, *, reader: Reader, misstated: Misstated
) -> Diff:
    """``found`` and what it does to composite tuples; ``stated`` is what is said of them.

    Raises ``tx/unique-conflict`` if two entities get the same, and what ``misstated`` gives.
    """
    for attribute in traits(schema).composites:
        composite = _Composite(attribute, schema, before, codes, misstated)
        change = composite.change(found, at(stated, stated.a == attribute.id))
        if attribute.unique is not None and len(change.added.e):
            _refuse_taken(attribute, change, found.retracted, reader, codes)
        found = Diff(joined(found.added, change.added), joined(found.retracted, change.retracted))
    return found


class _Composite(NamedTuple):
    attribute: Attribute
    schema: Schema
    before: Before
    codes: Codes
    misstated: Misstated

    def change(self, found: Diff, stated: Said) -> Diff:
        parts = [self.schema.attribute(id) for id in self.attribute.parts or ()]
        ids = ints(sorted({part.id for part in parts}))
        touched = [said.e[member(said.a, ids)] for said in found]
        entities = np.unique(np.concatenate((*touched, stated.e[stated.e >= 0]))).tolist()
        if not entities:
            self._refuse_misstated(stated, {})
            return Diff(NOTHING, NOTHING)
        wanted = frozenset((*ids.tolist(), self.attribute.id))
        held = self._held(ints(entities), wanted)
        gone = {(e, a) for e, a, _ in _facts(found.retracted, wanted)}
        now = {key: v for key, v in held.items() if key not in gone}
        now |= {(e, a): v for e, a, v in _facts(found.added, wanted)}
        rows = composed(entities, parts, now, self.codes)
        self._refuse_misstated(stated, dict(rows))
        return self._difference(rows, now)

    def _refuse_misstated(self, stated: Said, rows: Mapping[int, int | None]) -> None:
        for e, v, row in zip(stated.e.tolist(), stated.v.tolist(), stated.row.tolist(), strict=True):
            made = rows.get(e)
            if made != v:
                said = self.codes.show(self.attribute, v)
                is_made = "nothing" if made is None else self.codes.show(self.attribute, made)
                message = f"{self.attribute.ident!r} is said to be {said}, but its parts make it {is_made}"
                raise self.misstated(row, self.attribute, message)

    def _held(self, entities: Ints, wanted: frozenset[int]) -> _Parts:
        facts = self.before.about(entities)
        rows = zip(facts.e.tolist(), facts.a.tolist(), facts.v.tolist(), strict=True)
        return {(e, a): v for e, a, v in rows if a in wanted}

    def _difference(self, rows: Sequence[tuple[int, int | None]], now: _Parts) -> Diff:
        old = [(e, now.get((e, self.attribute.id)), code) for e, code in rows]
        changed = [(e, had, has) for e, had, has in old if had != has]
        added = [(e, has) for e, _, has in changed if has is not None]
        retracted = [(e, had) for e, had, _ in changed if had is not None]
        return Diff(self._said(*_columns(added)), self._said(*_columns(retracted)))

    def _said(self, e: Sequence[int], v: Sequence[int]) -> Said:
        size = len(e)
        a = np.full(size, self.attribute.id, dtype=np.int64)
        return Said(ints(e), a, ints(v), np.full(size, -1, dtype=np.int64))


def composed(
    entities: Sequence[int], parts: Sequence[Attribute], now: _Parts, codes: Codes
) -> list[tuple[int, int | None]]:
    """The composite that the parts make of each entity, None where it has none of them."""
    slots = []
    for part in parts:
        held = [now.get((e, part.id)) for e in entities]
        present = iter(codes.decode(part.type, ints([code for code in held if code is not None])))
        slots.append([None if code is None else next(present) for code in held])
    values = list(zip(*slots, strict=True))
    whole = [any(slot is not None for slot in value) for value in values]
    kept = [value for value, is_whole in zip(values, whole, strict=True) if is_whole]
    fresh = iter(codes.intern(ValueType.TUPLE, kept).tolist())
    return [(e, next(fresh) if is_whole else None) for e, is_whole in zip(entities, whole, strict=True)]


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
