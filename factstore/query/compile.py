"""Clauses to steps: names looked up, scopes told apart, and every variable shown to be bindable."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from msgspec.structs import replace

from factstore import edn
from factstore.db import DbValue
from factstore.errors import QueryError
from factstore.query.columnar import lookups
from factstore.query.columnar.call_steps import FunctionStep, PredicateStep
from factstore.query.columnar.calls import Call, apply_given, arguments
from factstore.query.columnar.groups import NotStep, OptionalStep, OrStep
from factstore.query.columnar.naming import Names, attribute_of, by_name
from factstore.query.columnar.patterns import AttributeStep
from factstore.query.columnar.patterns_any import AnyAttributeStep, TupleStep
from factstore.query.columnar.ranges import Bound, bounds_of
from factstore.query.columnar.relation import Values
from factstore.query.columnar.solve import Solver, bindable
from factstore.query.columnar.steps import Step
from factstore.query.compile_checks import check_not, new_of_or, unbound
from factstore.query.functions.builtin import LOOKUPS, Function
from factstore.query.functions.find import find_function
from factstore.query.language.ast import (
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
    Term,
    Variable,
    variables,
)
from factstore.query.language.scope import Scope, Site, given, spoken, waited_for
from factstore.query.rules.fixpoint import Fixpoint
from factstore.query.rules.goals import bound_places, check_runs
from factstore.query.rules.named_args import NamedArgs
from factstore.query.rules.rule_step import RuleStep
from factstore.query.rules.ruleset import RuleSet

Relationlike = Sequence[Sequence[Any]]
A = TypeVar("A", bound=Term | Argument)
T = TypeVar("T", bound=Term)
C = TypeVar("C", Pattern, RuleCall)


class Compiler:
    """Makes steps for one query: its sources, its functions, its rules."""

    def __init__(
        self,
        sources: Mapping[str, DbValue | Relationlike],
        rules: RuleSet,
        functions: Mapping[str, Function],
        solver: Solver,
    ) -> None:
        self._sources = sources
        self._rules = rules
        self._functions = functions
        self._solver = solver
        self._named_args = NamedArgs(sources, rules)
        self._to_check: list[tuple[str, str]] = []
        self.fixpoint = Fixpoint(rules, solver, self)

    @property
    def _values(self) -> Values:
        return self._solver.values

    def steps(self, clauses: Sequence[Clause], at: Site) -> list[Step]:
        """A step for each clause of a conjunction."""
        clauses = self._rules.unfold(clauses)
        bounds = bounds_of(clauses, at.scalars)
        steps = [self._step(clause, clauses, at, bounds) for clause in clauses]
        bindable(steps, at.bound, self._stuck)
        enforced = frozenset[int]().union(*(step.enforced for step in steps if isinstance(step, AttributeStep)))
        return [step for step in steps if id(step.node) not in enforced] if enforced else steps

    def _stuck(self, step: Step, missing: frozenset[str]) -> QueryError:
        """The error of a step that cannot run, which its rules tell of if it is they who cannot."""
        if (
            isinstance(step.node, RuleCall)
            and not missing & variables(step.node.args[: self._rules.required(step.node.name)]).keys()
        ):
            bound = frozenset(variables(step.node)) - missing
            try:
                check_runs(step.node.name, bound_places(step.node, bound), self._rules)
            except QueryError as error:
                return error
        return unbound(step, missing)

    def _step(self, clause: Clause, beside: Sequence[Clause], at: Site, bounds: Mapping[str, Sequence[Bound]]) -> Step:
        match clause:
            case Pattern():
                return self._pattern(clause, at, bounds)
            case Predicate():
                return self._predicate(clause, at)
            case FunctionCall():
                return self._function(clause, at)
            case RuleCall():
                return self._call(clause, at)
            case _:
                return self._group(clause, at.bound | given(other for other in beside if other is not clause), at)

    def _pattern(self, node: Pattern, at: Site, bounds: Mapping[str, Sequence[Bound]]) -> Step:
        data = self._source_data(_source(node.source, at.source), node)
        if not isinstance(data, DbValue):
            return TupleStep(data, self._values, node)
        if len(node.terms) > 5:
            message = f"a datom has five places, [?e :attr ?v ?tx ?op], and {node} has {len(node.terms)}"
            raise edn.located(QueryError, message, node.at, code="query/arity")
        attribute = _known_attribute(node, at)
        if attribute is None:
            return self._by_name(node, (0, 1, 3), at, data, partial(AnyAttributeStep, data, self._values))
        known = attribute_of(data, attribute, node)
        value = node.terms[2] if len(node.terms) > 2 else None
        within = bounds.get(value.name, ()) if isinstance(value, Variable) else ()
        step = partial(AttributeStep, data, self._values, attribute=known, bounds=within)
        return self._by_name(node, (0, 2, 3) if known.is_ref else (0, 3), at, data, step)

    def _source_data(self, name: str, node: Node) -> DbValue | Relationlike:
        if name not in self._sources:
            given = " ".join(self._sources) or "none"
            message = f"the source {name} is not given in :in: the sources are {given}"
            raise edn.located(QueryError, message, node.at, code="query/unknown-source", name=name)
        return self._sources[name]

    def _predicate(self, node: Predicate, at: Site) -> Step:
        if node.fn in LOOKUPS:
            db, args = self._lookup(node, node.args, at)
            return lookups.MissingStep(node, db, self._values, args)
        return PredicateStep(node, self._called(node))

    def _function(self, node: FunctionCall, at: Site) -> Step:
        if node.fn in LOOKUPS:
            db, args = self._lookup(node, node.args, at)
            kind = lookups.GetElseStep if node.fn == "get-else" else lookups.GetSomeStep
            return kind(node, db, self._values, args)
        return FunctionStep(node, self._called(node), self._values)

    def _called(self, node: Predicate | FunctionCall) -> Call:
        args = [self._sources.get(arg.name, arg) if isinstance(arg, SourceVar) else arg for arg in arguments(node.args)]
        args = [tuple(self._rules) if isinstance(arg, RulesVar) else arg for arg in args]
        if isinstance(node.fn, Variable):
            return Call(node, apply_given, [node.fn, *args], self._values)
        return Call(node, find_function(node.fn, node, self._functions), args, self._values)

    def _lookup(
        self, node: Predicate | FunctionCall, args: Sequence[Argument], at: Site
    ) -> tuple[DbValue, Sequence[Argument]]:
        first = args[0] if args else None
        named = first.name if isinstance(first, SourceVar) else at.source
        data = self._source_data(named, node)
        rest = args[1:] if isinstance(first, SourceVar) else args
        if not isinstance(data, DbValue) or not rest or any(isinstance(arg, RulesVar) for arg in rest):
            message = f"{node} needs a database, an entity and an attribute"
            raise edn.located(QueryError, message, node.at, code="query/arity")
        last = 2 if node.fn == "get-else" else len(rest)
        return data, (rest[0], *(_attribute_term(arg, at) for arg in rest[1:last]), *rest[last:])

    def _call(self, node: RuleCall, at: Site) -> Step:
        self._rules.check_call(node)
        source = _source(node.source, at.source)
        required = node.args[: self._rules.required(node.name)]
        self._to_check.append((node.name, source))
        needs = frozenset(variables(required))
        call = replace(node, args=self.by_id(node.name, node.args, source))
        step = partial(RuleStep, source=source, needs=needs, fixpoint=self.fixpoint, solver=self._solver)
        places = self._named_args.places(node.name, source) if at.named else ()
        return self._by_name(call, places, at, self._sources.get(source), step)

    def _by_name(self, node: C, places: Sequence[int], at: Site, data: Any, step: Callable[[C], Step]) -> Step:
        """The ``step`` of a pattern or call, in which inputs may stand at ``places`` that name entities."""
        if not at.named or not isinstance(data, DbValue):
            return step(node)
        return by_name(node, places, at.named, Names(data, self._values), step)

    def _check_bodies(self, name: str, source: str) -> None:
        """Refuses what could not run in the rules of a name, whether or not the data ever leads there."""
        data = self._sources.get(source)
        if not isinstance(data, DbValue) or self._rules.sound.get(name) is data.schema:
            return
        self._rules.sound[name] = data.schema  # before it is: recursive rules come back here
        try:
            for rule in self._rules.rules_of(name):
                self.steps(rule.clauses, Site(source, frozenset(variables(rule.head.args))))
        except QueryError:
            del self._rules.sound[name]
            raise

    def check_rules(self) -> None:
        """Refuses what could not run in a rule that is called, and in any other over at least one of the databases."""
        self._check_called()
        sources = [name for name, data in self._sources.items() if isinstance(data, DbValue)]
        for name in self._rules.names if sources else ():
            refused: list[QueryError] = []
            for source in sources:
                try:
                    self._check_bodies(name, source)
                    self._check_called()
                except QueryError as error:
                    self._to_check.clear()
                    refused.append(error)
            # Who is named by a constant may come later, and nobody called the rule yet.
            if len(refused) == len(sources) and refused[0].code != "query/not-an-entity":
                raise refused[0]

    def _check_called(self) -> None:
        """Checks the rules that were called while compiling, one after the other: rules may call each other deep."""
        while self._to_check:
            self._check_bodies(*self._to_check.pop())

    def by_id(self, name: str, args: tuple[T, ...], source: str) -> tuple[T, ...]:
        """The arguments of a call or head, those that name entities being ids."""
        return self._named_args.by_id(name, args, source)

    def _group(self, node: Not | Or | Optional, around: Scope, at: Site) -> Step:
        source = _source(node.source, at.source)
        shared = spoken((node,)) & around
        if isinstance(node, Or):
            return self._or(node, shared, at, source)
        steps = self.steps(node.clauses, at.inside(source, shared))
        if isinstance(node, Optional):
            return OptionalStep(node, shared, given(node.clauses) - shared, steps, self._solver)
        check_not(node, shared)
        return NotStep(node, shared, steps, self._solver)

    def _or(self, node: Or, shared: Scope, at: Site, source: str) -> Step:
        lost = frozenset(variables(node.required)) - shared
        if lost:
            raise unbound(node, lost)
        bodies = node.bodies
        new = new_of_or(node, bodies, shared)
        needs = frozenset(variables(node.required)) | (shared - given((node,)))
        branches = []
        for body in bodies:
            branches.append(self.steps(body, at.inside(source, shared)))
            needs |= waited_for(branches[-1]) & shared
        return OrStep(node, shared | new, needs, branches, self._solver)


def _source(own: SourceVar | None, around: str) -> str:
    return around if own is None else own.name


def _known_attribute(node: Pattern, at: Site) -> Term | None:
    """The attribute of a pattern: a constant, or a variable for which one was given; None if it is open."""
    term = _attribute_term(node.terms[1] if len(node.terms) > 1 else Blank(), at)
    return None if isinstance(term, Variable | Blank) else term


def _attribute_term(term: A, at: Site) -> A | Constant:
    """A term where an attribute stands; the constant, where one was given for the variable."""
    if isinstance(term, Variable) and isinstance(at.scalars.get(term.name), str | int):
        return Constant(at.scalars[term.name], at=term.at)
    return term
