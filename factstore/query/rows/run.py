"""One run of a query row by row: its db value, its constants, and how much work it may still do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from factstore.db import DbValue
from factstore.index import AttributeIndex
from factstore.index_single import Single
from factstore.query.rows.conjunction import Declined, Lookup, Rows
from factstore.query.rows.inputs import Bound
from factstore.schema import Attribute
from factstore.values import ValueType, decode_inline, encode_inline, type_of

Const = Callable[["DbRun"], int]


class DbRun:
    """The :class:`~factstore.query.rows.conjunction.Run` of one db value and its inputs."""

    __slots__ = ("_consts", "_entities", "_holders", "_known", "db", "inputs", "left", "named", "tables", "values")

    def __init__(self, db: DbValue, bound: Bound, consts: Mapping[str, Const], left: int) -> None:
        self.db = db
        self.values = bound.values
        self.inputs: Sequence[Rows] = bound.given
        """The rows of each input that has many."""
        self.named = bound.named
        """The inputs that may name entities, as they were given."""
        self.left = left
        self._consts = consts
        self._known: dict[str, int] = {}
        self._entities: dict[int, Lookup] = {}
        self._holders: dict[int, Lookup] = {}
        self.tables: Any = None

    def const(self, name: str) -> int:
        """The code of a constant, or of what an input names."""
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = self._consts[name](self)
        return found

    def index(self, attribute: Attribute) -> AttributeIndex:
        """The facts of an attribute, if they are here: nothing is read from a store for a few rows."""
        if not self.db.holds(attribute):
            raise Declined
        return self.db.index(attribute)

    def values_of(self, attribute: Attribute) -> Lookup:
        """What gives the values of one entity."""
        found = self._entities.get(attribute.id)
        if found is None:
            found = self._entities[attribute.id] = self.index(attribute).single_by_entity.of
        return found

    def holders_of(self, attribute: Attribute) -> Lookup:
        """What gives the entities that have one value."""
        found = self._holders.get(attribute.id)
        if found is None:
            found = self._holders[attribute.id] = self.index(attribute).single_by_value.of
        return found

    def counts(self, attribute: Attribute, by_value: bool) -> Callable[[int], int]:
        """What counts the facts of one entity, or of one value."""
        index = self.index(attribute)
        single: Single = index.single_by_value if by_value else index.single_by_entity
        return single.count

    def decoder(self, kind: int) -> Callable[[Any], Any]:
        """What makes a value of a code of a kind; None stays None."""
        vt = ValueType(kind)
        if vt in _PLAIN:
            return _itself
        if not vt.interned:
            return lambda code: None if code is None else decode_inline(vt, code)
        values_of = self.values.overlay.values_of
        return lambda code: None if code is None else values_of((code,))[0]

    def encoder(self, kind: int) -> Callable[[Any], int]:
        """What makes a code of a value; :class:`Declined` for one of another kind."""
        vt = ValueType(kind)

        def encode(value: Any) -> int:
            found = type_of(value)
            if found is not vt or value != value:
                raise Declined
            return self.values.overlay.intern_one(vt, value) if vt.interned else encode_inline(vt, value)

        return encode


_PLAIN: Final = (ValueType.REF, ValueType.LONG)


def _itself(code: Any) -> Any:
    return code
