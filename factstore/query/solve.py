"""Running a conjunction: the cheapest next clause, counted afresh after each.

The bindings so far are kept as *components*: relations that share no variable, so that nothing is
multiplied before it must be. Filters run the moment their variables are bound. After every step the
variables nobody speaks of any more are dropped, and with them the rows that differed only in those.
"""

from __future__ import annotations

import math
import operator
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from factstore.errors import QueryError
from factstore.query.limits import Limits
from factstore.query.operators import distinct, join, project
from factstore.query.relation import Relation, Values
from factstore.query.steps import Step
from factstore.query.trace import Ran

_ONE_ROW: Final = Relation.true()
_SLACK: Final = 4
"""A step is refused before it runs only if it would pass the bound by this much: it is an estimate."""


class Solver:
    """Runs conjunctions of steps."""

    def __init__(self, values: Values, limits: Limits) -> None:
        self.values = values
        self.limits = limits

    def solve(self, steps: Sequence[Step], start: Relation, keep: Iterable[str]) -> Relation:
        """The rows of ``start`` extended by all steps, as a set over the variables ``keep``."""
        wanted = frozenset(keep)
        self.limits.depth += 1
        try:
            components = self._run_all(list(steps), start, wanted)
        finally:
            self.limits.depth -= 1
        if components is None:
            return Relation.empty(wanted)
        return project(self._together(components), wanted)

    def _run_all(self, pending: list[Step], start: Relation, wanted: frozenset[str]) -> list[Relation] | None:
        components = [start]
        costs = _Costs()
        while pending:
            if any(not component.size for component in components):
                return None
            step, estimate = self._next(pending, components, costs)
            pending.remove(step)
            needed = wanted.union(*(other.names for other in pending))
            components = self._run(step, estimate, components, needed)
            components = [_narrowed(component, needed) for component in components]
            if self.limits.trace:
                self.limits.trace[-1] = self.limits.trace[-1]._replace(kept=components[0].size)
        return components if all(component.size for component in components) else None

    def _next(self, pending: Sequence[Step], components: Sequence[Relation], costs: _Costs) -> tuple[Step, float]:
        bound = frozenset(name for component in components for name in component.columns)
        ready = [step for step in pending if step.needs <= bound]
        for step in ready:
            if step.is_filter and len(_touched(step, components)) == 1:
                return step, -1.0
        if len(ready) == 1:
            return ready[0], -1.0
        return min(((step, costs.of(step, components)) for step in ready), key=lambda choice: choice[1])

    def _run(self, step: Step, estimate: float, components: list[Relation], needed: frozenset[str]) -> list[Relation]:
        touched = _touched(step, components)
        rest = [component for component in components if not any(component is other for other in touched)]
        first, others = self._entry(step, touched)
        started = time.perf_counter()
        self.limits.check(int(estimate / _SLACK) if math.isfinite(estimate) else 0)
        result = step.run(first, needed.union(*(other.names for other in others)))
        for other in others:
            result = join(result, other, self.values)
        self.limits.check(result.size, len(result.columns))
        self._note(step, estimate, first.size, result.size, started)
        return [result, *rest]

    def _entry(self, step: Step, touched: list[Relation]) -> tuple[Relation, list[Relation]]:
        """The rows a step starts from, and the components its result has to be joined with after."""
        needed = [component for component in touched if not step.needs.isdisjoint(component.columns)]
        if step.needs:
            others = [component for component in touched if not any(component is other for other in needed)]
            return self._together(needed), others
        if not touched:
            return Relation.true(), []
        first = min(touched, key=step.estimate) if len(touched) > 1 else touched[0]
        return first, [component for component in touched if component is not first]

    def _together(self, components: Sequence[Relation]) -> Relation:
        result = Relation.true()
        for component in components:
            self.limits.check(result.size * component.size, len(result.columns) + len(component.columns))
            result = join(result, component, self.values)
        return result

    def _note(self, step: Step, estimate: float, rows_in: int, rows_out: int, started: float) -> None:
        if self.limits.trace is not None:
            seconds = time.perf_counter() - started
            how = str(getattr(step, "how", ""))
            self.limits.trace.append(Ran(step, estimate, rows_in, rows_out, seconds, self.limits.depth, rows_out, how))


class _Costs:
    """What each step would leave, counted again only when the rows it would start from are others."""

    def __init__(self) -> None:
        self._known: dict[Step, tuple[list[Relation], float]] = {}

    def of(self, step: Step, components: Sequence[Relation]) -> float:
        touched = _touched(step, components)
        known = self._known.get(step)
        if known is None or len(known[0]) != len(touched) or any(map(operator.is_not, known[0], touched)):
            known = self._known[step] = touched, _cost(step, touched)
        return known[1]


def _cost(step: Step, touched: Sequence[Relation]) -> float:
    if not touched:
        return step.estimate(_ONE_ROW)
    needed = [component for component in touched if not step.needs.isdisjoint(component.columns)]
    if len(needed) > 1:
        # Rows of all components it needs have to be multiplied first.
        return math.prod(float(component.size) for component in needed)
    return min(step.estimate(component) for component in (needed or touched))


def _touched(step: Step, components: Sequence[Relation]) -> list[Relation]:
    return [component for component in components if not step.names.isdisjoint(component.columns)]


def _narrowed(component: Relation, needed: frozenset[str]) -> Relation:
    kept = [name for name in component.columns if name in needed]
    return component if len(kept) == len(component.columns) else distinct(component.only(kept))


def bindable(
    steps: Sequence[Step], bound: Iterable[str], unbound: Callable[[Step, frozenset[str]], QueryError]
) -> None:
    """Checks that some order of ``steps`` binds what each of them needs; raises what ``unbound`` makes."""
    known = set(bound)
    pending = list(steps)
    while pending:
        ready = [step for step in pending if step.needs <= known]
        if not ready:
            raise unbound(pending[0], frozenset(pending[0].needs - known))
        for step in ready:
            known |= step.names
            pending.remove(step)
