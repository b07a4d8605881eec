"""Goals, and the order in which a rule body hands bindings on from one clause to the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from factstore import edn
from factstore.errors import QueryError
from factstore.query.ast import (
    Blank,
    Clause,
    Constant,
    Optional,
    Or,
    Pattern,
    Rule,
    RuleCall,
    Term,
    Variable,
    variables,
)
from factstore.query.rules import RuleSet, unbound_in_head
from factstore.query.scope import Scope, given, needed, spoken


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


class Ordered(NamedTuple):
    """A rule with its body in the order in which bindings are handed on, and the goal of each call."""

    rule: Rule
    clauses: list[Clause]
    goals: dict[int, Goal]

    @property
    def calls(self) -> list[RuleCall]:
        return [clause for clause in self.clauses if isinstance(clause, RuleCall)]


def ordered(rule: Rule, goal: Goal, rules: RuleSet) -> Ordered:
    """The body in the order in which bindings spread from the bound arguments of the head."""
    bound = frozenset(variables(goal.bound_of(rule.head.args)))
    found = Ordered(rule, [], {})
    pending = list(rule.clauses)
    while pending:
        distances = [_distance(clause, bound, _needed(clause, rule, bound, rules)) for clause in pending]
        clause = pending.pop(distances.index(min(distances)))
        if min(distances) == _NOT_YET:
            raise _unbound(clause, _needed(clause, rule, bound, rules) - bound)
        if isinstance(clause, RuleCall):
            source = clause.source.name if clause.source else goal.source
            found.goals[id(clause)] = Goal(source, clause.name, bound_places(clause, bound))
        bound |= given((clause,))
        found.clauses.append(clause)
    for arg in variables(rule.head.args).values():
        if arg.name not in bound:
            raise unbound_in_head(rule, arg)
    return found


def _needed(clause: Clause, rule: Rule, bound: Scope, rules: RuleSet) -> Scope:
    others = given(other for other in rule.clauses if other is not clause)
    required = rules.required(clause.name) if isinstance(clause, RuleCall) else 0
    return needed(clause, bound | others, required)


def _unbound(clause: Clause, missing: Scope) -> QueryError:
    names = sorted(missing)
    message = f"{' and '.join(names)} in {clause} cannot be bound by any clause"
    return edn.located(QueryError, message, variables(clause)[names[0]].at, code="query/unbound", variables=names)


def bound_places(call: RuleCall, bound: Scope) -> tuple[bool, ...]:
    """Which arguments of a call are bound, given the variables that are."""
    return tuple(isinstance(arg, Constant) or (isinstance(arg, Variable) and arg.name in bound) for arg in call.args)


_NOT_YET = 9


def _distance(clause: Clause, bound: Scope, needed: Scope) -> int:
    """How far a clause is from what is bound: 0 only takes rows away, _NOT_YET cannot run."""
    if not needed <= bound:
        return _NOT_YET
    if isinstance(clause, Pattern):
        return 1 if any(_is_known(term, bound) for term in clause.terms[:1] + clause.terms[2:]) else 4
    if isinstance(clause, RuleCall):
        return 2 if any(bound_places(clause, bound)) else 5
    if given((clause,)) <= bound:
        return 0
    if isinstance(clause, Or | Optional):
        return 3 if spoken((clause,)) & bound else 6
    return 1


def _is_known(term: Term, bound: Scope) -> bool:
    return term.name in bound if isinstance(term, Variable) else not isinstance(term, Blank)


def is_right_linear(goal: Goal, bodies: Sequence[Ordered]) -> bool:
    """True if each recursive call is one of the goal itself that hands the free arguments through."""
    recursive = [body for body in bodies if any(call.name == goal.name for call in body.calls)]
    return bool(recursive) and all(_hands_through(goal, body) for body in recursive)


def _hands_through(goal: Goal, body: Ordered) -> bool:
    if len(body.calls) != 1 or body.goals[id(body.calls[0])] != goal:
        return False
    (call,) = body.calls
    free = goal.free_of(body.rule.head.args)
    bound = goal.bound_of(body.rule.head.args)
    rest = variables([clause for clause in body.clauses if clause is not call], goal.bound_of(call.args))
    return (
        free == goal.free_of(call.args)
        and all(isinstance(arg, Variable) for arg in (*free, *bound))
        and not any(isinstance(arg, Variable) and arg.name in rest for arg in free)
    )
