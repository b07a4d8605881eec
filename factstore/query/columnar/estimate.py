"""The order in which clauses are going to run, from counts alone: nothing is joined, no function called.

The engine decides on the order while it runs, from exact counts (:mod:`factstore.query.columnar.solve`). Here the
same choice is made with the counts that are known beforehand: exact ones for what constants and inputs
name, averages for what follows from them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from factstore.query.columnar.relation import Relation
from factstore.query.columnar.steps import Step


class Expected(NamedTuple):
    """One step in the order it would run: how deep it lies in others, and the rows expected after it."""

    step: Step
    depth: int
    rows: float


@runtime_checkable
class Averaged(Protocol):
    """A step that knows what it gives for rows of which only the number and the variables are known."""

    def average(self, size: float, bound: frozenset[str]) -> float:
        """The rows it would leave of ``size`` rows in which ``bound`` are bound."""


@runtime_checkable
class Grouped(Protocol):
    """A step that runs others."""

    @property
    def parts(self) -> Sequence[Sequence[Step]]:
        """The conjunctions it runs."""


class _Part(NamedTuple):
    """Bindings as far as they are known: variables and a number of rows, and the rows where nothing ran yet."""

    names: frozenset[str]
    size: float
    rows: Relation | None = None


def expected(steps: Sequence[Step], start: Relation, depth: int = 0) -> tuple[list[Expected], float]:
    """The steps in the order they would run, those inside of others after them, and the rows at the end."""
    return _walked(steps, [_Part(frozenset(start.names), float(start.size), start)], depth)


def expected_of(steps: Sequence[Step], size: float, bound: frozenset[str]) -> float:
    """The rows at the end of a conjunction that starts from ``size`` rows in which ``bound`` are bound."""
    return _walked(steps, [_Part(bound, size)], 0)[1]


def _walked(steps: Sequence[Step], parts: list[_Part], depth: int) -> tuple[list[Expected], float]:
    pending, found = list(steps), list[Expected]()
    while pending:
        bound = frozenset[str]().union(*(part.names for part in parts))
        ready = [step for step in pending if step.needs <= bound]
        if not ready:  # compiling has refused what can never run
            break
        step = next((step for step in ready if step.is_filter and len(_touched(step, parts)) == 1), None)
        step = step or min(ready, key=lambda step: _size(step, _touched(step, parts), _cost))
        pending.remove(step)
        touched = _touched(step, parts)
        size = _joined(step, touched)
        found.append(Expected(step, depth, size))
        found += _inside(step, touched, depth + 1)
        names = step.names.union(*(part.names for part in touched))
        needed = frozenset[str]().union(*(other.names for other in pending))
        parts = [part for part in parts if part not in touched]
        parts.append(_Part(names if pending else names | needed, size))
    return found, math.prod(part.size for part in parts)


def _inside(step: Step, touched: Sequence[_Part], depth: int) -> list[Expected]:
    if not isinstance(step, Grouped):
        return []
    bound = step.names.intersection(*[frozenset[str]().union(*(part.names for part in touched))])
    size = max([part.size for part in touched], default=1.0)
    return [line for steps in step.parts for line in _walked(steps, [_Part(bound, size)], depth)[0]]


def _touched(step: Step, parts: Sequence[_Part]) -> list[_Part]:
    return [part for part in parts if not step.names.isdisjoint(part.names)]


def _size(step: Step, touched: Sequence[_Part], one: Callable[[Step, _Part], float]) -> float:
    """What the step would leave of the component it starts from, ``one`` telling that of one component."""
    if not touched:
        return one(step, _Part(frozenset(), 1.0, Relation.true()))
    needed = [part for part in touched if not step.needs.isdisjoint(part.names)]
    if len(needed) > 1:
        return math.prod(part.size for part in needed)
    return min(one(step, part) for part in (needed or touched))


def _cost(step: Step, part: _Part) -> float:
    """What the engine would go by."""
    return _rows(step, part) if part.rows is None else step.estimate(part.rows)


def _rows(step: Step, part: _Part) -> float:
    """What is really to be expected, as far as anything is known."""
    if not isinstance(step, Grouped) and part.rows is not None:
        return step.estimate(part.rows)
    if isinstance(step, Averaged):
        return step.average(part.size, part.names)
    return part.size / 2 if step.is_filter else part.size


def _joined(step: Step, touched: Sequence[_Part]) -> float:
    """What is left once the step's rows have met those of every component it touches."""
    size = _size(step, touched, _rows)
    return min([size, *(part.size for part in touched)]) if len(touched) > 1 and not step.needs else size
