"""Recursive rules: magic sets from the bound arguments, then semi-naive evaluation.

A *goal* is a rule name with a mark for each argument: bound or free. It has two tables: what was
*asked* (the bound arguments it has been called with, the "magic set") and the *answers* for those.
Each rule of the name gives a *derivation* of answers from what is asked, and each call inside a rule
a derivation of what that call's goal is asked from what stands before it (Bancilhon, Maier, Sagiv
and Ullman 1986; Beeri and Ramakrishnan 1991). Derivations run semi-naively: each round joins what is
new in one table with all of the others, until nothing is new.

Where the recursion of a goal goes one way only, it is a walk instead (:mod:`factstore.query.rules.linear`), and
nothing is kept of what lies on the way but where it has been.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Protocol, TypeVar

from msgspec.structs import replace

from factstore.query.columnar.operators import distinct
from factstore.query.columnar.relation import Relation
from factstore.query.columnar.solve import Solver
from factstore.query.columnar.steps import Step
from factstore.query.language.ast import Clause, Constant, Node, Rule, RuleCall, Term, Variable
from factstore.query.language.scope import NONE, Site
from factstore.query.rules.called import Called
from factstore.query.rules.goals import Goal, Ordered, Places, ordered, runs
from factstore.query.rules.linear import Linear, from_nothing, linear, narrower
from factstore.query.rules.ruleset import RuleSet
from factstore.query.rules.tables import Table, TableStep
from factstore.query.rules.walk import MixedKinds
from factstore.query.rules.walked import Walked

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
        self._walked: dict[Goal, Walked | None] = {}
        self._asked: dict[Goal, Table] = {}
        self._answers: dict[Goal, Table] = {}
        self._tables: list[Table] = []
        self._derivations: list[Derivation] = []
        self._fresh: list[Derivation] = []
        self._rounds = 0
        self._running = False
        self._below: Fixpoint | None = None

    def called(self) -> list[Called]:
        """The goals called so far, and how much is kept for them."""
        walked = [
            Called(str(goal), goal.asks, "as a walk", walk.asked, walk.rows, walk.rounds, walk.held)
            for goal, walk in self._walked.items()
            if walk is not None and walk.held
        ]
        tables = [
            Called(str(goal), goal.asks, "", self._asked[goal].size, table.size, self._rounds)
            for goal, table in self._answers.items()
            if not goal.name.startswith("or@")
        ]
        return walked + tables + (self._below.called() if self._below else [])

    def runs(self, name: str, bound: Places) -> bool:
        """Whether the rules of a name can run where these arguments are bound."""
        return runs(name, bound, self._rules)

    def call(self, goal: Goal, seeds: Relation) -> Relation:
        """The answers of ``goal``, complete for ``seeds``: the bound arguments by place among them."""
        for part, places in self._walkable(goal, seeds):
            walked = self._walk_of(part)
            if walked is not None:
                try:
                    return walked.answers(places)
                except MixedKinds:
                    self._walked[part] = None
        return self._by_magic(goal, seeds)

    def _walkable(self, goal: Goal, seeds: Relation) -> list[tuple[Goal, Relation]]:
        """The goals that would answer ``goal`` if they were walks, the best first, and what they are asked."""
        found = [(goal, seeds)]
        if len(goal.bound) > 1 and all(goal.bound):
            # A check of pairs: from the side on which they are fewer, and no pair is walked from twice.
            parts = []
            for part in narrower(goal, self._rules.required(goal.name)):
                if sum(part.bound) == len(goal.bound) - 1 and self._walk_of(part) is not None:
                    kept = [name for name, is_bound in zip(seeds.names, part.bound, strict=True) if is_bound]
                    asked = distinct(seeds.only(kept))
                    parts.append((part, asked.renamed(list(map(str, range(len(kept)))))))
            found = sorted(parts, key=lambda choice: choice[1].size) + found
        return found

    def _walk_of(self, goal: Goal) -> Walked | None:
        if goal not in self._walked:
            found = self._linear(goal)
            self._walked[goal] = found and Walked(found, self._compile.steps, self._rules.unfold, self._solver)
        return self._walked[goal]

    def _linear(self, goal: Goal) -> Linear | None:
        component = self._rules.component(goal.name)
        rules = {name: self._rules.rules_of(name) for name in component}
        resolved = {name: [self._by_id(rule, goal.source) for rule in group] for name, group in rules.items()}
        known: dict[Goal, Linear | None] = self._rules.walks if resolved == rules else {}
        if goal not in known:
            known[goal] = (linear if goal.asks else from_nothing)(goal, self._rules, resolved)
        return known[goal]

    def _by_magic(self, goal: Goal, seeds: Relation) -> Relation:
        if self._running:
            # Called inside of a rule: what is called lies in a lower stratum and is filled apart.
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
            self._rounds += 1
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
        for rule in self._rules.rules_of(goal.name):
            self._build(goal, ordered(self._by_id(rule, goal.source), goal, self._rules))
        return table

    def _by_id(self, rule: Rule, source: str) -> Rule:
        """The rule with ids for the names of entities in its head and in the calls of its body."""

        def resolved(call: Clause) -> Clause:
            if not isinstance(call, RuleCall):
                return call
            args = self._compile.by_id(call.name, call.args, call.source.name if call.source else source)
            return call if args is call.args else replace(call, args=args)

        head = rule.head
        args = self._compile.by_id(head.name, head.args, source)
        clauses = tuple(map(resolved, rule.clauses))
        if args == head.args and all(map(operator.is_, clauses, rule.clauses)):
            return rule
        return replace(rule, head=replace(head, vars=args[len(head.required) :]), clauses=clauses)

    def _build(self, goal: Goal, body: Ordered) -> None:
        """Answers of a rule: its body, joined with what the goal is asked; each call is asked what stands before it."""
        rule = body.rule
        tables = [self._step(rule.head, self._asked[goal], goal.bound_of(rule.head.args))] if goal.asks else []
        before: list[Clause] = []
        for clause in body.clauses:
            if not isinstance(clause, RuleCall) or self._is_apart(goal, clause, body.goals[id(clause)]):
                before.append(clause)
                continue
            called = body.goals[id(clause)]
            answers = self._table_of(called)
            if called.asks and not _asks_the_same(goal, rule, called, clause):
                steps = self._steps(goal, before, tables)
                self._derive(self._asked[called], called.bound_of(clause.args), list(tables), steps)
            tables.append(self._step(clause, answers, clause.args))
        self._derive(self._answers[goal], rule.head.args, tables, self._steps(goal, before, tables))

    def _is_apart(self, goal: Goal, call: RuleCall, called: Goal) -> bool:
        """True for a call that does not lead back here and is a walk: it is called as in a query."""
        return call.name not in self._rules.component(goal.name) and called.asks and self._walk_of(called) is not None

    def _steps(self, goal: Goal, clauses: Sequence[Clause], tables: Sequence[TableStep]) -> list[Step]:
        bound = NONE.union(*(table.names for table in tables))
        return self._compile.steps(clauses, Site(goal.source, bound))

    def _step(self, node: Node, table: Table, args: Sequence[Term]) -> TableStep:
        return TableStep(node, table, args, self._solver.values)

    def _derive(self, target: Table, head: Sequence[Term], tables: Sequence[TableStep], steps: Sequence[Step]) -> None:
        self._fresh.append(Derivation(target, head, tables, steps, self._solver))


def _asks_the_same(goal: Goal, rule: Rule, called: Goal, call: RuleCall) -> bool:
    return called == goal and called.bound_of(call.args) == goal.bound_of(rule.head.args)
