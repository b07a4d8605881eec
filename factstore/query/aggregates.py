"""Aggregates over groups of rows; by column where the encoding allows it, else by value.

A group's rows are a run of the rows sorted by group, so that sums and extremes are one
``reduceat`` for all groups.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from factstore import edn
from factstore.columns import Ints, ints_to_doubles, rank
from factstore.errors import QueryError
from factstore.query.ast import Aggregate, Argument, Constant, Variable
from factstore.query.functions import Function
from factstore.query.relation import ANY, REF, Column, Relation, Values
from factstore.values import Value, ValueType, order_key

Output = Column | list[Value]
"""A column of a result: codes, or Python values where there are none."""

_LONG: Final = int(ValueType.LONG)
_DOUBLE: Final = int(ValueType.DOUBLE)
_MOST: Final = 1_000_000
"""Values an aggregate gives for one group."""


class Groups(NamedTuple):
    """Rows in group order: the position of each row, and where in it each group starts."""

    order: Ints
    starts: Ints
    counts: Ints

    def split(self, values: Sequence[Value]) -> list[Sequence[Value]]:
        """Values in group order, a sequence per group."""
        return [values[a : a + n] for a, n in zip(self.starts.tolist(), self.counts.tolist(), strict=True)]


def grouped(rows: Relation, keys: Sequence[str]) -> Groups:
    """The groups of rows that agree on ``keys``; all rows are one group where there are no keys."""
    if not keys:
        whole = np.arange(rows.size, dtype=np.int64)
        return Groups(whole, np.zeros(1, dtype=np.int64), np.asarray([rows.size], dtype=np.int64))
    ranks = rank([rows[key].data for key in keys])
    order = np.argsort(ranks, kind="stable").astype(np.int64)
    ordered = ranks[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])).astype(np.int64)
    return Groups(order, starts, np.diff(np.append(starts, rows.size)))


def aggregate(node: Aggregate, rows: Relation, groups: Groups, values: Values, registered: Mapping[str, Any]) -> Output:
    """One value per group. ``registered`` are functions by name, and inputs by variable."""
    *options, last = node.args
    assert isinstance(last, Variable)
    column = rows[last.name].take(groups.order)
    if not options and isinstance(node.fn, str):
        whole = _by_column(node.fn, column, groups)
        if whole is not None:
            return whole
    function = _function(node, registered)
    arguments = [_option(node, option, registered) for option in options]
    return [_applied(node, function, arguments, group) for group in groups.split(values.decode(column))]


def _by_column(name: str, column: Column, groups: Groups) -> Output | None:
    if name == "count":
        return Column(_LONG, groups.counts)
    if name == "count-distinct":
        group = np.repeat(np.arange(len(groups.starts)), groups.counts)
        first = np.unique(rank([group, column.data]), return_index=True)[1]
        return Column(_LONG, np.bincount(group[first], minlength=len(groups.starts)))
    if column.kind == ANY or ValueType(column.kind).interned:
        return None
    if name in ("min", "max"):
        extreme = np.minimum if name == "min" else np.maximum
        return Column(column.kind, extreme.reduceat(column.data, groups.starts))
    return _sum(column, groups) if name == "sum" else None


def _sum(column: Column, groups: Groups) -> Output | None:
    if column.kind in (REF, _LONG) and float(np.abs(column.data.astype(np.float64)).sum()) < float(2**62):
        return Column(_LONG, np.add.reduceat(column.data, groups.starts))
    if column.kind == _DOUBLE:
        return list(np.add.reduceat(ints_to_doubles(column.data), groups.starts).tolist())
    return None


def _applied(node: Aggregate, function: Function, arguments: Sequence[Any], group: Sequence[Value]) -> Value:
    try:
        return function(*arguments, group)
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
    found: Function | None = registered.get(str(node.fn)) or _BY_VALUE.get(str(node.fn))
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
        return ordered[len(ordered) - min(_count(count), len(ordered)) :] if largest else ordered[: _count(count)]

    return choose


def _rand(*args: Any) -> Any:
    *count, group = args
    return random.choices(group, k=_count(*count)) if count else random.choice(group)


def _count(count: Any) -> int:
    """How many values an aggregate is to give."""
    if type(count) is not int or not 0 <= count <= _MOST:
        raise TypeError(f"expected a count from 0 to {_MOST:,}, found {count!r:.80}")
    return count


_BY_VALUE: Final[Mapping[str, Function]] = {
    "count": len,
    "count-distinct": lambda group: len(set(group)),
    "distinct": frozenset,
    "sum": sum,
    "avg": lambda group: sum(group) / len(group),
    "median": statistics.median,
    "variance": statistics.pvariance,
    "stddev": statistics.pstdev,
    "min": _extreme(min, largest=False),
    "max": _extreme(max, largest=True),
    "rand": _rand,
    "sample": lambda count, group: random.sample(list(set(group)), min(_count(count), len(set(group)))),
}
"""Aggregates of a sequence of values. Variance and deviation are those of the whole population."""

NAMES: Final = tuple(sorted(_BY_VALUE))
"""The built-in aggregates."""


def option_counts(name: str) -> tuple[int, int]:
    """The fewest and the most arguments that a built-in aggregate takes before its variable.

    >>> option_counts("count"), option_counts("max"), option_counts("sample")
    ((0, 0), (0, 1), (1, 1))
    """
    return (1, 1) if name == "sample" else (0, 1) if name in ("min", "max", "rand") else (0, 0)
