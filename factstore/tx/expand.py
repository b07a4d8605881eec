"""Maps to columns: the one walk over the transaction data.

Everything that can be told from a form alone and from the schema before the transaction is told
here; what needs the facts before comes later, for all forms at once. :mod:`factstore.tx.operations`
does the same for the forms that are lists.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from factstore.datom import TX0
from factstore.schema import Attribute, Ids, Schema
from factstore.tx.forms import MAX_DEPTH, Forms, name_of, shown
from factstore.tx.gather import Column, Gathered, column_in
from factstore.tx.slots import Slots, unknown
from factstore.values import LONG_MAX, Keyword, ValueType

_ABSENT: Final = object()
_UNSUPPORTED: Final = frozenset((Ids.ENSURE, Ids.ATTR_PREDS, Ids.ENTITY_ATTRS, Ids.ENTITY_PREDS))


class _Id(Column):
    """The key ``db/id``, which says nothing by itself."""


class _Reverse(Column):
    """A key like ``person/_friend``: whoever is named there refers to the map's subject."""

    def __init__(self, attribute: Attribute) -> None:
        super().__init__(attribute)
        self.refers = False


class Expander:
    """Walks forms and fills columns; ``form`` is the number of the one it is in."""

    def __init__(self, forms: Forms, schema: Schema, t: int) -> None:
        self.forms = forms
        self.schema = schema
        self.out = Gathered()
        self.slots = Slots(forms, schema, TX0 + t, self._seek)
        self.form = -1
        self.depth = 0
        id = _Id(schema.attribute(Ids.IDENT))
        id.exact = None
        self._keys: dict[str, Column] = {"db/id": id, ":db/id": id}

    def _seek(self, attribute: Attribute, node: int, value: Any) -> None:
        column_in(self.out.lookups, attribute).take(self.out.row(node, self.form), value)

    def map(self, form: Mapping[Any, Any]) -> int:
        """Takes a map; gives the node it is about."""
        given = form.get("db/id", _ABSENT)
        if given is _ABSENT:
            given = form.get(":db/id", _ABSENT)
        node = self.slots.new(None, self.form) if given is _ABSENT else self.slots.node(given, self.form)
        row = self.out.row(node, self.form)
        keys = self._keys
        for key, value in form.items():
            column = keys.get(key) or self._key(key)
            if type(value) is column.exact:
                column.rows.append(row)
                column.values.append(value)
            else:
                self._entry(column, row, value)
        return node

    def adds(self, name: Any) -> Column:
        """The column that takes assertions of an attribute."""
        attribute = self.attribute(name)
        self.refuse_kept(attribute)
        return column_in(self.out.adds, attribute)

    def attribute(self, name: Any) -> Attribute:
        """The attribute of a name or id; ``schema/unknown-attribute`` if there is none."""
        if not isinstance(name, str | int) or isinstance(name, bool):
            raise self.refuse(
                f"{shown(name)} ({type(name).__name__}) is no attribute: expected a name like :person/name",
                "tx/bad-attribute",
                attribute=name,
            )
        found = self.schema.get(name)
        if found is None:
            raise unknown(self.forms, self.schema, name, self.form)
        return found

    def single(self, column: Column, row: int, value: Any) -> None:
        """Takes one value; neither collections nor nested maps stand for one."""
        attribute = column.attribute
        if value is None:
            raise self._none(attribute)
        if attribute.is_ref:
            value = self.slots.node(value, self.form)
        elif attribute.type is not ValueType.TUPLE and isinstance(value, list | tuple | set | frozenset | Mapping):
            raise self._not_one(attribute, value)
        column.take(row, value)

    def refuse(self, message: str, code: str, **more: Any) -> Exception:
        """The error for something wrong in the current form."""
        return self.forms.refuse(self.form, message, code, **more)

    def deeper(self, what: str) -> None:
        """Goes one level down; ``tx/too-deep`` where it can not be meant."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.refuse(f"{what} are nested more than {MAX_DEPTH} levels deep", "tx/too-deep")

    def _key(self, key: Any) -> Column:
        if not isinstance(key, str):
            raise self.refuse(f"{shown(key)} is no attribute: expected a name like :person/name", "tx/bad-attribute")
        column = self._reversed(key)
        if column is None:
            column = self.adds(key)
        self._keys[key] = column
        return column

    def _reversed(self, key: str) -> Column | None:
        namespace, slash, name = key.rpartition("/")
        if not name.startswith("_") or self.schema.get(key) is not None:
            return None
        attribute = self.attribute(f"{namespace}{slash}{name[1:]}")
        if not attribute.is_ref:
            raise self.refuse(
                f"{Keyword(key)!r} goes backwards along {attribute.ident!r}, which is a"
                f" {attribute.type.name.lower()}: expected a ref",
                "tx/reverse-not-ref",
                attribute=attribute.ident,
            )
        self.refuse_kept(attribute)
        return _Reverse(attribute)

    def refuse_kept(self, attribute: Attribute) -> None:
        """Refuses what only the store itself may write, and what nobody can yet."""
        if attribute.tuple_attrs is not None:
            raise self.refuse(
                f"{attribute.ident!r} is kept by the store from {list(attribute.tuple_attrs)!r}: it can not be written",
                "tx/composite-tuple",
                attribute=attribute.ident,
            )
        if attribute.id in _UNSUPPORTED:
            raise self.refuse(f"{attribute.ident!r} is not supported yet", "tx/unsupported", attribute=attribute.ident)

    def _entry(self, column: Column, row: int, value: Any) -> None:
        """A value that is not simply one of the attribute's own type."""
        if isinstance(column, _Id):
            return
        if value is None:
            raise self._none(column.attribute)
        if type(value) is int and 0 <= value <= LONG_MAX and column.refers:
            column.rows.append(row)
            column.values.append(value)
        elif isinstance(column, _Reverse):
            self._refer_back(column.attribute, self.out.node[row], value)
        elif column.attribute.is_ref:
            self._refer(column, row, value)
        elif self._is_one(column.attribute, value):
            self.single(column, row, value)
        else:
            for item in self._items(column.attribute, value):
                self.single(column, row, item)

    def _is_one(self, attribute: Attribute, value: Any) -> bool:
        if not isinstance(value, list | tuple | set | frozenset):
            return True
        if attribute.type is not ValueType.TUPLE or isinstance(value, set | frozenset):
            return False
        # A list of tuples has only tuples in it, and a tuple has none.
        return not attribute.many or not all(isinstance(item, list | tuple) for item in value)

    def _items(self, attribute: Attribute, value: Collection[Any]) -> Collection[Any]:
        if not attribute.many:
            raise self._not_one(attribute, value)
        return value

    def _refer(self, column: Column, row: int, value: Any) -> None:
        for item in self._refs(column.attribute, value):
            # Before the row: a nested map may have entries of its own for this column.
            node = self._ref(column.attribute, item)
            column.rows.append(row)
            column.values.append(node)

    def _refer_back(self, attribute: Attribute, target: int, value: Any) -> None:
        column = column_in(self.out.adds, attribute)
        one = isinstance(value, Mapping) or not isinstance(value, list | tuple | set | frozenset)
        for item in (value,) if one or self._is_lookup(value) else value:
            if item is None:
                raise self._none(attribute)
            node = self._nested(item) if isinstance(item, Mapping) else self.slots.node(item, self.form)
            column.take(self.out.row(node, self.form), target)

    def _refs(self, attribute: Attribute, value: Any) -> Collection[Any]:
        if not isinstance(value, list | tuple | set | frozenset) or self._is_lookup(value):
            return (value,)
        if not attribute.many and isinstance(value, list | tuple):
            return (value,)  # a lookup ref that is none: the error says what is wrong with it
        return self._items(attribute, value)

    def _is_lookup(self, value: Any) -> bool:
        """Two items of which the first names a unique attribute are one lookup ref, not two refs."""
        if not isinstance(value, list | tuple) or len(value) != 2 or not isinstance(value[0], str):
            return False
        attribute = self.schema.get(value[0])
        return attribute is not None and attribute.unique is not None

    def _ref(self, attribute: Attribute, value: Any) -> int:
        if value is None:
            raise self._none(attribute)
        if not isinstance(value, Mapping):
            return self.slots.node(value, self.form)
        if not attribute.component and not self._is_anchored(value):
            raise self.refuse(
                f"the map {shown(value)} under {attribute.ident!r} could not be found again: expected"
                " the attribute to be a component, or the map to have a unique attribute or a db/id",
                "tx/orphan-map",
                attribute=attribute.ident,
            )
        return self._nested(value)

    def _is_anchored(self, value: Mapping[Any, Any]) -> bool:
        names = (name_of(key) for key in value)
        known = (self.schema.get(name) for name in names if name is not None)
        return "db/id" in value or ":db/id" in value or any(each is not None and each.unique for each in known)

    def _nested(self, value: Mapping[Any, Any]) -> int:
        self.deeper("maps")
        node = self.map(value)
        self.depth -= 1
        return node

    def _none(self, attribute: Attribute) -> Exception:
        return self.refuse(
            f"None as a value of {attribute.ident!r}: expected a {attribute.type.name.lower()};"
            " leave the attribute out, or retract it",
            "tx/no-value",
            attribute=attribute.ident,
        )

    def _not_one(self, attribute: Attribute, value: Any) -> Exception:
        return self.refuse(
            f"{shown(value)} ({type(value).__name__}) as a value of {attribute.ident!r}:"
            f" expected one {attribute.type.name.lower()}",
            "tx/not-one-value",
            attribute=attribute.ident,
            value=value,
        )
