"""Clauses to steps that run row by row, for one query, rule set and schema; or :class:`Declined`.

What may be asked at all is checked by :mod:`factstore.query.compile`, which has compiled the same query before.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from factstore.query.columnar.relation import REF, same_kind
from factstore.query.functions.builtin import BUILTIN, LOOKUPS, Function, plain_name
from factstore.query.language.ast import (
    Argument,
    BindIgnore,
    BindScalar,
    Blank,
    Clause,
    Constant,
    FunctionCall,
    LookupRef,
    Not,
    Optional,
    Or,
    Pattern,
    Predicate,
    RuleCall,
    SourceVar,
    Term,
    Variable,
    variables,
)
from factstore.query.language.scope import Scope, given, spoken
from factstore.query.rows.call_plan import CallPlan
from factstore.query.rows.calls import Arg, FunctionStep, GetElseStep, MissingStep, PredicateStep
from factstore.query.rows.conjunction import Declined, Step
from factstore.query.rows.consts import Const, code_of, entity_id, named
from factstore.query.rows.groups import NotStep, OptionalStep, OrStep, Steps
from factstore.query.rows.kinds import Inference, Kinds, constant_kind
from factstore.query.rows.patterns import PatternStep, TxStep
from factstore.query.rows.place import Place
from factstore.query.rows.plans import planned
from factstore.query.rows.recursion import RuleStep
from factstore.query.rules.goals import Goal
from factstore.query.rules.ruleset import RuleSet
from factstore.schema import Attribute, Schema
from factstore.values import ValueType


class RowCompiler:
    """Makes the steps of one program: its constants, its rules, the functions it calls."""

    def __init__(self, schema: Schema, rules: RuleSet) -> None:
        self.kinds_of = Inference(schema, rules)
        self.rules = rules
        self.consts: dict[str, Const] = {}
        self.functions: set[str] = set()
        self.plans: dict[Goal, CallPlan] = {}
        self._numbers = itertools.count()  # never one twice, whichever threads ask

    def body(self, clauses: Sequence[Clause], kinds: Kinds, bound: Scope, around: Scope | None = None) -> Steps:
        """The clauses of a conjunction. ``around`` is what they and those beside them can bind, if not they alone."""
        clauses = self.rules.unfold(clauses)
        self.kinds_of.note(clauses, kinds)
        made = Steps([], [])
        for clause in clauses:
            others = given(other for other in clauses if other is not clause) if around is None else around
            made.steps.extend(self.steps(clause, Place(kinds, bound | others, made.consts)))
        return made

    def steps(self, clause: Clause, at: Place) -> list[Step]:
        """One clause: a step, or two where a pattern asks for the transaction."""
        if isinstance(clause, Pattern) and len(clause.terms) > 3:
            return self._with_tx(clause, at)
        return [self._step(clause, at)]

    def _with_tx(self, node: Pattern, at: Place) -> list[Step]:
        e, _, v, tx, *more = node.terms
        if not isinstance(tx, Variable) or tx.name in at.kinds.named or more:
            raise Declined
        at.kinds.note(tx.name, REF)
        attribute = self.kinds_of.attribute(node)
        number = next(self._numbers)
        names = self._entity(e, at), self._entity(v, at) if attribute.is_ref else self._value(v, attribute, at)
        one, other = (name or f"place {place} of {number}" for place, name in enumerate(names))
        return [PatternStep(attribute, one, other), TxStep(attribute, one, other, tx.name)]

    def _step(self, clause: Clause, at: Place) -> Step:
        if getattr(clause, "source", None) not in (None, SourceVar("$")):
            raise Declined
        match clause:
            case Pattern():
                return self._pattern(clause, at)
            case Predicate():
                return self._predicate(clause, at)
            case FunctionCall():
                return self._function(clause, at)
            case RuleCall():
                return self._call(clause, at)
            case Or():
                return self._or(clause, at)
            case Not(clauses=clauses):
                shared = spoken((clause,)) & at.around
                return NotStep(self.body(clauses, at.kinds.within(shared), shared), shared)
            case Optional(clauses=clauses):
                shared = spoken((clause,)) & at.around
                return OptionalStep(
                    self.body(clauses, at.kinds.within(shared), shared), shared, given(clauses) - shared
                )

    def _pattern(self, node: Pattern, at: Place) -> Step:
        attribute = self.kinds_of.attribute(node)
        value = node.terms[2] if len(node.terms) > 2 else Blank()
        v = self._entity(value, at) if attribute.is_ref else self._value(value, attribute, at)
        return PatternStep(attribute, self._entity(node.terms[0], at), v)

    def _entity(self, term: Any, at: Place) -> str | None:
        """The name of what stands for an entity; None for a blank."""
        if isinstance(term, Blank):
            return None
        if isinstance(term, Variable):
            if term.name in at.kinds.named:
                return self.const(named(term.name), at, f"the entity of {term}")
            return _of_kind(term, REF, at)
        ref = [term.attr, term.value.value] if isinstance(term, LookupRef) else term.value
        return self.const(entity_id(ref), at)

    def _value(self, term: Term, attribute: Attribute, at: Place) -> str | None:
        if isinstance(term, Blank):
            return None
        if isinstance(term, Variable):
            return _of_kind(term, int(attribute.type), at)
        if not isinstance(term, Constant) or attribute.type is ValueType.TUPLE:
            raise Declined
        return self.const(code_of(attribute.type, term.value), at)

    def const(self, make: Const, at: Place, name: str = "") -> str:
        """The name under which a constant stands in the rows of a conjunction."""
        name = name or f"constant {next(self._numbers)}"
        self.consts[name] = make
        if name not in at.consts:
            at.consts.append(name)
        return name

    def _builtin(self, fn: Any) -> tuple[str, Function]:
        name = plain_name(fn) if isinstance(fn, str) else ""
        self.functions.add(str(fn))
        if name not in BUILTIN:
            raise Declined
        return name, BUILTIN[name]

    def _args(self, args: Sequence[Argument], at: Place) -> list[Arg]:
        return [self._arg(arg, at) for arg in args]

    def _arg(self, arg: Argument, at: Place) -> Arg:
        kind = at.kinds.of(arg)
        if kind is None and isinstance(arg, Constant):
            return Arg(None, 0, arg.value)
        if kind is None or not isinstance(arg, Variable | Constant):
            raise Declined
        return Arg(arg.name, kind) if isinstance(arg, Variable) else Arg(None, kind, arg.value)

    def _predicate(self, node: Predicate, at: Place) -> Step:
        if node.fn in LOOKUPS:
            e, term = self._looked_up(node.args, at, 2)
            return MissingStep(self._attribute(term), e)
        return PredicateStep(*self._builtin(node.fn), self._args(node.args, at))

    def _function(self, node: FunctionCall, at: Place) -> Step:
        binding = node.binding
        if not isinstance(binding, BindScalar | BindIgnore):
            raise Declined
        result = binding.variable.name if isinstance(binding, BindScalar) else None
        kind = self.kinds_of.result(node, at.kinds)
        if kind is None or (result is not None and not same_kind(at.kinds.get(result, kind), kind)):
            raise Declined
        if node.fn == "get-else":
            return self._get_else(node, result, kind, at)
        if node.fn in LOOKUPS:
            raise Declined
        return FunctionStep(*self._builtin(node.fn), self._args(node.args, at), result, kind)

    def _get_else(self, node: FunctionCall, result: str | None, kind: int, at: Place) -> Step:
        e, term, default = self._looked_up(node.args, at, 3)
        found = at.kinds.of(default)
        if result is None or found is None or not same_kind(found, kind):
            raise Declined
        if isinstance(default, Variable):
            return GetElseStep(self._attribute(term), e, default.name, result)
        code = code_of(ValueType(found), default.value, own=True)
        return GetElseStep(self._attribute(term), e, self.const(code, at), result)

    def _looked_up(self, args: Sequence[Any], at: Place, count: int) -> Any:
        """The entity and the other arguments of a function that looks into the database."""
        args = args[1:] if args[0] == SourceVar("$") else args
        if len(args) != count or not isinstance(args[0], Variable | Constant):
            raise Declined
        if isinstance(args[0], Constant) and type(args[0].value) is not int:
            raise Declined
        return (self._entity(args[0], at), *args[1:])

    def _attribute(self, term: Any) -> Attribute:
        """The attribute a lookup names."""
        if not isinstance(term, Constant) or not isinstance(term.value, str):
            raise Declined
        return self.kinds_of.named(term)

    def _or(self, node: Or, at: Place) -> Step:
        shared = spoken((node,)) & at.around
        bodies = node.bodies
        new = (given(bodies[0]) if node.vars is None else spoken((node,))) - shared
        names = shared | new
        branches = [self.body(body, at.kinds.within(names), shared) for body in bodies]
        needs = frozenset(variables(node.required)) | (shared - given((node,)))
        return OrStep(branches, names, needs.union(*(branch.needs & shared for branch in branches)))

    def _call(self, node: RuleCall, at: Place) -> Step:
        needs = frozenset(variables(node.args[: self.rules.required(node.name)]))
        return RuleStep(self.arguments(node, at), needs, lambda bound: self.plan(node.name, bound))

    def arguments(self, node: RuleCall, at: Place) -> list[str | None]:
        """The names of what a call hands over; None for a blank."""
        kinds = self.kinds_of.arguments(node.name)
        return [self._argument(arg, kind, at) for arg, kind in zip(node.args, kinds, strict=True)]

    def _argument(self, arg: Any, kind: int | None, at: Place) -> str | None:
        if isinstance(arg, Blank):
            return None
        if kind is None:
            raise Declined
        if isinstance(arg, Variable):
            return _of_kind(arg, kind, at)
        found = constant_kind(arg.value)
        if found in (None, ValueType.KEYWORD) or not same_kind(found or 0, kind):
            raise Declined
        return self.const(code_of(ValueType(found or 0), arg.value, own=True), at)

    def plan(self, name: str, bound: tuple[bool, ...]) -> CallPlan:
        """How calls of a rule with some arguments bound are answered; made when first called so."""
        goal = Goal("$", name, bound)
        if goal not in self.plans:
            self.plans.update(planned(goal, self))
        return self.plans[goal]


def _of_kind(term: Variable, kind: int, at: Place) -> str:
    if kind == ValueType.TUPLE or not same_kind(at.kinds.get(term.name, 0), kind):
        raise Declined  # the code of a tuple given as input is no fact's
    return term.name
