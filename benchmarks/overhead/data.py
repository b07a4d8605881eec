"""People, friends and cities in memory, and the sorted columns of each attribute for whoever works by hand."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

import factstore
from factstore import Db

Ints = NDArray[np.int64]

NAMES: Final = ("Ivan", "Petr", "Sergei", "Oleg", "Yuri", "Dmitry", "Fedor", "Denis")
LAST_NAMES: Final = ("Ivanov", "Petrov", "Sidorov", "Kovalev", "Kuznetsov", "Voronoi")
_CITIES: Final = 100
_MOST: Final = 100_000
_BATCH: Final = 100_000
_KINDS: Final = {
    "person/key": "string",
    "person/name": "string",
    "person/last-name": "string",
    "person/sex": "string",
    "person/age": "long",
    "person/salary": "long",
    "person/city": "ref",
    "person/friend": "ref",
    "person/banned": "boolean",
    "shop/pay": "long",
    "city/name": "string",
}


class Sorted(NamedTuple):
    """One attribute's facts as the store has them: in the order of entities, and the order by value beside it."""

    e: Ints
    v: Ints
    of_entity: Ints
    """Where each entity's facts begin, from id 0 to one beyond the last; None of them is missing."""
    order: Ints
    """Positions in the order of the values."""
    by_value: Ints
    """The values in that order."""
    of_value: Ints | None
    """Where each value's facts begin, as ``of_entity``; None where values are not dense."""


def store(people: int, seed: int = 7) -> Db:
    """A db value of so many people, about ten facts each with their friends, and of half as many shops."""
    draw = np.random.default_rng(seed)
    conn = factstore.connect("memory:")
    conn.transact([_attribute(name, kind) for name, kind in _KINDS.items()])
    conn.load({"city/name": [f"city {place}" for place in range(_CITIES)]})
    cities = _ids(conn.db(), "city/name")
    conn.load(_people(range(first, min(first + _BATCH, people)), cities, draw) for first in range(0, people, _BATCH))
    ids = _ids(conn.db(), "person/name")
    conn.load(_friends(ids, first, draw) for first in range(0, people, _BATCH))
    banned = ids[draw.random(people) < 0.1]
    conn.load({"db/id": banned, "person/banned": np.ones(len(banned), dtype=np.bool_)})
    # A shop pays what some people earn: values that join two attributes.
    conn.load({"shop/pay": draw.integers(0, _MOST, people // 2)})
    return conn.db()


def _people(places: range, cities: Ints, draw: np.random.Generator) -> dict[str, Any]:
    count = len(places)
    return {
        "person/key": [f"p{place}" for place in places],
        "person/name": np.asarray(NAMES)[draw.integers(0, len(NAMES), count)].tolist(),
        "person/last-name": np.asarray(LAST_NAMES)[draw.integers(0, len(LAST_NAMES), count)].tolist(),
        "person/sex": np.asarray(("male", "female"))[draw.integers(0, 2, count)].tolist(),
        "person/age": draw.integers(0, 100, count),
        "person/salary": draw.integers(0, _MOST, count),
        "person/city": cities[draw.integers(0, _CITIES, count)],
    }


def _friends(ids: Ints, first: int, draw: np.random.Generator) -> dict[str, Any]:
    """Of each person of a batch: two who are near, so that there are triangles, and one who may be anywhere."""
    places = np.arange(first, min(first + _BATCH, len(ids)))
    others = [(places + draw.integers(1, 5, len(places))) % len(ids) for _ in range(2)]
    others.append(draw.integers(0, len(ids), len(places)))
    edges = np.unique(np.stack((np.tile(places, 3), np.concatenate(others))), axis=1)
    return {"db/id": ids[edges[0]], "person/friend": ids[edges[1]]}


def _attribute(name: str, kind: str) -> dict[str, Any]:
    many = name == "person/friend"
    found: dict[str, Any] = {
        "db/ident": name,
        "db/valueType": f"db.type/{kind}",
        "db/cardinality": f"db.cardinality/{'many' if many else 'one'}",
    }
    if name == "person/key":
        return found | {"db/unique": "db.unique/identity"}
    return found | {"db/index": kind in ("string", "long")}


def _ids(db: Db, attribute: str) -> Ints:
    return db.snapshot.index(db.schema.attribute(attribute).id).scan().e


def columns(db: Db) -> dict[str, Sorted]:
    """What the store has sorted, by the attribute's name without its namespace."""
    found = {}
    for name in _KINDS:
        rows = db.snapshot.index(db.schema.attribute(name).id).scan()
        order = np.argsort(rows.v, kind="stable")
        values = rows.v[order]
        dense = int(values[0]) >= 0 and int(values[-1]) < 8 * len(values) + 1024
        found[name.split("/")[1] if name != "city/name" else "city-name"] = Sorted(
            rows.e, rows.v, _starts(rows.e), order, values, _starts(values) if dense else None
        )
    return found


def _starts(keys: Ints) -> Ints:
    starts = np.zeros(int(keys[-1]) + 2, dtype=np.int64)
    np.cumsum(np.bincount(keys), out=starts[1:])
    return starts


def codes(db: Db) -> dict[str, int]:
    """The code of each name: what a string is in a column."""
    words = [*NAMES, *LAST_NAMES, "male", "female"]
    attribute = db.schema.attribute("person/name")
    return {word: code for word in words if (code := db.encode(attribute, word)) is not None}
