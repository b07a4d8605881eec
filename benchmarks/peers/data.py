"""The facts that every peer gets: attributes, and a column of entities and one of values for each.

Entities are numbered from 0 until a store has given them ids; :meth:`Dataset.with_ids` puts those in, so that all
peers answer with the same numbers.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, NamedTuple

NAMES = ("Ivan", "Petr", "Sergei", "Oleg", "Yuri", "Dmitry", "Fedor", "Denis")
LAST_NAMES = ("Ivanov", "Petrov", "Sidorov", "Kovalev", "Kuznetsov", "Voronoi")
ALIASES = ("Ada", "Bell", "Cato", "Dorian", "Ember", "Finn", "Gale", "Hart", "Iris", "Jet", "Kestrel")


class Attribute(NamedTuple):
    """An attribute by its name and value type: string, long or ref."""

    name: str
    type: str
    many: bool = False


class Facts(NamedTuple):
    """The facts of one attribute, place by place."""

    entities: list[int]
    values: list[Any]


class Dataset(NamedTuple):
    """Some attributes, the facts of each by its name, and the entities that queries ask about."""

    name: str
    attributes: tuple[Attribute, ...]
    facts: dict[str, Facts]
    asked: dict[str, Any]

    @property
    def size(self) -> int:
        """How many facts there are."""
        return sum(len(facts.entities) for facts in self.facts.values())

    def type_of(self, name: str) -> str:
        """The value type of an attribute."""
        return next(attribute.type for attribute in self.attributes if attribute.name == name)

    def with_ids(self, ids: Sequence[int]) -> Dataset:
        """The same with the ids that a store gave, in the order of the entities' numbers."""
        named = {
            name: Facts(
                [ids[e] for e in facts.entities],
                [ids[v] for v in facts.values] if self.type_of(name) == "ref" else facts.values,
            )
            for name, facts in self.facts.items()
        }
        asked = {name: ids[e] if name == "root" else e for name, e in self.asked.items()}
        return self._replace(facts=named, asked=asked)

    def rows(self, first: str, *more: str) -> list[tuple[Any, ...]]:
        """A table of attributes with one value: each entity that has the first, and its values or None."""
        held = [dict(zip(*self.facts[name], strict=True)) for name in more]
        return [(e, v, *(values.get(e) for values in held)) for e, v in zip(*self.facts[first], strict=True)]

    def pairs(self, name: str) -> list[tuple[int, Any]]:
        """A table of an attribute with many values."""
        return list(zip(*self.facts[name], strict=True))


PERSON = (
    Attribute("person/name", "string"),
    Attribute("person/last-name", "string"),
    Attribute("person/sex", "string"),
    Attribute("person/age", "long"),
    Attribute("person/salary", "long"),
    Attribute("person/alias", "string", many=True),
    Attribute("person/follows", "ref", many=True),
)


def people(size: int = 20_000, seed: int = 7) -> Dataset:
    """The people of datascript-bench: five facts each."""
    return _dataset(f"people {size}", [_person(draw) for draw in [random.Random(seed)] for _ in range(size)])


def tree(depth: int, width: int, seed: int = 7) -> Dataset:
    """A tree of people who follow ``width`` others each, ``depth`` steps deep, with some aliases each."""
    draw = random.Random(seed)
    size = sum(width**level for level in range(depth + 1))
    inner = size - width**depth
    maps = [_person(draw) | {"person/name": "Ivan"} for _ in range(size)]
    for place, each in enumerate(maps):
        each["person/alias"] = sorted(draw.sample(ALIASES, draw.randrange(10)))
        if place < inner:
            each["person/follows"] = [place * width + child for child in range(1, width + 1)]
    return _dataset(f"tree {depth}x{width}", maps, root=0)


def chains(length: int, width: int) -> Dataset:
    """``width`` chains of people who follow one another, ``length`` steps long."""
    maps: list[dict[str, Any]] = []
    for _ in range(width):
        first = len(maps)
        maps += [{"person/name": "Ivan", "person/follows": [first + step + 1]} for step in range(length)]
        maps.append({"person/name": "Ivan"})
    return _dataset(f"chains {length}x{width}", maps)


def _person(draw: random.Random) -> dict[str, Any]:
    return {
        "person/name": draw.choice(NAMES),
        "person/last-name": draw.choice(LAST_NAMES),
        "person/sex": draw.choice(("male", "female")),
        "person/age": draw.randrange(100),
        "person/salary": draw.randrange(100_000),
    }


def _dataset(name: str, maps: list[dict[str, Any]], **asked: Any) -> Dataset:
    facts = {attribute.name: Facts([], []) for attribute in PERSON}
    for entity, each in enumerate(maps):
        for attribute, value in each.items():
            values = value if isinstance(value, list) else [value]
            facts[attribute].entities.extend([entity] * len(values))
            facts[attribute].values.extend(values)
    return Dataset(name, PERSON, facts, asked)
