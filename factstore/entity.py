"""An entity as a mapping that reads what is looked at, when it is looked at.

An attribute of one value gives the value, one of many a frozenset; a ref gives the entity it refers
to, or its ident where it has one. ``"person/_friend"`` gives the entities that refer to this one.
What was read is kept, so that a second look costs nothing. Entities that came from one attribute are
siblings: the first one looked at reads the facts of all of them.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from factstore.columns import decode, ints
from factstore.db import DbValue
from factstore.db_lookups import EntityRef
from factstore.errors import EntityError
from factstore.index import NO_INDEX, AttributeIndex
from factstore.pull_fetch import current, facts_of, referrers_of, values_of
from factstore.schema import Attribute
from factstore.values import Keyword

_NOTHING: Final = object()
_SIBLINGS: Final = 1024
"""How many siblings are read together."""


def entity(db: DbValue, ref: EntityRef) -> Entity | None:
    """The entity of an id, an ident or a lookup ref; None if there is none, or no fact about it.

    >>> from factstore.log import MemoryLog
    >>> from factstore.schema import Schema
    >>> from factstore.snapshot import Snapshot
    >>> log = MemoryLog()
    >>> db = DbValue(Snapshot(log, 0), Schema.bootstrap(), log.dictionary)
    >>> doc = entity(db, "db/doc")
    >>> doc["db/ident"], doc["db/cardinality"], entity(db, 9999)
    (:db/doc, :db.cardinality/one, None)
    """
    id = current(db).entid(ref)
    if id is None:
        return None
    found = Entity(db, id)
    return found if len(found) else None


class Entity(Mapping[str, Any]):
    """A read-only mapping from attribute names to values, of one entity in one db value.

    It iterates over the attributes the entity has; ``"db/id"`` and reversed names can be looked up as
    well. ``KeyError`` if the entity has no such attribute, :class:`SchemaError` if nothing has. An
    entity that is referred to need not have any facts: it is empty then.
    """

    __slots__ = ("__weakref__", "_facts", "_siblings", "_values", "db", "id")

    def __init__(self, db: DbValue, id: int) -> None:
        self.db = current(db)
        self.id = id
        self._values: dict[Keyword, Any] = {}
        self._facts: dict[int, AttributeIndex] | None = None
        self._siblings: Sequence[weakref.ref[Entity]] = ()

    def __getitem__(self, name: str) -> Any:
        if not isinstance(name, str):
            raise KeyError(name)
        key = Keyword(name)
        if key == "db/id":
            return self.id
        value = self._values.get(key)
        if value is None:
            value = self._values[key] = self._read(key)
        if value is _NOTHING:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        attributes = map(self.db.schema.attribute, self._known())
        return iter(sorted(str(attribute.ident) for attribute in attributes))

    def __len__(self) -> int:
        return len(self._known())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Entity) and self.id == other.id and self.db == other.db

    def __hash__(self) -> int:
        return hash((self.id, self.db))

    def __repr__(self) -> str:
        shown = (f"{name}={_shown(value)}" for name, value in sorted(self._values.items()) if value is not _NOTHING)
        return f"<Entity {' '.join([str(self.id), *shown])}>"

    def touch(self) -> Entity:
        """Reads every attribute, and all of its components; gives itself."""
        level, seen = {self.id: self}, {self.id}
        while level:
            _read_facts(list(level.values()))
            parts = [part for whole in level.values() for part in whole._touched()]
            level = {part.id: part for part in parts if part.id not in seen}
            seen |= level.keys()
        return self

    def _touched(self) -> Iterator[Entity]:
        """Takes the value of every attribute; gives the components."""
        for id in self._known():
            attribute = self.db.schema.attribute(id)
            value = self[attribute.ident]
            if attribute.component:
                parts = value if attribute.many else (value,)
                yield from (part for part in parts if isinstance(part, Entity))

    def _known(self) -> dict[int, AttributeIndex]:
        if self._facts is None:
            _read_facts([self, *self._unread_siblings()])
        assert self._facts is not None
        return self._facts

    def _unread_siblings(self) -> list[Entity]:
        siblings = (sibling() for sibling in self._siblings)
        return [each for each in siblings if each is not None and each is not self and each._facts is None]

    def _read(self, key: Keyword) -> Any:
        head, slash, tail = key.rpartition("/")
        if tail.startswith("_"):
            return self._referrers(self.db.schema.attribute(head + slash + tail[1:]))
        return self._value(self.db.schema.attribute(key))

    def _value(self, attribute: Attribute) -> Any:
        loaded = self._facts is None and self.db.holds(attribute)
        index = self.db.index(attribute) if loaded else self._known().get(attribute.id, NO_INDEX)
        _, v = values_of(index, ints([self.id]), None)
        if attribute.is_ref:
            return _gathered(self._referred(v.tolist()), attribute.many)
        return _gathered(decode(attribute.type, v, self.db.dictionary), attribute.many)

    def _referrers(self, attribute: Attribute) -> Any:
        if not attribute.is_ref:
            raise EntityError(
                f"{attribute.ident!r} is a {attribute.type.name.lower()}: expected a ref to follow backwards",
                code="entity/not-a-ref",
                attribute=attribute.ident,
            )
        _, e = referrers_of(self.db.index(attribute), ints([self.id]), None)
        return _gathered(_siblings(self.db, e.tolist()), not attribute.component)

    def _referred(self, ids: list[int]) -> list[Any]:
        names = {id: name for id in ids if (name := self.db.ident(id)) is not None}
        return [*names.values(), *_siblings(self.db, [id for id in ids if id not in names])]


def _gathered(values: Sequence[Any], many: bool) -> Any:
    if not values:
        return _NOTHING
    return frozenset(values) if many else values[0]


def _siblings(db: DbValue, ids: Sequence[int]) -> list[Entity]:
    entities = [Entity(db, id) for id in ids]
    for at in range(0, len(entities), _SIBLINGS):
        together = entities[at : at + _SIBLINGS]
        # Weak: to keep one of a thousand is not to keep the thousand.
        links = [weakref.ref(each) for each in together] if len(together) > 1 else ()
        for each in together:
            each._siblings = links
    return entities


def _read_facts(entities: Sequence[Entity]) -> None:
    """Reads the facts of entities of one db value in one go."""
    unread = [each for each in entities if each._facts is None]
    if not unread:
        return
    ids = ints([each.id for each in unread])
    facts: dict[int, dict[int, AttributeIndex]] = {each.id: {} for each in unread}
    for attribute, index in facts_of(unread[0].db, ids).items():
        for id in set(index.scan().e.tolist()):
            facts[id][attribute] = index
    for each in unread:
        each._facts = facts[each.id]


def _shown(value: Any) -> str:
    if isinstance(value, Entity):
        return f"<Entity {value.id}>"
    if isinstance(value, frozenset):
        return "{" + ", ".join(sorted(map(_shown, value))) + "}"
    return repr(value)
