"""What threads share, so that a fork finds it free: what another held just then, nobody lets go of in the child."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import Any, Final, Generic, Protocol, Self, TypeVar, overload

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


Made = TypeVar("Made")


class lazy(Generic[Made]):  # noqa: N801 - a decorator, as property is
    """A property that is made when first read, and kept: ``functools.cached_property`` without a lock.

    Before Python 3.12 that one has a lock for all instances, held while a value is made: a child forked meanwhile would
    wait for it for ever. Here two threads may both make the value, and both get the one that is kept.

    >>> class Circle:
    ...     @lazy
    ...     def area(self):
    ...         return print("once") or 3
    >>> circle = Circle()
    >>> circle.area + circle.area
    once
    6
    """

    def __init__(self, make: Callable[[Any], Made]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Made: ...
    def __get__(self, instance: object | None, owner: type) -> Self | Made:
        if instance is None:
            return self
        made: Made = instance.__dict__.setdefault(self._name, self._make(instance))
        return made


class Renewable(Protocol):
    """What has locks of another kind, held for long."""

    def renew_locks(self) -> None:
        """Makes new ones, in a child in which nobody holds the old ones."""


def renewed_in_children(owner: Renewable) -> None:
    """Has :meth:`Renewable.renew_locks` called in every child, for as long as ``owner`` lives."""
    _OWNERS.add(owner)


_OWNERS: Final[weakref.WeakSet[Renewable]] = weakref.WeakSet()
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
    for owner in list(_OWNERS):
        owner.renew_locks()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_take_all, after_in_parent=_give_back, after_in_child=_free_all)
