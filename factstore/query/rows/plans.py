"""Rules to call plans: their bodies cut at their calls, in the order bindings spread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from factstore.errors import QueryError
from factstore.query.language.ast import Clause, Constant, Pattern, Rule, RuleCall, RuleHead, Term, Variable, variables
from factstore.query.language.scope import Scope, given, spoken
from factstore.query.rows.call_plan import Body, Call, CallPlan, Site
from factstore.query.rows.conjunction import Conjunction, Declined, Layout, Step
from factstore.query.rows.kinds import Inference, Kinds
from factstore.query.rows.place import Place
from factstore.query.rules.goals import Goal, Ordered, ordered
from factstore.query.rules.ruleset import RuleSet
from factstore.schema import Attribute

Plans = dict[Goal, CallPlan]


class Compiler(Protocol):
    """What makes steps of the clauses of rule bodies."""

    rules: RuleSet
    kinds_of: Inference

    def steps(self, clause: Clause, at: Place) -> list[Step]: ...
    def arguments(self, node: RuleCall, at: Place) -> list[str | None]: ...


def planned(goal: Goal, compiler: Compiler) -> Plans:
    """The plan of a goal, and of all that it leads to: whole, before anybody else sees one."""
    plans: Plans = {}
    _plan(goal, compiler, plans)
    return plans


def _plan(goal: Goal, compiler: Compiler, plans: Plans) -> CallPlan:
    known = plans.get(goal)
    if known is not None:
        return known
    plan = plans[goal] = CallPlan(goal.bound)
    if len(goal.bound) == 2 and not goal.asks:
        plan.closure = _plan(goal._replace(bound=(True, False)), compiler, plans).closure
        if plan.closure is not None:
            return plan
    rules = compiler.rules
    try:
        bodies = [ordered(rule, goal, rules) for rule in rules.rules_of(goal.name)]
    except QueryError:
        raise Declined from None  # the columnar engine says what is wrong
    calling = [body for body in bodies if body.calls]
    if goal.asks and calling and all(_hands_through(goal, body) for body in calling):
        ends = [_Cut(goal, body, compiler).body(plans) for body in bodies if not body.calls]
        plan.add(ends, [_Cut(goal, body, compiler).onward() for body in calling])
        if len(bodies) == 2 and len(ends) == 1:
            (end,) = [body for body in bodies if not body.calls]
            plan.closure = _closure(goal, end, calling[0], compiler)
    else:
        plan.add([_Cut(goal, body, compiler).body(plans) for body in bodies], ())
    return plan


def _hands_through(goal: Goal, body: Ordered) -> bool:
    """Whether a body calls the goal itself, once, and has no other use for the free arguments than to hand them on."""
    if len(body.calls) != 1 or body.goals[id(body.calls[0])] != goal:
        return False
    (call,) = body.calls
    free = goal.free_of(call.args)
    others = [clause for clause in body.clauses if clause is not call]
    return free == goal.free_of(body.rule.head.args) and variables(free).keys().isdisjoint(
        variables(others, goal.bound_of(call.args))
    )


def _closure(goal: Goal, end: Ordered, onward: Ordered, compiler: Compiler) -> tuple[Attribute, bool] | None:
    """The attribute that two rules are the closure of, and whether backwards, if both walk along it and do no more."""
    steps = [clause for clause in onward.clauses if not isinstance(clause, RuleCall)]
    if sorted(goal.bound) != [False, True] or len(end.clauses) != 1 or len(steps) != 1:
        return None
    way, other = _way(goal, end.clauses[0], end.rule.head), _way(goal, steps[0], onward.rule.head)
    (asked,) = goal.bound_of(onward.calls[0].args)
    (free,) = goal.free_of(end.rule.head.args)
    if way is None or other is None or way[:2] != other[:2] or (way[2], other[2]) != (free, asked):
        return None
    return compiler.kinds_of.named(way[0]), way[1]


def _way(goal: Goal, clause: Clause, head: RuleHead) -> tuple[Constant, bool, Term] | None:
    """The attribute of a pattern, whether its value is what a head has bound, and what stands at the other end."""
    if not isinstance(clause, Pattern) or len(clause.terms) != 3 or clause.source is not None:
        return None
    e, attribute, v = clause.terms
    (bound,) = goal.bound_of(head.args)
    if not isinstance(attribute, Constant) or bound not in (e, v) or not isinstance(e, Variable) or e == v:
        return None
    return attribute, v == bound, e if v == bound else v


class _Cut:
    """One rule body for one goal, being cut."""

    def __init__(self, goal: Goal, body: Ordered, compiler: Compiler) -> None:
        self._goal, self._ordered, self._compiler = goal, body, compiler
        self._head = _names(body.rule)
        self._start: Layout = tuple(name for name, bound in zip(self._head, goal.bound, strict=True) if bound)
        self._kinds = Kinds()
        for name, kind in zip(self._head, compiler.kinds_of.arguments(goal.name), strict=True):
            self._kinds.note(name, kind)
        compiler.kinds_of.note(body.rule.clauses, self._kinds)

    def onward(self) -> Conjunction:
        """From what is asked to what the one call of the body asks, in right-linear recursion."""
        consts: list[str] = []
        (call,) = self._ordered.calls
        args = zip(self._arguments(call, consts), self._goal.bound, strict=True)
        keep = tuple(arg for arg, bound in args if bound and arg is not None)
        steps = self._steps([clause for clause in self._ordered.clauses if clause is not call], consts)
        return Conjunction(steps, self._start, keep, consts)

    def body(self, plans: Plans) -> Body:
        """The body up to its first call, then from call to call."""
        layout, steps, consts = self._start, list[Step](), list[str]()
        parts: list[Conjunction] = []
        called: list[tuple[CallPlan, Call]] = []
        bound: Scope = frozenset(layout)
        for place, clause in enumerate(self._ordered.clauses):
            if not isinstance(clause, RuleCall):
                steps += self._steps([clause], consts)
            else:
                args = self._arguments(clause, consts)
                later = spoken(self._ordered.clauses[place:]).union(self._head, filter(None, args))
                keep = tuple(sorted((bound | frozenset(consts)) & later))
                parts.append(Conjunction(steps, layout, keep, consts))
                call = Call(args, keep)
                called.append((_plan(Goal("$", clause.name, call.bound), self._compiler, plans), call))
                layout, steps, consts = keep + call.new, [], []
            bound |= given((clause,))
        parts.append(Conjunction(steps, layout, self._head, consts))
        sites = [Site(plan, call, then) for (plan, call), then in zip(called, parts[1:], strict=True)]
        return Body(parts[0], sites)

    def _steps(self, clauses: Sequence[Clause], consts: list[str]) -> list[Step]:
        every = self._ordered.clauses
        start = frozenset(self._start)
        made: list[Step] = []
        for clause in clauses:
            around = start | given(other for other in every if other is not clause)
            made += self._compiler.steps(clause, Place(self._kinds, around, consts))
        return made

    def _arguments(self, call: RuleCall, consts: list[str]) -> list[str | None]:
        if call.source is not None and call.source.name != "$":
            raise Declined
        return self._compiler.arguments(call, Place(self._kinds, frozenset(), consts))


def _names(rule: Rule) -> Layout:
    """The variables of a head, if it has nothing else and each once."""
    names = tuple(arg.name for arg in rule.head.args if isinstance(arg, Variable))
    if len(frozenset(names)) < len(rule.head.args):
        raise Declined
    return names
