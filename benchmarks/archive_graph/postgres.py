"""PostgreSQL over the store's own tables, with attribute ids in the text and the store's indexes under it."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import numpy as np
import psycopg

from benchmarks.archive_graph.data import SCHEMA
from benchmarks.archive_graph.questions import Question
from benchmarks.archive_graph.reading import reader
from benchmarks.measure import Call
from factstore import Db
from factstore.dictionary_entries import digest
from factstore.values import ValueType

NAMED: Final = {
    "name": "package/name",
    "version": "package/version",
    "depends": "package/depends",
    "pre_depends": "package/pre-depends",
    "provides": "package/provides",
    "maintainer": "package/maintainer",
    "installed_size": "package/installed-size",
    "team": "maintainer/team",
    "contact": "maintainer/contact",
}
"""The attributes the texts name."""
_CODE: Final = f"(SELECT id FROM {SCHEMA}.dict WHERE h = %(digest)s AND kind = {ValueType.STRING.value})"


def attribute_ids(db: Db) -> dict[str, Any]:
    """What the braces of a question's text stand for."""
    return {place: db.schema.attribute(name).id for place, name in NAMED.items()}


class Postgres:
    """One connection, prepared statements, binary results."""

    name = "PostgreSQL"

    def __init__(self, dsn: str, db: Db) -> None:
        self._session = psycopg.connect(dsn, autocommit=True)
        self._session.prepare_threshold = 0
        self._session.execute(f"ANALYZE {SCHEMA}.facts_live".encode())
        self._ids = attribute_ids(db)

    def close(self) -> None:
        self._session.close()

    def call(self, question: Question) -> Call:
        text = question.eav.format(f=f"{SCHEMA}.facts_live", dict=f"{SCHEMA}.dict", name_code=_CODE, **self._ids)
        given: dict[str, Any] = {}
        if "name" in question.given:
            given["digest"] = UUID(bytes=digest(ValueType.STRING, question.given["name"]))
        first = self._rows(text, given)
        width = len(first[0]) if first else 1
        packed = _packed(text, width)
        return reader(
            first,
            question.columns,
            lambda: self._rows(text, given),
            lambda: list(self._columns(packed, given, width)),
        )

    def _rows(self, text: str, given: dict[str, Any]) -> list[Any]:
        return self._session.execute(text.encode(), given, binary=True).fetchall()

    def _columns(self, text: str, given: dict[str, Any], width: int) -> Any:
        [[found]] = self._session.execute(text.encode(), given, binary=True).fetchall()
        return np.frombuffer(found, dtype=">i8").reshape(-1, width).T.astype(np.int64)


def _packed(text: str, width: int) -> str:
    """All rows of a query of integers as one value of bytes."""
    names = [f"c{place}" for place in range(width)]
    sent = " || ".join(f"int8send({name}::int8)" for name in names)
    with_, _, main = text.rpartition("\n) SELECT") if "WITH RECURSIVE" in text else ("", "", text)
    if with_:
        return f"{with_}\n) SELECT string_agg({sent}, '') FROM (SELECT {main}) AS found ({', '.join(names)})"
    return f"SELECT string_agg({sent}, '') FROM ({main}) AS found ({', '.join(names)})"
