"""Aggregates over groups of rows: of whole columns where their type allows it, else value by value."""

from __future__ import annotations

import decimal
import math
import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from factstore import edn
from factstore.errors import FactstoreError, QueryError
from factstore.query.columnar.relation import Column, Relation, Values
from factstore.query.functions.builtin import Function
from factstore.query.language.ast import Aggregate, Argument, Constant, Variable
from factstore.query.results.aggregate_columns import Grouped, by_column, least
from factstore.query.results.grouping import Groups
from factstore.query.results.result_typed import Output
from factstore.values import Value, order_key
from factstore.values_coerce import shown

_DRAWN: Final = 1_000_000
"""So many values are drawn at most, or picked, for one group."""
_DIGITS: Final = 10_000
"""Decimals are added exactly if the sum can be written with so many digits."""


def aggregate(node: Aggregate, rows: Relation, groups: Groups, values: Values, registered: Mapping[str, Any]) -> Output:
    """One value per group. ``registered`` are functions by name, and inputs by variable."""
    *options, last = node.args
    assert isinstance(last, Variable)
    column = Grouped(rows[last.name], groups, values)
    arguments = [_option(node, option, registered) for option in options]
    if isinstance(node.fn, str) and node.fn not in registered:
        whole = _whole(node, column, arguments)
        if whole is not None:
            return whole
    function = _function(node, registered)
    held = groups.split(values.decode(Column(column.kind, column.data)))
    return [_applied(node, function, arguments, group) for group in values.limits.watched(held)]


def _whole(node: Aggregate, column: Grouped, arguments: Sequence[Any]) -> Output | None:
    """The aggregate by column; None if it is made value by value, which also tells what is wrong with a value."""
    name = str(node.fn)
    if arguments and name in _COUNTED:
        _check_count(node, arguments[0])
    try:
        if not arguments:
            return by_column(name, column)
        return least(column, arguments[0], largest=name == "max") if name in ("min", "max") else None
    except TypeError:  # tuples that have no order between them
        return None


_COUNTED: Final = ("min", "max", "rand", "sample")


def _check_count(node: Aggregate, count: Any) -> None:
    if type(count) is int and 0 <= count <= _DRAWN:
        return
    message = f"{shown(count)} in {node} is no count of values: expected a whole number from 0 to {_DRAWN:,}"
    raise edn.located(QueryError, message, node.at, code="query/type-mismatch")


def _applied(node: Aggregate, function: Function, arguments: Sequence[Any], group: Sequence[Value]) -> Value:
    try:
        return function(*arguments, group)
    except FactstoreError:
        raise
    except Exception as error:
        message = f"{node} cannot be applied to {len(group)} values such as {group[0]!r}: {error}"
        raise edn.located(QueryError, message, node.at, code="query/type-mismatch") from error


def _option(node: Aggregate, option: Argument, registered: Mapping[str, Any]) -> Any:
    if isinstance(option, Constant):
        return option.value
    if str(option) not in registered:
        message = f"{option} in {node} has no one value: expected a constant or an input ?x of :in"
        raise edn.located(QueryError, message, option.at, code="query/inputs")
    return registered[str(option)]


def _function(node: Aggregate, registered: Mapping[str, Any]) -> Function:
    found: Function | None = registered.get(str(node.fn), _BY_VALUE.get(str(node.fn)))
    if not callable(found):
        message = f"no aggregate {node.fn}: expected one of {', '.join(sorted(_BY_VALUE))}, or a registered one"
        raise edn.located(QueryError, message, node.at, code="query/unknown-function", function=str(node.fn))
    return found


def _extreme(of_one: Callable[..., Any], largest: bool) -> Function:
    def choose(*args: Any) -> Any:
        if len(args) == 1:
            return of_one(args[0], key=order_key)
        count, group = args
        ordered = sorted(set(group), key=order_key)
        return ordered[max(0, len(ordered) - count) :] if largest else ordered[:count]

    return choose


def _rand(*args: Any) -> Any:
    *count, group = args
    return random.choices(group, k=count[0]) if count else random.choice(group)


def _sample(count: int, group: Sequence[Value]) -> list[Value]:
    different = list(dict.fromkeys(group))
    return random.sample(different, min(count, len(different)))


def _sum(group: Sequence[Value]) -> Value:
    if not any(type(value) is Decimal for value in group):
        return sum(group)
    with decimal.localcontext(decimal.Context(prec=_DIGITS)):
        return sum(group)


def _variance(group: Sequence[Value]) -> Value:
    if all(type(value) is int for value in group):
        count, total = len(group), sum(group)
        return (count * sum(value * value for value in group) - total * total) / (count * count)
    found = statistics.pvariance(group)
    return found if isinstance(found, Decimal) else float(found)


def _deviation(group: Sequence[Value]) -> Value:
    found = _variance(group)
    return found.sqrt() if isinstance(found, Decimal) else math.sqrt(found)


_BY_VALUE: Final[Mapping[str, Function]] = {
    "count": len,
    "count-distinct": lambda group: len(set(group)),
    "distinct": frozenset,
    "sum": _sum,
    "avg": lambda group: _sum(group) / len(group),
    "median": statistics.median,
    "variance": _variance,
    "stddev": _deviation,
    "min": _extreme(min, largest=False),
    "max": _extreme(max, largest=True),
    "rand": _rand,
    "sample": _sample,
}
"""Aggregates of a sequence of values. Variance and deviation are those of the whole population, as doubles."""

NAMES: Final = tuple(sorted(_BY_VALUE))
"""The built-in aggregates."""


def option_counts(name: str) -> tuple[int, int]:
    """The fewest and the most arguments that a built-in aggregate takes before its variable.

    >>> option_counts("count"), option_counts("max"), option_counts("sample")
    ((0, 0), (0, 1), (1, 1))
    """
    return (1, 1) if name == "sample" else (0, 1) if name in ("min", "max", "rand") else (0, 0)
