"""The order of a result, and pages of it: only what the page needs is ranked, sorted and taken."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, TypeAlias

import numpy as np

from factstore import edn
from factstore.columns import Ints
from factstore.columns_distinct import numbered
from factstore.errors import QueryError
from factstore.query.columnar.relation import ANY, Column, Values
from factstore.query.columnar.value_ranks import order_of, ranked
from factstore.query.functions.order import family
from factstore.query.language.ast import Order, Query
from factstore.query.results.result_typed import Output
from factstore.values import Value, ValueType, type_of

Key: TypeAlias = Callable[[Ints], Ints]
"""Gives, for some of the rows, numbers to sort them by."""


def page(query: Query, outputs: Sequence[Output], size: int, values: Values) -> tuple[list[Output], int]:
    """The rows that ``:order-by``, ``:offset`` and ``:limit`` leave, in order; equal ones as they were.

    What is missing comes last in either direction. Raises ``query/type-mismatch`` where values have no order.
    """
    if query.offset >= size:  # however large: NumPy has no number for all that can be written
        return [taken(output, np.arange(0)) for output in outputs], 0
    if not query.order_by and query.limit is None and not query.offset:
        return list(outputs), size
    start = min(query.offset, size)
    end = size if query.limit is None else min(size, start + query.limit)
    if not query.order_by:
        return [taken(output, np.arange(start, end)) for output in outputs], end - start
    first = query.order_by[0]
    some = _candidates(outputs[first.index], values, end, largest=first.descending)
    if some is not None:
        outputs, size = [taken(output, some) for output in outputs], len(some)
    keys = [_key(order, outputs[order.index], values) for order in query.order_by]
    positions = first_rows(keys, size, end)[start:]
    return [taken(output, positions) for output in outputs], len(positions)


def _candidates(output: Output, values: Values, count: int, *, largest: bool) -> Ints | None:
    """The rows with the first ``count`` different values of an interned column, if those are few of many.

    The others need not be sorted to be known as later.
    """
    if not isinstance(output, Column) or output.kind not in _COMPARABLE or not 0 < count < len(output.data) // _FEW:
        return None
    distinct, places = numbered(output.data)
    if count >= len(distinct) // _FEW:
        return None
    held = values.decode(Column(output.kind, distinct))
    pick = heapq.nlargest if largest else heapq.nsmallest
    chosen = np.zeros(len(held), dtype=np.bool_)
    chosen[pick(count, range(len(held)), key=held.__getitem__)] = True
    return np.flatnonzero(chosen[places])


_COMPARABLE: Final = tuple(int(kind) for kind in ValueType if kind.interned and kind is not ValueType.TUPLE)
_FEW: Final = 16


def first_rows(keys: Sequence[Key], size: int, count: int) -> Ints:
    """The positions of the first ``count`` of ``size`` rows in the order of ``keys``, in that order.

    >>> from factstore.columns import ints
    >>> one, other = ints([3, 1, 2, 1]), ints([0, 9, 0, 8])
    >>> first_rows([lambda rows: one[rows], lambda rows: other[rows]], 4, 3).tolist()
    [3, 1, 2]
    """
    rows = np.arange(size)
    first = keys[0](rows)
    if 0 < count < size // 4:
        # All that could be among the first; later keys are asked only for these.
        rows = _lowest(first, count)
        first = first[rows]
    rest = [key(rows) for key in keys[1:]]
    order = np.lexsort([*reversed(rest), first]) if rest else np.argsort(first, kind="stable")
    return rows[order[:count]]


def _lowest(numbers: Ints, count: int) -> Ints:
    """The positions of the ``count`` lowest numbers, and of those that equal the last of them.

    The last of the lowest of some numbers bounds that of all, and few of all are below it.
    """
    step = len(numbers) // (_SAMPLED * count)
    if step < 2:
        near = np.arange(len(numbers))
    else:
        near = np.flatnonzero(numbers <= np.partition(numbers[::step], count - 1)[count - 1])
    held = numbers[near]
    found: Ints = near[held <= np.partition(held, count - 1)[count - 1]]
    return found


_SAMPLED: Final = 256
"""For each number that is wanted so many are looked at first."""


def taken(output: Output, positions: Ints) -> Output:
    """The given rows of a column."""
    return output.take(positions) if isinstance(output, Column) else [output[place] for place in positions.tolist()]


def by_value(outputs: Sequence[Output], size: int, values: Values | None) -> Ints:
    """The positions of all rows in the order of their values, the first column's first; any values have one.

    >>> by_value([[2, "b", 1, None]], 4, None).tolist()
    [3, 2, 0, 1]
    """
    if not outputs or not size:
        return np.arange(size)
    return np.lexsort([_any_ranks(output, values) for output in reversed(outputs)]).astype(np.int64)


def _any_ranks(output: Output, values: Values | None) -> Ints:
    if not isinstance(output, Column):
        return order_of(list(map(_any_key, output)))[1]
    assert values is not None
    if output.kind != ANY:
        with suppress(TypeError):  # tuples of different types
            return ranked(output, values).ranks
    distinct, places = numbered(output.data)
    return order_of(list(map(_any_key, values.decode(Column(output.kind, distinct)))))[1][places]


class _Key:
    """A value with its type before it, so that any two have an order."""

    __slots__ = ("key",)

    def __init__(self, key: Any) -> None:
        self.key = key

    def __lt__(self, other: _Key) -> bool:
        return bool(self.key < other.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and bool(self.key == other.key)

    __hash__ = None  # type: ignore[assignment]  # it is only compared


def _any_key(value: Value) -> _Key:
    return _Key(_nested_key(value))


def _nested_key(value: Value) -> Any:
    if isinstance(value, tuple | list):
        return "tuple", [_nested_key(item) for item in value]
    name = "" if value is None else type(value).__name__
    return (name, value) if type_of(value) is not None else (name, repr(value))


def _key(order: Order, output: Output, values: Values) -> Key:
    def key(rows: Ints) -> Ints:
        part = output if len(rows) == _size(output) else taken(output, rows)
        ranks, missing = _ranks(part, values, order)
        found = ~ranks if order.descending else ranks  # which turns the order round and never overflows
        return found if missing is None else np.where(missing, np.iinfo(np.int64).max, found)

    return key


def _size(output: Output) -> int:
    return len(output.data) if isinstance(output, Column) else len(output)


def _ranks(
    output: Output, values: Values, order: Order
) -> tuple[Ints, np.ndarray[tuple[int], np.dtype[np.bool_]] | None]:
    """Numbers in the order of the values, and where there is none."""
    try:
        if isinstance(output, Column) and output.kind != ANY:
            return ranked(output, values).ranks, None
        held = values.decode(output) if isinstance(output, Column) else output
        missing = np.fromiter((value is None for value in held), dtype=np.bool_, count=len(held))
        there = [value for value in held if value is not None]
        _check_one_family(there)
        ranks = np.zeros(len(held), dtype=np.int64)
        ranks[~missing] = order_of(there)[1]
        return ranks, missing
    except TypeError as error:
        message = f"the values of {order.element} have no order between them: {error}"
        raise edn.located(QueryError, message, order.element.at, code="query/type-mismatch") from None


def _check_one_family(held: Sequence[Value]) -> None:
    """Refuses values of which some are numbers, say, and some strings; types are looked at once each."""
    examples = {type(value): value for value in held}
    by_family = {family(value): value for value in examples.values()}
    if len(by_family) > 1:
        one, other, *_ = by_family.values()
        raise TypeError(f"{one!r:.40} is of another type than {other!r:.40}")
