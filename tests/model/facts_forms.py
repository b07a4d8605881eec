"""What the forms of a transaction say, before anybody is looked up by identity."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from factstore.datom import TX0
from factstore.values import Keyword
from tests.model.facts import Attr, Facts
from tests.model.typed import Wrong, is_value_of

LOST = object()
"""Whom a lookup ref names that names nobody."""


class Slot:
    """Somebody the transaction does not know yet; ``same`` is who stands for it."""

    def __init__(self, number: int, tempid: Any) -> None:
        self.number = number
        self.tempid = tempid
        self.same: Slot | int = self


class Said:
    """The forms, walked: who asserts what about whom. ``codes`` are the reasons to refuse them."""

    def __init__(self, before: Facts) -> None:
        self.before = before
        self.tx = TX0 + before.t + 1
        self.slots: list[Slot] = []
        self.tempids: dict[Any, Slot] = {}
        self.adds: list[tuple[Any, Attr, Any]] = []
        self.retracts: list[tuple[Any, Attr, Any]] = []
        self.wiped: list[tuple[Any, Attr]] = []
        self.gone: list[Any] = []
        self.gone_whole: set[int] = set()
        """Who ends with ``gone``, components included."""
        self.olds: list[tuple[Any, Attr, Any]] = []
        self.given: list[int] = []
        self.codes: set[str] = set()

    # What the forms say.

    def form(self, form: Any) -> None:
        if isinstance(form, Mapping):
            self.map(form)
        elif form is not None:
            self.operation(str(Keyword(form[0])), *form[1:])

    def map(self, form: Mapping[str, Any]) -> Any:
        said = [(str(Keyword(key)), value) for key, value in form.items()]
        about = [value for key, value in said if key == "db/id"]
        node = self.node(about[0]) if about else self.slot(None)
        for key, value in said:
            head, slash, tail = key.rpartition("/")
            if key == "db/id":
                continue
            if tail.startswith("_"):
                self.backwards(node, head + slash + tail[1:], value)
            elif (attr := self.attribute(key)) is not None:
                for item in self.items(attr, value):
                    self.adds.append((node, attr, self.value(attr, item)))
        return node

    def backwards(self, node: Any, name: str, value: Any) -> None:
        attr = self.attribute(name)
        if attr is None:
            return
        if attr.type != "ref":
            self.codes.add("tx/reverse-not-ref")
            return
        for item in value if isinstance(value, list | set | frozenset) and not self.is_lookup(value) else [value]:
            source = self.map(item) if isinstance(item, Mapping) else self.node(item)
            self.adds.append((source, attr, node))

    def attribute(self, name: Any) -> Attr | None:
        found = self.before.attribute(name)
        if found is None:
            self.codes.add("schema/unknown-attribute")
        return found

    def is_lookup(self, value: Any) -> bool:
        if not isinstance(value, list | tuple) or len(value) != 2 or not isinstance(value[0], str):
            return False
        attr = self.before.attribute(value[0])
        return attr is not None and attr.unique is not None

    def items(self, attr: Attr, value: Any) -> Collection[Any]:
        if not isinstance(value, list | tuple | set | frozenset):
            return [value]
        if attr.type == "tuple" and not isinstance(value, set | frozenset):
            one = not attr.many or not all(isinstance(item, list | tuple) for item in value)
            return [value] if one else value
        if attr.type == "ref" and self.is_lookup(value):
            return [value]
        if not attr.many:
            # What is no lookup ref either is refused as one, or as several values.
            self.codes |= {"tx/not-one-value", "tx/bad-entity", "entity/not-unique", "schema/unknown-attribute"}
            return []
        return value

    def value(self, attr: Attr, value: Any) -> Any:
        if value is None:
            self.codes.add("tx/no-value")
        elif attr.type != "ref":
            try:
                return is_value_of(attr.type, value, attr.slots)
            except Wrong as wrong:
                self.codes.add(wrong.code)
        elif not isinstance(value, Mapping):
            return self.node(value)
        elif attr.component or self.is_anchored(value):
            return self.map(value)
        else:
            self.codes.add("tx/orphan-map")
        return None

    def is_anchored(self, value: Mapping[str, Any]) -> bool:
        names = [str(Keyword(key)) for key in value]
        found = [self.before.attribute(name) for name in names]
        return "db/id" in names or any(attr is not None and attr.unique for attr in found)

    def operation(self, name: str, *args: Any) -> None:
        if name in self.before.functions:
            for form in self.before.functions[name](self.read, *args) or ():
                self.form(form)
            return
        entity, attr = args[0], self.attribute(args[1]) if len(args) > 1 else None
        if len(args) > 1 and attr is None:
            return
        if name == "db/add":
            node = self.node(entity)
            if isinstance(args[2], Mapping | set | frozenset) or (
                isinstance(args[2], list | tuple) and attr.type not in ("tuple", "ref")
            ):
                self.codes |= {"tx/not-one-value", "tx/bad-entity"}
            else:
                self.adds.append((node, attr, self.value(attr, args[2])))
        elif name == "db/retractEntity":
            self.gone.append(self.settled(entity))
        elif name == "db/retract" and len(args) == 2:
            self.wiped.append((self.settled(entity), attr))
        elif name == "db/retract":
            self.retracts.append((self.settled(entity), attr, self.settled_value(attr, args[2])))
        elif name == "db/cas":
            node = self.settled(entity)
            self.olds.append((node, attr, None if args[2] is None else self.settled_value(attr, args[2])))
            self.adds.append((node, attr, self.settled_value(attr, args[3])))

    def read(self, ref: Any, name: str) -> set[Any]:
        node, attr = self.node(ref), self.before.attribute(name)
        return self.before.values(node, attr.id) if attr is not None and isinstance(node, int) else set()

    # Who is meant.

    def slot(self, tempid: Any) -> Slot:
        self.slots.append(Slot(len(self.slots), tempid))
        return self.slots[-1]

    def node(self, ref: Any) -> Any:
        """An entity id, a slot, or LOST."""
        if isinstance(ref, list | tuple):
            return self.looked_up(ref)
        if isinstance(ref, str):
            name = str(Keyword(ref))
            if name in ("db/current-tx", "datomic.tx"):
                return self.tx
            if name in self.before.idents:
                return self.before.idents[name]
            if ref.startswith(":") or isinstance(ref, Keyword):
                self.codes.add("entity/missing")
                return LOST
        elif type(ref) is not int or ref >= 2**63:
            self.codes.add("tx/bad-entity")
            return LOST
        elif ref >= 0:
            self.given.append(ref)
            return ref
        if ref not in self.tempids:
            self.tempids[ref] = self.slot(ref)
        return self.tempids[ref]

    def looked_up(self, ref: Any) -> Any:
        if len(ref) != 2 or not isinstance(ref[0], str):
            self.codes.add("tx/bad-entity")
            return LOST
        attr = self.attribute(ref[0])
        if attr is None or attr.unique is None:
            self.codes.add("entity/not-unique")
            return LOST
        if ref[1] is None:
            return LOST
        value = self.settled_value(attr, ref[1])
        if value is LOST:
            return LOST
        found = self.before.holder(attr.id, value)
        return LOST if found is None else found

    def settled(self, ref: Any) -> Any:
        node = self.node(ref)
        if isinstance(node, Slot):
            self.codes.add("tx/tempid-not-allowed")
        return node

    def settled_value(self, attr: Attr, value: Any) -> Any:
        if isinstance(value, Mapping):
            self.codes |= {"tx/bad-entity", "tx/not-one-value"}
            return None
        return self.settled(value) if attr.type == "ref" and value is not None else self.value(attr, value)
