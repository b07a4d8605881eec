"""Lists to columns: ``db/add``, ``db/retract``, ``db/retractEntity``, ``db/cas`` and functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from factstore.db import DbValue
from factstore.schema import Attribute
from factstore.schema_instance import shallow
from factstore.schema_tuples import with_entities
from factstore.tx.expand import Expander
from factstore.tx.forms import Forms, name_of, read_forms, shown
from factstore.tx.gather import Gathered, Wipe, column_in
from factstore.tx.slots import Slots
from factstore.values import ValueType

Function = Callable[..., Any]
"""A transaction function: called with the db value before and its arguments, it gives transaction data."""


def expand(forms: Forms, db_before: DbValue, t: int, functions: Mapping[str, Function]) -> tuple[Gathered, Slots]:
    """All forms as columns; transaction functions are called with ``db_before`` as they are met."""
    walk = _Walk(forms, db_before, t, functions)
    for number, form in enumerate(forms.data):
        walk.at.form = number
        walk.take(form)
    return walk.at.out, walk.at.slots


class _Walk:
    def __init__(self, forms: Forms, db_before: DbValue, t: int, functions: Mapping[str, Function]) -> None:
        self.at = Expander(forms, db_before.schema, t)
        self._db = db_before
        self._functions = {name_of(name): function for name, function in functions.items()}

    def take(self, form: Any) -> None:
        if isinstance(form, Mapping):
            self.at.map(form)
        elif isinstance(form, list | tuple) and form:
            self._operation(form)
        elif isinstance(form, Struct):
            self.at.map(shallow(form))
        elif form is not None:
            raise self.at.refuse(
                f"{shown(form)} ({type(form).__name__}) is no form: expected a map or a list like [:db/add e a v]",
                "tx/bad-form",
            )

    def _operation(self, form: Sequence[Any]) -> None:
        name = name_of(form[0])
        known = _OPERATIONS.get(name or "")
        if known is not None:
            run, sizes, shape = known
            if len(form) not in sizes:
                raise self.at.refuse(f"{len(form)} items: expected {shape}", "tx/bad-form")
            run(self, *form[1:])
        elif name in self._functions:
            self._call(self._functions[name], form[1:])
        elif name == "db/fn" and len(form) > 1 and callable(form[1]):
            self._call(form[1], form[2:])
        else:
            raise self._unknown(form)

    def _unknown(self, form: Sequence[Any]) -> Exception:
        if name_of(form[0]) == "db/fn":
            return self.at.refuse("db/fn without a function: expected [:db/fn callable arg …]", "tx/bad-form")
        names = [*_OPERATIONS, "db/fn", *filter(None, self._functions)]
        return self.at.refuse(
            f"{shown(form[0])} is no operation: expected one of {', '.join(names)}",
            "tx/unknown-operation",
            seen=form[0],
        )

    def _call(self, function: Function, args: Sequence[Any]) -> None:
        self.at.deeper("calls of transaction functions")
        given = function(self._db, *args)
        for form in () if given is None else read_forms(given):
            self.take(form)
        self.at.depth -= 1

    def _add(self, entity: Any, name: Any, value: Any) -> None:
        at = self.at
        column = at.adds(name)
        at.single(column, at.out.row(at.slots.node(entity, at.form), at.form), value)

    def _retract(self, entity: Any, name: Any, *value: Any) -> None:
        row, attribute = self._settled(entity, "retract"), self._writable(name)
        if value:
            column = column_in(self.at.out.retracts, attribute)
            self.at.single(column, row, self._settled_value(attribute, value[0], "retract"))
        else:
            self.at.out.wiped.append(Wipe(row, attribute))

    def _retract_entity(self, entity: Any) -> None:
        self.at.out.gone.append(self._settled(entity, "retractEntity"))

    def _cas(self, entity: Any, name: Any, old: Any, new: Any) -> None:
        row, attribute = self._settled(entity, "cas"), self._writable(name)
        column = column_in(self.at.out.adds, attribute)
        if old is None:
            self.at.out.absent.append(Wipe(row, attribute))
        else:
            expected = column_in(self.at.out.olds, attribute)
            self.at.single(expected, row, self._settled_value(attribute, old, "cas"))
        self.at.single(column, row, self._settled_value(attribute, new, "cas"))

    def _settled(self, entity: Any, operation: str) -> int:
        return self.at.out.row(self.at.slots.settled(entity, self.at.form, operation), self.at.form)

    def _settled_value(self, attribute: Attribute, value: Any, operation: str) -> Any:
        if attribute.is_ref and value is not None:
            self.at.slots.settled(value, self.at.form, operation)
        elif attribute.type is ValueType.TUPLE:
            with_entities(attribute, value, lambda ref: self.at.slots.settled(ref, self.at.form, operation))
        return value

    def _writable(self, name: Any) -> Attribute:
        attribute = self.at.attribute(name)
        self.at.refuse_kept(attribute)
        return attribute


_OPERATIONS: Final[dict[str, tuple[Callable[..., None], tuple[int, ...], str]]] = {
    "db/add": (_Walk._add, (4,), "[:db/add e a v]"),
    "db/retract": (_Walk._retract, (3, 4), "[:db/retract e a] or [:db/retract e a v]"),
    "db/retractEntity": (_Walk._retract_entity, (2,), "[:db/retractEntity e]"),
    "db/cas": (_Walk._cas, (5,), "[:db/cas e a old new]"),
}
