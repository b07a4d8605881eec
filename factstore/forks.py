"""Locks that a forked child can use: what another thread of the parent held, nobody would let go of there."""

from __future__ import annotations

import os
import threading
import weakref
from types import TracebackType
from typing import Final


class Mutex:
    """A lock for short sections in which nothing is asked of anyone; a forked child finds it free.

    What it guards must be sound between any two statements, since the child goes on from there.

    >>> mutex = Mutex()
    >>> with mutex:
    ...     1 + 1
    2
    """

    __slots__ = ("__weakref__", "_lock")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        _ALL.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()

    def renew(self) -> None:
        """Makes it free, whoever held it."""
        self._lock = threading.Lock()


_ALL: Final[weakref.WeakSet[Mutex]] = weakref.WeakSet()


def _renew_all() -> None:
    for mutex in list(_ALL):
        mutex.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
