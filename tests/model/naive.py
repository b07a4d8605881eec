"""A query evaluator as short and obvious as can be: nested loops over a set of datoms. The oracle of the engine.

It has no indexes, no plan and no columns. An answer in the making is a dict of variables; a clause makes
more of them, or fewer. Rules are asked again and again until no answer is new.
"""

from __future__ import annotations

import copy
import functools
import statistics
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

from factstore.datom import TX0, Datom
from factstore.errors import InvalidValue
from factstore.query.functions.builtin import BUILTIN
from factstore.query.language.ast import (
    Aggregate,
    And,
    BindCollection,
    BindIgnore,
    Binding,
    BindRelation,
    BindScalar,
    BindTuple,
    Blank,
    Clause,
    Constant,
    FindCollection,
    FindRelation,
    FunctionCall,
    LookupRef,
    Not,
    Optional,
    Or,
    Pattern,
    Predicate,
    Query,
    RuleCall,
    SourceVar,
    Variable,
    variables,
)
from factstore.query.language.parse import parse_query, parse_rules
from factstore.schema import Schema
from factstore.values import Keyword
from factstore.values_coerce import coerce

Env = dict[str, Any]
Names = frozenset[str]
Clauses = Sequence[Clause | And]
Goal = tuple[str, str, tuple[Any, ...]]
"""A source, a rule, and its arguments, FREE where they are not known."""
Goals = dict[Goal, tuple[tuple[Any, ...], dict[Any, tuple[Any, ...]]]]

FREE = object()
FOUND = Variable("?found")


class NotYet(Exception):
    """Clauses that need a variable which nothing binds."""


def typed(value: Any) -> Any:
    """What tells values apart: 1, 1.0 and True are three of them."""
    return tuple(map(typed, value)) if isinstance(value, list | tuple) else (type(value).__name__, value)


def same(one: Any, other: Any) -> bool:
    return bool(typed(one) == typed(other))


class Naive:
    """Answers over datoms; ``more`` are further sources by name, datoms or tuples."""

    def __init__(self, facts: Collection[Any], schema: Schema, rules: str = "[]", **more: Collection[Any]) -> None:
        self.schema = schema
        self.attributes = {attribute.ident: attribute for attribute in schema}
        self.sources: dict[str, Collection[Any]] = {"$": facts, **{f"${name}": rows for name, rows in more.items()}}
        self.rules = parse_rules(rules)
        self.known: dict[Any, bool] = {}
        self.required = {rule.head.name: len(rule.head.required) for rule in self.rules}
        self.given = functools.cache(self._given)

    def q(self, text: str | Query, *inputs: Any) -> Any:
        """What a query finds: rows or values in order, if it asks for one, or None."""
        query = parse_query(text)
        envs: list[Env] = [{}]
        for binding, value in zip([i for i in query.inputs if isinstance(i, Binding)], inputs, strict=True):
            envs = [{**env, **more} for env in envs for more in spread(binding, value)]
        bound = frozenset(variables(query.inputs))
        wanted = [*variables(query.find), *(variable.name for variable in query.with_)]
        if not set(wanted) <= bound.union(*map(self.given, query.where)):
            raise NotYet(wanted)
        found = find(query.find.elements, self.complete(query.where, envs, bound, "$"), wanted)
        for order in reversed(query.order_by):
            found.sort(key=lambda row, at=order.index: row[at], reverse=order.descending)  # type: ignore[misc]
        found = found[query.offset :][: query.limit]
        rows = found if len(query.find.elements) > 1 or isinstance(query.find, FindRelation) else [v for (v,) in found]
        return rows if isinstance(query.find, FindRelation | FindCollection) else next(iter(rows), None)

    def complete(self, clauses: Clauses, envs: list[Env], bound: Names, source: str) -> list[Env]:
        """All answers of clauses, once every rule they call has given all it can."""
        goals: Goals = {}
        while True:
            before = {goal: len(answers) for goal, (_, answers) in goals.items()}
            found = self.solve(clauses, envs, bound, source, goals)
            for goal in list(goals):
                self.extend(goal, goals)
            if before == {goal: len(answers) for goal, (_, answers) in goals.items()}:
                return found

    def extend(self, goal: Goal, goals: Goals) -> None:
        """Adds to the answers of a goal what its rules give now."""
        source, name, _ = goal
        args, answers = goals[goal]
        for rule in self.rules:
            head = rule.head.args
            if rule.head.name == name and all(
                arg is FREE or isinstance(term, Variable) or same(term.value, arg)
                for term, arg in zip(head, args, strict=True)
            ):
                start = {term.name: arg for term, arg in zip(head, args, strict=True) if isinstance(term, Variable)}
                known = {variable: arg for variable, arg in start.items() if arg is not FREE}
                if not set(start) <= set(known).union(*map(self.given, rule.clauses)):
                    raise NotYet(rule)  # ready() should have told
                for env in self.solve(rule.clauses, [known], frozenset(known), source, goals):
                    row = tuple(value(term, env) for term in head)
                    answers[typed(row)] = row

    def solve(self, clauses: Clauses, envs: list[Env], bound: Names, source: str, goals: Goals) -> list[Env]:
        """Each env, extended in every way that satisfies all clauses."""
        for clause in self.ordered(clauses, bound):
            around = bound.union(*(self.given(other) for other in clauses if other is not clause))
            envs = distinct(new for env in envs for new in self.step(clause, env, around, source, goals))
        return envs

    def step(self, clause: Clause | And, env: Env, around: Names, source: str, goals: Goals) -> Iterable[Env]:
        """What one clause makes of one env; the clauses beside it can bind what is ``around``."""
        own = getattr(clause, "source", None)
        source = own.name if own else source
        match clause:
            case Pattern():
                return self.pattern(clause, env, source)
            case Predicate():
                held = self.called(clause, env)
                return [env] if held is not None and held is not False else []
            case FunctionCall():
                found = self.called(clause, env)
                made = [] if found is None else spread(clause.binding, found)
                return [both for one in made if (both := merged(env, one)) is not None]
            case RuleCall():
                return self.call(clause, env, source, goals)
            case And():
                return self.solve(clause.clauses, [env], frozenset(env), source, goals)
            case Not():
                shared = spoken(clause) & around
                return [] if self.complete(clause.clauses, [restricted(env, shared)], shared, source) else [env]
            case Optional():
                shared, new = spoken(clause) & around, self.given(clause) - around
                inner = self.complete(clause.clauses, [restricted(env, shared)], shared, source)
                return [{**env, **restricted(one, new)} for one in inner] or [{**env, **dict.fromkeys(new)}]
            case Or():
                names = (spoken(clause) & around) | self.given(clause)
                start = restricted(env, names & set(env))
                every = (self.solve([branch], [start], frozenset(start), source, goals) for branch in clause.branches)
                return [{**env, **restricted(one, names)} for found in every for one in found]

    def called(self, clause: Predicate | FunctionCall, env: Env) -> Any:
        if clause.fn == "q":
            return self.nested(clause, env)
        if clause.fn in ("get-else", "get-some", "missing?"):
            return self.looked_up(clause, env)
        fn: Callable[..., Any] = value(clause.fn, env) if isinstance(clause.fn, Variable) else BUILTIN[clause.fn]
        return fn(*(value(arg, env) for arg in clause.args))

    def nested(self, clause: Predicate | FunctionCall, env: Env) -> Any:
        """``q`` over the sources that are given to it."""
        text, *args = clause.args
        query, inner = parse_query(value(text, env)), copy.copy(self)
        pairs = list(zip(query.inputs, args, strict=True))
        inner.sources = {str(node): self.sources[str(arg)] for node, arg in pairs if isinstance(arg, SourceVar)}
        return inner.q(query, *(value(arg, env) for node, arg in pairs if isinstance(node, Binding)))

    def looked_up(self, clause: Predicate | FunctionCall, env: Env) -> Any:
        source, entity, *terms = clause.args
        names = terms[:1] if clause.fn == "get-else" else terms
        for name in (value(term, env) for term in names):
            parts = (entity, Constant(Keyword(name.replace("/_", "/"))), FOUND)
            pattern = Pattern(None, parts[::-1] if "/_" in name else parts)  # type: ignore[arg-type]
            if found := list(self.pattern(pattern, env, str(source))):
                first = found[0][FOUND.name]
                return {"get-else": first, "get-some": (name, first), "missing?": False}[str(clause.fn)]
        return {"get-else": value(terms[-1], env), "missing?": True}.get(str(clause.fn))

    def call(self, clause: RuleCall, env: Env, source: str, goals: Goals) -> Iterator[Env]:
        args = tuple(FREE if isinstance(arg, Blank) else value(arg, env) for arg in clause.args)
        _, answers = goals.setdefault((source, clause.name, typed(args)), (args, {}))
        for row in list(answers.values()):
            yield from unified(zip(clause.args, row, strict=True), env)

    def pattern(self, clause: Pattern, env: Env, source: str) -> Iterator[Env]:
        named = clause.terms[1] if len(clause.terms) > 1 else None
        for fact in self.sources[source]:
            if not isinstance(fact, Datom):
                if len(fact) >= len(clause.terms):
                    yield from unified(zip(clause.terms, fact, strict=False), env)
            elif (not isinstance(named, Constant) or named.value == fact.a) and self.matches(clause, fact, source):
                row = (fact.e, self.attributes[fact.a].id, *fact[2:])
                terms = [t if isinstance(t, Variable) else Blank() for t in clause.terms]
                yield from unified(zip(terms, row, strict=False), env)

    def matches(self, clause: Pattern, fact: Datom, source: str) -> bool:
        """Whether the constants of a pattern are those of a datom."""
        e, a, v, tx, op = (*clause.terms, *[Blank()] * 4)[:5]
        attribute = self.attributes[fact.a]
        is_ref = isinstance(a, Constant) and attribute.is_ref
        if isinstance(v, LookupRef) and not is_ref:
            v = v.constant
        if isinstance(v, Constant) and isinstance(a, Constant) and not is_ref:
            try:
                v = Constant(coerce(attribute.type, v.value))
            except InvalidValue:
                return False
        wanted = (self.entity(e, source), self.entity(v, source) if is_ref else v, tx, op)
        found = (fact.e, fact.v, fact.tx, fact.added)
        return all(not isinstance(t, Constant) or same(t.value, x) for t, x in zip(wanted, found, strict=True))

    def entity(self, term: Any, source: str) -> Any:
        """A term with the id for an ident or lookup ref."""
        if isinstance(term, Constant) and isinstance(term.value, str):
            term = LookupRef(Keyword("db/ident"), term)
        if not isinstance(term, LookupRef):
            return term
        facts = self.sources[source]
        return Constant(next((f.e for f in facts if f.a == term.attr and f.v == term.value.value), None))

    def ordered(self, clauses: Clauses, bound: Names) -> list[Clause | And]:
        """The clauses, each after those that bind what it needs."""
        done: list[Clause | And] = []
        while len(done) < len(clauses):
            known = bound.union(*map(self.given, done))
            for clause in clauses:
                around = bound.union(*(self.given(other) for other in clauses if other is not clause))
                if not any(clause is other for other in done) and self.ready(clause, known, around):
                    done.append(clause)
                    break
            else:
                raise NotYet(clauses)
        return done

    def ready(self, clause: Clause | And, bound: Names, around: Names) -> bool:
        """Whether a clause can run with these variables bound; raises NotYet if it never can."""
        shared = spoken(clause) & around
        match clause:
            case Predicate(fn=fn, args=args) | FunctionCall(fn=fn, args=args):
                return set(variables(fn, args)) <= bound
            case RuleCall(name=name, args=args):
                required = args[: self.required[name]]
                if any(isinstance(arg, Blank) for arg in required):
                    raise NotYet(clause)
                places = [n for n, arg in enumerate(args) if isinstance(arg, Constant) or str(arg) in bound]
                self.callable(name, range(len(args)), refuse=True)
                return set(variables(required)) <= bound and self.callable(name, places)
            case Not() | Optional():
                alone = not shared and variables(clause.clauses)
                if isinstance(clause, Not) and (alone or (clause.vars and len(shared) < len(clause.vars))):
                    raise NotYet(clause)
                self.ordered(clause.clauses, shared)
                return shared <= bound
            case Or(branches=branches):
                needed = (shared - self.given(clause)) | set(variables(clause.required))
                for branch in branches:
                    self.ordered([branch], shared)
                names = (spoken(clause) | self.given(clause)) & bound
                return needed <= bound and all(self.runs([branch], names) for branch in branches)
            case And(clauses=clauses):
                return self.runs(clauses, bound)
        return True

    def callable(self, name: str, bound: Iterable[int], *, refuse: bool = False) -> bool:
        """Whether the rules of a name can run with the arguments at these places bound."""
        key = name, tuple(bound)
        if key not in self.known:
            self.known[key] = True  # at once: recursive rules come back here
            for rule in self.rules:
                if rule.head.name == name:
                    head = frozenset(variables(rule.head.args))
                    start = frozenset(variables([rule.head.args[place] for place in key[1]]))
                    runs = self.runs(rule.clauses, start) and head <= start.union(*map(self.given, rule.clauses))
                    self.known[key] &= runs
        if refuse and not self.known[key]:
            raise NotYet(name)
        return self.known[key]

    def runs(self, clauses: Clauses, bound: Names) -> bool:
        try:
            return bool(self.ordered(clauses, bound))
        except NotYet:
            return False

    def _given(self, clause: Clause | And) -> frozenset[str]:
        """The variables a clause can bind."""
        match clause:
            case Predicate() | Not():
                return frozenset()
            case FunctionCall(binding=binding):
                return frozenset(variables(binding))
            case Or(branches=branches, required=required):
                return frozenset.intersection(*map(self.given, branches)) & spoken(clause) - set(variables(required))
            case And(clauses=clauses) | Optional(clauses=clauses):
                return frozenset().union(*map(self.given, clauses))
        return frozenset(variables(clause))


def value(term: Any, env: Env) -> Any:
    """What a term is under an env; FREE if nothing has bound it."""
    return env.get(term.name, FREE) if isinstance(term, Variable) else term.value


def unified(pairs: Iterable[tuple[Any, Any]], env: Env) -> Iterator[Env]:
    """``env`` with each term taken for its value, if they agree."""
    found = dict(env)
    for term, value in pairs:
        if isinstance(term, Constant) and not same(term.value, value):
            return
        if isinstance(term, Variable) and not same(found.setdefault(term.name, value), value):
            return
    yield found


def merged(env: Env, more: Env) -> Env | None:
    return {**env, **more} if all(same(env[name], more[name]) for name in env.keys() & more.keys()) else None


def members(value: Any) -> Iterable[Any]:
    return value.items() if isinstance(value, dict) else value


def spread(binding: Binding, value: Any) -> list[Env]:
    match binding:
        case BindIgnore():
            return [{}]
        case BindScalar(variable=variable):
            return [{variable.name: value}]
        case BindCollection(item=item):
            return [env for each in members(value) for env in spread(item, each)]
        case BindRelation(items=items):
            return [env for each in members(value) for env in spread(BindTuple(items), each)]
        case BindTuple(items=items):
            envs: list[Env] = [{}]
            for item, part in zip(items, value, strict=False):
                envs = [both for env in envs for one in spread(item, part) if (both := merged(env, one)) is not None]
            return envs


@functools.cache
def spoken(clause: Clause | And) -> frozenset[str]:
    """The variables of a clause that those beside it can mean too."""
    if isinstance(clause, Not | Or) and clause.vars is not None:
        return frozenset(variables(clause.vars, getattr(clause, "required", ())))
    inner = getattr(clause, "clauses", None) or getattr(clause, "branches", None)
    return frozenset().union(*map(spoken, inner)) if inner else frozenset(variables(clause))


def restricted(env: Env, names: Iterable[str]) -> Env:
    return {name: env[name] for name in names}


def distinct(envs: Iterable[Env]) -> list[Env]:
    return list({frozenset((name, typed(value)) for name, value in env.items()): env for env in envs}.values())


AGGREGATES: dict[str, Callable[..., Any]] = {
    "count": len,
    "count-distinct": lambda group: len(set(map(typed, group))),
    "distinct": frozenset,
    "sum": sum,
    "avg": statistics.fmean,
    "median": statistics.median,
    "variance": lambda group: float(statistics.pvariance(group)),
    "stddev": statistics.pstdev,
    "min": lambda *args: min(args[-1]) if len(args) == 1 else sorted(set(args[-1]))[: args[0]],
    "max": lambda *args: max(args[-1]) if len(args) == 1 else sorted(set(args[-1]))[-args[0] :],
}


def find(elements: Sequence[Any], envs: list[Env], wanted: Sequence[str]) -> list[tuple[Any, ...]]:
    """The find clause over a set of rows: as they are, or grouped by what is no aggregate."""
    rows = distinct(restricted(env, wanted) for env in envs)
    if not any(isinstance(element, Aggregate) for element in elements):
        return [tuple(env[element.name] for element in elements) for env in rows]
    groups: dict[Any, list[Env]] = {}
    for env in rows:
        key = tuple(typed(env[element.name]) for element in elements if isinstance(element, Variable))
        groups.setdefault(key, []).append(env)
    return [
        tuple(
            AGGREGATES[str(element.fn)](
                *(value(arg, group[0]) for arg in element.args[:-1]), [value(element.args[-1], env) for env in group]
            )
            if isinstance(element, Aggregate)
            else group[0][element.name]
            for element in elements
        )
        for group in groups.values()
    ]


def at_t(datoms: Iterable[Datom], t: int) -> set[Datom]:
    """The facts that hold at ``t``, given all datoms of the log in order."""
    held: dict[tuple[Any, ...], Datom] = {}
    for datom in datoms:
        key = (datom.e, datom.a, typed(datom.v))
        if datom.tx <= TX0 + t:
            if datom.added:
                held[key] = datom
            else:
                held.pop(key, None)
    return set(held.values())
