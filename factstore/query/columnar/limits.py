"""How much one query may use, and what it has done so far.

The bounds hold whether or not anybody asked for them, and are asked for *before* something large is
made: an operator that knows how many rows it is about to give tells :meth:`Limits.check` first.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, TypeVar

from factstore.errors import QueryError

T = TypeVar("T")

MAX_ROWS: Final = 50_000_000
"""Rows one step may give where nobody says otherwise."""
MAX_SECONDS: Final = 300.0
"""Seconds a query may run where nobody says otherwise."""
_MOST_MEMORY: Final = 4 << 30
_CELL: Final = 8
_WORK: Final = 2
"""Columns an operator needs beside those it gives: the positions it takes rows from."""
_BETWEEN: Final = 256
"""Calls of functions between two looks at the clock."""
_NESTED: Final = 8
"""Queries inside of queries."""


def default_memory() -> int:
    """Bytes a query may hold where nobody says otherwise: 4 GiB, or half of the machine's memory if that is less."""
    try:
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return _MOST_MEMORY
    return min(_MOST_MEMORY, machine // 2) if machine > 0 else _MOST_MEMORY


MAX_MEMORY: Final = default_memory()


class within_reason:  # noqa: N801 - a context, as contextlib's are
    """Around a query: what Python itself refuses is told as any other bound is."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, RecursionError):
            message = "the query nests too deep: rules that call each other, or values inside of values"
            raise QueryError(message, code="query/too-deep") from None
        if isinstance(error, MemoryError):
            raise QueryError("there is no memory left for the query", code="query/too-large") from None


class Limits:
    """How much one query may use: rows in one relation, bytes, and time; and what it has done so far.

    ``max_rows`` bounds the rows of any one step, ``max_memory`` the bytes of one relation, and of all
    values that functions make; ``seconds`` may be infinite.

    >>> Limits(max_rows=10).check(11)
    Traceback (most recent call last):
    ...
    factstore.errors.QueryError: query/too-large: a step of the query would make 11 rows: expected at most 10
    """

    def __init__(
        self,
        *,
        max_rows: int | None = None,
        seconds: float | None = None,
        max_memory: int | None = None,
        trace: bool = False,
    ) -> None:
        self.max_rows = MAX_ROWS if max_rows is None else max_rows
        self.max_memory = MAX_MEMORY if max_memory is None else max_memory
        self._seconds = MAX_SECONDS if seconds is None else seconds
        self._deadline = math.inf if self._seconds == math.inf else time.monotonic() + self._seconds
        self.trace: list[Any] | None = [] if trace else None
        """What ran, a :class:`~factstore.query.columnar.trace.Ran` for each step that ended."""
        self.depth = 0
        self.peak = 0
        """The most rows a step has given."""
        self._made = 0
        self._nested = 0

    def check(self, rows: int, columns: int = 1) -> None:
        """Raises ``query/timeout`` or ``query/too-large`` where a relation of so many rows passes a bound."""
        if rows > self.max_rows:
            message = f"a step of the query would make {rows:,} rows: expected at most {self.max_rows:,}"
            raise QueryError(message, code="query/too-large", rows=rows, limit=self.max_rows)
        size = rows * (columns + _WORK) * _CELL
        if size > self.max_memory:
            raise self._too_large(f"{rows:,} rows of {columns} columns, {size:,} bytes", size)
        self.peak = max(self.peak, rows)
        self.check_time()

    def check_time(self) -> None:
        """Raises ``query/timeout`` once the time is over."""
        if time.monotonic() > self._deadline:
            message = f"the query ran for longer than {self._seconds:g} s"
            raise QueryError(message, code="query/timeout", seconds=self._seconds)

    def made(self, value: Any) -> None:
        """Counts a value that a function made, since the query holds on to it to its end."""
        if isinstance(value, str | bytes):
            self._made += len(value)
        elif isinstance(value, tuple | list | dict | set | frozenset):
            self._made += _CELL * len(value)
        elif type(value) is int:
            self._made += sys.getsizeof(value)
        if self._made > self.max_memory:
            raise self._too_large(f"values of {self._made:,} bytes in calls of functions", self._made)

    def made_all(self, values: Iterable[Any]) -> None:
        """Counts many values, and looks at the clock."""
        for value in values:
            if value is not True and value is not False:
                self.made(value)
        self.check_time()

    def watched(self, items: Iterable[T]) -> Iterator[T]:
        """The same items, with a look at the clock now and then.

        >>> list(Limits().watched("ab"))
        ['a', 'b']
        """
        for count, item in enumerate(items, 1):
            yield item
            if not count % _BETWEEN:
                self.check_time()

    @contextmanager
    def nested(self) -> Iterator[None]:
        """Around a query inside of a query; ``query/too-deep`` where they call each other without end."""
        if self._nested >= _NESTED:
            message = f"queries inside of queries, more than {_NESTED} deep"
            raise QueryError(message, code="query/too-deep", limit=_NESTED)
        self._nested += 1
        try:
            yield
        finally:
            self._nested -= 1

    def _too_large(self, what: str, size: int) -> QueryError:
        message = f"the query would make {what}: expected at most {self.max_memory:,}"
        return QueryError(message, code="query/too-large", bytes=size, limit=self.max_memory)
