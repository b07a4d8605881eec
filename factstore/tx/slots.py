"""Who a transaction speaks of, as numbers.

A *node* is an int. One that is not negative is an entity id. A negative one, ``~slot``, is somebody
the transaction does not know yet: a tempid, a lookup ref, or a map without an id. Slots are
numbered in the order they are first met.
"""

from __future__ import annotations

from collections.abc import Callable, MutableSequence
from typing import Any, NamedTuple

from factstore.columns import Ints
from factstore.errors import EntityError, SchemaError
from factstore.schema import Attribute, Schema, unknown_attribute
from factstore.tx.forms import CURRENT_TX, Forms, name_of, shown
from factstore.values import LONG_MAX, Keyword


class Lookup(NamedTuple):
    """A lookup ref; shown as it is written."""

    attribute: Attribute
    value: Any

    def __repr__(self) -> str:
        return f"[{self.attribute.ident!r} {shown(self.value)}]"


Sought = Callable[[Attribute, int, Any], None]
"""Takes note of a lookup ref that must be resolved: (attribute, node, value)."""


class Slots:
    """The nodes of one transaction."""

    def __init__(self, forms: Forms, schema: Schema, tx: int, sought: Sought) -> None:
        self.given: list[str | int | Lookup | None] = []
        """How each slot was written; None for a map without an id."""
        self.form: MutableSequence[int] = []
        """The form in which each slot was first met."""
        self.tempids: dict[str | int, int] = {}
        """The node of each tempid."""
        self.lookups: list[int] = []
        """The slots that are lookup refs."""
        self._forms = forms
        self._schema = schema
        self._sought = sought
        self._known: dict[tuple[int, type, Any], int] = {}
        self._named: dict[str, int] = dict.fromkeys(CURRENT_TX, tx) | {f":{name}": tx for name in CURRENT_TX}

    def __len__(self) -> int:
        return len(self.given)

    def new(self, given: str | int | Lookup | None, form: int) -> int:
        """A new node."""
        self.given.append(given)
        self.form.append(form)
        return -len(self.given)

    def met(self) -> Ints | None:
        """The place of each slot in the order in which they were first met; None if that is their own."""
        return None

    def node(self, ref: Any, form: int) -> int:
        """The node of an entity id, tempid, ident or lookup ref.

        A plain string is an ident if the schema knows it, else a tempid; a keyword, or a string with
        a leading colon, is always an ident.
        """
        kind = type(ref)
        if kind is int:
            return ref if 0 <= ref <= LONG_MAX else self._of_number(ref, form)
        if kind is str:
            found = self._named.get(ref)
            if found is None:
                found = self._named[ref] = self._of_name(ref, form)
            return found
        if kind is Keyword:
            return self._of_ident(ref, form)
        if isinstance(ref, list | tuple):
            return self._of_lookup(ref, form)
        raise self._no_ref(ref, form)

    def settled(self, ref: Any, form: int, operation: str) -> int:
        """The node of a ref where only what is already there makes sense: no tempids."""
        node = self.node(ref, form)
        if node < 0 and not isinstance(self.given[~node], Lookup):
            raise self._forms.refuse(
                form,
                f"{operation} of the tempid {ref!r}: expected an entity that is already there",
                "tx/tempid-not-allowed",
                tempid=ref,
            )
        return node

    def _of_name(self, name: str, form: int) -> int:
        known = self._schema.entid(name)
        if known is not None:
            return known
        return self._of_ident(Keyword(name), form) if name.startswith(":") else self._tempid(name, form)

    def _of_ident(self, ident: Keyword, form: int) -> int:
        known = self._schema.entid(ident)
        if known is not None:
            return known
        if ident in CURRENT_TX:
            return self._named[ident]
        raise self._forms.refuse_as(
            EntityError,
            form,
            f"there is no entity {ident!r} (an ident of this same transaction can be referred to by its tempid)",
            "entity/missing",
            ref=ident,
        )

    def _of_number(self, number: int, form: int) -> int:
        if number < 0:
            return self._tempid(number, form)
        raise self._no_ref(number, form)

    def _tempid(self, tempid: str | int, form: int) -> int:
        found = self.tempids.get(tempid)
        if found is None:
            found = self.tempids[tempid] = self.new(tempid, form)
        return found

    def _of_lookup(self, ref: Any, form: int) -> int:
        if len(ref) != 2 or name_of(ref[0]) is None:
            raise self._no_ref(ref, form)
        attribute = self._schema.get(ref[0])
        if attribute is None:
            raise unknown(self._forms, self._schema, ref[0], form)
        if attribute.unique is None:
            raise self._forms.refuse_as(
                EntityError,
                form,
                f"{attribute.ident!r} is not unique: a lookup ref needs a unique attribute",
                "entity/not-unique",
                attribute=attribute.ident,
            )
        return self._looked_up(attribute, ref[1], form)

    def _looked_up(self, attribute: Attribute, value: Any, form: int) -> int:
        try:
            known = self._known.get((attribute.id, type(value), value))
        except TypeError:  # a list is a good value for a tuple, but no key
            return self._seek(attribute, value, form)
        if known is None:
            known = self._known[attribute.id, type(value), value] = self._seek(attribute, value, form)
        return known

    def _seek(self, attribute: Attribute, value: Any, form: int) -> int:
        target = self.settled(value, form, "lookup") if attribute.is_ref and value is not None else value
        node = self.new(Lookup(attribute, value), form)
        self.lookups.append(~node)
        if value is not None:
            self._sought(attribute, node, target)
        return node

    def _no_ref(self, ref: Any, form: int) -> Exception:
        return self._forms.refuse(
            form,
            f"{shown(ref)} ({type(ref).__name__}) does not name an entity:"
            " expected an id, a tempid, an ident or a lookup ref [attribute, value]",
            "tx/bad-entity",
            ref=ref,
        )


def unknown(forms: Forms, schema: Schema, name: str | int, form: int) -> SchemaError:
    """The error for a name no attribute has before the transaction."""
    error = unknown_attribute(schema, name)
    hint = "; it is defined in this same transaction, and can be used in the next" if _defines(forms, name) else ""
    return forms.refuse_as(SchemaError, form, error.message + hint, error.code, **error.data)


def _defines(forms: Forms, name: str | int) -> bool:
    idents = (form.get("db/ident", form.get(":db/ident")) for form in forms.data if isinstance(form, dict))
    return name_of(name) in {name_of(ident) for ident in idents if ident is not None}
