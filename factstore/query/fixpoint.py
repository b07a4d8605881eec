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

from collections.abc import Callable, Sequence
from typing import NamedTuple

from factstore.query.ast import Blank, Clause, Constant, Node, Pattern, Rule, RuleCall, Term, Variable, variables
from factstore.query.relation import Relation
from factstore.query.rules import RuleSet, exposed
from factstore.query.solve import Solver
from factstore.query.steps import Step
from factstore.query.tables import Table, TableStep

Compile = Callable[[Sequence[Clause], str, frozenset[str]], list[Step]]
"""Steps of clauses, given their default source and the variables bound before them."""


class Goal(NamedTuple):
    """A rule name over a source, and which of its arguments are bound."""

    source: str
    name: str
    bound: tuple[bool, ...]

    @property
    def asks(self) -> bool:
        return any(self.bound)

    def bound_of(self, args: Sequence[Term]) -> list[Term]:
        """The arguments at the bound places."""
        return [arg for arg, bound in zip(args, self.bound, strict=True) if bound]

    def free_of(self, args: Sequence[Term]) -> list[Term]:
        """The arguments at the free places."""
        return [arg for arg, bound in zip(args, self.bound, strict=True) if not bound]

    def __str__(self) -> str:
        return f"{self.name}^{''.join('b' if bound else 'f' for bound in self.bound)}"


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


class _Ordered(NamedTuple):
    """A rule body in the order in which bindings are handed on, with the goal of each call."""

    clauses: list[Clause]
    goals: dict[int, Goal]


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
        rules = self._rules.rules_of(goal.name)
        ordered = [self._ordered(rule, goal) for rule in rules]
        if goal.asks and _is_right_linear(goal, rules, ordered):
            self._build_reach(goal, rules, ordered)
        else:
            for rule, body in zip(rules, ordered, strict=True):
                self._build(goal, rule, body)
        return table

    def _build(self, goal: Goal, rule: Rule, body: _Ordered) -> None:
        """Answers of a rule: its body, joined with what the goal is asked."""
        asked = [self._step(rule.head, self._asked[goal], goal.bound_of(rule.head.args))] if goal.asks else []
        tables, steps = self._body(goal, rule, body, asked)
        self._derive(self._answers[goal], rule.head.args, tables, steps)

    def _build_reach(self, goal: Goal, rules: Sequence[Rule], bodies: Sequence[_Ordered]) -> None:
        """Answers of right-linear rules: what ends the walk, at every place an asked argument leads to."""
        origin: list[Term] = [Variable(f"origin {place}") for place in range(sum(goal.bound))]
        reach = self._new_table(2 * len(origin))
        asked = self._step(rules[0].head, self._asked[goal], origin)
        self._derive(reach, (*origin, *origin), [asked], [])
        for rule, body in zip(rules, bodies, strict=True):
            onward = next((call for call in _calls(body) if call.name == goal.name), None)
            here = self._step(rule.head, reach, (*origin, *goal.bound_of(rule.head.args)))
            tables, steps = self._body(goal, rule, body, [here], leave_out=onward)
            if onward is not None:
                self._derive(reach, (*origin, *goal.bound_of(onward.args)), tables, steps)
            else:
                self._derive(self._answers[goal], _with_origin(goal, rule, origin), tables, steps)

    def _body(
        self, goal: Goal, rule: Rule, body: _Ordered, first: Sequence[TableStep], leave_out: RuleCall | None = None
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
                if called.asks and not _asks_the_same(goal, rule, called, clause):
                    steps = self._steps(goal, before, tables)
                    self._derive(self._asked[called], called.bound_of(clause.args), list(tables), steps)
                tables.append(self._step(clause, answers, clause.args))
        return tables, self._steps(goal, before, tables)

    def _steps(self, goal: Goal, clauses: Sequence[Clause], tables: Sequence[TableStep]) -> list[Step]:
        bound: frozenset[str] = frozenset().union(*(table.names for table in tables))
        return self._compile(clauses, goal.source, bound)

    def _step(self, node: Node, table: Table, args: Sequence[Term]) -> TableStep:
        return TableStep(node, table, args, self._solver.values)

    def _derive(self, target: Table, head: Sequence[Term], tables: Sequence[TableStep], steps: Sequence[Step]) -> None:
        self._fresh.append(Derivation(target, head, tables, steps, self._solver))

    def _ordered(self, rule: Rule, goal: Goal) -> _Ordered:
        """The body in the order in which bindings spread from the bound arguments of the head."""
        bound = {arg.name for arg in goal.bound_of(rule.head.args) if isinstance(arg, Variable)}
        around = exposed(rule.clauses) | set(variables(rule.head.args))
        pending, clauses, goals = list(rule.clauses), [], {}
        while pending:
            clause = min(pending, key=lambda each: _distance(each, bound, around))
            pending = [other for other in pending if other is not clause]
            if isinstance(clause, RuleCall):
                source = clause.source.name if clause.source else goal.source
                goals[id(clause)] = Goal(source, clause.name, bound_places(clause, bound))
            bound |= exposed((clause,))
            clauses.append(clause)
        return _Ordered(clauses, goals)


def bound_places(call: RuleCall, bound: set[str] | frozenset[str]) -> tuple[bool, ...]:
    """Which arguments of a call are bound, given the variables that are."""
    return tuple(isinstance(arg, Constant) or (isinstance(arg, Variable) and arg.name in bound) for arg in call.args)


def _distance(clause: Clause, bound: set[str], around: frozenset[str] | set[str]) -> int:
    """How far a clause is from what is bound: 0 only takes rows away, 9 cannot run yet."""
    if isinstance(clause, Pattern):
        places = clause.terms[:1] + clause.terms[2:]
        known = any(
            not isinstance(term, Blank) and (not isinstance(term, Variable) or term.name in bound) for term in places
        )
        return 1 if known else 4
    if isinstance(clause, RuleCall):
        return 2 if any(bound_places(clause, bound)) else 5
    spoken = set(variables(clause)) & around
    if not exposed((clause,)) - bound and spoken <= bound:
        return 0
    kind = type(clause).__name__
    if kind in ("Or", "Optional"):
        return 3 if spoken & bound else 6
    if kind == "FunctionCall" and set(variables(getattr(clause, "args", ()))) <= bound:
        return 1
    return 9


def _calls(body: _Ordered) -> list[RuleCall]:
    return [clause for clause in body.clauses if isinstance(clause, RuleCall)]


def _asks_the_same(goal: Goal, rule: Rule, called: Goal, call: RuleCall) -> bool:
    return called == goal and called.bound_of(call.args) == goal.bound_of(rule.head.args)


def _with_origin(goal: Goal, rule: Rule, origin: Sequence[Term]) -> list[Term]:
    origins = iter(origin)
    return [next(origins) if bound else arg for arg, bound in zip(rule.head.args, goal.bound, strict=True)]


def _is_right_linear(goal: Goal, rules: Sequence[Rule], bodies: Sequence[_Ordered]) -> bool:
    """True if each recursive call is one of the goal itself that hands the free arguments through."""
    recursive = [
        (rule, body) for rule, body in zip(rules, bodies, strict=True) if any(c.name == goal.name for c in _calls(body))
    ]
    return bool(recursive) and all(_hands_through(goal, rule, body) for rule, body in recursive)


def _hands_through(goal: Goal, rule: Rule, body: _Ordered) -> bool:
    calls = _calls(body)
    if len(calls) != 1 or body.goals[id(calls[0])] != goal:
        return False
    free = goal.free_of(rule.head.args)
    rest = variables([clause for clause in body.clauses if clause is not calls[0]], goal.bound_of(calls[0].args))
    bound_heads = goal.bound_of(rule.head.args)
    return (
        free == goal.free_of(calls[0].args)
        and all(isinstance(arg, Variable) for arg in (*free, *bound_heads))
        and not any(isinstance(arg, Variable) and arg.name in rest for arg in free)
    )
