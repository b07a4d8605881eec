"""The head of what a connection knows, and the one place where it moves.

A :class:`Head` is an immutable value that is replaced whole: by a commit of our own, or by catching up with
the log. Whoever holds an older one keeps it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import numpy as np

from factstore.columns import LogRows, ints
from factstore.conn_cache import Cache, Memory
from factstore.database import Db
from factstore.datom import TX0
from factstore.log import Log, advance_schema, last_excision, rows_at, schema_at
from factstore.recent import FEW, Op, ops_in
from factstore.schema import Ids, Schema
from factstore.snapshot import Snapshot
from factstore.snapshot_changes import changes_of
from factstore.values import ValueType, decode_inline

_IDLE: Final = 0.05
"""Seconds after a commit in which others can not have written much."""


class Head(NamedTuple):
    """A db value of a connection, and when its last transaction was."""

    db: Db
    instant: datetime | None


class Heads:
    """The newest head of a connection, and how others are made: from one before, or out of the log.

    Readers take :attr:`newest` without a lock; only who replaces it needs one.
    """

    def __init__(self, log: Log, functions: Mapping[str, Callable[..., Any]], cache_bytes: int | None) -> None:
        self._log = log
        self._functions = functions
        self._cache = Cache(log, log.dictionary, cache_bytes)
        self._committed = time.monotonic()
        self._excised = -1
        self.renew_locks()
        self._newest = self._cold(log.head())

    def renew_locks(self) -> None:
        """For a forked child: a lock that another thread held would never be let go there."""
        self._advancing = threading.Lock()

    @property
    def newest(self) -> Head:
        """The head as far as this process knows."""
        return self._newest

    @property
    def excised(self) -> int:
        """The t of the newest excision this process has learned of, -1 before the first."""
        return self._excised

    def reach(self, t: int) -> Head:
        """The head after catching up with the log until ``t``, or that of a later t."""
        if t > self._newest.db.basis_t:
            with self._advancing:
                head = self._newest
                if t > head.db.basis_t:
                    self._newest = self._followed(head, self._log.read(head.db.basis_t, t), t)
        return self._newest

    def catch_up(self) -> Head:
        """The head for who is about to commit, after what others have committed unless that can not be much."""
        # Whoever holds the writer's lock keeps all others waiting: what there is to read is read before it.
        now = time.monotonic()
        if now - self._committed > _IDLE:
            self.reach(self._log.head())
        self._committed = now
        return self._newest

    def follow(self, head: Head, rows: LogRows, t: int) -> Head:
        """The head at ``t``, ``rows`` being the log since ``head``; the newest itself where that is at ``t``."""
        newest = self._newest
        return newest if newest.db.basis_t == t else self._followed(head, rows, t)

    def _followed(self, head: Head, rows: LogRows, t: int) -> Head:
        excised = last_excision(rows)
        if excised is not None:
            self._forget(excised)
            return self._cold(t)
        schema = advance_schema(head.db.schema, rows, self._log, t)
        return self.moved(head, rows, t, schema, _last_instant(rows) or head.instant)

    def moved(self, head: Head, rows: LogRows | Sequence[Op], t: int, schema: Schema, instant: datetime | None) -> Head:
        """The head after a stretch of the log. Indexes that are not loaded are not touched."""
        snapshot = head.db.snapshot
        if not isinstance(rows, LogRows):
            snapshot = snapshot.grow(t, rows)
        elif len(rows.e) <= FEW:
            snapshot = snapshot.grow(t, ops_in(rows))
        else:
            touched = np.isin(rows.a, ints(list(snapshot.loaded)))
            snapshot = snapshot.advance(t, changes_of(rows_at(rows, touched)))
        return Head(self._db(snapshot, schema), instant)

    def publish(self, head: Head) -> None:
        """Makes ``head`` the newest."""
        with self._advancing:
            # A reader may have caught up with our commit by the log before we came here.
            if head.db.basis_t > self._newest.db.basis_t:
                self._newest = head

    def at(self, t: int) -> Head:
        """The head as it was at ``t``, of which nothing is loaded unless it is the newest."""
        newest = self._newest
        return newest if newest.db.basis_t == t else self._cold(t)

    def _cold(self, t: int) -> Head:
        return Head(self._db(self._cache.snapshot(t, {}), schema_at(self._log, t)), _instant_of(self._log, t))

    def _db(self, snapshot: Snapshot, schema: Schema) -> Db:
        return Db(snapshot, schema, self._log.dictionary, self._functions)

    def jump(self) -> None:
        """Makes a head of which nothing is loaded the newest, without a look at the log that leads there."""
        with self._advancing:
            self._newest = self._cold(self._log.head())

    def rewritten(self, t: int) -> tuple[Head, Head]:
        """The heads before and after transaction ``t``, which took something out; publishes the second."""
        self._forget(t)
        before, after = self._cold(t - 1), self._cold(t)
        self.publish(after)
        return before, after

    def _forget(self, t: int) -> None:
        """Lets go of all that this process holds of a store from which transaction ``t`` took something out."""
        self._log.forget(t)
        self._cache.forget()
        self._excised = max(self._excised, t)

    def bound(self) -> None:
        """Lets go of what exceeds ``cache_bytes``; who still holds an older db value keeps it alive until then."""
        if self._cache.bound is None:
            return
        with self._advancing:
            db = self._newest.db
            kept = self._cache.fitted(db.snapshot)
            if kept is not db.snapshot:
                self._newest = self._newest._replace(db=self._db(kept, db.schema))

    def memory(self) -> Memory:
        """What is held of the newest head and of the past."""
        db = self._newest.db
        return self._cache.memory(db.snapshot, db.schema)


def _last_instant(rows: LogRows) -> datetime | None:
    """When the last transaction of a stretch was."""
    mine = rows.a == Ids.TX_INSTANT
    mine &= rows.added & (rows.e == rows.tx)
    return _instant(int(rows.v[mine].max())) if mine.any() else None


def _instant_of(log: Log, t: int) -> datetime | None:
    facts = log.facts_of(ints([TX0 + t]), t)
    mine = facts.a == Ids.TX_INSTANT
    return _instant(int(facts.v[mine][0])) if mine.any() else None


def _instant(code: int) -> datetime:
    found: datetime = decode_inline(ValueType.INSTANT, code)
    return found
