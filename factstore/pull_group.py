"""What a pull has found, column by column, and how it becomes maps."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from factstore.columns import EMPTY, Ints
from factstore.errors import FactstoreError, QueryError
from factstore.pull_plan import Plan, Step

Pulled = dict[Any, Any]
"""What a pattern shows of one entity, by attribute name or alias."""


class Group:
    """All entities of a level that one plan shows; ``stepped`` if recursion has led to them.

    It is filled (:meth:`add`), closed when its turn comes, given a column for each step, and
    assembled after all groups below it.
    """

    def __init__(self, plan: Plan, stepped: bool = False) -> None:
        self.plan = plan
        self.stepped = stepped
        self.size = 0
        self.columns: list[Column] = []
        self.results: list[Pulled] = []
        self._parts: list[tuple[Ints, Ints, Ints]] = []

    def add(self, e: Ints, left: Ints, paths: Ints = EMPTY) -> int:
        """Takes more entities; gives the place of the first one.

        ``left[i]`` says how often each bounded recursion of the plan may still be followed from ``e[i]``.
        """
        at = self.size
        self._parts.append((e, left, paths))
        self.size += len(e)
        return at

    def closed(self) -> tuple[Ints, Ints, Ints]:
        """The entities, what is left, and the paths, now that no more will come."""
        e, left, paths = (np.concatenate(column) for column in zip(*self._parts, strict=True))
        self._parts = []
        return e, left, paths

    def assemble(self) -> None:
        """Makes the results, those of all groups below being made."""
        self.results = [{} for _ in range(self.size)]
        for column in self.columns:
            for row, value in column.shown(self.size):
                self.results[row][column.step.key] = value
        self.columns = []


class Column(msgspec.Struct, frozen=True, eq=False):
    """What one step found: the value of ``rows[i]`` is ``values[i]``, or a result of the group below."""

    step: Step
    rows: list[int]
    values: list[Any]
    below: Group | None = None
    places: Sequence[int] = ()
    """Which result of the group below, -1 where ``values`` has it."""
    asked: Sequence[int] | None = None
    """The rows that recursion had not ended for, None for all."""

    def shown(self, size: int) -> Iterator[tuple[int, Any]]:
        """(row, what stands there in the end)."""
        found = self._single() if self.step.single else self._many()
        if self.step.xform is None and self.step.spec.default is msgspec.UNSET:
            yield from found.items()
            return
        for row in range(size) if self.asked is None else self.asked:
            value = self._settled(found, row)
            if value is not msgspec.UNSET:
                yield row, value

    def _found(self) -> Iterator[tuple[int, Any]]:
        if self.below is None:
            return zip(self.rows, self.values, strict=True)
        results = self.below.results
        triples = zip(self.rows, self.values, self.places, strict=True)
        shown = ((row, value if place < 0 else results[place]) for row, value, place in triples)
        return ((row, value) for row, value in shown if value)

    def _single(self) -> dict[int, Any]:
        return dict(self._found())

    def _many(self) -> dict[int, Any]:
        found: dict[int, Any] = {}
        for row, value in self._found():
            found.setdefault(row, []).append(value)
        return found

    def _settled(self, found: Mapping[int, Any], row: int) -> Any:
        default = self.step.spec.default
        if row not in found and default is not msgspec.UNSET:
            return copy.deepcopy(default)  # the pattern keeps its own, and is used again
        value = found.get(row)
        if self.step.xform is not None:
            value = _applied(self.step, self.step.xform, value)
        return msgspec.UNSET if value is None else value


def _applied(step: Step, xform: Callable[[Any], Any], value: Any) -> Any:
    try:
        return xform(value)
    except FactstoreError:
        raise
    except Exception as error:
        raise QueryError(
            f"{step.spec.xform} failed on the {step.spec.name!r} {value!r:.80}: {type(error).__name__}: {error}",
            code="query/function-failed",
            function=step.spec.xform,
        ) from error
