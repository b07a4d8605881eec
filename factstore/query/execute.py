"""From a query and its inputs to a result: parse, bind, compile, solve, group, order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from factstore import edn, pull
from factstore.columns_distinct import numbered
from factstore.db import DbValue
from factstore.errors import QueryError
from factstore.forks import lazy
from factstore.pull_pattern import PullPattern, parse_pull
from factstore.query.check_find import check_find, check_pattern
from factstore.query.columnar.inputs import Inputs, bind_inputs, check_count
from factstore.query.columnar.limits import Limits
from factstore.query.columnar.naming import entity_codes
from factstore.query.columnar.relation import Column, Relation, Values
from factstore.query.columnar.solve import Solver
from factstore.query.columnar.steps import Step
from factstore.query.compile import Compiler
from factstore.query.functions.builtin import Function
from factstore.query.language.ast import (
    Aggregate,
    Clause,
    Constant,
    FindCollection,
    FindElement,
    FindRelation,
    FindScalar,
    Pattern,
    PatternVar,
    PullExpr,
    Query,
    Rule,
    Variable,
    variables,
    walk,
)
from factstore.query.language.parse import parse_query
from factstore.query.language.remembered import remembered
from factstore.query.language.scope import Scope, found_variables, kept_variables
from factstore.query.results.aggregates import aggregate
from factstore.query.results.grouping import grouped
from factstore.query.results.ordering import page
from factstore.query.results.result import Result
from factstore.query.results.result_typed import Output
from factstore.query.rules.ruleset import RuleSet
from factstore.query.suspect import Warning, warnings_of

Functions = Mapping[str, Function]


class Execution:
    """One query being answered."""

    def __init__(
        self,
        db: DbValue,
        query: Query,
        args: Sequence[Any],
        *,
        rules: tuple[Rule, ...],
        functions: Functions,
        limits: Limits,
        values: Values | None = None,
    ) -> None:
        self._db = db
        self._query = query
        self._functions = functions
        self._limits = limits
        self.values = values or Values(db.dictionary, limits)
        self._inputs = bind_inputs(query, db, args, rules, self.values)
        self._solver = Solver(self.values, limits)
        self._rules = RuleSet.of(self._inputs.rules)
        check_find(query, self._inputs.sources, self._inputs.scalars, functions)
        self._patterns = {element: self._pattern(element) for element in _pulls(query)}

    @lazy
    def compiler(self) -> Compiler:
        """What makes steps of clauses; all that they are about is loaded before."""
        _prefetch(self._inputs, self._rules, self._query.where)
        return Compiler(self._inputs.sources, self._rules, {"q": self._nested, **self._functions}, self._solver)

    def run(self) -> Any:
        """The result, in the shape the find clause asks for."""
        return self.answer(self.rows())

    def answer(self, rows: Relation) -> Any:
        """What the find clause makes of the rows of ``:where``."""
        outputs = self._outputs(rows)
        size = len(outputs[0].data if isinstance(outputs[0], Column) else outputs[0]) if rows.size else 0
        outputs, size = page(self._query, outputs, size, self.values)
        return shaped(self._query, outputs, size, self.values)

    def _nested(self, query: Any, *args: Any) -> Any:
        """``[(q [:find …] $ ?x) …]``: the answer of a query for each row of arguments."""
        parsed = parse_query(query)
        check_count(parsed, parsed.inputs, args)
        given = dict(zip(map(str, parsed.inputs), args, strict=True))
        db = given.pop("$", self._db)
        with self._limits.nested():
            inner = Execution(
                db, parsed, list(given.values()), rules=(), functions=self._functions, limits=self._limits
            )
            found = inner.run()
        return found.to_list() if isinstance(found, Result) else found

    def rows(self, steps: Sequence[Step] | None = None) -> Relation:
        """The rows of ``:where``, over the variables of ``:find`` and ``:with``; ``steps`` if they are made already."""
        steps = self.steps() if steps is None else steps
        return self._solver.solve(steps, self.start, kept_variables(self._query))

    def steps(self) -> list[Step]:
        """The steps of ``:where`` and of the inputs, checked whole."""
        query, site = self._query, self._inputs.site
        steps = self.compiler.steps(query.where, site)
        self.compiler.check_rules()
        _check_bound(query, site.bound.union(*(step.names for step in steps)))
        return [*self._inputs.given, *steps]

    @property
    def start(self) -> Relation:
        """What is known before the first step: the inputs of one value."""
        return self._inputs.start

    def warnings(self) -> list[Warning]:
        """What looks wrong, but may be meant."""
        return warnings_of(self._query, self._inputs.sources, self._rules)

    def _outputs(self, rows: Relation) -> list[Output]:
        elements = self._query.find.elements
        if not rows.size:
            return [[] for _ in elements]
        if not any(isinstance(element, Aggregate) for element in elements):
            return [self._plain(element, rows) for element in elements]
        keys = found_variables(element for element in elements if not isinstance(element, Aggregate))
        groups = grouped(rows, keys)
        firsts = rows.take(groups.firsts)
        return [
            aggregate(element, rows, groups, self.values, {**self._functions, **self._inputs.scalars})
            if isinstance(element, Aggregate)
            else self._plain(element, firsts)
            for element in elements
        ]

    def _plain(self, element: FindElement, rows: Relation) -> Output:
        if isinstance(element, PullExpr):
            return self._pulled(element, rows)
        assert isinstance(element, Variable)
        return rows[element.name]

    def _pulled(self, element: PullExpr, rows: Relation) -> Output:
        db = self._inputs.sources[element.source.name if element.source else "$"]
        entities = entity_codes(db, self.values, rows[element.variable.name])
        distinct, inverse = numbered(entities)
        found = pull.pull_ids(db, self._patterns[element], distinct, functions=self._functions)
        return [found[place] for place in inverse.tolist()]

    def _pattern(self, element: PullExpr) -> PullPattern:
        if isinstance(element.pattern, PullPattern):
            return element.pattern
        given = self._inputs.patterns if isinstance(element.pattern, PatternVar) else self._inputs.scalars
        if element.pattern.name not in given:
            message = f"the pull pattern {element.pattern} is not given in :in"
            raise edn.located(QueryError, message, element.at, code="query/inputs")
        pattern = parse_pull(given[element.pattern.name])
        check_pattern(self._inputs.sources[element.source.name if element.source else "$"], pattern, self._functions)
        return pattern


def shaped(query: Query, outputs: Sequence[Output], size: int, values: Values) -> Any:
    """What the find clause of ``query`` makes of its columns: a result, a tuple or a value."""
    shape: Literal["tuples", "values", "maps"] = "maps" if query.keys else "tuples"
    if isinstance(query.find, FindCollection | FindScalar):
        shape = "values"
    result = Result(
        tuple(map(str, query.find.elements)),
        outputs,
        size,
        values,
        shape=shape,
        ordered=bool(query.order_by),
        keys=query.keys.names if query.keys else (),
    )
    if isinstance(query.find, FindRelation | FindCollection):
        return result
    return result[0] if size else None


@remembered
def _asked_for(query: Query) -> dict[str, Variable]:
    return variables(query.find, query.with_)


def _check_bound(query: Query, bound: Scope) -> None:
    for name, node in _asked_for(query).items():
        if name not in bound:
            message = f"{name} is asked for, but no clause of :where binds it"
            raise edn.located(QueryError, message, node.at, code="query/unbound", variables=[name])


def _pulls(query: Query) -> list[PullExpr]:
    return [element for element in query.find.elements if isinstance(element, PullExpr)]


def _prefetch(inputs: Inputs, rules: RuleSet, where: Sequence[Clause]) -> None:
    """Loads every attribute the query names in one go per database."""
    named = _attributes_named(where)
    for rule in rules:
        named |= _attributes_named(rule.clauses)
    for source in inputs.sources.values():
        if isinstance(source, DbValue):
            known = map(source.schema.get, sorted(named))
            source.prefetch([attribute for attribute in known if attribute is not None])


@remembered
def _attributes_named(clauses: Sequence[Clause]) -> frozenset[str]:
    terms = (node.terms[1] for node in walk(clauses) if isinstance(node, Pattern) and len(node.terms) > 1)
    return frozenset(term.value for term in terms if isinstance(term, Constant) and isinstance(term.value, str))
