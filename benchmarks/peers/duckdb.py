"""DuckDB in this process: tables with a column for each attribute, statements prepared once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from benchmarks.peers.peer import Peer, Place, Unavailable
from benchmarks.peers.sql_tables import SQL
from benchmarks.peers.tables import Table, tables
from benchmarks.peers.workloads import Workload

_TYPES = {"long": "BIGINT", "string": "VARCHAR"}


class DuckDB(Peer):
    """Rows as Python tuples."""

    name = "DuckDB, list"
    columns = False

    def __init__(self) -> None:
        if find_spec("duckdb") is None:
            raise Unavailable("the package duckdb is missing")
        self.version = version("duckdb")
        self._session: Any = None

    def load(self, place: Place) -> None:
        self.close()
        self._asked = place.data.asked
        self._session = import_module("duckdb").connect()
        for table in tables(place.data):
            self._make(table)

    def _make(self, table: Table) -> None:
        pandas = import_module("pandas")
        names = [name for name, _ in table.columns]
        types = ", ".join(f"{name} {_TYPES[type]}" for name, type in table.columns)
        self._session.execute(f"CREATE TABLE {table.name} ({types}{', PRIMARY KEY (id)' if table.keyed else ''})")
        rows = pandas.DataFrame(table.rows, columns=names)
        self._session.register("rows", rows)
        self._session.execute(f"INSERT INTO {table.name} SELECT * FROM rows")
        self._session.unregister("rows")
        for name in table.indexes:
            self._session.execute(f"CREATE INDEX {table.name}_{name} ON {table.name} ({name})")

    def call(self, workload: Workload) -> Callable[[], Any] | None:
        sql = workload.among(SQL)
        if sql is None or workload.kind != "q":
            return None
        session, values = self._session, workload.values(self._asked)
        session.execute(f"PREPARE asked AS {_numbered(sql)}")
        given = ", ".join(f"'{value}'" if isinstance(value, str) else str(value) for value in values)
        return self._run(f"EXECUTE asked{f'({given})' if '?' in sql else ''}")

    def _run(self, statement: str) -> Callable[[], Any]:
        session = self._session
        return lambda: session.execute(statement).fetchall()

    def rows(self, workload: Workload, answer: Any) -> Iterable[Any]:
        return [row[0] for row in answer] if workload.text.startswith("[:find [") else answer

    def close(self) -> None:
        if self._session is not None:
            self._session.close()


class DuckDBColumns(DuckDB):
    """Columns as NumPy arrays."""

    name = "DuckDB"
    columns = True

    def _run(self, statement: str) -> Callable[[], Any]:
        session = self._session
        return lambda: session.execute(statement).fetchnumpy()

    def rows(self, workload: Workload, answer: Any) -> Iterable[Any]:
        return super().rows(workload, list(zip(*(column.tolist() for column in answer.values()), strict=True)))


def _numbered(sql: str) -> str:
    parts = sql.split("?")
    return "".join(part + (f"${place}" if place < len(parts) else "") for place, part in enumerate(parts, 1))
