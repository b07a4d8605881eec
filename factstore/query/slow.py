"""Telling of queries that took long: to a logger, or to a function of the caller's."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Final, NamedTuple

from factstore.forks import forkable_lock
from factstore.query.columnar.limits import Limits
from factstore.query.explain_lines import Line, ran_lines
from factstore.query.results.result import Result

_LOGGER: Final = logging.getLogger("factstore.query")
_LONGEST: Final = 2_000
_LOCK: Final = forkable_lock()


class SlowQuery(NamedTuple):
    """A query that took longer than was asked for: its text, the shapes of its inputs, and what its steps did.

    Inputs are told by type and length only: what they say may be nobody else's business.
    """

    text: str
    inputs: tuple[str, ...]
    seconds: float
    rows: int | None
    lines: tuple[Line, ...]
    error: str | None = None
    """The code, where the query ended with an error."""

    def __str__(self) -> str:
        ended = f"ended with {self.error}" if self.error else f"{self.rows:,} rows"
        given = f", inputs: {', '.join(self.inputs)}" if self.inputs else ""
        head = f"a query took {self.seconds:.3f} s, {ended}{given}: {self.text}"
        steps = [f"  {line.seconds or 0:9.3f} s {line.rows_out or 0:>12,} rows  {line.clause}" for line in self.lines]
        return "\n".join([head, *steps])


Callback = Callable[[SlowQuery], Any]


class Watch:
    """What :func:`on_slow_query` gives: it ends with :meth:`close`, or at the end of a ``with`` block."""

    def __init__(self, seconds: float, callback: Callback) -> None:
        self.seconds = seconds
        self.callback = callback

    def close(self) -> None:
        """Ends the watch."""
        with _LOCK:
            WATCHES[:] = [watch for watch in WATCHES if watch is not self]

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


WATCHES: Final[list[Watch]] = []
"""Who wants to know; none costs a query nothing."""


def on_slow_query(seconds: float, callback: Callback | None = None) -> Watch:
    """Tells of every query of this process that takes longer than ``seconds``, also of one that fails.

    ``callback`` is given a :class:`SlowQuery` in the thread of the query; without one a warning goes to the logger
    ``factstore.query``. What a callback raises is logged, and never breaks the query.

    >>> import factstore
    >>> db, seen = factstore.connect("memory:").db(), []
    >>> with factstore.on_slow_query(0, seen.append):
    ...     found = db.q("[:find ?e :in $ ?n :where [?e :db/ident ?n]]", factstore.Keyword("db/doc"))
    >>> seen[0].text, seen[0].inputs, seen[0].rows
    ('[:find ?e :in $ ?n :where [?e :db/ident ?n]]', ('Keyword of 6',), 1)
    """
    watch = Watch(seconds, callback or _log)
    with _LOCK:
        WATCHES.append(watch)
    return watch


def _log(slow: SlowQuery) -> None:
    _LOGGER.warning("%s", slow)


def tell(slow: SlowQuery) -> None:
    """Calls whoever wants to know of a query that took so long."""
    for watch in tuple(WATCHES):
        if slow.seconds >= watch.seconds:
            try:
                watch.callback(slow)
            except Exception:
                _LOGGER.exception("the callback for slow queries failed")


def bounded(text: str) -> str:
    """A text as it is told of, cut where it gets long."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def shape(value: Any) -> str:
    """What is told of an input.

    >>> shape([1, 2, 3]), shape("secret")
    ('list of 3', 'str of 6')
    """
    name = type(value).__name__
    try:
        return f"{name} of {len(value):,}"
    except Exception:  # it has no length, or one that cannot be told
        return name


def rows_of(answer: Any) -> int:
    """How many rows an answer has, whatever its shape."""
    return len(answer) if isinstance(answer, Result) else int(answer is not None)


class Timed:
    """Around a query: tells of it if it takes long, however it ends.

    ``limits`` must keep a trace; :attr:`answer` is set by who ran the query.
    """

    def __init__(self, text: str, inputs: Sequence[Any], limits: Limits) -> None:
        self._text = text
        self._inputs = inputs
        self._limits = limits
        self._started = time.perf_counter()
        self.answer: Any = None

    def __enter__(self) -> Timed:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        seconds = time.perf_counter() - self._started
        if all(seconds < watch.seconds for watch in tuple(WATCHES)):
            return
        failed = None if error is None else getattr(error, "code", type(error).__name__)
        rows = None if error is not None else rows_of(self.answer)
        given = tuple(map(shape, self._inputs))
        tell(SlowQuery(bounded(self._text), given, seconds, rows, tuple(ran_lines(self._limits.trace or [])), failed))
