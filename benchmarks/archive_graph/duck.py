"""DuckDB: the facts as plain tables, and as one table of entity, attribute and value."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from benchmarks.archive_graph.data import SCHEMA, Served, Tables
from benchmarks.archive_graph.postgres import attribute_ids
from benchmarks.archive_graph.questions import DEPENDS_ON, Question
from benchmarks.archive_graph.reading import reader
from benchmarks.measure import Call
from factstore.values import ValueType

_FACTS: Final = f"SELECT a, e, v, vt, fl FROM {SCHEMA}.facts_live".encode()
_WORDS: Final = f"SELECT id, kind, txt FROM {SCHEMA}.dict WHERE txt IS NOT NULL".encode()
_PLAIN: Final = """
CREATE TABLE package AS
  SELECT n.id, n.name, v.id IS NOT NULL AS has_version, m.n AS maintainer, s.n AS size
  FROM names n LEFT JOIN versions v ON v.id = n.id LEFT JOIN maintainers m ON m.p = n.id LEFT JOIN sizes s ON s.p = n.id
  ORDER BY n.id;
CREATE UNIQUE INDEX package_name ON package (name);
CREATE TABLE maintainer AS SELECT c.id, c.name AS contact, t.id IS NOT NULL AS team
  FROM contacts c LEFT JOIN teams t ON t.id = c.id ORDER BY c.id;
CREATE TABLE depends AS SELECT p, n FROM depends_of ORDER BY p, n;
CREATE TABLE requires AS SELECT p, n FROM requires_of ORDER BY p, n;
CREATE TABLE provides AS SELECT p, n FROM provides_of ORDER BY p, n;
CREATE INDEX depends_p ON depends (p);
CREATE INDEX depends_n ON depends (n)"""


class _Duck:
    name = ""

    def __init__(self) -> None:
        import duckdb

        self._session = duckdb.connect()
        self._prepared: list[str] = []

    def close(self) -> None:
        self._session.close()

    def text(self, question: Question) -> str:
        raise NotImplementedError

    def call(self, question: Question) -> Call:
        given = ", ".join(f"{name} := '{value}'" for name, value in question.given.items())
        self._session.execute(f"PREPARE asked_{len(self._prepared)} AS {self.text(question)}")
        text = f"EXECUTE asked_{len(self._prepared)}{f'({given})' if given else ''}"
        self._prepared.append(text)

        def rows() -> list[Any]:
            found: list[Any] = self._session.execute(text).fetchall()
            return found

        def columns() -> list[Any]:
            return list(self._session.execute(text).fetchnumpy().values())

        return reader(rows(), question.columns, rows, columns)


class DuckTables(_Duck):
    """A table for packages, one for maintainers, one for each relation between them."""

    name = "DuckDB"

    def __init__(self, tables: Tables) -> None:
        super().__init__()
        given = {
            "names": {"id": tables.name[0], "name": np.asarray(tables.name[1], dtype=object)},
            "contacts": {"id": tables.contact[0], "name": np.asarray(tables.contact[1], dtype=object)},
            "versions": {"id": tables.version},
            "teams": {"id": tables.team},
            "maintainers": dict(zip("pn", tables.maintainer, strict=True)),
            "sizes": dict(zip("pn", tables.size, strict=True)),
            "depends_of": dict(zip("pn", tables.depends, strict=True)),
            "requires_of": dict(zip("pn", tables.requires, strict=True)),
            "provides_of": dict(zip("pn", tables.provides, strict=True)),
        }
        for name, columns in given.items():
            self._session.register(name, columns)
        for statement in _PLAIN.split(";"):
            self._session.execute(statement)

    def text(self, question: Question) -> str:
        return question.plain

    def depends_on(self) -> tuple[Any, Any]:
        """Each package and what it depends on directly, virtual packages resolved."""
        found = self._session.execute(f"WITH {DEPENDS_ON} SELECT p, other FROM depends_on").fetchnumpy()
        return found["p"], found["other"]


class DuckFacts(_Duck):
    """The facts that hold as the store's own table has them, in the order of attribute and entity."""

    name = "DuckDB, facts"

    def __init__(self, served: Served) -> None:
        super().__init__()
        self._ids = attribute_ids(served.db)
        for name, columns in self._copied(served).items():
            self._session.register(name, columns)
        self._session.execute("CREATE TABLE facts AS SELECT * FROM facts_of ORDER BY a, e, v")
        self._session.execute("CREATE TABLE dict AS SELECT * FROM dict_of ORDER BY id")
        for index in ("facts (e)", "facts (v)", "dict (txt)"):
            self._session.execute(f"CREATE INDEX {index.translate(str.maketrans(' ()', '___'))} ON {index}")

    @staticmethod
    def _copied(served: Served) -> dict[str, dict[str, Any]]:
        import psycopg

        with psycopg.connect(served.dsn) as session:
            facts = session.execute(f"SELECT a, e, v, vt, fl FROM {SCHEMA}.facts_live".encode(), binary=True).fetchall()
            words = session.execute(
                f"SELECT id, kind, txt FROM {SCHEMA}.dict WHERE txt IS NOT NULL".encode()
            ).fetchall()
        columns = np.asarray(facts, dtype=np.int64).T
        ids, kinds, texts = zip(*words, strict=True)
        return {
            "facts_of": dict(zip(("a", "e", "v", "vt", "fl"), columns, strict=True)),
            "dict_of": {"id": np.asarray(ids), "kind": np.asarray(kinds), "txt": np.asarray(texts, dtype=object)},
        }

    def text(self, question: Question) -> str:
        code = f"(SELECT id FROM dict WHERE txt = $name AND kind = {ValueType.STRING.value})"
        return question.eav.format(f="facts", dict="dict", name_code=code, **self._ids)
