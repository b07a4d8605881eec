"""The operators on relations: join, anti-join, union, distinct; a whole column at a time.

Rows are matched by *keys*: one int64 per row that is equal exactly where the shared columns are
(:func:`factstore.columns.rank` over both sides at once). One side is sorted, the other looks its
keys up and expands.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

import numpy as np

from factstore.columns import Ints, Mask, distinct_rows, member, rank, spans, unique
from factstore.columns_sort import argsort, is_nearly_sorted
from factstore.index_segment import Sorted
from factstore.query.columnar.relation import Column, Relation, Values, may_meet, same_kind

_MANY: Final = 4096


def shared(one: Relation, other: Relation) -> list[str]:
    """The names of the columns both have, in the order of the first."""
    return [name for name in one.columns if name in other.columns]


def _keys(one: Relation, other: Relation, names: Sequence[str], values: Values) -> tuple[Ints, Ints] | None:
    """A key per row of either side; None if the kinds of some column can never meet."""
    left, right = [], []
    for name in names:
        if not may_meet(one[name].kind, other[name].kind):
            return None
        a, b = values.unify(one[name], other[name])
        left.append(a.data)
        right.append(b.data)
    if len(names) == 1:
        return left[0], right[0]
    both = rank([np.concatenate(pair) for pair in zip(left, right, strict=True)])
    return both[: one.size], both[one.size :]


def join(one: Relation, other: Relation, values: Values) -> Relation:
    """All pairs of rows that agree on the shared columns; the cross product where none is shared."""
    if not one.columns or not other.columns:
        only = other if not one.columns else one
        return only if min(one.size, other.size) else Relation.empty((*one.names, *other.names))
    names = shared(one, other)
    if not names:
        values.limits.check(one.size * other.size, len(one.columns) + len(other.columns))
        return _cross(one, other)
    if len(names) == len(other.columns):
        return semi_join(one, other, values)
    keys = _keys(one, other, names, values)
    if keys is None or not one.size or not other.size:
        return Relation.empty((*one.names, *(name for name in other.names if name not in names)))
    # The smaller side is sorted: sorting costs more than looking up.
    width = len(one.columns) + len(other.columns)
    if one.size <= other.size:
        rows_other, rows_one = _match(keys[1], keys[0], width, values)
    else:
        rows_one, rows_other = _match(keys[0], keys[1], width, values)
    joined = one.take(rows_one).with_columns(
        {name: column.take(rows_other) for name, column in other.columns.items() if name not in names}
    )
    return joined.keyed(_key_of_join(one, other, names))


def _key_of_join(one: Relation, other: Relation, names: Sequence[str]) -> frozenset[str] | None:
    if one.key is None or other.key is None:
        return None
    if other.key.issubset(names):
        return one.key
    return other.key if one.key.issubset(names) else one.key | other.key


def _match(seeking: Ints, sought: Ints, width: int, values: Values) -> tuple[Ints, Ints]:
    order = argsort(sought)
    low, high = Sorted(sought[order]).ranges(seeking)
    values.limits.check(int((high - low).sum()), width)
    rows, at = spans(low, high)
    return rows, order[at].astype(np.int64)


def _cross(one: Relation, other: Relation) -> Relation:
    left = np.repeat(np.arange(one.size), other.size)
    right = np.tile(np.arange(other.size), one.size)
    pairs = one.take(left).with_columns({name: column.take(right) for name, column in other.columns.items()})
    return pairs.keyed(_key_of_join(one, other, ()))


def semi_join(one: Relation, other: Relation, values: Values) -> Relation:
    """The rows of ``one`` that agree with some row of ``other``."""
    return one.take(_in(one, other, values))


def anti_join(one: Relation, other: Relation, values: Values) -> Relation:
    """The rows of ``one`` that agree with no row of ``other``."""
    return one.take(~_in(one, other, values))


def _in(one: Relation, other: Relation, values: Values) -> Mask:
    names = shared(one, other)
    if not names or not one.size or not other.size:
        return np.full(one.size, other.size > 0, dtype=np.bool_)
    keys = _keys(one, other, names, values)
    if keys is None:
        return np.zeros(one.size, dtype=np.bool_)
    return member(keys[0], unique(keys[1]))


def distinct(relation: Relation) -> Relation:
    """The rows, each once; order is not kept."""
    if not relation.columns:
        return Relation({}, min(1, relation.size))
    if relation.key is not None:
        return relation
    key = frozenset(relation.names)
    columns = list(relation.columns.items())
    if relation.size > _MANY and len(columns) > 1:
        # Sorting by a column in whose order the rows are already takes a fraction of any other sort.
        columns.sort(key=lambda item: not is_nearly_sorted(item[1].data))
    found = distinct_rows([column.data for _, column in columns])
    if len(found[0]) == relation.size:
        return relation.keyed(key)
    made = {name: Column(column.kind, data) for (name, column), data in zip(columns, found, strict=True)}
    return Relation({name: made[name] for name in relation.columns}, key=key)


def project(relation: Relation, names: Iterable[str]) -> Relation:
    """The named columns, each row once."""
    wanted = tuple(names)
    return relation if set(wanted) == set(relation.names) else distinct(relation.only(wanted))


def narrowed(relation: Relation, names: Collection[str]) -> Relation:
    """A set of rows without the columns that are not among ``names``, each row once."""
    kept = [name for name in relation.columns if name in names]
    return relation if len(kept) == len(relation.columns) else distinct(relation.only(kept))


def union(parts: Sequence[Relation], names: Sequence[str], values: Values) -> Relation:
    """The rows of all parts, each once; every part has the columns ``names``."""
    parts = [part for part in parts if part.size]
    if not parts:
        return Relation.empty(names)
    if len(parts) == 1:
        return parts[0].only(names)
    if not names:
        return Relation.true()
    return distinct(Relation({name: concat([part[name] for part in parts], values) for name in names}))


def concat(columns: Sequence[Column], values: Values) -> Column:
    """One column after the other, of kind ANY if they are not of one kind."""
    if not all(same_kind(columns[0].kind, other.kind) for other in columns[1:]):
        columns = [values.widen(column) for column in columns]
    return Column(columns[0].kind, np.concatenate([column.data for column in columns]))


def agreeing(one: Column, other: Column, values: Values) -> Mask:
    """Where two columns of equal length have equal values."""
    if not may_meet(one.kind, other.kind):
        return np.zeros(len(one.data), dtype=np.bool_)
    a, b = values.unify(one, other)
    return np.asarray(a.data == b.data)
