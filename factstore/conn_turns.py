"""Who waits to commit, and who commits for all of them.

The thread that comes while nobody leads becomes the *leader*: it takes what waits, its own among it,
commits it as one group, and goes on until its own transaction is settled. Then the first thread that
waits leads, or a thread in the background where only futures are left. So one thread alone commits
without meeting another, and sixteen share one commit.

A life of an :class:`Entry`: it is *queued*; *taken* into a group, unless its future was cancelled; and
*settled* once, with a report or an error. One whose leader was interrupted before anything was
written is queued again, in its old place.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

from factstore.database import Db
from factstore.errors import LogError, TransactionError
from factstore.tx import TxReport

Report = TxReport[Db]

MOST_TRANSACTIONS: Final = 64
"""In one group: what waits longer has the next one."""
MOST_FORMS: Final = 10_000
"""In one group, so that many large transactions do not keep other processes from the lock; one alone may have more."""
_LOOK_UP: Final = 1.0
"""Seconds after which who waits looks whether it was interrupted."""
_PATIENCE: Final = 0.1
"""The share of a commit's time for which a leader waits until those of the group before are back."""


class Entry:
    """A transaction on its way; ``commit`` is what commits a group of them, and settles each."""

    __slots__ = ("_report", "_taken", "_woken", "abandoned", "alone", "commit", "data", "error", "future", "settled")

    def __init__(
        self,
        data: Any,
        commit: Callable[[Sequence[Entry]], None],
        future: Future[Report] | None = None,
        *,
        alone: bool = False,
    ) -> None:
        self.data = data
        self.commit = commit
        self.future = future
        self.alone = alone
        """Whether it must be a group of its own."""
        self.settled = False
        self.abandoned = False
        """Whether the thread that waited for it was interrupted."""
        self.error: BaseException | None = None
        self._report: Report | None = None
        self._taken = False
        self._woken = threading.Lock()
        self._woken.acquire()

    @property
    def size(self) -> int:
        """How many forms it has; EDN text counts as one until it is read."""
        return len(self.data) if isinstance(self.data, list | tuple) else 1

    def take(self) -> bool:
        """Whether it is to be committed: not if its future was cancelled before this."""
        if not self._taken and self.future is not None and not self.future.set_running_or_notify_cancel():
            self.settled = True
            return False
        self._taken = True
        return True

    def settle(self, outcome: Report | BaseException) -> None:
        """Tells whoever waits what became of it."""
        self.settled = True
        if self.future is not None:
            if isinstance(outcome, BaseException):
                self.future.set_exception(outcome)
            else:
                self.future.set_result(outcome)
            return
        if isinstance(outcome, BaseException):
            self.error = outcome
        else:
            self._report = outcome
        self.wake()

    def wait(self) -> None:
        """Returns when it is settled, or when its thread must lead."""
        # Now and then by itself: a library with a signal handler of its own (polars) may let Ctrl-C not end a wait.
        while not self._woken.acquire(timeout=_LOOK_UP):
            pass

    def wake(self) -> None:
        """Ends the wait."""
        if self._woken.locked():
            self._woken.release()

    def result(self) -> Report:
        """The report, or the error raised in the thread it belongs to."""
        if self.error is not None:
            try:
                raise self.error
            finally:
                self.error = None  # the traceback holds this frame, and this frame the error
        assert self._report is not None
        return self._report


class Turns:
    """The queue of one connection; safe between threads."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Starts anew in a forked child: what the parent had queued is the parent's to commit."""
        self._changed = threading.Condition(threading.Lock())
        self._queue: deque[Entry] = deque()
        self._leader: Entry | Turns | None = None
        """Whose thread leads, or has been told to; the queue itself for the thread in the background."""
        self._thread: int | None = None
        self._busy = False
        self._pool: ThreadPoolExecutor | None = None
        self._closed = False
        self._expected = 1
        self._patience = 0.0

    def transact(self, data: Any, commit: Callable[[Sequence[Entry]], None], *, alone: bool = False) -> Report:
        """Commits in this thread, or lets the leader do it; waits for the outcome."""
        self.refuse_nested()
        mine = Entry(data, commit, alone=alone)
        if self._thread == threading.get_ident():  # in a callback of a future, called between two groups
            self._enter(mine, self._leader)
            self._lead_until(mine)
            return mine.result()
        try:
            self._enter(mine, mine)
            if self._leader is not mine:
                mine.wait()
            if not mine.settled:
                self._lead_until(mine)
        finally:
            self._leave(mine)
        return mine.result()

    def submit(self, data: Any, commit: Callable[[Sequence[Entry]], None]) -> Future[Report]:
        """Queues a transaction; who leads commits it, or else a thread in the background."""
        self.refuse_nested()
        future: Future[Report] = Future()
        self._enter(Entry(data, commit, future), self)
        return future

    def refuse_nested(self) -> None:
        """Refuses what would wait for the transaction it is called from."""
        if self._busy and self._thread == threading.get_ident():
            raise TransactionError(
                "transact was called from inside a transaction: expected a function to return transaction data",
                code="tx/nested",
            )

    def close(self) -> None:
        """Takes nothing more, and waits until all that is queued is settled."""
        inside = self._thread == threading.get_ident()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            if not inside:
                self._changed.wait_for(lambda: self._leader is None)
            pool = self._pool
        if pool is not None:
            pool.shutdown(wait=not inside)

    def _enter(self, entry: Entry, leader: Entry | Turns | None) -> None:
        with self._changed:
            if self._closed:
                raise LogError("the connection is closed", code="log/closed")
            if self._leader is None:
                if leader is self:
                    self._start()
                self._leader = leader
            self._queue.append(entry)
            if len(self._queue) >= self._expected:
                self._changed.notify_all()

    def _start(self) -> None:
        # Raises RuntimeError while the interpreter shuts down; whoever calls has changed nothing yet.
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="factstore-commit")
        self._pool.submit(self._lead_in_background)

    def _lead_in_background(self) -> None:
        try:
            self._lead_until(None)
        finally:
            with self._changed:
                self._hand_over()

    def _lead_until(self, mine: Entry | None) -> None:
        """Commits group after group until ``mine`` is settled, or nothing waits."""
        thread, self._thread = self._thread, threading.get_ident()
        try:
            while self._queue if mine is None else not mine.settled:
                self._commit_next(mine)
        finally:
            self._thread = thread

    def _commit_next(self, mine: Entry | None) -> None:
        group: list[Entry] = []
        try:
            self._gather(group)
            begun = time.monotonic()
            taken = [entry for entry in group if entry.take()]
            if taken:
                taken[0].commit(taken)
            self._expected, self._patience = len(group), _PATIENCE * (time.monotonic() - begun)
        except Exception as error:
            # Nobody may wait for ever, nor be committed again, because of a defect here.
            for entry in group:
                if not entry.settled:
                    entry.settle(error)
        except BaseException:
            # This thread was interrupted: what is not settled has left no trace, and is for the next leader.
            self._put_back([entry for entry in group if not entry.settled and entry is not mine])
            raise

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """While transaction functions may be called."""
        self._busy = True
        try:
            yield
        finally:
            self._busy = False

    def _gather(self, group: list[Entry]) -> None:
        """Takes what waits out of the queue, as much as may go together."""
        with self._changed:
            if len(self._queue) < self._expected > 1:
                # Those of the group before come back one by one: who begins without them commits twice.
                self._changed.wait_for(lambda: len(self._queue) >= self._expected or self._closed, self._patience)
            forms = 0
            while self._queue and len(group) < MOST_TRANSACTIONS:
                forms += self._queue[0].size
                if group and (forms > MOST_FORMS or group[0].alone or self._queue[0].alone):
                    break
                # In both for a moment rather than in neither: an interrupt may come between.
                group.append(self._queue[0])
                self._queue.popleft()

    def _put_back(self, entries: list[Entry]) -> None:
        with self._changed:
            waiting = [entry for entry in entries if not entry.abandoned and entry not in self._queue]
            self._queue.extendleft(reversed(waiting))

    def _leave(self, mine: Entry) -> None:
        """Ends the part of a thread, however it came to the end."""
        if self._leader is not mine and mine.settled:
            return
        with self._changed:
            mine.abandoned = not mine.settled
            if mine.abandoned and mine in self._queue:
                self._queue.remove(mine)
            if self._leader is mine:
                self._hand_over()

    def _hand_over(self) -> None:
        if not self._queue:
            self._leader = None
            self._changed.notify_all()
            return
        self._leader = next((entry for entry in self._queue if entry.future is None), None)
        if self._leader is not None:
            self._leader.wake()
        else:
            self._start()
            self._leader = self
