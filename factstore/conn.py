"""A connection to a store: the head of what is known, and the one place where it moves.

Only here are a lock, a clock and a cache. The head is an immutable value that is replaced whole, by a
commit of our own or by catching up with the log; whoever holds an older one keeps it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from types import TracebackType
from typing import Any, Final, NoReturn

import numpy as np

from factstore import conn_roles, portable, tx
from factstore.columns import LogRows, ints
from factstore.conn_cache import Cache, Memory
from factstore.conn_commit import Head, Store, commit
from factstore.conn_excise import Excision, commit_excision
from factstore.conn_listen import Listener, commits, reach
from factstore.conn_load import LoadReport, Progress, load_each, table_of
from factstore.conn_schema import SchemaChanges, ensure_schema
from factstore.conn_stats import Stats, stats_of
from factstore.conn_turns import Entry, Turns
from factstore.database import Commit, Db
from factstore.datom import TX0
from factstore.db_lookups import EntityRef
from factstore.errors import LogError, StoreError
from factstore.forks import renewed_in_children
from factstore.log import Log, advance_schema, last_excision, rows_at, schema_at
from factstore.recent import FEW, Op, ops_in
from factstore.schema import Ids, Schema
from factstore.snapshot import Indexes
from factstore.snapshot_changes import changes_of
from factstore.values import ValueType, decode_inline

_IDLE: Final = 0.05
"""Seconds after a commit in which others can not have written much."""


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
        self._cache = Cache(log, log.dictionary, cache_bytes)
        self._functions = dict(functions or {})
        self._on_close = on_close
        self._closed = False
        self._excised = -1
        self._turns = Turns()
        self._committed = time.monotonic()
        self.renew_locks()
        self._head = self._cold(log.head())
        renewed_in_children(self)

    def renew_locks(self) -> None:
        """For a forked child: a lock that another thread held would never be let go there."""
        self._turns.renew()
        self._advancing = threading.Lock()

    def __repr__(self) -> str:
        return f"<Connection t={self._head.db.basis_t}{' closed' if self._closed else ''}>"

    def __reduce__(self) -> NoReturn:
        raise StoreError(
            "a connection cannot be copied or sent to another process: send the address, and connect there",
            code="store/not-portable",
        )

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Commits what is queued and ends the connection, and the embedded server if nobody else uses it.

        Db values read no further.
        """
        if not self._closed:
            self._closed = True
            try:
                self._turns.close()
            finally:
                self._log.wake()
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

    def ensure_schema(self, schema: Any, *, dry_run: bool = False) -> SchemaChanges:
        """Brings the store to a schema, and says what that changed; with ``dry_run`` what it would change.

        ``schema`` is what :func:`factstore.load_schema` takes: a file, a folder, EDN text or maps. Attributes it does
        not name are left alone. Of those it names, what it leaves unsaid is taken back, except ``db/doc`` and
        ``db/derivedBy``. If nothing differs, nothing is transacted. Raises :class:`SchemaError`, before anything is
        written, where a change is not possible (``schema/immutable``, ``schema/contradicted``, ``schema/renamed``).

        >>> import factstore
        >>> conn = factstore.connect("memory:")
        >>> name = "{:db/ident :p/name :db/valueType :db.type/string :db/cardinality :db.cardinality/one}"
        >>> len(conn.ensure_schema(name)), len(conn.ensure_schema(name))
        (3, 0)
        >>> print(conn.ensure_schema(name.replace("one", "many"), dry_run=True))
        :p/name :db/cardinality :db.cardinality/one → :db.cardinality/many
        """
        return ensure_schema(self.db(), schema, self.transact, dry_run=dry_run)

    def transact(self, data: Any) -> tx.TxReport[Db]:
        """Commits transaction data, a list of forms or EDN text: all of it, or nothing with an error that says why.

        A form is a map, an operation, or an instance of a msgspec struct (see :func:`factstore.attrs_of`).
        Writers of all processes take turns; what the threads of this one have waiting is one commit, with a t
        and a report for each. Raises :class:`TransactionError`, :class:`SchemaError`, :class:`InvalidValue`
        for the data; :class:`LogError` where it could not be written.
        """
        self._check_open()
        return self._turns.transact(data, self._commit)

    def load(
        self,
        data: Any,
        *,
        refs: Mapping[str, str] | None = None,
        create_missing: bool = False,
        facts: bool = False,
        meta: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
    ) -> tx.TxReport[Db] | LoadReport:
        """Commits a table as if each row were a map for :meth:`transact`, a column at a time and so much faster.

        ``data`` is a mapping of attribute names to columns (lists, NumPy arrays, pandas or polars Series, Arrow
        arrays), a DataFrame, an Arrow Table or RecordBatch: one transaction. Or it is an iterable of such
        tables: a transaction each, and a :class:`LoadReport`, which ``progress`` is called with after each.

        A row is an entity; the column ``"db/id"`` may say which, by tempid, id or lookup ref. A list in a cell
        is several values. A null says nothing, and so does a NaN in pandas; any other NaN is refused. ``refs``
        says by which unique attribute a ref's column names entities, those of the same table first; what is
        nowhere is refused, or with ``create_missing`` made. With ``facts`` the columns are ``e``, ``a`` and
        ``v``, a fact to a row. ``meta`` is asserted about each transaction.

        Raises what :meth:`transact` does, naming column and row, and :class:`TransactionError` ``tx/bad-table``,
        ``tx/bad-column`` and ``tx/bad-refs``.

        >>> import factstore
        >>> conn = factstore.connect("memory:")
        >>> report = conn.load({"db/ident": ["color/red", "color/blue"], "db/doc": ["warm", None]})
        >>> len(report.datoms)
        4
        """
        options: dict[str, Any] = {"refs": refs or {}, "create_missing": create_missing, "meta": meta or {}}
        if tx.is_table(data):
            return self.transact(tx.Load(table_of(data, facts), **options))
        return load_each(self.transact, tx.tables(data), options, self.db(), facts=facts, progress=progress)

    def transact_async(self, data: Any) -> Future[tx.TxReport[Db]]:
        """Queues transaction data and returns at once; the future gives what :meth:`transact` returns or raises.

        What one thread queues is committed in that order, and what waits together is one commit. ``data`` must
        not be changed before the future is done. :meth:`close` waits for all that is queued.

        >>> import factstore
        >>> with factstore.connect("memory:") as conn:
        ...     futures = [conn.transact_async([{"db/ident": f"color/{name}"}]) for name in ("red", "blue")]
        ...     [future.result().t for future in futures]
        [1, 2]
        """
        self._check_open()
        return self._turns.submit(data, self._commit)

    def _commit(self, entries: Sequence[Entry]) -> None:
        reached = (self._catch_up, self._reached, self._moved, self._publish)
        commit(Store(self._log, self._functions, self._turns.at_work, *reached), entries)

    def _catch_up(self) -> Head:
        # Whoever holds the lock keeps all other writers waiting: what there is to read is read before it.
        now = time.monotonic()
        if now - self._committed > _IDLE:
            self._reach(self._log.head())
        self._committed = now
        return self._head

    def _reached(self, t: int) -> Head:
        self._reach(t)
        return self._head

    def grant(self, *, writer: str | Iterable[str] = (), reader: str | Iterable[str] = ()) -> None:
        """Lets roles of the database transact and query (``writer``), or query only (``reader``), and nothing more.

        Only the owner of the store may, else ``store/permission``; ``store/bad-role`` if there is no such role,
        ``store/no-roles`` for a store in memory. :func:`factstore.grants` gives the same as SQL to look at.
        """
        self._check_open()
        conn_roles.grant(self._log, writer, reader)

    def revoke(self, *roles: str) -> None:
        """Takes every right to the store back from roles of the database; only its owner may."""
        self._check_open()
        conn_roles.revoke(self._log, roles)

    def excise(
        self, *targets: EntityRef, attrs: Iterable[str | int] | None = None, before: int | datetime | None = None
    ) -> Excision:
        """Takes facts out for good, from now and from all of the past, and records that it did.

        A target that is an entity loses its facts, or those of ``attrs``; one that is an attribute is lost by every
        entity. ``before``, a t, a transaction id or an instant, spares what was asserted then or later. Refs *to* an
        entity stay. The values leave every table, this process, and others as soon as they look at the store
        again. Raises ``tx/excise`` for what may not be taken out (what is built in, whole transactions), and
        ``store/permission`` where the database role does not own the store.

        >>> import factstore
        >>> conn = factstore.connect("memory:")
        >>> eid = conn.transact([{"db/id": "x", "db/doc": "a secret"}]).tempids["x"]
        >>> conn.excise(eid).datoms
        1
        >>> conn.db().history().datoms("eavt", eid)
        []
        """
        self._check_open()
        done: list[Excision] = []

        def alone(entries: Sequence[Entry]) -> None:
            try:
                done.append(self._excise(targets, attrs, before))
                entries[0].settle(done[0].report)
            except Exception as error:
                entries[0].settle(error)

        self._turns.transact(None, alone, alone=True)
        return done[0]

    def _excise(
        self, targets: Sequence[EntityRef], attrs: Iterable[str | int] | None, before: int | datetime | None
    ) -> Excision:
        with self._log.writer() as writer:
            self._reach(writer.counters.t - 1)
            plan, datoms = commit_excision(writer, self._head, targets, attrs, before)
        self._forget(plan.t)
        earlier, after = self._cold(plan.t - 1), self._cold(plan.t)
        self._publish(after)
        return Excision(tx.TxReport(earlier.db, after.db, plan), datoms)

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
        yield from commits(self._log, db, db.t_of(after), last)

    def listen(self, after: int | datetime | None = None, *, timeout: float | None = None) -> Listener:
        """The transactions after this moment, or after ``after`` (a t, a transaction id or an instant), as they come.

        An iterator of reports, and a context manager: everyone's commits, this connection's included, in order and
        without a gap, however often the database goes away and comes back. With ``timeout`` an iteration ends when
        nothing has come for so many seconds, and a later one goes on where it ended. A report from here has no
        tempids; its ``db_before`` and ``db_after`` are as in the report of who committed.

        >>> import factstore
        >>> conn = factstore.connect("memory:")
        >>> with conn.listen(timeout=0) as reports:
        ...     written = conn.transact([{"db/ident": "color/red"}])
        ...     [(report.t, len(report.datoms)) for report in reports]
        [(1, 2)]
        """
        db = self.db()
        start = db.basis_t if after is None else db.t_of(after)
        return Listener(
            self._log,
            self._head_at(min(start, db.basis_t)),
            start,
            move=self._following,
            head_at=self._head_at,
            excised=lambda: self._excised,
            check_open=self._check_open,
            timeout=timeout,
        )

    def sync(self, t: int | None = None, *, timeout: float | None = None) -> Db:
        """A db value with transaction ``t`` (a t or a transaction id) in it, once there is one; the newest for None.

        For what another process has told of: its report's ``t`` goes with the message. ``log/timeout`` if it takes
        longer than ``timeout`` seconds.

        >>> import factstore
        >>> factstore.connect("memory:").sync()
        <Db t=0>
        """
        db = self.db()
        wanted = 0 if t is None else db.t_of(t)
        if wanted > db.basis_t:
            reach(self._log, wanted, timeout, self._check_open)
            db = self.db()
        return db

    def memory(self) -> Memory:
        """What this connection holds in memory, in bytes: of each attribute, of the past, and of the dictionary.

        What only older db values hold on to is not in it.

        >>> import factstore
        >>> with factstore.connect("memory:", cache_bytes=10**9) as conn:
        ...     attributes = conn.db().q("[:find (count ?a) . :where [?a :db/valueType]]")
        ...     conn.memory().columns["db/valueType"] >= 24 * attributes, conn.memory().bound
        (True, 1000000000)
        """
        self._check_open()
        db = self._head.db
        return self._cache.memory(db.snapshot, db.schema)

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
        self._turns.refuse_nested()
        done = portable.restore(self._log, path, partial, progress)
        # Not caught up with, which would read all of the log at once.
        with self._advancing:
            self._head = self._cold(self._log.head())
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
                self._head = self._followed(head, self._log.read(head.db.basis_t, t), t)

    def _followed(self, head: Head, rows: LogRows, t: int) -> Head:
        """The head at ``t``, ``rows`` being the log since ``head``."""
        excised = last_excision(rows)
        if excised is not None:
            self._forget(excised)
            return self._cold(t)
        schema = advance_schema(head.db.schema, rows, self._log, t)
        return self._moved(head, rows, t, schema, _last_instant(rows) or head.instant)

    def _following(self, head: Head, rows: LogRows, t: int) -> Head:
        """The same for who follows the log by itself; the connection's own head where that is at ``t``."""
        newest = self._head
        return newest if newest.db.basis_t == t else self._followed(head, rows, t)

    def _head_at(self, t: int) -> Head:
        """The head as it was at ``t``, of which nothing is loaded unless it is now."""
        newest = self._head
        return newest if newest.db.basis_t == t else self._cold(t)

    def _cold(self, t: int) -> Head:
        return Head(self._db_at(t, schema_at(self._log, t), {}), _instant_of(self._log, t))

    def _forget(self, t: int) -> None:
        """Lets go of all that this process holds of a store from which transaction ``t`` took something out."""
        self._log.forget(t)
        self._cache.forget()
        self._excised = max(self._excised, t)

    def _moved(
        self, head: Head, rows: LogRows | Sequence[Op], t: int, schema: Schema, instant: datetime | None
    ) -> Head:
        """The head after a stretch of the log. Indexes that are not loaded are not touched."""
        snapshot = head.db.snapshot
        if not isinstance(rows, LogRows):
            snapshot = snapshot.grow(t, rows)
        elif len(rows.e) <= FEW:
            snapshot = snapshot.grow(t, ops_in(rows))
        else:
            touched = np.isin(rows.a, ints(list(snapshot.loaded)))
            snapshot = snapshot.advance(t, changes_of(rows_at(rows, touched)))
        return Head(Db(snapshot, schema, self._log.dictionary, self._functions), instant)

    def _db_at(self, t: int, schema: Schema, loaded: Indexes) -> Db:
        return Db(self._cache.snapshot(t, loaded), schema, self._log.dictionary, self._functions)

    def _publish(self, head: Head) -> None:
        with self._advancing:
            # A reader may have caught up with our commit by the log before we came here.
            if head.db.basis_t > self._head.db.basis_t:
                self._head = head

    def _bound(self) -> None:
        """Lets go of what exceeds ``cache_bytes``; who still holds an older db value keeps it alive until then."""
        if self._cache.bound is None:
            return
        with self._advancing:
            db = self._head.db
            kept = self._cache.fitted(db.snapshot)
            if kept is not db.snapshot:
                self._head = self._head._replace(db=Db(kept, db.schema, self._log.dictionary, self._functions))


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
