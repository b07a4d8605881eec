"""Clauses that hold other clauses: ``not``, ``or`` and ``optional``."""

from __future__ import annotations

from collections.abc import Sequence

from factstore.columns import Mask
from factstore.query.columnar.estimate import expected_of
from factstore.query.columnar.operators import anti_join, concat, join, project, union
from factstore.query.columnar.patterns import AttributeStep
from factstore.query.columnar.relation import Relation
from factstore.query.columnar.solve import Solver, can_run
from factstore.query.columnar.steps import Step, least
from factstore.query.language.ast import Node, Not, Optional, Or


class NotStep:
    """``(not clause+)``: keeps the rows for which the clauses have no solution."""

    is_filter = True

    def __init__(self, node: Not, shared: frozenset[str], steps: Sequence[Step], solver: Solver) -> None:
        self.node: Node = node
        self.how = ""
        self.needs = self.names = shared
        self._steps = steps
        self._solver = solver

    @property
    def parts(self) -> list[Sequence[Step]]:
        return [self._steps]

    def estimate(self, rows: Relation) -> float:
        return float(rows.size)

    def run(self, rows: Relation, needed: frozenset[str]) -> Relation:
        held = self._matched(rows)
        if held is not None:
            self.how = "anti-join with an index"
            return rows.take(~held)
        self.how = "anti-join"
        found = self._solver.solve(self._steps, project(rows, self.names), self.names)
        return anti_join(rows, found, self._solver.values)

    def _matched(self, rows: Relation) -> Mask | None:
        """The rows with a solution, where one pattern is all there is to solve; None where it is not."""
        step = self._steps[0] if len(self._steps) == 1 else None
        if not isinstance(step, AttributeStep):
            return None
        # What else the rows hold has nothing to do with variables of the same names inside.
        return step.matches(rows.only([name for name in rows.names if name in self.names]))


class OrStep:
    """``(or branch+)``: the rows any branch gives, each once."""

    is_filter = False

    def __init__(
        self,
        node: Or,
        names: frozenset[str],
        needs: frozenset[str],
        branches: Sequence[Sequence[Step]],
        solver: Solver,
    ) -> None:
        self.node: Node = node
        self.names = names
        self.needs = needs
        self._own = frozenset(name for branch in branches for step in branch for name in step.names) - names
        self._branches = branches
        self._solver = solver
        self._least = needs

    def settle(self, known: frozenset[str]) -> bool:
        """Whether every branch runs with what is ``known``; needs the least of it that will do."""
        found = least(known & self.names, self._least, self._runs)
        self.needs = self._least if found is None else found
        return found is not None

    def _runs(self, bound: frozenset[str]) -> bool:
        return all(can_run(branch, bound) for branch in self._branches)

    @property
    def parts(self) -> list[Sequence[Step]]:
        return list(self._branches)

    def average(self, size: float, bound: frozenset[str]) -> float:
        return sum(expected_of(branch, size, bound & self.names) for branch in self._branches)

    def estimate(self, rows: Relation) -> float:
        return sum(_first(branch, rows) for branch in self._branches)

    def run(self, rows: Relation, needed: frozenset[str]) -> Relation:
        values = self._solver.values
        start = project(rows, [name for name in rows.names if name in self.names])
        if 2 * start.size < rows.size or not self._own.isdisjoint(rows.names):
            # Many rows say the same to the branches, or hold other things by the names of the branches' own
            # variables: each is solved once, and joined back.
            found = [self._solver.solve(branch, start, self.names) for branch in self._branches]
            return join(rows, union(found, sorted(self.names), values), values)
        keep = needed & self.names.union(rows.names)
        found = [self._solver.solve(branch, rows, keep) for branch in self._branches]
        return union(found, sorted(keep), values)


def _first(branch: Sequence[Step], rows: Relation) -> float:
    """The rows expected of the step a branch would begin with; one that waits for others says nothing yet."""
    known = frozenset(rows.names)
    starts = (step.estimate(rows) for step in branch if not step.is_filter and step.needs <= known)
    return min(starts, default=float(rows.size))


class OptionalStep:
    """``(optional clause+)``: a left join; the new variables of rows without a match are None."""

    is_filter = False

    def __init__(
        self, node: Optional, shared: frozenset[str], new: frozenset[str], steps: Sequence[Step], solver: Solver
    ) -> None:
        self.node: Node = node
        self.needs = shared
        self.names = shared | new
        self._new = new
        self._steps = steps
        self._solver = solver

    @property
    def parts(self) -> list[Sequence[Step]]:
        return [self._steps]

    def average(self, size: float, bound: frozenset[str]) -> float:
        return size

    def estimate(self, rows: Relation) -> float:
        return float(rows.size)

    def run(self, rows: Relation, needed: frozenset[str]) -> Relation:
        values = self._solver.values
        found = self._solver.solve(self._steps, project(rows, self.needs), self.names)
        matched = join(rows, found, values)
        unmatched = anti_join(rows, found, values)
        if not unmatched.size:
            return matched
        absent = {name: values.constant(None, unmatched.size) for name in self._new}
        rest = unmatched.with_columns(absent)
        if not matched.size:
            return rest
        return Relation({name: concat([matched[name], rest[name]], values) for name in rest.names})
