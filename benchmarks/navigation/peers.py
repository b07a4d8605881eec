"""Who is asked: ours, Cozo, PostgreSQL over our tables, and nothing at all in one round trip to PostgreSQL."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import psycopg

from benchmarks.navigation.data import SCHEMA, Nodes, Served
from benchmarks.navigation.questions import Question
from factstore.dictionary_entries import digest
from factstore.values import ValueType

Asked = Callable[[int], Any]
"""Takes the place of a node in the data."""
_NAMED: Final = ("key", "name", "age", "next", "parent", "blocked")


def in_turn(asked: Asked, nodes: Nodes) -> Callable[[], Any]:
    """Asks about another of the starts each time."""
    starts = itertools.cycle(nodes.starts)
    return lambda: asked(next(starts))


class Factstore:
    """The whole call: text in, a list out. ``fresh`` asks the log for the head first, as ``conn.db()`` does."""

    def __init__(self, served: Served, *, fresh: bool = False) -> None:
        self.name = "factstore, `conn.db()` first" if fresh else "factstore"
        self._served = served
        self._fresh = fresh

    def call(self, question: Question) -> Asked:
        (db, conn, _, nodes), text = self._served, question.datalog
        given, rules = nodes.given(question.by), question.rules
        if self._fresh:
            return lambda place: conn.db().q(text, given[place], rules=rules).to_list()
        if rules is None:
            return lambda place: db.q(text, given[place]).to_list()
        return lambda place: db.q(text, given[place], rules=rules).to_list()


class Postgres:
    """A prepared statement on one connection over a unix socket, rows in binary."""

    name = "PostgreSQL"

    def __init__(self, served: Served) -> None:
        self._session = psycopg.connect(served.dsn, autocommit=True)
        self._session.prepare_threshold = 0
        self._session.execute(f"ANALYZE {SCHEMA}.facts_live".encode())
        self._ids = {name: served.db.schema.attribute(f"node/{name}").id for name in _NAMED}
        self._nodes = served.nodes

    def close(self) -> None:
        self._session.close()

    def call(self, question: Question) -> Asked:
        text = question.sql.format(f=f"{SCHEMA}.facts_live", dict=f"{SCHEMA}.dict", **self._ids).encode()
        given: list[dict[str, Any]] = [{"e": each} for each in self._nodes.id]
        if question.by != "e":
            given = [{"h": UUID(bytes=digest(ValueType.STRING, key))} for key in self._nodes.key]
        cursor = self._session.cursor(binary=True)
        return lambda place: cursor.execute(text, given[place]).fetchall()


class RoundTrip(Postgres):
    """What anything that asks PostgreSQL takes at least."""

    name = "`SELECT 1`"

    def call(self, question: Question) -> Asked:
        cursor = self._session.cursor(binary=True)
        return lambda place: cursor.execute(b"SELECT 1").fetchall()


class Cozo:
    """In memory, by its own binding."""

    name = "Cozo"

    def __init__(self, served: Served) -> None:
        from cozo_embedded import CozoDbPy

        nodes = self._nodes = served.nodes
        self._session = CozoDbPy("mem", "", "{}")
        self._store("by_key", "{key => e}", zip(nodes.key, nodes.id, strict=True))
        self._store("node", "{e => name, age}", zip(nodes.id, nodes.name, nodes.age, strict=True))
        self._store("next", "{e, n}", nodes.next)
        self._store("parent", "{e => p}", nodes.parent)
        self._store("blocked", "{e, n}", nodes.blocked)

    def _store(self, name: str, spec: str, rows: Any) -> None:
        heads = spec.strip("{}").replace("=>", ",").replace(" ", "").split(",")
        self._session.run_script(f":create {name} {spec}", {}, False)
        self._session.import_relations({name: {"headers": heads, "rows": [list(row) for row in rows]}})

    def close(self) -> None:
        self._session.close()

    def call(self, question: Question) -> Asked:
        by = "e" if question.by == "e" else "key"
        values = self._nodes.given(by)
        text, ask = question.cozo, self._session.run_script
        return lambda place: ask(text, {by: values[place]}, True)["rows"]
