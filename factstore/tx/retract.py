"""What goes when something goes: all values of an attribute, an entity, its components, refs to it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from factstore.columns import EMPTY, Ints, ints, member
from factstore.snapshot_source import NO_FACTS, Facts
from factstore.tx.before import Before, at
from factstore.tx.reader import concat


def cascade(wiped: Sequence[tuple[int, int]], gone: Ints, before: Before, components: Ints) -> Facts:
    """The facts that end with ``wiped`` (entity, attribute) pairs and with ``gone`` entities.

    The values of a wiped component attribute are gone too.
    """
    values = _wiped(wiped, before)
    parts = values.v[member(values.a, components)]
    ended = _closure(np.unique(np.concatenate((gone, parts))), before, components)
    if not len(ended):
        return values
    return concat([values, before.about(ended), before.read_refs_to(ended)])


def _wiped(wiped: Sequence[tuple[int, int]], before: Before) -> Facts:
    if not wiped:
        return NO_FACTS
    facts = before.about(ints([e for e, _ in wiped]))
    pairs = set(wiped)
    mask = [pair in pairs for pair in zip(facts.e.tolist(), facts.a.tolist(), strict=True)]
    return at(facts, np.asarray(mask, dtype=np.bool_))


def _closure(entities: Ints, before: Before, components: Ints) -> Ints:
    """``entities`` and their components, a level at a time; a component may be its own ancestor."""
    seen, frontier = EMPTY, entities
    while len(frontier):
        seen = np.union1d(seen, frontier)
        facts = before.about(frontier)
        frontier = np.setdiff1d(facts.v[member(facts.a, components)], seen)
    return seen
