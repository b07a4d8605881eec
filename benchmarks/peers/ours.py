"""This store: what the peers are compared with, and where they get the ids from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import Any

import psycopg

import factstore
from benchmarks.peers.data import Dataset
from benchmarks.peers.peer import Peer, Place
from benchmarks.peers.workloads import Workload
from factstore import Entity


def stored(data: Dataset, dsn: str, schema: str) -> Place:
    """The facts in a new store of PostgreSQL, every attribute indexed."""
    with factstore.connect(dsn, schema=schema) as conn:
        conn.transact([_definition(each.name, each.type, each.many) for each in data.attributes])
        size = 1 + max(e for facts in data.facts.values() for e in facts.entities)
        columns: dict[str, list[Any]] = {"e": [], "a": [], "v": []}
        for name, facts in data.facts.items():
            refs = data.type_of(name) == "ref"
            columns["e"] += [f"e{e}" for e in facts.entities]
            columns["a"] += [name] * len(facts.entities)
            columns["v"] += [f"e{v}" for v in facts.values] if refs else facts.values
        tempids = conn.load(columns, facts=True).tempids
        found = data.with_ids([tempids[f"e{e}"] for e in range(size)])
    with psycopg.connect(dsn, autocommit=True) as session:
        session.execute(f"VACUUM ANALYZE {schema}.facts_live, {schema}.dict")
    return Place(found, dsn, schema)


def _definition(name: str, type: str, many: bool) -> dict[str, Any]:
    cardinality = "db.cardinality/many" if many else "db.cardinality/one"
    defined = {"db/ident": name, "db/valueType": f"db.type/{type}", "db/cardinality": cardinality}
    return defined if type == "ref" else defined | {"db/index": True}


class Ours(Peer):
    """``db.q`` and ``db.pull`` as a user calls them: with the length of the result, or with its rows as a list."""

    name = "factstore"
    version = version("factstore")
    columns = True

    def __init__(self) -> None:
        self._conn: factstore.Connection | None = None

    def load(self, place: Place) -> None:
        self.close()
        self._conn = factstore.connect(place.dsn, schema=place.schema)
        self._db, self._data = self._conn.db(), place.data

    def call(self, workload: Workload) -> Callable[[], Any] | None:
        db, text, root = self._db, workload.text, self._data.asked.get("root")
        if workload.kind == "pull":
            return lambda: db.pull(text, root)
        if workload.kind == "entities":
            shown = tuple(name for name in ("person/name", *_SHOWN) if f":{name} " in text)
            return lambda: _walked(db.entity(root), shown)
        return self._query(text, [workload.rules] * bool(workload.rules) + [*workload.values(self._data.asked)])

    def _query(self, text: str, inputs: list[Any]) -> Callable[[], Any]:
        db = self._db

        def query() -> Any:
            found = db.q(text, *inputs)
            len(found)
            return found

        return query

    def rows(self, workload: Workload, answer: Any) -> Iterable[Any]:
        return [answer] if workload.kind != "q" else answer.to_list() if hasattr(answer, "to_list") else answer

    def close(self) -> None:
        if self._conn is not None:
            self._conn.close()


class OursAsList(Ours):
    """The same queries with every row made into Python values."""

    name = "factstore, list"
    columns = False

    def call(self, workload: Workload) -> Callable[[], Any] | None:
        return super().call(workload) if workload.kind == "q" else None

    def _query(self, text: str, inputs: list[Any]) -> Callable[[], Any]:
        db = self._db
        return lambda: db.q(text, *inputs).to_list()


_SHOWN = ("db/id", "person/last-name", "person/alias", "person/sex", "person/age", "person/salary")


def _walked(entity: Entity, shown: tuple[str, ...]) -> dict[str, Any]:
    """What a pull of the same attributes gives, by the entities themselves."""
    found = {name: entity[name] for name in shown if name == "db/id" or name in entity}
    if "person/follows" in entity:
        found["person/follows"] = [_walked(other, shown) for other in entity["person/follows"]]
    return found
