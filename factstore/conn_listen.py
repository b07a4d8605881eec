"""Following a store: every transaction as it comes, whoever commits it, and waiting for one of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Final

import numpy as np

from factstore.columns import LogRows
from factstore.conn_head import Heads
from factstore.database import Commit, Db, commits_in
from factstore.datom import TX0
from factstore.errors import LogError
from factstore.forks import renewed_in_children
from factstore.log import Log, rows_at
from factstore.tx import TxReport, reported

_PAUSES: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds before each attempt to read again what the database did not give; the last one goes on."""
_PAGE: Final = 50_000
"""About so many datoms are read ahead."""
_WIDEST: Final = 4096


class Pages:
    """How many transactions to read of a log at once: as many as have about so many datoms.

    >>> pages = Pages()
    >>> [pages.width, pages.took(0), pages.took(10**6), pages.took(10**6)]
    [64, 128, 64, 32]
    """

    def __init__(self) -> None:
        self.width = 64

    def took(self, datoms: int) -> int:
        """Learns how many datoms the last page had; gives the width of the next."""
        if datoms < _PAGE // 2:
            self.width = min(2 * self.width, _WIDEST)
        elif datoms > _PAGE:
            self.width = max(self.width // 2, 1)
        return self.width


class Listener(Iterator[TxReport[Db]]):
    """The transactions of a store from some t on, in order and without a gap; made by :meth:`Connection.listen`.

    An iterator and a context manager. It reads the log, and keeps no more than a page of it however slow its user
    is. A database that goes away is waited for. Several threads may share one: each report goes to one of them.
    """

    def __init__(
        self,
        log: Log,
        heads: Heads,
        after: int,
        *,
        check_open: Callable[[], None],
        timeout: float | None,
    ) -> None:
        self._log = log
        self._heads = heads
        self._head = heads.at(min(after, heads.newest.db.basis_t))
        self._after = after
        self._known = heads.excised
        self._check_open = check_open
        self._timeout = timeout
        self._ended = threading.Event()
        self.renew_locks()
        renewed_in_children(self)
        self._page: list[LogRows] = []
        self._pages = Pages()

    def renew_locks(self) -> None:
        """For a forked child: the thread that waited in here is not there."""
        self._turn = threading.Lock()

    def __repr__(self) -> str:
        return f"<Listener after t={self.t}{' closed' if self._ended.is_set() else ''}>"

    def __enter__(self) -> Listener:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def t(self) -> int:
        """The t of the last report given; what to pass as ``after`` to go on elsewhere, or later."""
        return max(self._head.db.basis_t, self._after)

    def close(self) -> None:
        """Ends it, from any thread: whoever waits in it gets no more reports."""
        self._ended.set()
        self._log.wake()

    def __next__(self) -> TxReport[Db]:
        report = self.poll(self._timeout)
        if report is None:
            raise StopIteration
        return report

    def poll(self, timeout: float | None = None) -> TxReport[Db] | None:
        """The next report, waiting up to ``timeout`` seconds for it (None: as long as it takes).

        None if there was none in that time, or the listener was closed. Raises ``log/closed`` if the connection
        was, and what waiting does not mend, such as ``store/permission``.
        """
        end = None if timeout is None else time.monotonic() + timeout
        with self._turn:
            failures = 0
            while not self._ended.is_set():
                self._check_open()
                try:
                    report = self._next(None if end is None else end - time.monotonic())
                    if report is None or report.t > self._after:
                        return report
                    continue
                except LogError as error:
                    if error.code not in ("log/unreachable", "log/cancelled"):
                        raise
                pause = _PAUSES[min(failures, len(_PAUSES) - 1)]
                failures += 1
                left = pause if end is None else min(pause, end - time.monotonic())
                if left <= 0:
                    return None
                self._ended.wait(left)
        return None

    def _next(self, timeout: float | None) -> TxReport[Db] | None:
        at = self._head.db.basis_t
        self._let_go(at)
        if not self._page:
            if not self._log.wait(at, timeout, self._gives_up) or self._ended.is_set():
                self._check_open()
                return None
            self._page = self._read(at)
        rows, before = self._page[0], self._head
        after = self._heads.follow(before, rows, at + 1)
        self._head = after
        del self._page[0]
        return reported(before.db, after.db, rows, after.instant)

    def _let_go(self, at: int) -> None:
        """Drops what was read before an excision that the connection has learned of."""
        known = self._heads.excised
        if known != self._known:
            self._page, self._head, self._known = [], self._heads.at(at), known

    def _gives_up(self) -> bool:
        if self._ended.is_set():
            return True
        self._check_open()
        return False

    def _read(self, at: int) -> list[LogRows]:
        rows = self._log.read(at, at + self._pages.width)
        self._pages.took(len(rows.tx))
        starts = np.flatnonzero(np.diff(rows.tx, prepend=TX0 - 1)).tolist()
        ends = [*starts[1:], len(rows.tx)]
        return [rows_at(rows, slice(*bounds)) for bounds in zip(starts, ends, strict=True)]


def commits(log: Log, db: Db, after: int, last: int) -> Iterator[Commit]:
    """The transactions with ``after < t <= last``, a page at a time."""
    pages = Pages()
    while after < last:
        upto = min(after + pages.width, last)
        rows = log.read(after, upto)
        yield from commits_in(rows, db)
        pages.took(len(rows.tx))
        after = upto


def reach(log: Log, t: int, timeout: float | None, check_open: Callable[[], None]) -> None:
    """Waits until transaction ``t`` is there; ``log/timeout`` if that takes longer than ``timeout`` seconds."""

    def gives_up() -> bool:
        check_open()
        return False

    if not log.wait(t - 1, timeout, gives_up):
        check_open()
        raise LogError(
            f"transaction {t} has not come within {timeout} seconds: the newest is {log.head()}",
            code="log/timeout",
            t=t,
            timeout=timeout,
        )
