"""Clauses to steps: names looked up, scopes told apart, and every variable shown to be bindable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from factstore import edn
from factstore.db import DbValue
from factstore.errors import QueryError
from factstore.query import lookups
from factstore.query.ast import (
    And,
    Argument,
    Blank,
    Clause,
    Constant,
    FunctionCall,
    Node,
    Not,
    Optional,
    Or,
    Pattern,
    Predicate,
    RuleCall,
    RulesVar,
    SourceVar,
    Variable,
    variables,
)
from factstore.query.calls import Call, FunctionStep, PredicateStep, arguments, find_function
from factstore.query.fixpoint import Fixpoint
from factstore.query.functions import Function
from factstore.query.groups import NotStep, OptionalStep, OrStep, RuleStep
from factstore.query.patterns import AnyAttributeStep, AttributeStep, Range, TupleStep
from factstore.query.relation import Values
from factstore.query.rules import RuleSet, exposed
from factstore.query.solve import Solver, bindable
from factstore.query.steps import Step

Relationlike = Sequence[Sequence[Any]]
Scope = frozenset[str]


class Compiler:
    """Makes steps for one query: its sources, its functions, its rules."""

    def __init__(
        self,
        sources: Mapping[str, DbValue | Relationlike],
        rules: RuleSet,
        functions: Mapping[str, Function],
        scalars: Mapping[str, Any],
        solver: Solver,
    ) -> None:
        self._sources = sources
        self._rules = rules
        self._functions = functions
        self._scalars = scalars
        self._solver = solver
        self.fixpoint = Fixpoint(rules, solver, self.steps)

    @property
    def _values(self) -> Values:
        return self._solver.values

    def steps(self, clauses: Sequence[Clause], source: str, bound: Scope) -> list[Step]:
        """A step for each clause of a conjunction, given what is bound before it."""
        self._rules.check_calls(clauses)
        ranges = _ranges(clauses, self._scalars)
        steps = [self._step(clause, clauses, source, bound, ranges) for clause in clauses]
        bindable(steps, bound, _unbound)
        return steps

    def _step(
        self, clause: Clause, beside: Sequence[Clause], source: str, bound: Scope, ranges: Mapping[str, Range]
    ) -> Step:
        match clause:
            case Pattern():
                return self._pattern(clause, _source(clause.source, source), ranges)
            case Predicate():
                return self._predicate(clause, source)
            case FunctionCall():
                return self._function(clause, source)
            case RuleCall():
                return self._call(clause, _source(clause.source, source))
            case _:
                others = [other for other in beside if other is not clause]
                return self._group(clause, bound | exposed(others), bound, source)

    def _pattern(self, node: Pattern, source: str, ranges: Mapping[str, Range]) -> Step:
        data = self._source_data(source, node)
        if not isinstance(data, DbValue):
            return TupleStep(data, self._values, node)
        attribute = node.terms[1] if len(node.terms) > 1 else Blank()
        if isinstance(attribute, Variable | Blank):
            return AnyAttributeStep(data, self._values, node)
        value = node.terms[2] if len(node.terms) > 2 else Blank()
        bounds = ranges.get(value.name, Range()) if isinstance(value, Variable) else Range()
        known = lookups.attribute_of(data, attribute, node)
        return AttributeStep(data, self._values, node, known, bounds)

    def _source_data(self, name: str, node: Node) -> DbValue | Relationlike:
        if name not in self._sources:
            given = " ".join(self._sources) or "none"
            message = f"the source {name} is not given in :in: the sources are {given}"
            raise edn.located(QueryError, message, node.at, code="query/unknown-source", source=name)
        return self._sources[name]

    def _predicate(self, node: Predicate, source: str) -> Step:
        if node.fn in lookups.NAMES:
            db, args = self._lookup(node, node.args, source)
            return lookups.MissingStep(node, db, self._values, args)
        return PredicateStep(node, self._called(node))

    def _function(self, node: FunctionCall, source: str) -> Step:
        if node.fn in lookups.NAMES:
            db, args = self._lookup(node, node.args, source)
            kind = lookups.GetElseStep if node.fn == "get-else" else lookups.GetSomeStep
            return kind(node, db, self._values, args)
        return FunctionStep(node, self._called(node), self._values)

    def _called(self, node: Predicate | FunctionCall) -> Call:
        if isinstance(node.fn, Variable):
            fn = self._scalars.get(node.fn.name)
            if not callable(fn):
                message = f"{node.fn} is called: expected a function given in :in"
                raise edn.located(QueryError, message, node.fn.at, code="query/unknown-function")
        else:
            fn = find_function(node.fn, node, self._functions)
        args = [self._sources.get(arg.name, arg) if isinstance(arg, SourceVar) else arg for arg in arguments(node.args)]
        return Call(node, fn, args, self._values)

    def _lookup(
        self, node: Predicate | FunctionCall, args: Sequence[Argument], source: str
    ) -> tuple[DbValue, Sequence[Argument]]:
        first = args[0] if args else None
        named = first.name if isinstance(first, SourceVar) else source
        data = self._source_data(named, node)
        rest = args[1:] if isinstance(first, SourceVar) else args
        if not isinstance(data, DbValue) or not rest or any(isinstance(arg, RulesVar) for arg in rest):
            message = f"{node} needs a database, an entity and an attribute"
            raise edn.located(QueryError, message, node.at, code="query/arity")
        return data, rest

    def _call(self, node: RuleCall, source: str) -> Step:
        required = node.args[: self._rules.required(node.name)]
        needs = frozenset(arg.name for arg in required if isinstance(arg, Variable))
        if any(isinstance(arg, Blank) for arg in required):
            message = f"{node} leaves a required argument open"
            raise edn.located(QueryError, message, node.at, code="query/unbound")
        return RuleStep(node, source, needs, self.fixpoint, self._solver)

    def _group(self, node: Not | Or | Optional, around: Scope, bound: Scope, source: str) -> Step:
        inner = _source(node.source, source)
        if isinstance(node, Or):
            return self._or(node, inner, around)
        spoken = frozenset(variables(node.clauses))
        if isinstance(node, Optional):
            shared = exposed(node.clauses) & around
            steps = self.steps(node.clauses, inner, shared)
            return OptionalStep(node, shared, exposed(node.clauses) - shared, steps, self._solver)
        shared = frozenset(variables(node.vars)) if node.vars is not None else spoken & around
        if spoken and not shared:
            message = f"no variable of {node} is bound outside of it: expected one of {' '.join(sorted(spoken))}"
            raise edn.located(QueryError, message, node.at, code="query/unbound", variables=sorted(spoken))
        return NotStep(node, shared, self.steps(node.clauses, inner, shared), self._solver)

    def _or(self, node: Or, source: str, around: Scope) -> Step:
        bodies = [branch.clauses if isinstance(branch, And) else (branch,) for branch in node.branches]
        names = _or_names(node, bodies, around)
        free = names - around
        branches, needs = [], {variable.name for variable in node.required}
        for body in bodies:
            steps = self.steps(body, source, names - free)
            branches.append(steps)
            # What a branch does not speak of must be bound already: an or gives every name in each row.
            needs |= (_needed(steps, free) & names) | (names - exposed(body))
        return OrStep(node, names, frozenset(needs), branches, self._solver)


def _source(own: SourceVar | None, around: str) -> str:
    return around if own is None else own.name


def _needed(steps: Sequence[Step], free: Scope) -> set[str]:
    """The variables some step needs and no step of the branch gives."""
    given = frozenset[str]().union(*(step.names - step.needs for step in steps)) | free
    return {name for step in steps for name in step.needs if name not in given}


def _or_names(node: Or, bodies: Sequence[Sequence[Clause]], around: Scope) -> Scope:
    spoken = [exposed(body) for body in bodies]
    if node.vars is not None:
        names = frozenset(variables(node.required, node.vars))
        for body, found in zip(bodies, spoken, strict=True):
            lost = names - found - around
            if lost:
                message = f"{' '.join(sorted(lost))} of {node} is not bound in every branch"
                raise edn.located(QueryError, message, body[0].at, code="query/or-branches", variables=sorted(lost))
        return names
    free = [found - around for found in spoken]
    if any(other != free[0] for other in free):
        shown = ", ".join("{" + " ".join(sorted(names)) + "}" for names in free)
        message = f"the branches of an or must have the same free variables, these have {shown}"
        raise edn.located(QueryError, message, node.at, code="query/or-branches")
    return frozenset[str]().union(*spoken)


def _unbound(step: Step, missing: frozenset[str]) -> QueryError:
    names = " and ".join(sorted(missing))
    found = next((node for name, node in variables(step.node).items() if name in missing), step.node)
    message = f"{names} in {step.node} cannot be bound by any clause"
    return edn.located(QueryError, message, found.at, code="query/unbound", variables=sorted(missing))


_BOUNDS: Final[Mapping[str, tuple[int, int]]] = {"<": (1, 0), "<=": (1, 0), ">": (0, 1), ">=": (0, 1)}
"""For ``(op a b)``: which end of a and of b is bounded by the other, 0 being the lower one."""


def _ranges(clauses: Sequence[Clause], scalars: Mapping[str, Any]) -> dict[str, Range]:
    """The bounds that comparisons with known values set to variables. Strict ones are kept as they
    are: the comparison itself still runs."""
    found: dict[str, Range] = {}
    for clause in clauses:
        if not (isinstance(clause, Predicate) and clause.fn in _BOUNDS and len(clause.args) == 2):
            continue
        ends = _BOUNDS[str(clause.fn)]
        for (arg, end), other in zip(zip(clause.args, ends, strict=True), reversed(clause.args), strict=True):
            value = _known(other, scalars)
            if isinstance(arg, Variable) and value is not None and arg.name not in scalars:
                old = found.get(arg.name, Range())
                found[arg.name] = Range(value, old.high) if end == 0 else Range(old.low, value)
    return found


def _known(arg: Argument, scalars: Mapping[str, Any]) -> Any:
    if isinstance(arg, Constant):
        return arg.value
    return scalars.get(arg.name) if isinstance(arg, Variable) else None
