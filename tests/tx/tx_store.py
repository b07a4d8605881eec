"""A store in memory without a connection: prepare, write, look."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from factstore.db import DbValue
from factstore.errors import FactstoreError
from factstore.log import MemoryLog
from factstore.schema import Schema
from factstore.snapshot import Snapshot
from factstore.tx import Function, TxReport, prepare

START = datetime(2024, 1, 1, tzinfo=UTC)


def attribute(name: str, type: str, **more: Any) -> dict[str, Any]:
    """A schema map; ``many=True`` and ``unique="identity"`` for short."""
    many, unique = more.pop("many", False), more.pop("unique", None)
    found = {
        "db/ident": name,
        "db/valueType": f"db.type/{type}",
        "db/cardinality": f"db.cardinality/{'many' if many else 'one'}",
        **{f"db/{key}": value for key, value in more.items()},
    }
    return found if unique is None else {**found, "db/unique": f"db.unique/{unique}"}


SCHEMA = [
    attribute("person/name", "string"),
    attribute("person/email", "string", unique="identity"),
    attribute("person/login", "string", unique="identity"),
    attribute("person/slug", "string", unique="identity", many=True),
    attribute("person/badge", "long", unique="value"),
    attribute("person/age", "long"),
    attribute("person/score", "double"),
    attribute("person/admin", "boolean"),
    attribute("person/born", "instant"),
    attribute("person/alias", "string", many=True),
    attribute("person/friend", "ref", many=True),
    attribute("person/boss", "ref"),
    attribute("person/desk", "ref", unique="identity"),
    attribute("person/home", "ref", isComponent=True),
    attribute("person/part", "ref", many=True, isComponent=True),
    attribute("person/point", "tuple", tupleTypes=["db.type/long", "db.type/string"]),
    attribute("home/street", "string"),
    attribute("person/score-of", "ref", derivedBy="enrich/rules"),
    attribute("reg/course", "string"),
    attribute("reg/year", "long"),
    attribute("reg/key", "tuple", tupleAttrs=["reg/course", "reg/year"], unique="value"),
    {"db/ident": "color/red"},
]


class Store:
    def __init__(self, schema: list[Any] = SCHEMA, functions: Mapping[str, Function] | None = None) -> None:
        self.log = MemoryLog()
        self.schema = Schema.bootstrap()
        self.functions = functions or {}
        self.instant: datetime | None = None
        if schema:
            self.transact(schema)

    @property
    def db(self) -> DbValue:
        return DbValue(Snapshot(self.log, self.log.head()), self.schema, self.log.dictionary)

    def transact(self, data: Any, now: datetime | None = None) -> TxReport[DbValue]:
        before = self.db
        with self.log.writer() as writer:
            plan = prepare(
                writer,
                before,
                data,
                writer.counters,
                now=now or START + timedelta(seconds=before.basis_t),
                previous_instant=self.instant,
                functions=self.functions,
            )
            writer.write(plan)
        self.schema, self.instant = plan.schema, plan.instant
        return TxReport(before, self.db, plan)

    def add(self, **attributes: Any) -> int:
        """A new person."""
        return self.transact([person(id="new", **attributes)]).tempids["new"]

    def refused(self, data: Any, code: str) -> FactstoreError:
        """The error of data that must not be accepted, with nothing written."""
        head = self.log.head()
        with pytest.raises(FactstoreError) as caught:
            self.transact(data)
        assert caught.value.code == code, str(caught.value)
        assert self.log.head() == head
        return caught.value

    def of(self, entity: int) -> dict[str, Any]:
        """An entity's facts; sets where there are many."""
        return entity_map(self.db, entity)


def person(id: Any = None, **attributes: Any) -> dict[str, Any]:
    """A map of person attributes."""
    found = {f"person/{name}": value for name, value in attributes.items()}
    return found if id is None else {"db/id": id, **found}


def entity_map(db: DbValue, entity: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for attribute in db.schema:
        values = {datom.v for datom in db.datoms(attribute.ident, e=entity)}
        if values:
            found[attribute.ident] = values if attribute.many else values.pop()
    return found


def user_facts(db: DbValue, first: int) -> set[tuple[int, str, Any]]:
    """The facts about entities from ``first`` on, without transactions."""
    every = (datom for attribute in db.schema for datom in db.datoms(attribute.ident))
    return {(datom.e, str(datom.a), datom.v) for datom in every if first <= datom.e < 1 << 41}


def changed(report: TxReport[DbValue]) -> list[tuple[int, str, Any, bool]]:
    """A report's datoms without the transaction's own."""
    return [(d.e, str(d.a), d.v, d.added) for d in report.datoms if d.e != report.tx]
