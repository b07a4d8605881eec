"""Recursive rules: magic sets from the bound arguments, then semi-naive evaluation.

A *goal* is a rule name with a mark for each argument: bound or free. It has two tables: what was
*asked* (the bound arguments it has been called with, the "magic set") and the *answers* for those.
Each rule of the name gives a *derivation* of answers from what is asked, and each call inside a rule
a derivation of what that call's goal is asked from what stands before it (Bancilhon, Maier, Sagiv
and Ullman 1986; Beeri and Ramakrishnan 1991). Derivations run semi-naively: each round joins what is
new in one table with all of the others, until nothing is new.

Where every recursive call hands its free arguments through unchanged (right-linear recursion), the
goal keeps instead *reach*: which arguments each asked one leads to. Answers are then found once per
asked argument, not once per argument on the way (Naughton, Ramakrishnan, Sagiv and Ullman 1989).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from msgspec.structs import replace

from factstore.query.ast import Clause, Constant, Node, Rule, RuleCall, Term, Variable
from factstore.query.explain import Called
from factstore.query.goals import Goal, Ordered, is_right_linear, ordered
from factstore.query.relation import Relation
from factstore.query.rules import RuleSet
from factstore.query.scope import NONE, Site
from factstore.query.solve import Solver
from factstore.query.steps import Step
from factstore.query.tables import Table, TableStep

T = TypeVar("T", bound=Term)


class Compile(Protocol):
    """What makes clauses ready to run."""

    def steps(self, clauses: Sequence[Clause], at: Site) -> list[Step]:
        """A step for each clause of a conjunction."""

    def by_id(self, name: str, args: tuple[T, ...], source: str) -> tuple[T, ...]:
        """The arguments of a call or head of a rule, those that name entities being ids."""


class Derivation:
    """One way to fill a table: a head over the join of tables and other steps."""

    def __init__(
        self, target: Table, head: Sequence[Term], tables: Sequence[TableStep], steps: Sequence[Step], solver: Solver
    ) -> None:
        self._target = target
        self._head = head
        self._tables = tables
        self._steps = steps
        self._solver = solver

    def run_whole(self) -> None:
        """Derives from all rows of all tables."""
        if not any(table.is_empty for table in self._tables):
            self._derive((*self._tables, *self._steps), Relation.true())

    def run_new(self) -> None:
        """Derives what needs a new row of some table."""
        for table in self._tables:
            if table.has_new:
                others = [other for other in self._tables if other is not table]
                if not any(other.is_empty for other in others):
                    self._derive((*others, *self._steps), table.of_new())

    def _derive(self, steps: Sequence[Step], start: Relation) -> None:
        names = list(dict.fromkeys(term.name for term in self._head if isinstance(term, Variable)))
        found = self._solver.solve(steps, start, names)
        if not found.size:
            return
        values = self._solver.values
        columns = [
            found[term.name] if isinstance(term, Variable) else values.constant(_value(term), found.size)
            for term in self._head
        ]
        self._target.add(Relation({str(place): column for place, column in enumerate(columns)}, found.size))
        self._solver.limits.check(self._target.size)


def _value(term: Term) -> object:
    return term.value if isinstance(term, Constant) else None


class Fixpoint:
    """The goals of one query over one rule set, filled as they are called."""

    def __init__(self, rules: RuleSet, solver: Solver, compile: Compile) -> None:
        self._rules = rules
        self._solver = solver
        self._compile = compile
        self._asked: dict[Goal, Table] = {}
        self._answers: dict[Goal, Table] = {}
        self._tables: list[Table] = []
        self._derivations: list[Derivation] = []
        self._fresh: list[Derivation] = []
        self._running = False
        self._below: Fixpoint | None = None

    @property
    def goals(self) -> tuple[Goal, ...]:
        """The goals called so far, for explain."""
        return tuple(self._answers)

    def called(self) -> list[Called]:
        """The goals called so far, and how much their tables hold."""
        own = [
            Called(str(goal), goal.asks, getattr(table, "how", ""), self._asked[goal].size, table.size)
            for goal, table in self._answers.items()
            if not goal.name.startswith("or@")
        ]
        return own + (self._below.called() if self._below else [])

    def call(self, goal: Goal, seeds: Relation) -> Relation:
        """The answers of ``goal``, complete for ``seeds``: the bound arguments by place among them."""
        if self._running:
            # A negation inside a rule: what it negates lies in a lower stratum and is filled apart.
            self._below = self._below or Fixpoint(self._rules, self._solver, self._compile)
            return self._below.call(goal, seeds)
        self._running = True
        try:
            self._table_of(goal)
            if goal.asks:
                self._asked[goal].add(seeds)
            self._fill()
        finally:
            self._running = False
        return self._answers[goal].rows()

    def _fill(self) -> None:
        while True:
            turned = [table.turn() for table in self._tables]
            fresh, self._fresh = self._fresh, []
            if not fresh and not any(turned):
                return
            for derivation in self._derivations:
                derivation.run_new()
            for derivation in fresh:
                derivation.run_whole()
            self._derivations += fresh

    def _new_table(self, arity: int) -> Table:
        table = Table(arity, self._solver.values)
        self._tables.append(table)
        return table

    def _table_of(self, goal: Goal) -> Table:
        known = self._answers.get(goal)
        if known is not None:
            return known
        table = self._answers[goal] = self._new_table(len(goal.bound))
        self._asked[goal] = self._new_table(sum(goal.bound))
        rules = [self._by_id(rule, goal.source) for rule in self._rules.rules_of(goal.name)]
        bodies = [ordered(rule, goal, self._rules) for rule in rules]
        if goal.asks and is_right_linear(goal, bodies):
            self._build_reach(goal, bodies)
        else:
            for body in bodies:
                self._build(goal, body)
        return table

    def _by_id(self, rule: Rule, source: str) -> Rule:
        """The rule with ids for the names of entities in its head and in the calls of its body."""

        def resolved(call: Clause) -> Clause:
            if not isinstance(call, RuleCall):
                return call
            args = self._compile.by_id(call.name, call.args, call.source.name if call.source else source)
            return replace(call, args=args)

        head = replace(
            rule.head, vars=self._compile.by_id(rule.head.name, rule.head.args, source)[len(rule.head.required) :]
        )
        return replace(rule, head=head, clauses=tuple(map(resolved, rule.clauses)))

    def _build(self, goal: Goal, body: Ordered) -> None:
        """Answers of a rule: its body, joined with what the goal is asked."""
        rule = body.rule
        asked = [self._step(rule.head, self._asked[goal], goal.bound_of(rule.head.args))] if goal.asks else []
        tables, steps = self._body(goal, body, asked)
        self._derive(self._answers[goal], rule.head.args, tables, steps)

    def _build_reach(self, goal: Goal, bodies: Sequence[Ordered]) -> None:
        """Answers of right-linear rules: what ends the walk, at every place an asked argument leads to."""
        origin: list[Term] = [Variable(f"origin {place}") for place in range(sum(goal.bound))]
        reach = self._new_table(2 * len(origin))
        asked = self._step(bodies[0].rule.head, self._asked[goal], origin)
        self._derive(reach, (*origin, *origin), [asked], [])
        for body in bodies:
            rule = body.rule
            onward = next((call for call in body.calls if call.name == goal.name), None)
            here = self._step(rule.head, reach, (*origin, *goal.bound_of(rule.head.args)))
            tables, steps = self._body(goal, body, [here], leave_out=onward)
            if onward is not None:
                self._derive(reach, (*origin, *goal.bound_of(onward.args)), tables, steps)
            else:
                self._derive(self._answers[goal], _with_origin(goal, rule, origin), tables, steps)

    def _body(
        self, goal: Goal, body: Ordered, first: Sequence[TableStep], leave_out: RuleCall | None = None
    ) -> tuple[list[TableStep], list[Step]]:
        """The tables and steps of a rule body; every call in it is asked what stands before it."""
        tables = list(first)
        before: list[Clause] = []
        for clause in body.clauses:
            if not isinstance(clause, RuleCall):
                before.append(clause)
            elif clause is not leave_out:
                called = body.goals[id(clause)]
                answers = self._table_of(called)
                if called.asks and not _asks_the_same(goal, body.rule, called, clause):
                    steps = self._steps(goal, before, tables)
                    self._derive(self._asked[called], called.bound_of(clause.args), list(tables), steps)
                tables.append(self._step(clause, answers, clause.args))
        return tables, self._steps(goal, before, tables)

    def _steps(self, goal: Goal, clauses: Sequence[Clause], tables: Sequence[TableStep]) -> list[Step]:
        bound = NONE.union(*(table.names for table in tables))
        return self._compile.steps(clauses, Site(goal.source, bound))

    def _step(self, node: Node, table: Table, args: Sequence[Term]) -> TableStep:
        return TableStep(node, table, args, self._solver.values)

    def _derive(self, target: Table, head: Sequence[Term], tables: Sequence[TableStep], steps: Sequence[Step]) -> None:
        self._fresh.append(Derivation(target, head, tables, steps, self._solver))


def _asks_the_same(goal: Goal, rule: Rule, called: Goal, call: RuleCall) -> bool:
    return called == goal and called.bound_of(call.args) == goal.bound_of(rule.head.args)


def _with_origin(goal: Goal, rule: Rule, origin: Sequence[Term]) -> list[Term]:
    origins = iter(origin)
    return [next(origins) if bound else arg for arg, bound in zip(rule.head.args, goal.bound, strict=True)]
