"""Locks that a fork finds free: what another thread held just then, nobody would let go of in the child."""

from __future__ import annotations

import os
import threading
import weakref
from typing import Final

_PATIENCE: Final = 1.0
"""Seconds a fork waits for the holder of a lock; one who forks in a signal handler may be that itself."""


def forkable_lock() -> threading.Lock:
    """A lock for short sections in which nothing is waited for, neither another lock nor an answer.

    A fork waits for whoever is inside, so that the child finds what the lock guards as sound as it finds the lock free.

    >>> with forkable_lock():
    ...     1 + 1
    2
    """
    lock = threading.Lock()
    _ALL.add(lock)
    return lock


_ALL: Final[weakref.WeakSet[threading.Lock]] = weakref.WeakSet()
_taken: dict[int, list[threading.Lock]] = {}
"""By each thread that forks."""


def _take_all() -> None:
    _taken[threading.get_ident()] = [lock for lock in list(_ALL) if lock.acquire(timeout=_PATIENCE)]


def _give_back() -> None:
    for lock in _taken.pop(threading.get_ident(), ()):
        lock.release()


def _free_all() -> None:
    _taken.clear()
    for lock in list(_ALL):
        if lock.locked():
            lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_take_all, after_in_parent=_give_back, after_in_child=_free_all)
