"""Goals, and the order in which a rule body hands bindings on from one clause to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

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

Places: TypeAlias = tuple[bool, ...]
"""Which arguments of a call are bound."""
Asked: TypeAlias = tuple[str, Places]
"""A call as far as it matters to what can be bound: the name of its rules, and which arguments are."""
Can: TypeAlias = Callable[[str, Places], bool]


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


def ordered(rule: Rule, goal: Goal, rules: RuleSet, can: Can | None = None) -> Ordered:
    """The body in the order in which bindings spread from the bound arguments of the head."""
    bound = frozenset(variables(goal.bound_of(rule.head.args)))
    found = Ordered(rule, [], {})
    for clause, known in in_order(rule.clauses, bound, rules, can):
        if isinstance(clause, RuleCall):
            source = clause.source.name if clause.source else goal.source
            found.goals[id(clause)] = Goal(source, clause.name, bound_places(clause, known))
        found.clauses.append(clause)
    bound |= given(rule.clauses)
    for arg in variables(rule.head.args).values():
        if arg.name not in bound:
            raise unbound_in_head(rule, arg)
    return found


def in_order(
    clauses: Sequence[Clause], bound: Scope, rules: RuleSet, can: Can | None = None
) -> Iterator[tuple[Clause, Scope]]:
    """The clauses in the order in which bindings spread from ``bound``, each with what is bound before it.

    ``can`` says which calls can run; if it is None, those that :func:`runs` says.
    """
    pending = list(clauses)
    while pending:
        needs = [_needed(clause, clauses, bound, rules) for clause in pending]
        distances = [_distance(clause, bound, need, rules, can) for clause, need in zip(pending, needs, strict=True)]
        place = distances.index(min(distances))
        if distances[place] == _NOT_YET:
            raise _stuck(pending, needs, bound)
        clause = pending.pop(place)
        yield clause, bound
        bound |= given((clause,))


def _needed(clause: Clause, clauses: Sequence[Clause], bound: Scope, rules: RuleSet) -> Scope:
    others = given(other for other in clauses if other is not clause)
    required = rules.required(clause.name) if isinstance(clause, RuleCall) else 0
    return needed(clause, bound | others, required)


def _stuck(pending: Sequence[Clause], needs: Sequence[Scope], bound: Scope) -> QueryError:
    """The error that no clause can run."""
    for clause, need in zip(pending, needs, strict=True):
        if not need <= bound:
            return _unbound(clause, need - bound)
    return _unbound(pending[0], frozenset(variables(pending[0])) - bound)


def runs(name: str, bound: Places, rules: RuleSet) -> bool:
    """Whether the rules of a name can run where these arguments are bound; remembered with the rules."""
    known = rules.stopped
    if (name, bound) not in known:
        known.update(_stopped((name, bound), rules))
    return known[name, bound] is None


def check_runs(name: str, bound: Places, rules: RuleSet) -> None:
    """Raises ``query/unbound`` unless :func:`runs`, and says what in which rule cannot be bound."""
    if not runs(name, bound, rules):
        where, places = rules.stopped[name, bound] or (name, bound)
        for rule in rules.rules_of(where):
            ordered(rule, Goal("$", where, places), rules, lambda *_: True)


def _stopped(asked: Asked, rules: RuleSet) -> dict[Asked, Asked | None]:
    """For a call, and all it leads to, the one whose rules stop it by what they say themselves; None if it can run.

    A call is taken to run until it is shown that it does not, since recursion comes back to where it began.
    """
    found: dict[Asked, Asked] = {}
    while True:
        size, trial = len(found), _Trial(asked, found, rules)
        while trial.waiting:
            trial.look_at(trial.waiting.pop())
        if len(found) == size:
            return {call: found.get(call) for call in trial.met}


class _Trial:
    """One look at a call and all it leads to, given what has been ``found`` to be stopped."""

    def __init__(self, asked: Asked, found: dict[Asked, Asked], rules: RuleSet) -> None:
        self._found, self._rules = found, rules
        self.met, self.waiting = {asked}, [asked]
        self._causes: list[Asked] = []

    def look_at(self, call: Asked) -> None:
        self._causes.clear()
        try:
            for rule in self._rules.rules_of(call[0]):
                ordered(rule, Goal("$", *call), self._rules, self._can)
        except QueryError:
            self._found.setdefault(call, self._causes[-1] if self._causes else call)

    def _can(self, name: str, bound: Places) -> bool:
        call, known = (name, bound), self._rules.stopped
        cause: Asked | None = self._found.get(call, known.get(call))
        if cause is not None:
            self._causes.append(cause)
        elif call not in self.met and call not in known:
            self.met.add(call)
            self.waiting.append(call)
        return cause is None


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


def bound_places(call: RuleCall, bound: Scope) -> Places:
    """Which arguments of a call are bound, given the variables that are."""
    return tuple(isinstance(arg, Constant) or (isinstance(arg, Variable) and arg.name in bound) for arg in call.args)


_NOT_YET = 9


def _distance(clause: Clause, bound: Scope, needed: Scope, rules: RuleSet, can: Can | None) -> int:
    """How far a clause is from what is bound: 0 only takes rows away, _NOT_YET cannot run."""
    if not needed <= bound:
        return _NOT_YET
    if isinstance(clause, Pattern):
        return 1 if any(_is_known(term, bound) for term in clause.terms[:1] + clause.terms[2:]) else 4
    if isinstance(clause, RuleCall):
        places = bound_places(clause, bound)
        if not (runs(clause.name, places, rules) if can is None else can(clause.name, places)):
            return _NOT_YET
        return 2 if any(places) else 5
    if given((clause,)) <= bound:
        return 0
    if isinstance(clause, Or | Optional):
        return 3 if spoken((clause,)) & bound else 6
    return 1


def _is_known(term: Term, bound: Scope) -> bool:
    return term.name in bound if isinstance(term, Variable) else not isinstance(term, Blank)
