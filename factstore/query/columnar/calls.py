"""Predicates and function clauses: ``[(< ?a 30)]``, ``[(str ?a "-" ?b) ?c]``.

Comparisons and sums run on whole columns (:mod:`factstore.query.columnar.vectors`); any other function is
called once per distinct row of its arguments.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from factstore import edn
from factstore.columns import Ints, spans
from factstore.columns_distinct import numbered_rows
from factstore.errors import FactstoreError, QueryError
from factstore.query.columnar import arithmetic, vectors
from factstore.query.columnar.operators import agreeing, distinct
from factstore.query.columnar.relation import Column, Relation, Values
from factstore.query.functions.arity import check_arity
from factstore.query.functions.builtin import BUILTIN, Function, plain_name
from factstore.query.language.ast import (
    Argument,
    BindCollection,
    BindIgnore,
    Binding,
    BindRelation,
    BindScalar,
    BindTuple,
    Constant,
    FunctionCall,
    Node,
    Predicate,
    Variable,
    variables,
)
from factstore.query.language.remembered import remembered
from factstore.values_coerce import shown as shown_value

_FANOUT: Final = 10
"""How many rows a collection binding is taken to give for one."""
_AT_ONCE: Final = 256
"""Calls of a built-in function between two looks at the clock."""


def find_function(name: str, node: Predicate | FunctionCall, registered: Mapping[str, Function]) -> Function:
    """The function of a name; ``query/unknown-function`` if it is neither built in nor registered."""
    found = registered.get(name) or BUILTIN.get(plain_name(name))
    if found is None:
        near = difflib.get_close_matches(plain_name(name), [*registered, *BUILTIN], 2)
        known = f"did you mean {' or '.join(near)}" if near else "expected a built-in one, or one that was registered"
        message = f"no function {name}: {known}"
        raise edn.located(QueryError, message, node.at, code="query/unknown-function", function=name)
    check_arity(node, found)
    return found


def apply_given(fn: Any, *args: Any) -> Any:
    """What a function that is a value of the query gives for ``args``."""
    if not callable(fn):
        raise TypeError(f"{fn!r} is no function")
    return fn(*args)


class Call:
    """A function with its arguments, as columns of a relation."""

    def __init__(self, node: Predicate | FunctionCall, fn: Function, args: Sequence[Any], values: Values) -> None:
        self.node = node
        self.fn = fn
        self.name = plain_name(node.fn) if isinstance(node.fn, str) and fn is BUILTIN.get(plain_name(node.fn)) else ""
        self._args = args
        self.values = values
        self.how = ""

    def columns(self, rows: Relation) -> list[Column]:
        """The arguments, a column each."""
        return [rows[arg.name] if isinstance(arg, Variable) else self._repeated(arg, rows.size) for arg in self._args]

    def _repeated(self, value: Any, size: int) -> Column:
        """A constant as a column that takes no memory for its length."""
        kind, data = self.values.constant(_hashable(value))
        return Column(kind, np.broadcast_to(data, size))

    def distinct_results(self, columns: Sequence[Column], size: int) -> tuple[list[Any], Ints]:
        """The result for each distinct row of arguments, and which of them each row has."""
        variable = [place for place, arg in enumerate(self._args) if isinstance(arg, Variable)]
        if not variable:
            return [self._apply(*self._args)], np.zeros(size, dtype=np.int64)
        first, which = numbered_rows([columns[place].data for place in variable])
        given = iter([self.values.decode(columns[place].take(first)) for place in variable])
        args = [next(given) if isinstance(arg, Variable) else [arg] * len(first) for arg in self._args]
        return self._results(args, len(first)), which

    def _results(self, args: Sequence[list[Any]], size: int) -> list[Any]:
        self.how = f"once for each of {size:,} distinct arguments"
        if self.name:
            # A built-in function has no effect but its result, so that it can be asked again for what it refuses.
            try:
                return self._built_in(args, size)
            except FactstoreError:
                raise
            except Exception:
                self.how += ", one by one"
        calls = self.values.limits.watched(zip(*args, strict=True))
        return [self._apply(*row) for row in calls]

    def _built_in(self, args: Sequence[list[Any]], size: int) -> list[Any]:
        """The results, some at a time: between them the query's bounds are looked at."""
        results: list[Any] = []
        for start in range(0, size, _AT_ONCE):
            some = list(map(self.fn, *(each[start : start + _AT_ONCE] for each in args)))
            self.values.limits.made_all(some)
            results += some
        return results

    def _apply(self, *args: Any) -> Any:
        try:
            result = self.fn(*args)
        except FactstoreError:
            raise
        except Exception as error:
            shown = ", ".join(shown_value(arg) for arg in args)
            message = f"{self.node.fn} cannot be applied to ({shown}): {error}"
            code = "query/type-mismatch" if isinstance(error, TypeError | AttributeError) else "query/function-failed"
            raise edn.located(QueryError, message, self.node.at, code=code) from error
        self.values.limits.made(result)
        return result


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def arguments(args: Iterable[Argument]) -> list[Any]:
    """Arguments as the engine takes them: variables as they are, constants as values."""
    return [arg.value if isinstance(arg, Constant) else arg for arg in args]


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
        mask = vectors.predicate(self._call.name, columns, self._call.values) if self._call.name else None
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
    column = values.encode([_hashable(result) for result in results if result is not None])
    if kept.all():
        return assign(rows, name, column.take(which), values)
    places = np.cumsum(kept) - 1
    there = kept[which]
    return assign(rows.take(there), name, column.take(places[which[there]]), values)


def spread(binding: Binding, value: Any) -> Iterable[dict[str, Any]]:
    """The assignments a value makes under a binding: one for each way.

    >>> from factstore.query.language.parse import parse_query
    >>> binding = parse_query("[:find ?a :in [[?a ?b]]]").inputs[0]
    >>> list(spread(binding, [[1, 2], [3, 4]]))
    [{'?a': 1, '?b': 2}, {'?a': 3, '?b': 4}]
    """
    match binding:
        case BindIgnore():
            return [{}]
        case BindScalar(variable=variable):
            return [{variable.name: _hashable(value)}]
        case BindTuple(items=items):
            return _spread_tuple(items, value, binding)
        case BindCollection(item=item):
            return [found for each in _each(value, binding) for found in spread(item, each)]
        case BindRelation(items=items):
            return [found for each in _each(value, binding) for found in _spread_tuple(items, each, binding)]


def _each(value: Any, binding: Binding) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.items()
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise _misfit(value, "a collection", binding)
    return value


def _spread_tuple(items: Sequence[Binding], value: Any, binding: Binding) -> list[dict[str, Any]]:
    if isinstance(value, str | bytes) or not isinstance(value, Sequence) or len(value) < len(items):
        raise _misfit(value, f"a tuple of at least {len(items)}", binding)
    found: list[dict[str, Any]] = [{}]
    for item, part in zip(items, value, strict=False):
        found = [merged for one in found for more in spread(item, part) if (merged := _merged(one, more)) is not None]
    return found


def _merged(one: dict[str, Any], more: dict[str, Any]) -> dict[str, Any] | None:
    clash = any(name in one and not (type(one[name]) is type(v) and one[name] == v) for name, v in more.items())
    return None if clash else {**one, **more}


def _misfit(value: Any, wanted: str, binding: Binding) -> QueryError:
    message = f"{shown_value(value)} does not fit {binding}: expected {wanted}"
    return edn.located(QueryError, message, binding.at, code="query/binding", value=value)
