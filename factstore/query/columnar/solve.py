"""Running a conjunction: the cheapest next clause, counted afresh after each.

The bindings so far are kept as *components*: relations that share no variable, so that nothing is
multiplied before it must be. Filters run the moment their variables are bound. After every step the
variables nobody speaks of any more are dropped, and with them the rows that differed only in those.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from factstore.errors import QueryError
from factstore.query.columnar.limits import Limits
from factstore.query.columnar.operators import join, narrowed, project
from factstore.query.columnar.planning import Planning, touched_by
from factstore.query.columnar.relation import Relation, Values
from factstore.query.columnar.steps import Step, settled
from factstore.query.columnar.trace import Ran

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
        plan = Planning(pending, wanted, self.values)
        while pending:
            if any(not component.size for component in components):
                return None
            step, estimate = plan.next(components)
            for covered in getattr(step, "covers", (step,)):
                pending.remove(covered)
            needed = wanted.union(*(other.names for other in pending))
            components = self._run(step, estimate, components, needed)
            components = [narrowed(component, needed) for component in components]
            if self.limits.trace:
                self.limits.trace[-1] = self.limits.trace[-1]._replace(kept=components[0].size)
        return components if all(component.size for component in components) else None

    def _run(self, step: Step, estimate: float, components: list[Relation], needed: frozenset[str]) -> list[Relation]:
        touched = touched_by(step, components)
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
        parts = [component for component in components if component.columns or component.size != 1]
        result = parts[0] if parts else Relation.true()
        for component in parts[1:]:
            self.limits.check(result.size * component.size, len(result.columns) + len(component.columns))
            result = join(result, component, self.values)
        return result

    def _note(self, step: Step, estimate: float, rows_in: int, rows_out: int, started: float) -> None:
        if self.limits.trace is not None:
            seconds = time.perf_counter() - started
            how = str(getattr(step, "how", ""))
            self.limits.trace.append(Ran(step, estimate, rows_in, rows_out, seconds, self.limits.depth, rows_out, how))


def can_run(steps: Sequence[Step], bound: Iterable[str]) -> bool:
    """Whether some order of ``steps`` binds what each of them needs."""
    return not _stuck(steps, set(bound))


def bindable(
    steps: Sequence[Step], bound: Iterable[str], unbound: Callable[[Step, frozenset[str]], QueryError]
) -> None:
    """Checks that some order of ``steps`` binds what each of them needs; raises what ``unbound`` makes."""
    known = set(bound)
    if pending := _stuck(steps, known):
        waiting = next((step for step in pending if not step.needs <= known), pending[0])
        raise unbound(waiting, frozenset(waiting.needs - known or waiting.names - known))


def _stuck(steps: Sequence[Step], known: set[str]) -> list[Step]:
    """The steps that no order of them runs; ``known`` grows by what the others bind."""
    pending = list(steps)
    while pending:
        ready = [step for step in pending if step.needs <= known and settled(step, known)]
        if not ready:
            break
        for step in ready:
            known |= step.names
            pending.remove(step)
    return pending
