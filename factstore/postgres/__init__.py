"""The log in PostgreSQL: tables, named statements, the writer's lock, the hint to listeners.

The tables are in ``layout.sql``, every statement is in ``statements.sql``. A commit takes the lock on the
store's one ``root`` row, asks, writes, and publishes ``t`` by committing; readers never wait, but for a first
load (``bulk``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import numpy as np
import psycopg
from psycopg.pq import TransactionStatus

from factstore.columns import LogRows
from factstore.errors import FactstoreError, LogError
from factstore.log import Counters, Plan, Wanted, operations
from factstore.postgres.ahead import Questions, questions
from factstore.postgres.create import ensure_store, migrate
from factstore.postgres.listen import Notifications, channel_of
from factstore.postgres.local import DISK_BYTES
from factstore.postgres.pool import (
    READ_ONLY,
    WRITER_SETTINGS,
    Pool,
    Row,
    Session,
    is_lost,
    open_session,
    pipelined,
    translated,
)
from factstore.postgres.read import Reads
from factstore.postgres.roles import Right, apply_grants, grants
from factstore.postgres.version import LAYOUT_VERSION, check_version
from factstore.postgres.write import PostgresWriter

__all__ = ["DISK_BYTES", "LAYOUT_VERSION", "PostgresLog", "grants", "migrate"]

_SETTLE_PAUSES: Final = (0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
"""Seconds before each attempt to learn what became of a commit: a server that crashed is back in two or three."""


class PostgresLog(Reads):
    """The log of the store in schema ``schema`` of the database ``dsn``, created if it is not there and may be.

    >>> PostgresLog("postgresql://localhost/catalog", schema="not a name")
    Traceback (most recent call last):
    factstore.errors.StoreError: store/bad-target: 'not a name' is not a schema name: expected letters, ...
    """

    def __init__(self, dsn: str, schema: str = "factstore", *, read_only: bool = False, create: bool = True) -> None:
        more = READ_ONLY if read_only else ()
        super().__init__(dsn, schema, more)
        ensure_store(dsn, schema, read_only=read_only, create=create)
        self.channel = channel_of(schema)
        self._notifications = Notifications(dsn, self.channel, self._sql["head"])
        self._writers = Pool(dsn, keep=1, settings=(*WRITER_SETTINGS, *more))
        self._unseen = 0
        self._analyze_at = 2000

    def wait(self, after: int, timeout: float | None, give_up: Callable[[], bool]) -> bool:
        return self._notifications.wait(after, timeout, give_up)

    def wake(self) -> None:
        self._notifications.wake()

    def close(self) -> None:
        if self._local is not None:
            self._local.close()
        self._notifications.close()
        self._readers.close()
        self._writers.close()

    def grant(self, roles: Mapping[str, Right], revoked: Iterable[str]) -> None:
        """Takes every right from ``revoked``, then gives ``roles`` theirs; all of it or nothing."""
        session = open_session(self.dsn)
        try:
            with session.transaction():
                apply_grants(session, self.schema, roles, revoked=revoked)
        except psycopg.Error as error:
            raise translated(error) from error
        finally:
            session.close()

    @contextmanager
    def writer(self, wanted: Wanted | None = None) -> Iterator[PostgresWriter]:
        asked = None if wanted is None else questions(wanted, self.dictionary)
        session, counters, answer = self._locked(asked)
        try:
            writer = PostgresWriter(session, self._sql, counters, self.dictionary)
            try:
                if asked and answer:
                    writer.tell(asked, answer)
                yield writer
            except BaseException:
                _roll_back(session)
                raise
            if writer.last is None:
                _roll_back(session)
            else:
                self._commit(session, writer, writer.last)
        finally:
            self._writers.give(session)

    def _locked(self, asked: Questions | None) -> tuple[Session, Counters, Row | None]:
        """A session that holds the lock. Nothing is lost with one that broke before, so it is replaced once."""
        session = self._writers.take()
        try:
            return session, *self._lock(session, asked)
        except psycopg.Error as error:
            broken = session.closed or is_lost(error)
            _roll_back(session)
            self._writers.give(session)
            if not broken:
                raise translated(error) from error
        except BaseException:  # Ctrl-C while waiting: nobody may be left behind with the lock in hand
            session.close()
            raise
        session = self._writers.take()
        try:
            return session, *self._lock(session, asked)
        except psycopg.Error as error:
            session.close()
            raise translated(error) from error
        except BaseException:
            session.close()
            raise

    def _lock(self, session: Session, asked: Questions | None = None) -> tuple[Counters, Row | None]:
        with pipelined(session):
            session.execute("BEGIN")
            lock = session.execute(self._sql["lock"], binary=True)
            answer = session.execute(self._sql["ahead"], asked.params(), binary=True) if asked else None
        t, next_e, next_v, writes_from = lock.fetchall()[0]
        check_version(writes_from, "write", self.schema)
        return Counters(t, next_e, next_v), None if answer is None else answer.fetchall()[0]

    def _commit(self, session: Session, writer: PostgresWriter, last: Plan) -> None:
        forgotten = self.dictionary.forgotten
        writer.published = None
        try:
            writer.commit(self.channel)
            writer.published = True
        except Exception as error:
            if not session.closed and not (isinstance(error, psycopg.Error) and is_lost(error)):
                writer.published = False
                _roll_back(session)
                raise translated(error) if isinstance(error, psycopg.Error) else error from error
            # A server that goes down may say so after the commit, on a session that is not closed yet.
            self._settle(session, writer, last)
            if not writer.published:
                raise LogError(
                    "the connection was lost during the commit, and nothing was written", code="log/unreachable"
                ) from error
        except BaseException:  # Ctrl-C while waiting for the answer
            self._settle(session, writer, last)
            raise
        finally:
            if writer.published:
                # Not if somebody has taken values out since: these may be among them.
                self.dictionary.learn_since(writer.pending.entries, forgotten)
        self._unseen += writer.datoms
        if self._unseen >= self._analyze_at and not session.closed:
            self._analyze(session)

    def _settle(self, session: Session, writer: PostgresWriter, last: Plan) -> None:
        session.close()
        writer.published = self._came_through(last.t, operations(last))

    def _came_through(self, t: int, written: LogRows) -> bool:
        """What became of a commit whose answer never came; ``log/outcome-unknown`` if that cannot be told.

        The old session may still be about to commit: taking the lock waits for its end. Then the log
        itself tells, since no two transactions of one t are alike.
        """
        for pause in _SETTLE_PAUSES:
            time.sleep(pause)
            try:
                with self._writers.session() as session, session.transaction():
                    session.execute(self._sql["lock"])
                return _same(self.read(t - 1, t), written)
            except (psycopg.Error, FactstoreError):
                self._writers.drop()
        raise LogError(
            f"the connection was lost during the commit of transaction {t}, and the server cannot be asked about it",
            code="log/outcome-unknown",
            t=t,
        )

    def _analyze(self, session: Session) -> None:
        """Refreshes the planner's statistics where live facts have grown by a fifth or more since."""
        try:
            rows, changed = session.execute(self._sql["growth"], binary=True).fetchall()[0]
            if max(changed, self._unseen) > rows // 5:
                session.execute(self._sql["analyze"])
        except psycopg.Error:
            # The commit stands; statistics are for speed alone and are tried again.
            return
        self._unseen = 0
        self._analyze_at = max(5000, int(rows) // 5)


def _roll_back(session: Session) -> None:
    """Ends the transaction. Never inside a pipeline: psycopg would forget statements the server still has."""
    if session.closed:
        return
    try:
        if session.info.transaction_status in {TransactionStatus.INTRANS, TransactionStatus.INERROR}:
            session.rollback()
    except psycopg.Error:
        session.close()


def _same(one: LogRows, other: LogRows) -> bool:
    return len(one.e) == len(other.e) and all(
        bool((a == b).all()) for a, b in zip(_sorted(one), _sorted(other), strict=True)
    )


def _sorted(rows: LogRows) -> list[np.ndarray[tuple[int, ...], np.dtype[np.int64]]]:
    order = np.lexsort((rows.added, rows.v, rows.a, rows.e))
    return [rows.e[order], rows.a[order], rows.v[order], rows.vt[order], rows.added[order].astype(np.int64)]
