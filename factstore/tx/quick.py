"""The short way for small transactions of plain facts: the same outcome without a single array.

The machinery of this package works a column at a time, and costs the same for one fact as for a hundred.
What most transactions say needs little of it. :func:`quick` walks such a transaction with plain numbers and
gives its plan, or None as soon as anything is out of the ordinary: an attribute that is not
:func:`~factstore.tx.plain.plain`, a value to be coerced, two claims on one identity, a contradiction, an
error. Then the machinery decides, and tells what is wrong; nothing is decided twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from factstore.datom import TX0
from factstore.db import DbValue
from factstore.recent import FEW, Op
from factstore.schema import Ids, Schema
from factstore.tx.plain import Plain, sensitive
from factstore.tx.plan import Allocation, QuickPlan
from factstore.tx.points import Points
from factstore.tx.quick_walk import NotPlain, Walk
from factstore.values import Value, ValueType, encode_inline

Intern = Callable[[ValueType, Value], int]
"""Gives a value that is written and has no code yet its own."""


def quick(
    points: Points,
    db_before: DbValue,
    data: Any,
    counters: Allocation,
    *,
    now: int,
    previous: int | None,
    intern: Intern,
) -> QuickPlan | None:
    """The plan of ``data``, None if it is not small and plain. Instants are encoded."""
    if type(data) is not list or len(data) > _FORMS:
        return None
    schema, tx = db_before.schema, TX0 + counters.t
    walk = Walk(schema, counters.next_e, tx)
    try:
        walk.take(data)
        return _Quick(points, schema, walk, counters, intern, counters.next_e, [-1] * walk.slots).plan(now, previous)
    except NotPlain:
        return None


_FORMS: Final = 64
_LAST_INSTANT: Final = 253_370_764_800_000_000
"""The year 9999, which leaves no time for transactions after it."""


class _Quick(msgspec.Struct, eq=False):
    """What was said, on its way to what is written."""

    points: Points
    schema: Schema
    walk: Walk
    counters: Allocation
    intern: Intern
    next_e: int
    eids: list[int]
    """The entity of each slot, -1 while it has none."""
    codes: dict[tuple[ValueType, Value], int] = {}
    said: dict[tuple[int, int], int] = {}
    """The value said of each attribute that has one."""
    come: dict[tuple[int, int, int], None] = {}
    gone: dict[tuple[int, int, int], None] = {}
    """What begins and what ends to hold, each fact once."""
    ops: list[Op] = []

    def plan(self, now: int, previous: int | None) -> QuickPlan:
        walk = self.walk
        if walk.interned and self.points.batched:
            self.points.expect(walk.interned)
        if walk.claims:
            self._resolve()
        if walk.slots:
            self._bear()
        self._write()
        instant = now if previous is None or now > previous else previous + 1
        if instant >= _LAST_INSTANT or len(self.ops) >= FEW:
            raise NotPlain
        self.ops.append((walk.tx, Ids.TX_INSTANT, instant, walk.tx, True))
        tempids: dict[str | int, int] = {"db/current-tx": walk.tx}
        if walk.tempids:
            tempids.update((tempid, e) for tempid, slot in walk.tempids.items() if (e := self.eids[slot]) >= 0)
        return QuickPlan(self.counters.t, walk.tx, self.ops, tempids, self.next_e, self.schema, instant)

    def _resolve(self) -> None:
        """Who claims a unique value: its holder, where an identity is claimed or looked up."""
        claims = self.walk.claims
        if len({(a.id, value) for _, a, value, _ in claims}) < len(claims):
            raise NotPlain
        known = [(claim, code) for claim in claims if (code := self._code(claim[1], claim[2])) is not None]
        holders = self.points.holders([(claim[1].id, code) for claim, code in known]) if known else []
        taken = 0
        for ((node, attribute, _, is_lookup), _), holder in zip(known, holders, strict=True):
            if holder < 0:
                continue
            taken += is_lookup
            if node < 0 and (is_lookup or attribute.unique == "identity"):
                node = self.eids[~node] if self.eids[~node] >= 0 else self._found(node, holder)
            if node != holder:
                raise NotPlain
        if taken < len(self.walk.lookups):
            raise NotPlain

    def _found(self, node: int, holder: int) -> int:
        self.eids[~node] = holder
        return holder

    def _bear(self) -> None:
        """Gives an id to whoever is new and has something said about it; others may not be referred to."""
        eids, subjects = self.eids, self.walk.subjects
        for slot in range(len(eids)):
            if eids[slot] < 0 and slot in subjects:
                eids[slot] = self.next_e
                self.next_e += 1
        if any(eids[~node] < 0 for node in self.walk.targets):
            raise NotPlain

    def _write(self) -> None:
        """The operations that make what was said hold."""
        walk, eids = self.walk, self.eids
        adds, retracts = walk.adds, walk.retracts
        if eids:
            adds = [(eids[~node] if node < 0 else node, attribute, value) for node, attribute, value in adds]
            retracts = [(eids[~node] if node < 0 else node, attribute, value) for node, attribute, value in retracts]
        if self.points.batched:
            self.points.read({*walk.gone, *(e for e, _, _ in (*adds, *retracts) if self._is_old(e))})
        if walk.gone:
            self._end()
        # Only encoded are two names of one entity, or two writings of one number, the same value.
        said = {(e, a.id, self._value(a, value)) for e, a, value in adds} if retracts else ()
        for e, attribute, value in retracts:
            code = self._value(attribute, value)
            if (e, attribute.id, code) in said:
                raise NotPlain
            if code is not None and code in self.points.values_of(e, attribute.id):
                self.gone[e, attribute.id, code] = None
        for e, attribute, value in adds:
            self._add(e, attribute, value)
        tx, ops = walk.tx, self.ops
        for e, a, v in self.gone:
            ops.append((e, a, v, tx, False))
        for e, a, v in self.come:
            ops.append((e, a, v, tx, True))

    def _add(self, e: int, attribute: Plain, value: Value) -> None:
        a = attribute.id
        code = value if attribute.as_is else self._value(attribute, value)
        if code is None:
            code = self.codes[attribute.vt, value] = self.intern(attribute.vt, value)
        held = self.points.values_of(e, a) if self._is_old(e) else ()
        if attribute.many:
            if code not in held:
                self.come[e, a, code] = None
            return
        if self.said.setdefault((e, a), code) != code:
            raise NotPlain
        if code in held:
            return
        for old in held:
            self.gone[e, a, old] = None
        self.come[e, a, code] = None

    def _end(self) -> None:
        """What ends with the entities that are retracted; they may have nothing that takes more with it."""
        _, special = sensitive(self.schema)
        for e in self.walk.gone:
            facts = [(e, a, v) for a, v in self.points.facts_of(e)]
            facts += [(referrer, a, e) for referrer, a in self.points.referrers(e)]
            if any(a in special for _, a, _ in facts):
                raise NotPlain
            self.gone.update(dict.fromkeys(facts))

    def _is_old(self, e: int) -> bool:
        """Whether anything may be known about an entity before this transaction."""
        return e < self.counters.next_e or TX0 <= e < self.walk.tx

    def _value(self, attribute: Plain, value: Value) -> int | None:
        """The encoded value, of a ref the entity; None if the store has no code for it."""
        if attribute.is_ref:
            target: int = self.eids[~value] if value < 0 else value
            return target
        return self._code(attribute, value)

    def _code(self, attribute: Plain, value: Value) -> int | None:
        if not attribute.interned:
            code: int = value if attribute.as_is else encode_inline(attribute.vt, value)
            return code
        own = self.codes.get((attribute.vt, value)) if self.codes else None
        return self.points.code_of(attribute.vt, value) if own is None else own
