"""What transactions are going to ask of the state before them, told from their data alone.

A glance, not a reading: it saves round trips where it is right and costs nothing but itself where it is
not. What it passes over (what functions return, values that must be coerced first) is asked when it
comes up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple

from factstore.schema import Attribute, Schema
from factstore.tx.forms import MAX_DEPTH
from factstore.values import LONG_MAX, LONG_MIN, PYTHON_TYPES, Value, ValueType

_FORMS: Final = 64
"""A transaction with more forms has little from saving three round trips."""
_ENOUGH: Final = 4096
_ID: Final = frozenset(("db/id", ":db/id"))
# Of the others, one may be as large as it likes, out of range, or in another zone: that is looked at closely.
_PLAIN: Final = {
    vt: PYTHON_TYPES[vt]
    for vt in (
        ValueType.BOOLEAN,
        ValueType.STRING,
        ValueType.KEYWORD,
        ValueType.SYMBOL,
        ValueType.UUID,
        ValueType.URI,
        ValueType.BYTES,
    )
}


class Wanted(NamedTuple):
    """Hints; each may name a thing twice."""

    values: list[tuple[ValueType, Value]]
    """Interned values."""
    held: list[tuple[int, ValueType, Value]]
    """Values of unique attributes: the attribute's id, its type, the value."""
    entities: list[int]


def wanted(transactions: Iterable[Any], schema: Schema) -> Wanted:
    """What some transactions' data will ask for.

    >>> wanted([[{"db/ident": ":color/red"}], [["db/add", 300, "db/doc", "warm"]]], Schema.bootstrap())
    Wanted(values=[(<ValueType.STRING: 6>, 'warm')], held=[], entities=[300])
    """
    glance = _Glance(schema)
    for data in transactions:
        if isinstance(data, list | tuple) and len(data) <= _FORMS and len(glance.out.values) < _ENOUGH:
            # What is wrong with it is told by whoever prepares it, and is nothing to the others.
            with suppress(Exception):
                for form in data:
                    glance.form(form)
    return glance.out


class _Glance:
    def __init__(self, schema: Schema) -> None:
        self.out = Wanted([], [], [])
        self._schema = schema

    def form(self, form: Any) -> None:
        if isinstance(form, Mapping):
            self._map(form)
        elif isinstance(form, list | tuple) and len(form) > 1:
            self._ref(form[1])
            if len(form) > 3:
                attribute = self._attribute(form[2])
                if attribute is not None:
                    for value in form[3:]:
                        self._value(attribute, value)

    def _map(self, form: Mapping[Any, Any], depth: int = 0) -> None:
        for key, value in form.items() if depth < MAX_DEPTH else ():
            if key in _ID:
                self._ref(value)
                continue
            attribute = self._attribute(key)
            if attribute is None:
                continue
            if type(value) is list and attribute.many:
                for each in value:
                    self._value(attribute, each, depth)
            else:
                self._value(attribute, value, depth)

    def _attribute(self, name: Any) -> Attribute | None:
        return self._schema.get(name) if isinstance(name, str | int) else None

    def _ref(self, ref: Any) -> None:
        if type(ref) is int:
            if 0 < ref <= LONG_MAX:
                self.out.entities.append(ref)
        elif isinstance(ref, list | tuple) and len(ref) == 2:
            attribute = self._attribute(ref[0])
            if attribute is not None and attribute.unique is not None:
                self._value(attribute, ref[1])
        elif isinstance(ref, str):
            known = self._schema.entid(ref)
            if known is not None:
                self.out.entities.append(known)

    def _value(self, attribute: Attribute, value: Any, depth: int = 0) -> None:
        vt = attribute.type
        if type(value) is _PLAIN.get(vt):
            if vt.interned:
                self.out.values.append((vt, value))
            if attribute.unique is not None:
                self.out.held.append((attribute.id, vt, value))
        elif vt is ValueType.LONG or vt is ValueType.REF:
            if attribute.unique is not None and type(value) is int and LONG_MIN <= value <= LONG_MAX:
                self.out.held.append((attribute.id, vt, value))
            elif isinstance(value, Mapping):
                self._map(value, depth + 1)
            elif isinstance(value, list | tuple):
                self._ref(value)
