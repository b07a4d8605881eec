"""The peer: reverse closure of a package by ``WITH RECURSIVE``, over the tables the store itself is kept in."""

from __future__ import annotations

import time
from typing import Any, Final, NamedTuple
from uuid import UUID

import psycopg

from factstore.dictionary_entries import digest
from factstore.values import ValueType

_ATTRIBUTES: Final = """
SELECT d.txt, f.e FROM {s}.facts_live f JOIN {s}.dict d ON d.id = f.v
WHERE f.a = 1 AND d.txt LIKE 'package/%'"""

# Who depends on {here}.p directly: on the name itself, or on a name it provides. `vt = 1` lets the partial
# index on refs serve every step.
_STEP: Final = """
    SELECT d.e FROM {s}.facts_live d
    WHERE d.v = {here}.p AND d.vt = 1 AND d.a IN ({depends}, {pre_depends})
   UNION ALL
    SELECT d.e FROM {s}.facts_live given
    JOIN {s}.facts_live d ON d.v = given.v AND d.vt = 1 AND d.a IN ({depends}, {pre_depends})
    WHERE given.e = {here}.p AND given.a = {provides}"""

_CLOSURE: Final = """
WITH RECURSIVE asked (p) AS (
  SELECT e FROM {s}.facts_live WHERE a = {name} AND fl & 1 = 1
    AND v = (SELECT id FROM {s}.dict WHERE h = %(digest)s AND kind = 6)
), needs (p) AS (
  SELECT step.e FROM asked CROSS JOIN LATERAL ({first}
  ) AS step
 UNION
  SELECT step.e FROM needs CROSS JOIN LATERAL ({next}
  ) AS step
)
SELECT p FROM needs"""


class Answer(NamedTuple):
    """The entity ids of the packages that need it, and the seconds each run took."""

    entities: set[int]
    seconds: list[float]


def reverse_closure(dsn: str, name: str, *, schema: str = "factstore", runs: int = 1) -> Answer:
    """Every package that needs the one called ``name``."""
    with psycopg.connect(dsn, autocommit=True) as session:
        statement = closure_statement(session, schema)
        seconds = []
        for _ in range(runs):
            begun = time.perf_counter()
            entities = run(session, statement, name)
            seconds.append(time.perf_counter() - begun)
    return Answer(entities, seconds)


def run(session: psycopg.Connection[Any], statement: bytes, name: str) -> set[int]:
    """The answer of a :func:`closure_statement`."""
    given = {"digest": UUID(bytes=digest(ValueType.STRING, name))}
    return {row[0] for row in session.execute(statement, given).fetchall()}


def closure_statement(session: psycopg.Connection[Any], schema: str = "factstore") -> bytes:
    """The statement, with the attribute ids of this store in it."""
    ids = dict(session.execute(_ATTRIBUTES.format(s=schema).encode()).fetchall())
    names = ("name", "depends", "pre_depends", "provides")
    places = {"s": schema} | {name: ids[f"package/{name.replace('_', '-')}"] for name in names}
    first, next = (_STEP.format(here=here, **places) for here in ("asked", "needs"))
    return _CLOSURE.format(first=first, next=next, **places).encode()
