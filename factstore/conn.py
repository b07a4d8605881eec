"""A connection to a store: the head of what is known, and the one place where it moves.

Only here are a lock, a clock and a cache. The head is an immutable value that is replaced whole, by a
commit of our own or by catching up with the log; whoever holds an older one keeps it.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, NamedTuple

import numpy as np
from pyrsistent import PMap, pmap

from factstore import portable, tx
from factstore.columns import LogRows, ints
from factstore.conn_cache import BoundedSnapshot, Recency, within
from factstore.conn_stats import Stats, stats_of
from factstore.database import Commit, Db, commits_in
from factstore.datom import TX0
from factstore.errors import LogError, TransactionError
from factstore.index import AttributeIndex
from factstore.log import Log, advance_schema, operations, rows_at, schema_at
from factstore.schema import Ids, Schema
from factstore.snapshot import Past, Snapshot, changes_of
from factstore.values import ValueType, decode_inline

_PAGE: Final = 4096
"""Transactions decoded at a time by :meth:`Connection.log`."""


class _Head(NamedTuple):
    """The newest db value of a connection, and when its last transaction was."""

    db: Db
    instant: datetime | None


class Connection:
    """An open store, made by :func:`factstore.connect`; safe between threads, and a context manager.

    >>> import factstore
    >>> with factstore.connect("memory:") as conn:
    ...     report = conn.transact([{"db/ident": "color/red"}])
    ...     conn.db().basis_t
    1
    """

    def __init__(
        self,
        log: Log,
        *,
        cache_bytes: int | None = None,
        functions: Mapping[str, Callable[..., Any]] | None = None,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        self._log = log
        self._cache_bytes = cache_bytes
        self._recency = Recency()
        self._past = Past(log)
        self._functions = dict(functions or {})
        self._on_close = on_close
        self._closed = False
        self._renew_locks()
        self._begin_anew()
        _OPEN.add(self)

    def _begin_anew(self) -> None:
        t = self._log.head()
        self._head = _Head(self._db_at(t, schema_at(self._log, t), pmap()), _instant_of(self._log, t))

    def _renew_locks(self) -> None:
        self._writing = threading.Lock()
        self._writer: int | None = None
        self._advancing = threading.Lock()

    def __repr__(self) -> str:
        return f"<Connection t={self._head.db.basis_t}{' closed' if self._closed else ''}>"

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection, and the embedded server if nobody else uses it. Db values read no further."""
        if not self._closed:
            self._closed = True
            self._log.close()
            self._on_close()

    def db(self, *, sync: bool = True) -> Db:
        """The db value after every commit that had returned to anyone before this call.

        With ``sync=False`` no one is asked: the value this process has, which may be older.
        """
        self._check_open()
        if sync:
            self._reach(self._log.head())
        self._bound()
        return self._head.db

    @property
    def schema(self) -> Schema:
        """The schema of the newest db value."""
        return self.db().schema

    def transact(self, data: Any) -> tx.TxReport[Db]:
        """Commits transaction data, a list of forms or EDN text: all of it, or nothing with an error that says why.

        Writers of all processes take turns. Raises :class:`TransactionError`, :class:`SchemaError`,
        :class:`InvalidValue` for the data; :class:`LogError` where it could not be written.
        """
        self._check_open()
        with self._turn():
            with self._log.writer() as writer:
                self._reach(writer.counters.t - 1)
                before = self._head
                plan = tx.prepare(
                    writer,
                    before.db,
                    data,
                    writer.counters,
                    now=datetime.now(UTC),
                    previous_instant=before.instant,
                    functions=self._functions,
                )
                writer.write(plan)
            after = self._moved(before, operations(plan), plan.t, plan.schema, plan.instant)
            self._publish(after)
        return tx.TxReport(before.db, after.db, plan)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if self._writer == threading.get_ident():
            raise TransactionError(
                "transact was called from inside a transaction: expected a function to return transaction data",
                code="tx/nested",
            )
        with self._writing:
            self._writer = threading.get_ident()
            try:
                yield
            finally:
                self._writer = None

    def log_range(self, after: int = 0, upto: int | None = None) -> LogRows:
        """The log of the transactions with ``after < t <= upto`` as columns, values encoded."""
        self._check_open()
        return self._log.read(after, upto)

    def log(self, after: int | datetime = 0, upto: int | datetime | None = None) -> Iterator[Commit]:
        """The transactions after ``after`` and up to ``upto``, oldest first, each with its datoms.

        Both are a t, a transaction id or an instant. The bootstrap, t = 0, is left out.

        >>> import factstore
        >>> conn = factstore.connect("memory:")
        >>> report = conn.transact([{"db/ident": "color/red"}])
        >>> [(commit.t, len(commit.datoms)) for commit in conn.log()]
        [(1, 2)]
        """
        db = self.db()
        last = db.basis_t if upto is None else min(db.t_of(upto), db.basis_t)
        for start in range(db.t_of(after), last, _PAGE):
            yield from commits_in(self._log.read(start, min(start + _PAGE, last)), db)

    def stats(self) -> Stats:
        """How much the store holds: facts, lives that are over, operations, values, bytes on disk or in memory.

        >>> import factstore
        >>> stats = factstore.connect("memory:").stats()
        >>> stats.t, stats.ended, stats.attributes[factstore.Keyword("db/ident")].live == stats.entities
        (0, 0, True)
        """
        db = self.db()
        return stats_of(self._log, db.schema, db.basis_t)

    def export(
        self,
        path: portable.Target,
        *,
        upto: int | datetime | None = None,
        progress: portable.OnProgress = None,
    ) -> portable.Transfer:
        """Writes the whole store up to ``upto`` (a t, tx id or instant), history included, to a portable file.

        A file that is there is continued: behind the last whole block if an export was interrupted, with what is
        new if it was not. ``path`` may be a binary stream as well, which is written from its beginning.
        ``progress`` is called after every block. Memory stays flat. Raises :class:`ExportError`
        (``export/other-store``, ``export/not-an-export``, ``export/no-file``, ``export/in-use``).

        >>> import factstore, tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "store.facts"
        >>> conn, other = factstore.connect("memory:"), factstore.connect("memory:")
        >>> report = conn.transact([{"db/ident": "color/red"}])
        >>> conn.export(path).t, other.import_(path).t, other.db().entid("color/red") == conn.db().entid("color/red")
        (1, 1, True)
        """
        db = self.db()
        return portable.export(self._log, path, None if upto is None else db.t_of(upto), progress)

    def import_(
        self, path: portable.Target, *, partial: bool = False, progress: portable.OnProgress = None
    ) -> portable.Transfer:
        """Writes what a file of :meth:`export` holds: every id, transaction and instant as it was.

        The store must be empty, or hold the beginning of the same file: then only the rest is written, so an
        import that was killed is run again. It commits a block at a time; what is read meanwhile is the store as
        of some transaction. With ``partial`` a file without its end mark is imported as far as it goes.
        Raises :class:`ExportError` (``export/other-store``, ``export/damaged``, ``export/unfinished``,
        ``export/version``, ``export/bootstrap``).
        """
        self._check_open()
        with self._turn():
            done = portable.restore(self._log, path, partial, progress)
            # Not caught up with, which would read all of the log at once.
            with self._advancing:
                self._begin_anew()
        return done

    def _check_open(self) -> None:
        if self._closed:
            raise LogError("the connection is closed", code="log/closed")

    def _reach(self, t: int) -> None:
        """Catches up with the log until ``t``."""
        if t <= self._head.db.basis_t:
            return
        with self._advancing:
            head = self._head
            if t > head.db.basis_t:
                rows = self._log.read(head.db.basis_t, t)
                schema = advance_schema(head.db.schema, rows, self._log, t)
                self._head = self._moved(head, rows, t, schema, _last_instant(rows) or head.instant)

    def _moved(self, head: _Head, rows: LogRows, t: int, schema: Schema, instant: datetime | None) -> _Head:
        """The head after a stretch of the log. Indexes that are not loaded are not touched."""
        # Taken once: what another thread loads into the old snapshot from here on is left to it.
        loaded = head.db.snapshot.loaded
        touched = np.isin(rows.a, ints(list(loaded)))
        if touched.any():
            held = Snapshot(self._log, head.db.basis_t, loaded)
            loaded = held.advance(t, changes_of(rows_at(rows, touched))).loaded
        return _Head(self._db_at(t, schema, loaded), instant)

    def _db_at(self, t: int, schema: Schema, loaded: PMap[int, AttributeIndex]) -> Db:
        if self._cache_bytes is None:
            snapshot = Snapshot(self._log, t, loaded, self._past)
        else:
            # The past is outside the bound, so it is let go of with its head.
            snapshot = BoundedSnapshot(self._log, t, loaded, self._recency)
        return Db(snapshot, schema, self._log.dictionary, self._functions)

    def _publish(self, head: _Head) -> None:
        with self._advancing:
            # A reader may have caught up with our commit by the log before we came here.
            if head.db.basis_t > self._head.db.basis_t:
                self._head = head

    def _bound(self) -> None:
        """Lets go of what exceeds ``cache_bytes``; who still holds an older db value keeps it alive until then."""
        if self._cache_bytes is None:
            return
        with self._advancing:
            db = self._head.db
            kept = within(db.snapshot.loaded, self._cache_bytes, self._recency)
            if kept is not db.snapshot.loaded:
                self._head = _Head(self._db_at(db.basis_t, db.schema, kept), self._head.instant)


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


_OPEN: Final[weakref.WeakSet[Connection]] = weakref.WeakSet()


def _renew_all_locks() -> None:
    # A lock that another thread held at the fork would never be let go in the child.
    for connection in list(_OPEN):
        connection._renew_locks()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all_locks)
