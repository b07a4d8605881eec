"""How much one query may use, and what it has done so far."""

from __future__ import annotations

import math
import time
from typing import Final, NamedTuple

from factstore.errors import QueryError
from factstore.query.steps import Step

_HUGE: Final = 50_000_000


class Ran(NamedTuple):
    """What one step did, for explain: its rows before and after, what was expected, and how long it took."""

    step: Step
    estimate: float
    rows_in: int
    rows_out: int
    seconds: float
    depth: int


class Limits:
    """How much one query may use: rows in one relation, and time; and what it has done so far."""

    def __init__(self, *, max_rows: int | None = None, seconds: float | None = None, trace: bool = False) -> None:
        self.max_rows = _HUGE if max_rows is None else max_rows
        self._seconds = seconds
        self._deadline = math.inf if seconds is None else time.monotonic() + seconds
        self.trace: list[Ran] | None = [] if trace else None
        self.depth = 0

    def check(self, rows: int) -> None:
        """Raises ``query/timeout`` or ``query/too-large`` where a bound is passed."""
        if rows > self.max_rows:
            message = f"a step of the query would make {rows:,} rows: expected at most {self.max_rows:,}"
            raise QueryError(message, code="query/too-large", rows=rows, limit=self.max_rows)
        if time.monotonic() > self._deadline:
            raise QueryError(
                f"the query ran for longer than {self._seconds:g} s", code="query/timeout", seconds=self._seconds
            )
