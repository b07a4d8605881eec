"""The facts of one attribute in the order of their values, kept while the store moves on.

Sorting strings takes reading them. The order of an index's base is made once and lies with it; a tail of
newer facts is put into it, and what has died is left out.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Any, Final

import numpy as np

from factstore.columns import Ints, Rows, decode, member, unique
from factstore.db_datoms import DatomRows, order_of, rows_of, taken
from factstore.dictionary import Dictionary
from factstore.dictionary_overlay import Overlay
from factstore.index import AttributeIndex
from factstore.index_segment import Segment
from factstore.schema import Attribute, Schema
from factstore.values import Value, ValueType
from factstore.values_order import sort_key

_SHARE: Final = 64
"""A longer tail, as a share of the base, is sorted with it."""


def in_value_order(
    index: AttributeIndex, attribute: Attribute, schema: Schema, dictionary: Dictionary | Overlay
) -> DatomRows:
    """The facts of an attribute's index in the order of ``avet``."""
    base, tail, dead = index.parts()
    if len(tail) > 16 + len(base) // _SHARE:
        every = _rows(index.scan(), attribute)
        return taken(every, order_of(every, "avet", schema, dictionary))
    rows = _rows(base.rows, attribute)
    if base.value_order is None:
        base.value_order = order_of(rows, "avet", schema, dictionary)
    order = base.value_order
    held = taken(rows, order[~member(order, dead)] if len(dead) else order)
    new = _rows(tail.rows, attribute)
    return _merged(held, taken(new, order_of(new, "avet", schema, dictionary)), attribute, dictionary)


def _rows(rows: Rows, attribute: Attribute) -> DatomRows:
    return rows_of(rows.e, attribute.id, rows.v, rows.tx)


def _merged(held: DatomRows, new: DatomRows, attribute: Attribute, dictionary: Dictionary | Overlay) -> DatomRows:
    if not len(new.e):
        return held
    key = sort_key(attribute.type)

    def place(rows: DatomRows, row: int) -> tuple[Any, int]:
        return key(decode(attribute.type, rows.v[row : row + 1], dictionary)[0]), int(rows.e[row])

    every = range(len(held.e))
    at = [bisect_left(every, place(new, row), key=lambda row: place(held, row)) for row in range(len(new.e))]
    return DatomRows(*(np.insert(old, at, more) for old, more in zip(held, new, strict=True)))


Place = tuple[Value, bool]
"""A value, and whether the place is after it rather than before it."""


def codes_between(
    index: AttributeIndex, vt: ValueType, dictionary: Dictionary | Overlay, low: Place | None, high: Place | None
) -> Ints:
    """The codes, sorted, of an index's interned values that lie between two places; None is open.

    The order of a segment's codes is kept with the segment, as that of its facts is.
    """
    found = []
    for segment in index.parts()[:2]:
        codes = _codes_in_order(segment, vt, dictionary)
        lo = 0 if low is None else _place(codes, low, vt, dictionary)
        hi = len(codes) if high is None else _place(codes, high, vt, dictionary)
        found.append(codes[lo : max(lo, hi)])
    return unique(np.concatenate(found))


def _codes_in_order(segment: Segment, vt: ValueType, dictionary: Dictionary | Overlay) -> Ints:
    order: Ints | None = segment.codes_in_order
    if order is None or not len(segment):
        codes = unique(segment.rows.v)
        keys = list(map(sort_key(vt), dictionary.values_of(codes.tolist())))
        order = segment.codes_in_order = codes[sorted(range(len(codes)), key=keys.__getitem__)]
    return order


def _place(codes: Ints, place: Place, vt: ValueType, dictionary: Dictionary | Overlay) -> int:
    key = sort_key(vt)
    value, is_after = place
    bisect = bisect_right if is_after else bisect_left
    return bisect(codes.tolist(), key(value), key=lambda code: key(dictionary.values_of([code])[0]))
