"""Queries that touch few facts, answered row by row: what NumPy's calls cost is more than what such queries do.

A query is compiled once for a schema, a rule set and the kinds of its inputs into a *program*
(:mod:`factstore.query.rows.program`). A run walks single entities and values through the indexes
(:mod:`factstore.index_single`) and counts its work; when that passes a bound, or anything is out of the
ordinary, it is declined, and the columnar engine answers from the start. That engine is the reference: it
checks a query before a program is made of it, and whatever fails here is told by it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from factstore.columns import Ints, ints
from factstore.db import DbValue
from factstore.errors import FactstoreError, QueryError
from factstore.forks import forkable_lock
from factstore.index_single import TooMany
from factstore.query.columnar.limits import Limits
from factstore.query.columnar.relation import Column, Relation, Values
from factstore.query.functions.builtin import Function
from factstore.query.language.ast import PatternVar, Query, Rule, SourceVar
from factstore.query.rows.conjunction import Declined, Rows
from factstore.query.rows.inputs import bind
from factstore.query.rows.program import Program

_MEMO: Final = "query/rows"
_KEPT: Final = 512
"""Queries of one schema that are known."""
_SHAPES: Final = 32
"""Programs of one query that are kept, for inputs of different kinds and different rules."""
_PATIENCE: Final = 1023
"""Runs that a query is left alone after it was declined again and again."""
_KEEPING: Final = forkable_lock()


class Engine(enum.Enum):
    """Which engine answers: whichever is better, the columnar one alone, or this one or none."""

    AUTO = "auto"
    COLUMNS = "columns"
    ROWS = "rows"

    @classmethod
    def named(cls, name: str) -> Engine:
        """The engine of a name; ``query/no-such-engine`` if there is none."""
        try:
            return cls(name)
        except ValueError:
            names = ", ".join(repr(each.value) for each in cls)
            message = f"{name!r} is no engine: expected one of {names}"
            raise QueryError(message, code="query/no-such-engine", engine=name) from None


class Found(NamedTuple):
    """The rows of a query, the kinds of their codes, and the values these stand for."""

    names: tuple[str, ...]
    kinds: tuple[int, ...]
    rows: Rows
    values: Values
    columns: tuple[Ints, ...] | None = None
    """The rows by columns, where they were found so; ``rows`` are none then."""

    @property
    def size(self) -> int:
        """How many rows there are."""
        return len(self.rows) if self.columns is None else len(self.columns[0])

    @property
    def relation(self) -> Relation:
        """The rows as columns."""
        if self.columns is not None:
            named = zip(self.names, self.kinds, self.columns, strict=True)
            return Relation({name: Column(kind, codes) for name, kind, codes in named}, self.size)
        if not self.rows:
            return Relation.empty(self.names)
        if not self.names:
            return Relation.true()
        found = zip(self.names, self.kinds, zip(*self.rows, strict=True), strict=True)
        return Relation({name: self._column(kind, codes) for name, kind, codes in found}, len(self.rows))

    def _column(self, kind: int, codes: tuple[Any, ...]) -> Column:
        if None not in codes:
            return Column(kind, ints(codes))
        held = iter(self.values.decode(Column(kind, ints([code for code in codes if code is not None]))))
        return self.values.encode([None if code is None else next(held) for code in codes])


class Known:
    """A query over some schema: what its inputs are, its programs by their kinds, and how these fared.

    What was declined is left to the columnar engine for a while, twice as long each time.
    """

    def __init__(self, query: Query) -> None:
        wanted = [node for node in query.inputs if not (isinstance(node, SourceVar) and node.name == "$")]
        self.query = query
        self.wanted = wanted
        self.possible = len(wanted) < len(query.inputs) and all(map(_is_plain, wanted))
        self.programs: dict[Any, Program | None] = {}
        self.waits = 0
        self._longest = 0

    def notice(self, key: Any) -> None:
        """Remembers that the query has been asked with inputs of some kinds."""
        if len(self.programs) >= _SHAPES:
            self.programs.clear()
        self.programs[key] = None

    def decline(self, most: int = _PATIENCE) -> None:
        """Lets the columnar engine answer for a while."""
        self.waits = self._longest = min(2 * self._longest + 1, most)

    def succeed(self) -> None:
        """Forgets half of what was held against it."""
        self._longest >>= 1


class Asked(Protocol):
    """A query with all it is asked with."""

    @property
    def db(self) -> DbValue: ...
    @property
    def query(self) -> Query: ...
    @property
    def inputs(self) -> Sequence[Any]: ...
    @property
    def rules(self) -> tuple[Rule, ...]: ...
    @property
    def functions(self) -> Mapping[str, Function]: ...
    @property
    def limits(self) -> Limits: ...
    def check(self) -> None:
        """Raises what is wrong with the query."""


def find(asked: Asked, engine: Engine) -> Found | None:
    """The rows of a query; None if it is declined.

    A program is made when a query is asked for the second time, so that one that is asked once costs
    nothing; and only of what the columnar engine finds nothing wrong with.
    """
    known = _known(asked.db, asked.query, asked.rules)
    if not known.possible or asked.db.is_history or len(asked.inputs) != len(known.wanted):
        return None
    if engine is Engine.AUTO and known.waits:
        known.waits -= 1
        return None
    try:
        found = _find(known, asked, engine)
    except (Declined, TooMany):
        known.decline()
        return None
    known.succeed()
    return found


def _find(known: Known, asked: Asked, engine: Engine) -> Found | None:
    db = asked.db
    try:
        bound = bind(known.wanted, asked.inputs, db, Values(db.dictionary, asked.limits))
    except FactstoreError as error:
        raise Declined from error
    key = (bound.kinds, bound.rules)
    program = known.programs.get(key)
    if program is None:
        if key not in known.programs and engine is Engine.AUTO:
            known.notice(key)
            return None
        asked.check()
        program = known.programs[key] = Program(known.query, db.schema, bound, asked.rules)
    if asked.functions and not program.functions.isdisjoint(asked.functions):
        raise Declined
    columns = program.columns(db)
    rows = program.run(db, bound) if columns is None else ()
    return Found(program.names, program.kinds, rows, bound.values, columns)


def _known(db: DbValue, query: Query, rules: tuple[Rule, ...]) -> Known:
    """What is known of a query; it is kept with the schema, and so no longer than that."""
    memo: dict[Any, Known] = db.schema.memo.get(_MEMO) or db.schema.memo.setdefault(_MEMO, {})
    key = (id(query), rules)
    known = memo.get(key)
    if known is None or known.query is not query:
        known = Known(query)
        with _KEEPING:
            if len(memo) >= _KEPT:
                memo.pop(next(iter(memo)))
            memo[key] = known
    return known


def _is_plain(node: Any) -> bool:
    return not isinstance(node, SourceVar | PatternVar)
