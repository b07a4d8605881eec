"""One question to a db value, and which of the two engines answers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from factstore.db import DbValue
from factstore.errors import QueryError
from factstore.query.columnar.limits import Limits
from factstore.query.columnar.relation import Values
from factstore.query.execute import Execution, shaped
from factstore.query.functions.builtin import Function
from factstore.query.language.ast import Query, Rule, Variable
from factstore.query.results.result_typed import Output
from factstore.query.rows.engine import Engine, Found, find
from factstore.query.rows.program import MOST


class Asked(NamedTuple):
    """A query with all it is asked with."""

    db: DbValue
    query: Query
    inputs: Sequence[Any]
    rules: tuple[Rule, ...]
    functions: Mapping[str, Function]
    limits: Limits

    def answer(self, engine: Engine) -> Any:
        """The answer, row by row where that is possible, else by columns; ``query/not-by-rows`` if it must be."""
        if engine is not Engine.COLUMNS:
            found = self.by_rows(engine)
            if found is not None:
                return self._finished(found)
            if engine is Engine.ROWS:
                raise QueryError("the query can be answered by columns only", code="query/not-by-rows")
        return self.execution().run()

    def execution(self, values: Values | None = None) -> Execution:
        """What answers by columns."""
        return Execution(
            self.db,
            self.query,
            self.inputs,
            rules=self.rules,
            functions=self.functions,
            limits=self.limits,
            values=values,
        )

    def by_rows(self, engine: Engine) -> Found | None:
        """What the engine that goes row by row finds; None if it declines."""
        if self.limits.max_rows < MOST:
            return None
        found = find(self, engine)
        if found is not None:
            self.limits.check(found.size)
        return found

    def check(self) -> None:
        """Raises what is wrong with the query, whatever the data is."""
        self.execution().steps()

    def _finished(self, found: Found) -> Any:
        query, rows = self.query, found.relation
        if query.order_by or not all(isinstance(element, Variable) for element in query.find.elements):
            return self.execution(found.values).answer(rows)
        outputs: list[Output] = [rows[str(element)] if rows.size else [] for element in query.find.elements]
        return shaped(query, outputs, rows.size, found.values)
