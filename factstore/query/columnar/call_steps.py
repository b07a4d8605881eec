"""Predicates and function clauses as steps: ``[(< ?a 30)]``, ``[(str ?a "-" ?b) ?c]``.

Comparisons (:mod:`factstore.query.columnar.comparisons`) and arithmetic (:mod:`factstore.query.columnar.arithmetic`)
run on whole columns where the columns allow it; all else is called once per distinct row of arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from factstore.columns import Ints, spans
from factstore.query.columnar import arithmetic, comparisons
from factstore.query.columnar.calls import Call
from factstore.query.columnar.operators import agreeing, distinct
from factstore.query.columnar.relation import Column, Relation, Values
from factstore.query.columnar.spread import hashable, spread
from factstore.query.language.ast import (
    BindCollection,
    Binding,
    BindRelation,
    BindScalar,
    FunctionCall,
    Node,
    Predicate,
    variables,
)
from factstore.query.language.remembered import remembered

_FANOUT: Final = 10
"""How many rows a collection binding is taken to give for one."""


@remembered
def _taken(node: Predicate | FunctionCall) -> frozenset[str]:
    """The variables that a call takes."""
    return frozenset(variables(node.fn, node.args))


class PredicateStep:
    """``[(pred arg*)]``: keeps the rows for which it is neither None nor False."""

    is_filter = True

    def __init__(self, node: Predicate, call: Call) -> None:
        self.node: Node = node
        self.how = ""
        self._call = call
        self.names = self.needs = _taken(node)

    def estimate(self, rows: Relation) -> float:
        return rows.size / 2

    def run(self, rows: Relation, needed: frozenset[str]) -> Relation:
        columns = self._call.columns(rows)
        mask = comparisons.predicate(self._call.name, columns, self._call.values) if self._call.name else None
        self.how = "by column"
        if mask is None:
            results, which = self._call.distinct_results(columns, rows.size)
            kept = (result is not None and result is not False for result in results)
            mask = np.fromiter(kept, dtype=np.bool_, count=len(results))[which]
            self.how = self._call.how
        return rows.take(mask)


class FunctionStep:
    """``[(fn arg*) binding]``: adds what the function gives; None takes the row away."""

    is_filter = False

    def __init__(self, node: FunctionCall, call: Call, values: Values) -> None:
        self.node: Node = node
        self.how = ""
        self._call = call
        self._binding = node.binding
        self._values = values
        self.needs = _taken(node)
        self.names = self.needs | frozenset(variables(node.binding))

    def estimate(self, rows: Relation) -> float:
        many = isinstance(self._binding, BindCollection | BindRelation)
        return rows.size * (_FANOUT if many else 1)

    def average(self, size: float, bound: frozenset[str]) -> float:
        return size * (_FANOUT if isinstance(self._binding, BindCollection | BindRelation) else 1)

    def run(self, rows: Relation, needed: frozenset[str]) -> Relation:
        columns = self._call.columns(rows)
        if self._call.name and isinstance(self._binding, BindScalar):
            whole = arithmetic.function(self._call.name, columns)
            if whole is not None:
                self.how = "by column"
                return assign(rows, self._binding.variable.name, whole, self._values)
        results, which = self._call.distinct_results(columns, rows.size)
        self.how = self._call.how
        return bind_results(rows, results, which, self._binding, self._values)


def assign(rows: Relation, name: str, column: Column, values: Values) -> Relation:
    """``rows`` with a column under ``name``; where the name is bound, the rows in which both agree."""
    if name in rows:
        return rows.take(agreeing(rows[name], column, values))
    return rows.with_columns({name: column})


def bind_results(rows: Relation, results: Sequence[Any], which: Ints, binding: Binding, values: Values) -> Relation:
    """``rows`` joined with what a function gave for each, taken apart as ``binding`` says."""
    if isinstance(binding, BindScalar):
        return _bind_scalar(rows, results, which, binding.variable.name, values)
    watched = values.limits.watched(results)
    parts = [list(spread(binding, result)) if result is not None else [] for result in watched]
    names = list(variables(binding))
    flat = [part for group in parts for part in group]
    if not flat:
        return Relation.empty({**dict.fromkeys(rows.names), **dict.fromkeys(names)})
    counts = np.asarray([len(group) for group in parts], dtype=np.int64)
    values.limits.check(int(counts[which].sum()), len(rows.columns) + len(names))
    ends = np.cumsum(counts)
    row, at = spans((ends - counts)[which], ends[which])
    start, kept = rows.take(row), np.ones(len(row), dtype=np.bool_)
    columns = {name: values.encode([part[name] for part in flat]).take(at) for name in names}
    for name in start.names:
        if name in columns:
            kept &= agreeing(start[name], columns.pop(name), values)
    result = start.with_columns(columns)
    return distinct(result if kept.all() else result.take(kept))


def _bind_scalar(rows: Relation, results: Sequence[Any], which: Ints, name: str, values: Values) -> Relation:
    kept = np.fromiter((result is not None for result in results), dtype=np.bool_, count=len(results))
    if not kept.any():
        return Relation.empty(dict.fromkeys((*rows.names, name)))
    column = values.encode([hashable(result) for result in results if result is not None])
    if kept.all():
        return assign(rows, name, column.take(which), values)
    places = np.cumsum(kept) - 1
    there = kept[which]
    return assign(rows.take(there), name, column.take(places[which[there]]), values)
