"""PostgreSQL with SQL written by hand over the tables of our own store, prepared, over one session."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import psycopg

from benchmarks.peers import postgres_sql
from benchmarks.peers.peer import Peer, Place
from benchmarks.peers.workloads import Workload
from factstore.dictionary_entries import digest_of

_ATTRIBUTES = b"SELECT d.txt, f.e FROM facts_live f JOIN dict d ON d.id = f.v WHERE f.a = 1 AND d.txt LIKE '%/%'"


class PostgreSQL(Peer):
    """Rows come in the binary format, as Python tuples; a pulled tree is put together from them in Python."""

    name = "PostgreSQL"
    columns = False

    def __init__(self) -> None:
        self._session: psycopg.Connection[Any] | None = None

    def load(self, place: Place) -> None:
        self.close()
        self._session = psycopg.connect(place.dsn, autocommit=True)
        self._session.execute(f"SET search_path TO {place.schema}; SET work_mem = '256MB'; SET jit = off")
        self._ids = dict(self._session.execute(_ATTRIBUTES).fetchall())
        self._asked = place.data.asked
        self.version = str(self._session.info.server_version // 10_000)

    def call(self, workload: Workload) -> Callable[[], Any] | None:
        if workload.kind == "pull":
            return self._pull(workload)
        sql = workload.among(postgres_sql.SQL)
        if sql is None or workload.kind != "q":
            return None
        statement = self._filled(sql)
        values = [_digest(v) if isinstance(v, str) else v for v in workload.values(self._asked)]
        return lambda: self._rows(statement, values)

    def _pull(self, workload: Workload) -> Callable[[], Any]:
        own, root = workload.text.partition("{")[0], self._asked["root"]
        shown = {id: name for name, id in self._ids.items() if f":{name} " in own or "*" in own}
        shown.pop(self._ids["person/follows"], None)
        statement = self._filled(postgres_sql.TREE.format(shown=", ".join(map(str, shown))))
        with_id = ":db/id" in own or "*" in own
        return lambda: _tree(
            self._rows(statement, [root]), {id: (name, name == "person/alias") for id, name in shown.items()}, with_id
        )

    def _rows(self, statement: bytes, values: list[Any]) -> list[Any]:
        assert self._session is not None
        with self._session.cursor(binary=True) as cursor:
            return cursor.execute(statement, values, prepare=True).fetchall()

    def _filled(self, sql: str) -> bytes:
        """The statement with attribute ids for names in brackets, and the codes of constant texts."""
        for name, id in self._ids.items():
            sql = sql.replace(f"<{name}>", str(id))
        for text in ("Ivan", "male"):
            sql = sql.replace(f"'{text}'", postgres_sql.CODE.replace("%s", f"'{_digest(text)}'"))
        return sql.encode()

    def rows(self, workload: Workload, answer: Any) -> Iterable[Any]:
        if workload.kind == "pull":
            return [answer]
        return [row[0] for row in answer] if workload.text.startswith("[:find [") else answer

    def close(self) -> None:
        if self._session is not None:
            self._session.close()


def _digest(text: str) -> str:
    """The digest under which the dictionary holds a text."""
    return digest_of(text.encode()).hex()


def _tree(rows: list[tuple[Any, ...]], shown: dict[int, tuple[str, bool]], with_id: bool) -> dict[str, Any]:
    """Nested dicts from rows of entity, parent, attribute, number and text."""
    found: dict[int, dict[str, Any]] = {}
    root: dict[str, Any] = {}
    for entity, parent, attribute, number, text in rows:
        node = found.get(entity)
        if node is None:
            node = found[entity] = {"db/id": entity} if with_id else {}
            if parent is None:
                root = node
            else:
                found[parent].setdefault("person/follows", []).append(node)
        name, many = shown[attribute]
        value = number if text is None else text
        if many:
            node.setdefault(name, []).append(value)
        else:
            node[name] = value
    return root
