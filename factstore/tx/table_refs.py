"""By which unique attribute the values of a table's ref columns name entities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from factstore.errors import TransactionError
from factstore.schema import Attribute, Schema
from factstore.tx.forms import name_of, shown


def is_id(name: object) -> bool:
    """Whether a column is called ``db/id``."""
    return name_of(name) == "db/id"


class References:
    """What ``refs`` says, checked against the schema."""

    def __init__(self, refs: Mapping[str, Any], schema: Schema, *, create_missing: bool) -> None:
        self._schema = schema
        self.create_missing = create_missing
        self.by: dict[int, Attribute] = {}
        """The unique attribute for the column of each ref attribute, by its id, ..."""
        self.of_rows: Attribute | None = None
        """... and for that of the subjects, ``db/id``."""
        for name, by in refs.items():
            unique = self._unique(name, by)
            if is_id(name):
                self.of_rows = unique
            else:
                self.by[self._ref(name).id] = unique

    def _ref(self, name: str) -> Attribute:
        found = self._schema.attribute(name)
        if not found.is_ref:
            raise _bad_refs(f"{found.ident!r} is a {found.type.name.lower()}: expected a ref, or db/id", name)
        return found

    def _unique(self, name: str, by: Any) -> Attribute:
        found = self._schema.attribute(by) if isinstance(by, str) else None
        if found is None or found.unique is None or found.is_ref:
            raise _bad_refs(
                f"the values of {name!r} are to be looked up by {shown(by)}: expected a unique attribute"
                " with values of its own",
                name,
            )
        if self.create_missing and found.unique != "identity":
            raise _bad_refs(f"{found.ident!r} is no unique identity, by which what is missing could be created", name)
        return found


def _bad_refs(what: str, name: str) -> TransactionError:
    return TransactionError(f"refs: {what}", code="tx/bad-refs", column=name)
