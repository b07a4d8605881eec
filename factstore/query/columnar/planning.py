"""The next step of a conjunction: the one that leaves the fewest rows, counted where the rows are at hand."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Final

from factstore.query.columnar.generic import GenericJoin, cyclic, is_edge
from factstore.query.columnar.relation import Relation, Values
from factstore.query.columnar.steps import Step

_ONE_ROW: Final = Relation.true()
_LARGE: Final = 4096
"""Up to so many rows a step is run as it is, cycle or not."""
_APART: Final = 8
"""What shares nothing with the rows at hand has to be joined with them later: it must be that much smaller."""


class Planning:
    """Chooses among the steps that are ``pending``, a list that whoever runs them takes them out of."""

    def __init__(self, pending: Sequence[Step], wanted: frozenset[str], values: Values) -> None:
        self._pending = pending
        self._wanted = wanted
        self._values = values
        self._known: dict[Step, tuple[list[Relation], float]] = {}

    def next(self, components: Sequence[Relation]) -> tuple[Step, float]:
        """The next step, and the rows it is expected to leave; a negative number if nobody has counted."""
        bound = frozenset(name for component in components for name in component.columns)
        ready = [step for step in self._pending if step.needs <= bound]
        for step in ready:
            if step.is_filter and len(touched_by(step, components)) == 1:
                return step, -1.0
        if len(ready) == 1:
            return ready[0], -1.0
        costs = [self._cost(step, components, bound) for step in ready]
        (_, estimate), step = min(zip(costs, ready, strict=True), key=lambda choice: choice[0][0])
        if estimate > _LARGE and is_edge(step):
            closing = self._closing(step, components)
            return (step, estimate) if closing is None else (closing, -1.0)
        return step, estimate

    def _cost(self, step: Step, components: Sequence[Relation], bound: frozenset[str]) -> tuple[float, float]:
        """What a step is compared by, and the rows it would leave."""
        touched = touched_by(step, components)
        estimate = self._estimate(step, touched)
        if not touched:
            return estimate * (_APART if bound else 1), estimate
        if estimate > touched[0].size and self._only_thins(step, bound):
            estimate = float(touched[0].size)
        return estimate, estimate

    def _only_thins(self, step: Step, bound: frozenset[str]) -> bool:
        """True if nobody asks for what a pattern would bind, so that it only keeps rows or does not."""
        new = step.names - bound
        if not is_edge(step) or len(new) != 1 or new <= self._wanted:
            return False
        return all(other is step or new.isdisjoint(other.names) for other in self._pending)

    def _estimate(self, step: Step, touched: list[Relation]) -> float:
        """Counted again only when the rows it would start from are others."""
        known = self._known.get(step)
        if known is None or len(known[0]) != len(touched) or any(map(operator.is_not, known[0], touched)):
            known = self._known[step] = touched, _estimate(step, touched)
        return known[1]

    def _closing(self, step: Step, components: Sequence[Relation]) -> Step | None:
        """A generic join of ``step`` with those it makes a cycle with, from rows at hand; None if there are none."""
        edges = [other for other in self._pending if is_edge(other)]
        for component in components:
            reached = frozenset(component.columns)
            elsewhere = frozenset(name for other in components if other is not component for name in other.columns)
            near = [edge for edge in edges if edge.names.isdisjoint(elsewhere)]
            core = cyclic(near, [reached]) if reached and len(near) > 1 else []
            if step in core and any(not edge.names.isdisjoint(reached) for edge in core):
                bound = reached.union(*(edge.names for edge in core))
                filters = [other for other in self._pending if other.is_filter and other.needs <= bound]
                return GenericJoin(core, filters, self._values)
        return None


def _estimate(step: Step, touched: Sequence[Relation]) -> float:
    if not touched:
        return step.estimate(_ONE_ROW)
    needed = [component for component in touched if not step.needs.isdisjoint(component.columns)]
    if len(needed) > 1:
        # Rows of all components it needs have to be multiplied first.
        return math.prod(float(component.size) for component in needed)
    return min(step.estimate(component) for component in (needed or touched))


def touched_by(step: Step, components: Sequence[Relation]) -> list[Relation]:
    """The components that bind one of a step's variables."""
    return [component for component in components if not step.names.isdisjoint(component.columns)]
