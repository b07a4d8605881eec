"""Linear rules as a graph: what is seen of a goal whose recursion goes one way only.

A rule that calls its own name once, and hands the free arguments of its head through to the call
unchanged, leads from bound arguments to bound arguments (*right-linear*). One that hands the bound
arguments through leads from answer to answer (*left-linear*). A goal all of whose rules are one of the
two, or that only calls others which all are the same one of them, is a walk: from what is asked along
the right-linear rules, over a rule that does not recurse, and along the left-linear ones (Naughton,
Ramakrishnan, Sagiv and Ullman 1989). Nothing else of the recursion has to be kept.

A *state* of the walk is a goal of the component together with the order in which it hands arguments
through; a :class:`Move` is a rule seen as a way from a state to a state.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from factstore.errors import QueryError
from factstore.query.language.ast import Blank, Clause, Constant, Rule, RuleCall, Term, Variable, variables
from factstore.query.language.scope import NONE, Scope, given
from factstore.query.rules.goals import Goal, bound_places, in_order
from factstore.query.rules.renaming import shape
from factstore.query.rules.ruleset import RuleSet

_MOST_PLACES: Final = 4
"""Arguments of a name whose sets of places are all tried."""

Rules: TypeAlias = Mapping[str, Sequence[Rule]]
Order: TypeAlias = tuple[int, ...]


class Move(NamedTuple):
    """A way from one state to another: the terms its places are known by, and those that are reached."""

    start: int
    came: tuple[Term, ...]
    clauses: tuple[Clause, ...]
    source: str
    end: int
    goes: tuple[Term, ...]


class Linear(NamedTuple):
    """A goal as a walk from state 0 to state 1.

    ``moves`` start where the bound arguments are known. With ``entries`` nothing is asked: they give the
    bound arguments themselves (``came``) together with the answers the walk starts from.
    """

    goal: Goal
    states: int
    moves: tuple[Move, ...]
    entries: tuple[Move, ...] = ()


def linear(goal: Goal, rules: RuleSet, resolved: Rules) -> Linear | None:
    """``goal`` as a walk; None if its recursion is of another kind. ``resolved`` are the rules of its component."""
    for kinds in (("right", "left"), ("left",), ("right",)):
        try:
            found = _Component(goal, rules, resolved, kinds).walk()
        except QueryError:
            return None  # what cannot be bound is told where rules are evaluated by magic sets
        if found is not None:
            return found
    return None


def narrower(goal: Goal, required: int) -> Iterator[Goal]:
    """The goals that leave bound arguments of ``goal`` open, not the first ``required``; the most bound first."""
    bound = [place for place, is_bound in enumerate(goal.bound) if is_bound]
    if len(goal.bound) > _MOST_PLACES:
        return
    for size in range(len(bound) - 1, 0, -1):
        for kept in itertools.combinations(bound, size):
            if all(place in kept for place in range(required)):
                yield goal._replace(bound=tuple(place in kept for place in range(len(goal.bound))))


def from_nothing(goal: Goal, rules: RuleSet, resolved: Rules) -> Linear | None:
    """A goal nothing of which is bound, as a walk on from what its rules that do not recurse give."""
    for part in narrower(goal._replace(bound=(True,) * len(goal.bound)), 0):
        found = linear(part, rules, resolved)
        if found is None or any(move.end == 0 for move in found.moves):
            continue
        entries = tuple(move for move in found.moves if move.start == 0)
        if all(_binds(move.clauses, NONE, (*move.came, *move.goes), rules) for move in entries):
            return found._replace(moves=tuple(move for move in found.moves if move.start != 0), entries=entries)
    return None


class _Component:
    """The goals that a goal leads to, with every recursive rule read as one of the wanted kinds.

    A goal is visited with the *order* of what it hands through: for each such argument, which one of the
    first goal's it carries. Rules of both kinds commute only within one goal.
    """

    def __init__(self, goal: Goal, rules: RuleSet, resolved: Rules, kinds: Sequence[str]) -> None:
        self.goal = goal
        self.rules = rules
        self.resolved = resolved
        self.kinds = kinds
        self.states: dict[tuple[str, Goal, Order], int] = {}
        self.moves: list[Move] = []
        arity = len(goal.bound)
        self.first = _natural(sum(goal.bound) if kinds == ("left",) else arity - sum(goal.bound))
        self.visited = {(goal, self.first)}
        self.waiting = [(goal, self.first)]

    def walk(self) -> Linear | None:
        """The goal as a walk, if every rule is of a wanted kind."""
        while self.waiting:
            goal, order = self.waiting.pop()
            if not all(self._rule(goal, order, rule) for rule in self.resolved[goal.name]):
                return None
        states = 2 + len(self.states)
        return Linear(self.goal, states, _from_answers(self.moves) if states == 2 else tuple(self.moves))

    def _rule(self, goal: Goal, order: Order, rule: Rule) -> bool:
        calls = [clause for clause in rule.clauses if isinstance(clause, RuleCall) and clause.name in self.resolved]
        if not calls:
            return self._exit(goal, order, rule)
        (call, *more) = calls
        ways = {"right": self._right, "left": self._left}
        return not more and any(ways[kind](goal, order, rule, call) for kind in self.kinds)

    def _exit(self, goal: Goal, order: Order, rule: Rule) -> bool:
        bound, free = goal.bound_of(rule.head.args), goal.free_of(rule.head.args)
        if self.kinds == ("left",):
            start, end = 0, self._state("answers", goal, order)
            bound = _placed(bound, order)
        else:
            start, end = self._state("asks", goal, order), 1
            free = _placed(free, order)
        return self._take(Move(start, tuple(bound), rule.clauses, goal.source, end, tuple(free)))

    def _right(self, goal: Goal, order: Order, rule: Rule, call: RuleCall) -> bool:
        bound, free = goal.bound_of(rule.head.args), goal.free_of(rule.head.args)
        others = tuple(clause for clause in rule.clauses if clause is not call)
        known = frozenset(variables(bound)) | given(others)
        called = Goal(_source(call, goal), call.name, bound_places(call, known))
        goes = called.bound_of(call.args)
        handed = _handed(free, called.free_of(call.args), order, (bound, others, goes))
        if handed is None or not called.asks or not self._visit(goal, order, called, handed):
            return False
        start, end = self._state("asks", goal, order), self._state("asks", called, handed)
        return self._take(Move(start, tuple(bound), others, goal.source, end, tuple(goes)))

    def _left(self, goal: Goal, order: Order, rule: Rule, call: RuleCall) -> bool:
        bound, free = goal.bound_of(rule.head.args), goal.free_of(rule.head.args)
        others = tuple(clause for clause in rule.clauses if clause is not call)
        called = Goal(_source(call, goal), call.name, tuple(arg in bound for arg in call.args))
        came = called.free_of(call.args)
        order = order if self.kinds == ("left",) else _natural(len(bound))
        handed = _handed(bound, called.bound_of(call.args), order, (free, others, came))
        if handed is None or not self._visit(goal, order, called, handed):
            return False
        start, end = self._state("answers", called, handed), self._state("answers", goal, order)
        return self._take(Move(start, tuple(came), others, goal.source, end, tuple(free)))

    def _visit(self, goal: Goal, order: Order, called: Goal, handed: Order) -> bool:
        if len(self.kinds) > 1:
            return (called, handed) == (goal, order)
        if (called, handed) not in self.visited:
            self.visited.add((called, handed))
            self.waiting.append((called, handed))
        return True

    def _state(self, kind: str, goal: Goal, order: Order) -> int:
        if goal == self.goal and order == _natural(len(order)):
            return 0 if kind == "asks" else 1
        return self.states.setdefault((kind, goal, order), 2 + len(self.states))

    def _take(self, move: Move) -> bool:
        if not _binds(move.clauses, frozenset(variables(move.came)), move.goes, self.rules):
            return False
        # A state has a column, even where every argument is bound and there is nothing else to know.
        self.moves.append(move._replace(came=move.came or (Blank(),), goes=move.goes or (Constant(0),)))
        return True


def _natural(size: int) -> Order:
    return tuple(range(size))


def _placed(args: Sequence[Term], order: Order) -> list[Term]:
    """The arguments in the order of the first goal."""
    return [arg for _, arg in sorted(zip(order, args, strict=True), key=lambda pair: pair[0])]


def _source(call: RuleCall, goal: Goal) -> str:
    return call.source.name if call.source else goal.source


def _handed(args: Sequence[Term], to: Sequence[Term], order: Order, elsewhere: Any) -> Order | None:
    """The order of ``to`` if it is ``args`` handed through: each once, and none of them used ``elsewhere``."""
    names = [arg.name for arg in args if isinstance(arg, Variable)]
    places = [names.index(arg.name) for arg in to if isinstance(arg, Variable) and arg.name in names]
    if len(names) < len(args) or len(places) < len(to) or sorted(places) != list(range(len(args))):
        return None
    return None if any(name in variables(*elsewhere) for name in names) else tuple(order[place] for place in places)


def _binds(clauses: Sequence[Clause], bound: Scope, wanted: Sequence[Term], rules: RuleSet) -> bool:
    """Whether the clauses can run where ``bound`` is known, and bind what is ``wanted``."""
    for _ in in_order(clauses, bound, rules):
        pass
    return variables(*wanted).keys() <= bound | given(clauses)


def _from_answers(moves: Sequence[Move]) -> tuple[Move, ...]:
    """The moves of a closure: where a step to the next place is the same as one that ends the walk, the walk goes
    on from answers, which so are found at once."""
    steps = [move for move in moves if move.end == 0]
    ends = [move for move in moves if move.start == 0 and move.end == 1]
    if not steps or len(steps) + len(ends) < len(moves) or {_shape(m) for m in steps} != {_shape(m) for m in ends}:
        return tuple(moves)
    return (*ends, *(move._replace(start=1, end=1) for move in steps))


def _shape(move: Move) -> Any:
    return shape((move.came, move.goes, move.clauses, move.source))
