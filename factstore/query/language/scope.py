"""Scopes: which variables a clause speaks of to those beside it, which it can bind, which it waits for.

A ``not`` shares with its surroundings every variable both speak of; ``not-join`` and ``or-join`` share
those of their list, and any other variable in them is their own, whatever its name.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

from factstore.query.language.ast import (
    Aggregate,
    And,
    Clause,
    FindElement,
    FunctionCall,
    Not,
    Optional,
    Or,
    Predicate,
    Query,
    RuleCall,
    Variable,
    variables,
)
from factstore.query.language.remembered import remembered

Scope = frozenset[str]
NONE: Scope = frozenset()
_REMEMBERED: Final = 8192
"""Clauses whose scopes are kept; a parsed query is kept too, and its scopes are asked for at every run."""


def spoken(clauses: Iterable[Clause | And]) -> Scope:
    """The variables of clauses that those beside them can mean too.

    >>> from factstore.query.language.parse import parse_query
    >>> sorted(spoken(parse_query("[:find ?a :where [?a :b] (not [?a :c ?d]) (not-join [?a] [?a :c ?e])]").where))
    ['?a', '?d']
    """
    return NONE.union(*(_spoken(clause) for clause in clauses))


@functools.lru_cache(maxsize=_REMEMBERED)
def _spoken(clause: Clause | And) -> Scope:
    if isinstance(clause, Not | Or) and clause.vars is not None:
        return _listed(clause)
    if isinstance(clause, Or):
        return spoken(clause.branches)
    if isinstance(clause, And | Not | Optional):
        return spoken(clause.clauses)
    return frozenset(variables(clause))


def _listed(clause: Not | Or) -> Scope:
    return frozenset(variables(clause.vars, clause.required if isinstance(clause, Or) else ()))


def given(clauses: Iterable[Clause | And]) -> Scope:
    """The variables that clauses can bind.

    >>> from factstore.query.language.parse import parse_query
    >>> sorted(given(parse_query("[:find ?a :where [?a :b ?c] [(< ?c ?d)] (not [?a :b ?e]) [(inc ?c) ?f]]").where))
    ['?a', '?c', '?f']
    """
    return NONE.union(*(_given(clause) for clause in clauses))


@functools.lru_cache(maxsize=_REMEMBERED)
def _given(clause: Clause | And) -> Scope:
    if isinstance(clause, Predicate | Not):
        return NONE
    if isinstance(clause, FunctionCall):
        return frozenset(variables(clause.binding))
    if isinstance(clause, And | Optional):
        return given(clause.clauses)
    if isinstance(clause, Or):
        every = frozenset.intersection(*(given((branch,)) for branch in clause.branches))
        return every if clause.vars is None else every & _listed(clause)
    return frozenset(variables(clause))


@functools.lru_cache(maxsize=_REMEMBERED)
def needed(clause: Clause | And, around: Scope, required: int = 0) -> Scope:
    """The variables that must be bound before a clause can run, ``around`` being those the others can bind.

    ``required`` is how many of its first arguments a rule wants bound.
    """
    if isinstance(clause, Predicate):
        return frozenset(variables(clause))
    if isinstance(clause, FunctionCall):
        return frozenset(variables(clause.fn, clause.args))
    if isinstance(clause, RuleCall):
        return frozenset(variables(clause.args[:required]))
    if isinstance(clause, Not | Optional):
        return spoken((clause,)) & around
    if isinstance(clause, Or):
        # What some branch does not bind has to be bound already: an or gives every name in each row.
        return (spoken((clause,)) & around) - given((clause,)) | frozenset(variables(clause.required))
    return NONE


def found_variables(elements: Iterable[FindElement]) -> list[str]:
    """The variables that find elements are made of, each once; of an aggregate, what it is of.

    >>> from factstore.query.language.parse import parse_query
    >>> found_variables(parse_query("[:find (max 2 ?a) ?b (pull ?c [*]) :where [?a ?b ?c]]").find.elements)
    ['?a', '?b', '?c']
    """
    found: dict[str, None] = {}
    for element in elements:
        nodes = element.args[-1:] if isinstance(element, Aggregate) else (getattr(element, "variable", element),)
        found.update((node.name, None) for node in nodes if isinstance(node, Variable))
    return list(found)


@remembered
def kept_variables(query: Query) -> tuple[str, ...]:
    """The variables that the rows of ``:where`` are wanted over: those of ``:find``, and of ``:with``.

    >>> from factstore.query.language.parse import parse_query
    >>> kept_variables(parse_query("[:find (sum ?b) :with ?a :where [?a :n ?b] [?b :m ?c]]"))
    ('?b', '?a')
    """
    return tuple(dict.fromkeys([*found_variables(query.find.elements), *(each.name for each in query.with_)]))


class Bindable(Protocol):
    """A clause made ready to run: the variables it waits for, and all it speaks of."""

    @property
    def needs(self) -> Scope: ...
    @property
    def names(self) -> Scope: ...


def waited_for(steps: Iterable[Bindable]) -> Scope:
    """The variables that some step needs and none of the steps gives."""
    made = list(steps)
    free = NONE.union(*(step.names - step.needs for step in made))
    return NONE.union(*(step.needs for step in made)) - free


class Site(NamedTuple):
    """Where clauses stand: their default source, what is bound before them, and what of that the caller gave.

    A rule body sees nothing of what the caller gave, whatever its variables are called.
    """

    source: str
    bound: Scope
    scalars: Mapping[str, Any] = MappingProxyType({})
    """Those of the bound variables that have one value, known beforehand."""
    named: Scope = NONE
    """Those of the bound variables that may name entities by ident or lookup ref."""

    def inside(self, source: str, bound: Scope) -> Site:
        """The site of clauses inside a clause, which see only ``bound``."""
        scalars = {name: value for name, value in self.scalars.items() if name in bound}
        return Site(source, bound, scalars, self.named & bound)
