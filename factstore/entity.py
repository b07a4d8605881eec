"""An entity as a mapping that reads what is looked at, when it is looked at.

An attribute of one value gives the value, one of many a frozenset; a ref gives the entity it refers
to, or its ident where it has one. ``"person/_friend"`` gives the entities that refer to this one.
What was read is kept, so that a second look costs nothing. Entities that came from one attribute are
siblings: the first one looked at reads the facts of all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from factstore.columns import ints
from factstore.db import DbValue
from factstore.db_lookups import EntityRef
from factstore.entity_read import NOTHING, Codes, maker, reading, reading_back
from factstore.errors import EntityError
from factstore.index import NO_INDEX, AttributeIndex
from factstore.pull_fetch import current, facts_of
from factstore.schema import Attribute
from factstore.values import Keyword

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
    return found if found._is_there() else None


class Entity(Mapping[str, Any]):
    """A read-only mapping from attribute names to values, of one entity in one db value.

    It iterates over the attributes the entity has; ``"db/id"`` and reversed names can be looked up as
    well. ``KeyError`` if the entity has no such attribute, :class:`SchemaError` if nothing has. An
    entity that is referred to need not have any facts: it is empty then.
    """

    __slots__ = ("__weakref__", "_facts", "_siblings", "_values", "_walk", "id")

    def __init__(self, db: DbValue, id: int) -> None:
        self._walk = _Walk(current(db))
        self.id = id
        self._values: dict[str, Any] = {}
        self._facts: _Facts | None = None
        self._siblings = _Siblings((id,))

    @property
    def db(self) -> DbValue:
        """The db value whose facts it shows."""
        return self._walk.db

    def __getitem__(self, name: str) -> Any:
        value = self._found(name)
        if value is NOTHING:
            raise KeyError(name)
        return value

    def get(self, name: str, default: Any = None) -> Any:
        """The value of an attribute; ``default`` if the entity has no such attribute."""
        value = self._found(name)
        return default if value is NOTHING else value

    def __contains__(self, name: object) -> bool:
        return self._found(name) is not NOTHING

    def _found(self, name: object) -> Any:
        if not isinstance(name, str):
            return NOTHING
        value = self._values.get(name)
        return self._read(name) if value is None else value

    def __iter__(self) -> Iterator[str]:
        attributes = map(self.db.schema.attribute, self._known())
        return iter(sorted(str(attribute.ident) for attribute in attributes))

    def __len__(self) -> int:
        return len(self._known())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Entity) or self.id != other.id:
            return False
        return self._walk is other._walk or self.db == other.db

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        shown = (f"{name}={_shown(value)}" for name, value in sorted(self._values.items()) if value is not NOTHING)
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

    def _is_there(self) -> bool:
        return self._walk.has(self.id) or bool(self._known())

    def _known(self) -> _Facts:
        if self._facts is None:
            siblings = self._siblings
            if self.id not in siblings.facts:
                siblings.facts = self._walk.facts_of(siblings.ids)
            self._facts = siblings.facts[self.id]
        return self._facts

    def _read(self, name: str) -> Any:
        read = self._walk.readers.get(name)
        if read is None:
            key = Keyword(name)
            if key == "db/id":
                return self.id
            if key != name:
                return self._found(str(key))
            read = self._walk.reader(key)
        value = self._values[name] = read(self)
        return value


class _Siblings:
    """Entities that are read together, by their ids: to keep one of a thousand is not to keep the thousand."""

    __slots__ = ("facts", "ids")

    def __init__(self, ids: Sequence[int]) -> None:
        self.ids = ids
        self.facts: Mapping[int, _Facts] = {}


_Facts = Mapping[int, AttributeIndex]
"""The indexes that have an entity's facts, by attribute id."""
_Reader = Callable[[Entity], Any]


class _Walk:
    """What the entities share that were reached from one of them: their db value, and how it is read."""

    def __init__(self, db: DbValue) -> None:
        self.db = db
        self.readers: dict[str, _Reader] = {}
        """How attributes in memory are read, by name."""
        self._named = db.schema.names.keys()

    def has(self, id: int) -> bool:
        """True if an attribute in memory has facts about an entity; False tells nothing."""
        db = self.db
        if db.is_filtered or db.since_t is not None:
            return False
        held = (db.index(each) for each in db.schema if db.holds(each))
        return any(index.single_by_entity.count(id) and index.values_of(id) for index in held)

    def facts_of(self, ids: Sequence[int]) -> Mapping[int, _Facts]:
        """The facts of each entity."""
        found: dict[int, dict[int, AttributeIndex]] = {id: {} for id in ids}
        wanted = ints(list(ids))
        for attribute, index in facts_of(self.db, wanted).items():
            for id in set(index.by_entity(wanted)[1].e.tolist()):
                found[id][attribute] = index
        return found

    def reader(self, name: Keyword) -> _Reader:
        """How to read an attribute, or a reversed one; kept once it is in memory."""
        head, slash, tail = name.rpartition("/")
        reverse = tail.startswith("_")
        attribute = self.db.schema.attribute(head + slash + tail[1:] if reverse else name)
        if reverse and not attribute.is_ref:
            raise EntityError(
                f"{attribute.ident!r} is a {attribute.type.name.lower()}: expected a ref to follow backwards",
                code="entity/not-a-ref",
                attribute=attribute.ident,
            )
        if not reverse and not self.db.holds(attribute):
            make = self._maker(attribute)
            return lambda entity: reading(entity._known().get(attribute.id, NO_INDEX), make)(entity)
        index = self.db.index(attribute)
        found = reading_back(index, self._owners(attribute)) if reverse else reading(index, self._maker(attribute))
        self.readers[str(name)] = found
        return found

    def _maker(self, attribute: Attribute) -> Callable[[Codes], Any]:
        """Makes codes of an attribute into its value."""
        if not attribute.is_ref:
            return maker(self.db, attribute)
        referred = self._referred
        return (lambda ids: frozenset(referred(ids))) if attribute.many else (lambda ids: referred(ids)[0])

    def _owners(self, attribute: Attribute) -> Callable[[Codes], Any]:
        if attribute.component:
            return lambda ids: self._siblings([min(ids)])[0]
        return lambda ids: frozenset(self._siblings(ids))

    def _referred(self, ids: Codes) -> Sequence[Any]:
        if self._named.isdisjoint(ids):
            return self._siblings(ids)
        names = self.db.schema.names
        return [*(names[id] for id in ids if id in names), *self._siblings([id for id in ids if id not in names])]

    def _siblings(self, ids: Sequence[int]) -> list[Entity]:
        if len(ids) <= _SIBLINGS:
            return self._together(ids)
        return [each for at in range(0, len(ids), _SIBLINGS) for each in self._together(ids[at : at + _SIBLINGS])]

    def _together(self, ids: Sequence[int]) -> list[Entity]:
        siblings, made = _Siblings(ids), []
        for id in ids:
            one = object.__new__(Entity)
            one._walk, one.id, one._values, one._facts, one._siblings = self, id, {}, None, siblings
            made.append(one)
        return made


def _read_facts(entities: Sequence[Entity]) -> None:
    """Reads the facts of entities of one db value in one go."""
    unread = [each for each in entities if each._facts is None]
    if unread:
        facts = unread[0]._walk.facts_of([each.id for each in unread])
        for each in unread:
            each._facts = facts[each.id]


def _shown(value: Any) -> str:
    if isinstance(value, Entity):
        return f"<Entity {value.id}>"
    if isinstance(value, frozenset):
        return "{" + ", ".join(sorted(map(_shown, value))) + "}"
    return repr(value)
