"""The four orders of a db value's datoms: whole, from a place on, back from a place, between values.

An index is a sorted sequence of datoms, named by the order of its columns. Components are values for its
leading columns. ``eavt`` and ``aevt`` have every datom, ``avet`` those of attributes with ``db/index`` or
``db/unique``, ``vaet`` those of refs.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol

import numpy as np

from factstore.columns import Ints, decode, ints
from factstore.datom import TX0
from factstore.db_datoms import DatomRows, Datoms, Reread, order_of, rows_of, taken
from factstore.db_value_order import in_value_order
from factstore.dictionary import Dictionary
from factstore.dictionary_overlay import Overlay
from factstore.errors import EntityError
from factstore.index import AttributeIndex
from factstore.schema import Attribute, Schema
from factstore.schema_tuples import tuple_place
from factstore.values import LONG_MAX, LONG_MIN, Keyword, Value, ValueType
from factstore.values_coerce import coerce, shown
from factstore.values_order import sort_key

INDEXES: Final = ("eavt", "aevt", "avet", "vaet")
_PAGE: Final = 4096
"""The most entities, or attributes, read at a time."""


class View(Protocol):
    """What the orders ask of a db value."""

    is_history: bool
    schema: Schema
    dictionary: Dictionary | Overlay

    def index(self, attribute: Attribute) -> AttributeIndex: ...
    def holds(self, attribute: Attribute) -> bool: ...
    def rows(self, attribute: Attribute) -> DatomRows: ...
    def rows_about(self, entities: Ints) -> DatomRows: ...
    def rows_to(self, entities: Ints) -> DatomRows: ...
    def in_value_order(self, attribute: Attribute, make: Callable[[], DatomRows]) -> DatomRows: ...
    def entities(self, beyond: int, count: int, backwards: bool) -> Ints: ...
    def prefetch(self, attributes: list[Attribute]) -> None: ...
    def entid_strict(self, ref: Any) -> int: ...
    def encode(self, attribute: Attribute, value: Value) -> int | None: ...
    def t_of(self, when: int | datetime) -> int: ...


class Place(NamedTuple):
    """A place in an index: the components given for its leading columns, None where none is."""

    order: str
    e: int | None = None
    a: Attribute | None = None
    v: Value = None
    t: int | None = None

    @property
    def key(self) -> tuple[Any, ...]:
        """What the rows at this place compare equal to."""
        keys = {
            "e": self.e,
            "a": None if self.a is None else self.a.id,
            "v": self.v if self.a is None or self.v is None or self.a.is_ref else sort_key(self.a.type)(self.v),
            "t": self.t,
        }
        return tuple(keys[letter] for letter in self.order if keys[letter] is not None)


def place(view: View, index: str, components: tuple[Any, ...]) -> Place:
    """The place that components name; ``db/no-such-index``, ``db/bad-components``, or what one of them lacks."""
    name = str(Keyword(str(index)))
    if name not in INDEXES:
        raise EntityError(
            f"{shown(index)} is no index: expected {', '.join(map(repr, INDEXES))}",
            code="db/no-such-index",
            index=index,
        )
    given = components
    while given and given[-1] is None:
        given = given[:-1]
    if len(given) > len(name) or None in given:
        raise EntityError(
            f"{shown(components)} are no components of {name!r}: expected up to four values, None after the last",
            code="db/bad-components",
            index=name,
        )
    if name == "vaet" and len(given) > 1 and not view.schema.attribute(given[1]).is_ref:
        raise EntityError(f"{given[1]!r} is no ref: 'vaet' has refs only", code="db/not-indexed", attribute=given[1])
    found = Place(name)
    for letter, value in zip(name, given, strict=False):
        found = found._replace(**{letter: _component(view, found, letter, value)})
    if name == "avet" and found.a is not None:
        _in_avet(found.a)
    return found


def _component(view: View, so_far: Place, letter: str, value: Any) -> Any:
    if letter == "a":
        return view.schema.attribute(value)
    if letter == "t":
        return TX0 + view.t_of(value)
    if letter == "e" or so_far.a is None or so_far.a.is_ref:
        return view.entid_strict(value)
    found = coerce(so_far.a.type, value)
    return found if so_far.a.type is not ValueType.TUPLE else tuple_place(so_far.a, found, view.entid_strict)


def _in_avet(attribute: Attribute) -> None:
    if not attribute.by_value:
        raise EntityError(
            f"{attribute.ident!r} is not in 'avet': expected an attribute with db/index or db/unique",
            code="db/not-indexed",
            attribute=attribute.ident,
        )


def datoms(view: View, at: Place) -> Datoms:
    """The datoms that have all components of a place."""
    rows = _found(view, at)
    if rows is None:
        return seek(view, at)
    lo, hi = _bounds(view, rows, at)
    return Datoms([taken(rows, slice(lo, hi))], view.schema, view.dictionary)


def _found(view: View, at: Place) -> DatomRows | None:
    """Rows in order that have all that a place names, and few others; None if that is the whole index."""
    if at.e is not None and at.order in ("eavt", "aevt"):
        if at.a is not None and view.holds(at.a) and not view.is_history:
            rows = view.index(at.a).by_entity(ints([at.e]))[1]
            return _ordered(view, rows_of(rows.e, at.a.id, rows.v, rows.tx), at.order)
        return _ordered(view, view.rows_about(ints([at.e])), at.order)
    if at.order == "vaet" and at.v is not None:
        return _ordered(view, view.rows_to(ints([at.v])), at.order)
    if at.a is None:
        return None
    if at.order == "avet" and at.v is not None and not view.is_history:
        code = view.encode(at.a, at.v)
        found = view.index(at.a).by_value(ints([] if code is None else [code]))[1]
        return _ordered(view, rows_of(found.e, at.a.id, found.v, found.tx), at.order)
    return _of_attribute(view, at.a, at.order)


def with_value(view: View, attribute: Attribute, value: Value) -> Datoms:
    """The datoms of an attribute with one value, in the order of ``aevt``."""
    code = view.encode(attribute, value)
    rows = view.rows(attribute)
    found = taken(rows, rows.v == code if code is not None else slice(0))
    return Datoms([_ordered(view, found, "aevt")], view.schema, view.dictionary)


def seek(view: View, at: Place, backwards: bool = False) -> Datoms:
    """The datoms from a place to the end of the index, or back from it to the beginning."""

    def pieces() -> Iterator[DatomRows]:
        beside = True  # only the first piece can lie on both sides of the place
        for rows in _walked(view, at, backwards):
            if beside and len(rows.e):
                lo, hi = _bounds(view, rows, at)
                beside = (hi if backwards else len(rows.e) - lo) == 0
                rows = taken(rows, slice(None, hi) if backwards else slice(lo, None))
            yield taken(rows, slice(None, None, -1)) if backwards else rows

    return Datoms(Reread(pieces), view.schema, view.dictionary)


def along(view: View, at: Place, backwards: bool = False) -> Datoms:
    """:func:`seek` in ``aevt`` or ``avet`` that ends where the attribute of the place does."""
    assert at.a is not None
    rows = _of_attribute(view, at.a, at.order)
    lo, hi = _bounds(view, rows, at)
    found = taken(taken(rows, slice(hi)), slice(None, None, -1)) if backwards else taken(rows, slice(lo, None))
    return Datoms([found], view.schema, view.dictionary)


def between(view: View, attribute: Attribute, start: Value, end: Value) -> Datoms:
    """The datoms of an attribute in ``avet`` whose value is not below ``start`` and below ``end``; None is open."""
    first, last = (place(view, "avet", (attribute.id, value)) for value in (start, end))
    rows = _of_attribute(view, attribute, "avet")
    lo = _bounds(view, rows, first)[0]
    hi = len(rows.e) if end is None else _bounds(view, rows, last)[0]
    return Datoms([taken(rows, slice(lo, max(lo, hi)))], view.schema, view.dictionary)


def _walked(view: View, at: Place, backwards: bool) -> Iterator[DatomRows]:
    """Pieces of an index in its order, each in order itself, from the one a place lies in."""
    if at.order == "eavt":
        return _by_entity(view, at.e, backwards)
    if at.order == "vaet":
        return iter([_refs(view)])
    return _by_attribute(view, at, backwards)


def _by_entity(view: View, start: int | None, backwards: bool) -> Iterator[DatomRows]:
    beyond = LONG_MAX if backwards else LONG_MIN
    if start is not None:
        beyond = min(start + 1, LONG_MAX) if backwards else max(start - 1, LONG_MIN)
    count = 16
    while len(found := view.entities(beyond, count, backwards)):
        yield _ordered(view, view.rows_about(found), "eavt")
        beyond = int(found[0] if backwards else found[-1])
        count = min(4 * count, _PAGE)


def _by_attribute(view: View, at: Place, backwards: bool) -> Iterator[DatomRows]:
    wanted = sorted((each for each in view.schema if at.order == "aevt" or each.by_value), key=lambda each: each.id)
    if at.a is not None:
        wanted = [each for each in wanted if (each.id <= at.a.id if backwards else each.id >= at.a.id)]
    if backwards:
        wanted.reverse()
    done, count = 0, 1
    while done < len(wanted):
        part = wanted[done : done + count]
        view.prefetch(part)
        for attribute in part:
            yield _of_attribute(view, attribute, at.order)
        done, count = done + count, min(2 * count, _PAGE)


def _of_attribute(view: View, attribute: Attribute, index: str) -> DatomRows:
    if index == "avet":
        return view.in_value_order(attribute, lambda: _by_value(view, attribute))
    return _ordered(view, view.rows(attribute), index)


def _by_value(view: View, attribute: Attribute) -> DatomRows:
    if view.is_history:
        return _ordered(view, view.rows(attribute), "avet")
    return in_value_order(view.index(attribute), attribute, view.schema, view.dictionary)


def _refs(view: View) -> DatomRows:
    refs = [attribute for attribute in view.schema if attribute.is_ref]
    view.prefetch(refs)
    parts = [view.rows(attribute) for attribute in refs]
    return _ordered(view, DatomRows(*(np.concatenate(column) for column in zip(*parts, strict=True))), "vaet")


def _ordered(view: View, rows: DatomRows, index: str) -> DatomRows:
    return taken(rows, order_of(rows, index, view.schema, view.dictionary))


def _bounds(view: View, rows: DatomRows, at: Place) -> tuple[int, int]:
    """Where the rows at a place begin and end, among rows in order."""
    wanted = at.key
    columns = {"e": rows.e, "a": rows.a, "t": rows.tx}

    def key(row: int) -> tuple[Any, ...]:
        return tuple(
            _value_key(view, rows, row, at.order) if letter == "v" else int(columns[letter][row])
            for letter in at.order[: len(wanted)]
        )

    every = range(len(rows.e))
    return bisect_left(every, wanted, key=key), bisect_right(every, wanted, key=key)


def _value_key(view: View, rows: DatomRows, row: int, index: str) -> Any:
    if index == "vaet":
        return int(rows.v[row])
    vt = view.schema.attribute(int(rows.a[row])).type
    return sort_key(vt)(decode(vt, rows.v[row : row + 1], view.dictionary)[0])
