"""The facts of one attribute in the order of their values, kept while the store moves on.

Sorting strings takes reading them. The order of an index's base is made once and lies with it; a tail of
newer facts is put into it, and what has died is left out.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Any, Final

import numpy as np

from factstore.columns import Rows, decode, member
from factstore.db_datoms import DatomRows, order_of, rows_of, taken
from factstore.dictionary import Dictionary
from factstore.dictionary_overlay import Overlay
from factstore.index import AttributeIndex
from factstore.schema import Attribute, Schema
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
