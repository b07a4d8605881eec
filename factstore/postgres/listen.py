"""Waiting for commits of anyone: a connection that listens, shared by all threads of a process that wait.

A notification is only a hint. It may be lost with its connection, so that after every one, after every new
connection (which listens first and asks then), and after a few seconds without either, the store is asked how
far it is. One of the waiting threads, the leader, listens for all; when it has what it waits for, another takes its
place. Nobody waits, nothing runs.
"""

from __future__ import annotations

import hashlib
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable
from typing import Final

import psycopg

from factstore.errors import LogError
from factstore.postgres.pool import Session, abandoned, is_lost, open_session, translated
from factstore.postgres.statements import quoted

_INTERVAL: Final = 5.0
"""Seconds after which the store is asked although nothing was heard."""
_PAUSES: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds before each attempt to connect again; the last one goes on."""
_NAME_SIZE: Final = 63


def channel_of(schema: str) -> str:
    """The channel of a store's notifications, which may not be longer than other names.

    >>> channel_of("catalog")
    'catalog_commits'
    """
    plain = f"{schema}_commits"
    if len(plain) <= _NAME_SIZE:
        return plain
    return f"factstore_{hashlib.blake2b(schema.encode(), digest_size=16).hexdigest()}"


class Notifications:
    """What a process hears of a store's commits; safe between threads."""

    def __init__(self, dsn: str, channel: str, head: str) -> None:
        self._dsn = dsn
        self._channel = channel
        self._head = head
        self._closed = False
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._changed = threading.Condition()
        self._seen = -1
        self._led = False
        self._failures = 0
        self._session: Session | None = None
        self._ends: tuple[socket.socket, socket.socket] | None = None
        """A bell and its rope: what is written to one ends the leader's rest at the other."""

    def _own(self) -> None:
        """In a forked child, begins anew: its parent goes on with what both know of."""
        if self._pid != os.getpid():
            if self._session is not None:
                abandoned(self._session)
            self._begin()

    def wait(self, after: int, timeout: float | None, give_up: Callable[[], bool]) -> bool:
        """True once there is a transaction after ``after``; False after ``timeout`` seconds, or if ``give_up()``.

        A lost connection is made again for as long as it takes. Raises what will not pass by waiting
        (:class:`StoreError`), and ``log/closed``.
        """
        self._own()
        end = None if timeout is None else time.monotonic() + timeout
        asked = False  # even who does not wait at all learns of what is there
        with self._changed:
            while self._seen <= after:
                left = None if end is None else end - time.monotonic()
                if self._closed:
                    raise LogError("the connection to the store is closed", code="log/closed")
                if give_up() or (asked and left is not None and left <= 0):
                    return False
                asked = True
                if self._led:
                    self._changed.wait(None if left is None else max(left, 0))
                else:
                    self._lead(left)
            return True

    def wake(self) -> None:
        """Lets everyone who waits ask again whether to give up."""
        self._own()
        with self._changed:
            self._changed.notify_all()
            self._ring()

    def close(self) -> None:
        """Ends every wait with an error."""
        self._own()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._ring()
            if not self._led:
                self._end()

    def _end(self) -> None:
        self._drop()
        for end in self._ends or ():
            end.close()
        self._ends = None

    def _ring(self) -> None:
        if self._ends is not None and self._led:
            try:
                self._ends[1].send(b"!")
            except BlockingIOError:
                return  # it is full of rings already

    def _lead(self, left: float | None) -> None:
        self._led = True
        if self._ends is None:
            self._ends = socket.socketpair()
            for end in self._ends:
                end.setblocking(False)
        self._changed.release()
        try:
            seen = self._heard(_INTERVAL if left is None else min(max(left, 0), _INTERVAL))
        finally:
            self._changed.acquire()
            self._led = False
            self._changed.notify_all()
            if self._closed:
                self._end()
        self._seen = max(self._seen, seen)

    def _heard(self, seconds: float) -> int:
        """The newest t, after a rest that a notification or a ring ends; -1 if the store cannot be reached."""
        try:
            if self._session is None:
                self._session = self._listening()
            else:
                self._rest(self._session, seconds)
            [(t, _)] = self._session.execute(self._head, binary=True).fetchall()
            self._failures = 0
            return int(t)
        except psycopg.Error as error:
            self._drop()
            if not is_lost(error):
                raise translated(error) from error
        except LogError as error:
            if error.code != "log/unreachable":
                raise
        pause = _PAUSES[min(self._failures, len(_PAUSES) - 1)]
        self._failures += 1
        self._rest(None, min(pause, seconds))
        return -1

    def _listening(self) -> Session:
        session = open_session(self._dsn)
        session.execute(f"LISTEN {quoted(self._channel)}")
        return session

    def _rest(self, session: Session | None, seconds: float) -> None:
        assert self._ends is not None
        bell = self._ends[0]
        with selectors.DefaultSelector() as selector:
            selector.register(bell, selectors.EVENT_READ)
            if session is not None:
                selector.register(session.fileno(), selectors.EVENT_READ)
            ready = {key.fd for key, _ in selector.select(seconds)}
        if bell.fileno() in ready:
            bell.recv(4096)
        if session is not None and session.fileno() in ready:
            for _ in session.notifies(timeout=0):
                pass  # how many there were does not matter

    def _drop(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None
