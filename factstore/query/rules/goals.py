"""Goals, and the order in which a rule body hands bindings on from one clause to the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from factstore import edn
from factstore.errors import QueryError
from factstore.query.language.ast import (
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
from factstore.query.language.scope import Scope, given, needed, spoken
from factstore.query.rules.renaming import as_written
from factstore.query.rules.ruleset import RuleSet, unbound_in_head


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
    for clause, known in in_order(rule.clauses, bound, rules):
        if isinstance(clause, RuleCall):
            source = clause.source.name if clause.source else goal.source
            found.goals[id(clause)] = Goal(source, clause.name, bound_places(clause, known))
        found.clauses.append(clause)
    bound |= given(rule.clauses)
    for arg in variables(rule.head.args).values():
        if arg.name not in bound:
            raise unbound_in_head(rule, arg)
    return found


def in_order(clauses: Sequence[Clause], bound: Scope, rules: RuleSet) -> Iterator[tuple[Clause, Scope]]:
    """The clauses in the order in which bindings spread from ``bound``, each with what is bound before it."""
    pending = list(clauses)
    while pending:
        needs = [_needed(clause, clauses, bound, rules) for clause in pending]
        distances = [_distance(clause, bound, need) for clause, need in zip(pending, needs, strict=True)]
        place = distances.index(min(distances))
        if distances[place] == _NOT_YET:
            raise _unbound(pending[place], needs[place] - bound)
        clause = pending.pop(place)
        yield clause, bound
        bound |= given((clause,))


def _needed(clause: Clause, clauses: Sequence[Clause], bound: Scope, rules: RuleSet) -> Scope:
    others = given(other for other in clauses if other is not clause)
    required = rules.required(clause.name) if isinstance(clause, RuleCall) else 0
    return needed(clause, bound | others, required)


def _unbound(clause: Clause, missing: Scope) -> QueryError:
    names = sorted(missing)
    shown = " and ".join(map(as_written, names))
    message = f"{shown} in {clause} cannot be bound by any clause"
    return edn.located(
        QueryError,
        message,
        variables(clause)[names[0]].at,
        code="query/unbound",
        variables=list(map(as_written, names)),
    )


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
