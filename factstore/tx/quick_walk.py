"""The one walk over a small transaction: what it says of whom, or that it is not plain."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC
from typing import Any, Final

import msgspec

from factstore.datom import FIRST_ENTITY, TX0
from factstore.schema import Schema
from factstore.tx.forms import CURRENT_TX
from factstore.tx.plain import Plain, plain
from factstore.values import LONG_MAX, LONG_MIN, Keyword, Value, ValueType


class NotPlain(Exception):
    """Something the short way does not know; never seen outside."""


class Walk(msgspec.Struct, eq=False):
    """What one transaction says: subjects are entity ids, or ``~slot`` for whom it does not know yet."""

    schema: Schema
    next_e: int
    tx: int
    slots: int = 0
    tempids: dict[str | int, int] = {}
    lookups: dict[tuple[int, Value], int] = {}
    adds: list[tuple[int, Plain, Value]] = []
    """(subject, attribute, value); the value of a ref is a subject."""
    retracts: list[tuple[int, Plain, Value]] = []
    gone: list[int] = []
    """The entities that are retracted whole."""
    claims: list[tuple[int, Plain, Value, bool]] = []
    """(subject, unique attribute, value, whether it is looked up rather than said)."""
    subjects: set[int] = set()
    """The slots that something is said about, ..."""
    targets: list[int] = []
    """... and the unknown ones that something refers to."""
    interned: list[tuple[ValueType, Value]] = []

    def take(self, data: Sequence[Any]) -> None:
        """Takes every form."""
        for form in data:
            if type(form) is dict:
                self._map(form)
            elif (type(form) is list or type(form) is tuple) and form:
                run = _OPERATIONS.get(form[0]) if type(form[0]) is str else None
                if run is None or len(form) != run[1]:
                    raise NotPlain
                run[0](self, *form[1:])
            else:
                raise NotPlain
        if self.gone and any(node != self.tx for node, _, _ in (*self.adds, *self.retracts)):
            raise NotPlain

    def _map(self, form: dict[Any, Any]) -> None:
        node = self._subject(form["db/id"]) if "db/id" in form else self._new()
        for name, value in form.items():
            if name == "db/id":
                continue
            attribute = self._attribute(name)
            if attribute.many and type(value) in _COLLECTIONS:
                if attribute.is_ref and self._may_be_lookup(value):
                    raise NotPlain
                for item in value:
                    self._say(node, attribute, item)
            else:
                self._say(node, attribute, value)

    def _may_be_lookup(self, value: Collection[Any]) -> bool:
        """Whether it is one lookup ref rather than two refs, or looks enough like one."""
        if len(value) != 2 or not isinstance(value, Sequence) or type(value[0]) is not str:
            return False
        return self.schema.get(value[0]) is not None

    def _add(self, entity: Any, name: Any, value: Any) -> None:
        self._say(self._subject(entity), self._attribute(name), value)

    def _retract(self, entity: Any, name: Any, value: Any) -> None:
        node, attribute = self._subject(entity), self._attribute(name)
        if node < 0 or node == self.tx or (attribute.is_ref and (type(value) is not int or value < 0)):
            raise NotPlain
        self.retracts.append((node, attribute, self._value(attribute, value)))

    def _retract_entity(self, entity: Any) -> None:
        node = self._subject(entity)
        if not FIRST_ENTITY <= node < TX0:
            raise NotPlain
        self.gone.append(node)

    def _say(self, node: int, attribute: Plain, value: Any) -> None:
        value = self._value(attribute, value)
        if node < 0:
            self.subjects.add(~node)
        if attribute.unique is not None:
            self.claims.append((node, attribute, value, False))
        self.adds.append((node, attribute, value))

    def _value(self, attribute: Plain, value: Any) -> Any:
        if attribute.is_ref:
            target = self._subject(value)
            if target < 0:
                self.targets.append(target)
            return target
        if type(value) is not attribute.exact:
            if attribute.vt is not ValueType.KEYWORD or type(value) is not str:
                raise NotPlain
            value = Keyword(value)
        if attribute.interned:
            self.interned.append((attribute.vt, value))
        elif (check := _CHECKS.get(attribute.vt)) is not None and not check(value):
            raise NotPlain
        return value

    def _attribute(self, name: Any) -> Plain:
        found = plain(self.schema, name) if type(name) is str else None
        if found is None:
            raise NotPlain
        return found

    def _subject(self, ref: Any) -> int:
        kind = type(ref)
        if kind is int:
            if 0 < ref < self.next_e or TX0 <= ref <= self.tx:
                return int(ref)
            if ref >= 0:
                raise NotPlain
            return self._tempid(ref)
        if kind is str:
            if ref in CURRENT_TX:
                return self.tx
            known = self.schema.entid(ref)
            if known is not None:
                return known
            if ref.startswith(":"):
                raise NotPlain
            return self._tempid(ref)
        if (kind is list or kind is tuple) and len(ref) == 2:
            return self._lookup(ref)
        raise NotPlain

    def _tempid(self, tempid: str | int) -> int:
        slot = self.tempids.get(tempid)
        if slot is None:
            slot = self.tempids[tempid] = ~self._new()
        return ~slot

    def _new(self) -> int:
        self.slots += 1
        return -self.slots

    def _lookup(self, ref: Sequence[Any]) -> int:
        attribute = self._attribute(ref[0])
        if attribute.unique is None or attribute.is_ref:
            raise NotPlain
        value = self._value(attribute, ref[1])
        key = (attribute.id, value)
        slot = self.lookups.get(key)
        if slot is None:
            slot = self.lookups[key] = ~self._new()
            self.claims.append((~slot, attribute, value, True))
        return ~slot


_CHECKS: Final[dict[ValueType, Callable[[Any], bool]]] = {
    ValueType.LONG: lambda value: LONG_MIN <= value <= LONG_MAX,
    ValueType.DOUBLE: lambda value: value == value,
    ValueType.INSTANT: lambda value: value.tzinfo is UTC,
}
"""What must be true of a value besides its type."""

_COLLECTIONS: Final = frozenset((list, tuple, set, frozenset))
_OPERATIONS: Final[dict[str, tuple[Callable[..., None], int]]] = {
    "db/add": (Walk._add, 4),
    ":db/add": (Walk._add, 4),
    "db/retract": (Walk._retract, 4),
    ":db/retract": (Walk._retract, 4),
    "db/retractEntity": (Walk._retract_entity, 2),
    ":db/retractEntity": (Walk._retract_entity, 2),
}
