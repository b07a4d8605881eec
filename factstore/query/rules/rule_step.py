"""The call of a rule as a step: its arguments are asked of the fixpoint, and what it answers is joined."""

from __future__ import annotations

from typing import Final

from factstore.query.columnar.operators import distinct, join
from factstore.query.columnar.relation import Column, Relation
from factstore.query.columnar.solve import Solver
from factstore.query.columnar.steps import least
from factstore.query.language.ast import Blank, Constant, Node, RuleCall, Variable
from factstore.query.rules.fixpoint import Fixpoint
from factstore.query.rules.goals import Goal, bound_places
from factstore.query.rules.tables import arguments_of

_BOUND_CALL: Final = 16.0
"""The rows a rule call with a bound argument is taken to give for each row."""
_FREE_CALL: Final = 1e7
"""The rows a rule call without any is taken to give: anything else goes first."""


class RuleStep:
    """``(name arg*)``: the rows that the rules of a name give for these arguments."""

    is_filter = False

    def __init__(self, node: RuleCall, source: str, needs: frozenset[str], fixpoint: Fixpoint, solver: Solver) -> None:
        self.node: Node = node
        self.needs = needs
        self.names = frozenset(arg.name for arg in node.args if isinstance(arg, Variable))
        self._call = node
        self._source = source
        self._fixpoint = fixpoint
        self._solver = solver
        self._required = needs

    def settle(self, known: frozenset[str]) -> bool:
        """Whether the rules run with what is ``known``; needs the least of it that will do."""
        found = least(known & self.names, self._required, self._runs)
        self.needs = self._required if found is None else found
        return found is not None

    def _runs(self, bound: frozenset[str]) -> bool:
        return self._fixpoint.runs(self._call.name, bound_places(self._call, bound))

    def estimate(self, rows: Relation) -> float:
        return self.average(float(rows.size), frozenset(rows.names))

    def average(self, size: float, bound: frozenset[str]) -> float:
        if any(bound_places(self._call, bound)):
            return _BOUND_CALL * max(size, 1.0)
        return _FREE_CALL

    def run(self, rows: Relation, needed: frozenset[str]) -> Relation:
        values = self._solver.values
        bound = bound_places(self._call, frozenset(rows.names))
        goal = Goal(self._source, self._call.name, bound)
        answers = self._fixpoint.call(goal, self._seeds(goal, rows))
        return join(rows, arguments_of(answers, self._call.args, values), values)

    def _seeds(self, goal: Goal, rows: Relation) -> Relation:
        columns: dict[str, Column] = {}
        for place, arg in enumerate(goal.bound_of(self._call.args)):
            if isinstance(arg, Constant):
                columns[str(place)] = self._solver.values.constant(arg.value, rows.size)
            elif not isinstance(arg, Blank) and isinstance(arg, Variable):
                columns[str(place)] = rows[arg.name]
        return distinct(Relation(columns, rows.size))
