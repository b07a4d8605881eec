"""Numbers in the order of values, which stand for them where they are compared, sorted, or the least is sought."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from factstore.columns import Ints, ints
from factstore.columns_distinct import numbered
from factstore.query.columnar.relation import ANY, Column, Values
from factstore.values import Value, ValueType, order_key


class Ranked(NamedTuple):
    """A column by rank: ``ranks`` are in the order of its values, and equal where those are."""

    ranks: Ints
    codes: Ints | None
    """The code at each rank; None where ranks are the codes themselves."""

    def column(self, kind: int, ranks: Ints) -> Column:
        """The values at some ranks."""
        return Column(kind, ranks if self.codes is None else self.codes[ranks])


def ranked(column: Column, values: Values) -> Ranked:
    """The ranks of a column of one kind; ``TypeError`` if two of its values have no order between them.

    >>> from factstore.dictionary import Dictionary
    >>> values = Values(Dictionary())
    >>> ranked(values.encode(["b", "a", "b"]), values).ranks.tolist()
    [1, 0, 1]
    """
    if column.kind != ANY and not ValueType(column.kind).interned:
        return Ranked(column.data, None)
    distinct, places = numbered(column.data)
    order, ranks = order_of(values.decode(Column(column.kind, distinct)))
    return Ranked(ranks[places], distinct[order])


def ranked_together(one: Column, other: Column, values: Values) -> tuple[Ints, Ints]:
    """Ranks of two columns of one kind that compare with each other; ``TypeError`` as in :func:`ranked`."""
    if not ValueType(one.kind).interned:
        return one.data, other.data
    first, places = numbered(one.data)
    second, other_places = numbered(other.data)
    if len(second) == 1:
        against = _against(values.decode(Column(one.kind, first)), *values.decode(Column(one.kind, second)))
        return against[places], other_places
    held = values.decode(Column(one.kind, first)) + values.decode(Column(one.kind, second))
    ranks = order_of(held)[1]
    return ranks[: len(first)][places], ranks[len(first) :][other_places]


def _against(held: Sequence[Value], value: Value) -> Ints:
    """-1, 0 or 1 for what is below, equal to and above one value: there is no need to sort."""
    key, keys = order_key(value), list(map(order_key, held))
    above = np.fromiter(map(partial(operator.lt, key), keys), dtype=np.int64, count=len(keys))
    return above - np.fromiter(map(partial(operator.gt, key), keys), dtype=np.int64, count=len(keys))


def order_of(held: Sequence[Value]) -> tuple[Ints, Ints]:
    """Where the value of each rank first stands, and the rank of each value; equal values have one rank.

    >>> [array.tolist() for array in order_of(["b", "a", "b"])]
    [[1, 0], [1, 0, 1]]
    """
    keys = held if not any(isinstance(value, tuple) for value in held) else list(map(order_key, held))
    order = sorted(range(len(held)), key=keys.__getitem__)
    ranks = np.empty(len(held), dtype=np.int64)
    firsts: list[int] = []
    for place in order:
        if not firsts or keys[place] != keys[firsts[-1]]:
            firsts.append(place)
        ranks[place] = len(firsts) - 1
    return ints(firsts), ranks
