"""Twenty thousand nodes, two steps out of each, a tree over them, and the same facts for every peer.

Small answers out of a store that is not small: what a service asks for each request.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import numpy as np
import psycopg

import factstore
from benchmarks.servers import server
from factstore import Db

SCHEMA: Final = "bench_navigation"
"""The store's name in its database."""
STARTS: Final = 64
"""So many entities take turns at being asked about; fewer where there are few."""


def attributes() -> list[dict[str, Any]]:
    return [
        _attribute("node/key", "string", unique="db.unique/identity"),
        _attribute("node/name", "string", index=True),
        _attribute("node/age", "long", index=True),
        _attribute("node/next", "ref", cardinality="db.cardinality/many"),
        _attribute("node/parent", "ref"),
        _attribute("node/blocked", "ref", cardinality="db.cardinality/many"),
    ]


def _attribute(name: str, kind: str, **more: Any) -> dict[str, Any]:
    own = {"cardinality": "db.cardinality/one", "valueType": f"db.type/{kind}", **more}
    return {"db/ident": name, **{f"db/{key}": value for key, value in own.items()}}


class Nodes(NamedTuple):
    """The nodes as rows of columns, refs as entity ids."""

    id: list[int]
    key: list[str]
    name: list[str]
    age: list[int]
    next: list[tuple[int, int]]
    parent: list[tuple[int, int]]
    blocked: list[tuple[int, int]]
    starts: list[int]
    """Places of nodes with about ten ancestors."""

    def given(self, by: str) -> list[Any]:
        """How each node is named in a call: by its id (``e``), its ``key``, or a lookup ref (``ref``)."""
        if by == "e":
            return self.id
        return self.key if by == "key" else [["node/key", key] for key in self.key]


class Served(NamedTuple):
    db: Db
    conn: factstore.Connection
    dsn: str
    nodes: Nodes


@contextmanager
def served(count: int, target: str | None = None, seed: int = 7) -> Iterator[Served]:
    """The nodes in a server, as :func:`benchmarks.servers.server` takes it, in a store that is made anew."""
    with server(target) as dsn:
        with psycopg.connect(dsn, autocommit=True) as session:
            session.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        with factstore.connect(dsn, schema=SCHEMA) as conn:
            conn.transact(attributes())
            nodes = _loaded(conn, count, np.random.default_rng(seed))
            yield Served(conn.db(), conn, dsn, nodes)


def _loaded(conn: factstore.Connection, count: int, draw: np.random.Generator) -> Nodes:
    places = np.arange(count)
    keys = [f"n{place}" for place in places.tolist()]
    names = [f"name {place}" for place in draw.integers(0, count // 8, count).tolist()]
    ages = draw.integers(0, 100, count)
    conn.load({"node/key": keys, "node/name": names, "node/age": ages})
    by_key = dict(conn.db().q("[:find ?key ?e :where [?e :node/key ?key]]"))
    ids = np.asarray([by_key[key] for key in keys])
    out = np.concatenate([np.stack((places, draw.integers(0, count, count))) for _ in range(2)], axis=1)
    edges = {
        "node/next": np.unique(out, axis=1),
        "node/parent": np.stack((places[1:], (places[1:] - 1) // 2)),
        "node/blocked": np.unique(out[:, ::3], axis=1),
    }
    for name, (here, there) in edges.items():
        conn.load({"db/id": ids[here], name: ids[there]})
    first = min(1023, count // 2)  # in a tree of two children each, so that there are ten above
    steps, parents, blocked = (
        list(zip(ids[here].tolist(), ids[there].tolist(), strict=True)) for here, there in edges.values()
    )
    starts = draw.integers(first, min(2 * first + 1, count), min(STARTS, count // 40)).tolist()
    return Nodes(ids.tolist(), keys, names, ages.tolist(), steps, parents, blocked, starts)
