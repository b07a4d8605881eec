"""The store as a set of tuples: the rules of transactions said as plainly as they can be.

A fact is (entity, attribute id, value). This module has the facts and what they say of attributes;
``facts_forms`` has what a transaction says, and ``facts_change`` what it changes, or every code that
would be right to refuse it with. All of it is slow, and knows nothing of how the store does it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from factstore.datom import FIRST_ENTITY, TX0
from factstore.values import Keyword

Fact = tuple[int, int, Any]
Read = Callable[[Any, str], set[Any]]
"""The values of an entity's attribute before the transaction, for transaction functions."""


class Attr(NamedTuple):
    """What the facts make of an attribute."""

    id: int
    ident: str
    type: str
    many: bool
    unique: str | None
    component: bool
    no_history: bool
    parts: tuple[str, ...] | None
    slots: tuple[str, ...] | str | None


class Change(NamedTuple):
    """What a transaction does."""

    added: set[Fact]
    retracted: set[Fact]
    tempids: dict[Any, int]


@dataclass
class Facts:
    """All facts at one t, and how they came to be."""

    held: dict[Fact, int]
    """The transaction of each fact that holds."""
    idents: dict[str, int]
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    next_e: int = FIRST_ENTITY
    t: int = 0
    log: list[tuple[int, int, Any, int, bool]] = field(default_factory=list)
    """Every operation: a fact, its transaction, and whether it was added."""
    forgotten: set[Fact] = field(default_factory=set)
    """Facts of noHistory attributes that ended: of them, the past may show anything or nothing."""
    states: list[dict[Fact, int]] = field(default_factory=list)
    attributes: dict[int, Attr] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.states.append(dict(self.held))
        self.attributes = attributes_of(set(self.held), self.idents)

    def attribute(self, name: Any) -> Attr | None:
        id = name if isinstance(name, int) else self.idents.get(str(Keyword(name)))
        return None if id is None else self.attributes.get(id)

    def values(self, e: int, a: int) -> set[Any]:
        return {v for e2, a2, v in self.held if (e2, a2) == (e, a)}

    def holder(self, a: int, v: Any) -> int | None:
        return next((e for e, a2, v2 in self.held if a2 == a and v2 == v), None)

    def knows(self, e: int) -> bool:
        return 0 < e < self.next_e or TX0 <= e <= TX0 + self.t

    def advance(self, done: Change) -> None:
        """Goes on to the next t."""
        self.t += 1
        tx = TX0 + self.t
        forgetful = {a for a, known in self.attributes.items() if known.no_history}
        for fact in done.retracted:
            del self.held[fact]
        for fact in done.added:
            self.held[fact] = tx
        self.log += [(*fact, tx, False) for fact in done.retracted] + [(*fact, tx, True) for fact in done.added]
        born = [v for v in done.tempids.values() if FIRST_ENTITY <= v < TX0]
        born += [e for e, _, _ in done.added if e < TX0]
        self.next_e = max([self.next_e, *(e + 1 for e in born)])
        self.idents = self.after_idents(done)
        self.attributes = attributes_of(set(self.held), self.idents)
        forgetful |= {a for a, known in self.attributes.items() if known.no_history}
        self.forgotten |= {fact for fact in done.retracted if fact[1] in forgetful}
        self.states.append(dict(self.held))

    def after_idents(self, done: Change) -> dict[str, int]:
        """A new name is the entity's; an old one goes on naming it, unless it lost its name altogether."""
        idents, ident = dict(self.idents), self.idents["db/ident"]
        renamed = {e: str(v) for e, a, v in done.added if a == ident}
        for e, a, v in done.retracted:
            if a == ident and e not in renamed:
                idents.pop(str(v), None)
        return idents | {name: e for e, name in renamed.items()}


def attributes_of(facts: set[Fact], idents: Mapping[str, int]) -> dict[int, Attr]:
    """The attributes that facts define."""
    named = {e: str(v) for e, a, v in facts if a == idents["db/ident"]}
    said: dict[int, dict[str, Any]] = {}
    for e, a, v in facts:
        if named.get(a, "").startswith("db/"):
            said.setdefault(e, {})[named[a]] = v
    return {e: _attribute(e, each, named) for e, each in said.items() if "db/valueType" in each}


def _attribute(id: int, said: Mapping[str, Any], named: Mapping[int, str]) -> Attr:
    def enum(key: str) -> str | None:
        return named[said[key]].rpartition("/")[2] if key in said else None

    slots = said.get("db/tupleTypes") or said.get("db/tupleType")
    return Attr(
        id=id,
        ident=named.get(id, ""),
        type=enum("db/valueType") or "",
        many=enum("db/cardinality") == "many",
        unique=enum("db/unique"),
        component=said.get("db/isComponent", False),
        no_history=said.get("db/noHistory", False),
        parts=tuple(map(str, said["db/tupleAttrs"])) if "db/tupleAttrs" in said else None,
        slots=tuple(str(s).rpartition("/")[2] for s in slots) if isinstance(slots, tuple) else slots and str(slots),
    )
