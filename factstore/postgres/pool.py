"""Connections: opened when needed, reopened when broken, never shared with a forked child.

No error of the driver leaves this package: :func:`translated` turns each into one of ours.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus

from factstore.errors import FactstoreError, LogError, StoreError
from factstore.forks import renewed_in_children
from factstore.postgres.arrays import register

Row = tuple[Any, ...]
Session = psycopg.Connection[Row]

TOO_LARGE: Final = "54000"
"""The sqlstate of a value beyond 1 GB."""

_ABANDONED: Final[list[Session]] = []
"""A parent's connections, in a child: closing one would end the parent's session, so they are kept."""

_DEFAULTS: Final[dict[str, str | int]] = {
    # A server that is gone without a word is noticed in half a minute rather than in hours; the address may say else.
    "connect_timeout": 10,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "fallback_application_name": "factstore",
}
_SETTINGS: Final = (
    # Our statements qualify every name, but an operator or a function of somebody else's schema might fit better.
    "SET search_path = pg_catalog, pg_temp",
    # The lock's protocol needs it, whatever the database's default: see "lock" in statements.sql.
    "SET default_transaction_isolation = 'read committed'",
    # Our statements are short or move bytes; compiling them costs more than it gives.
    "SET jit = off",
    # A process that is stopped with the lock in its hand stops the others for so long at most.
    "SET idle_in_transaction_session_timeout = '60s'",
)
READ_ONLY: Final = ("SET default_transaction_read_only = on",)
"""For sessions that must not write, whatever their role may do."""
WRITER_SETTINGS: Final = (
    # All a writer asks is by key, of tables that grow under it: a plan made from old statistics must not scan.
    "SET plan_cache_mode = force_generic_plan",
    "SET enable_seqscan = off",
    "SET enable_hashjoin = off",
    "SET enable_mergejoin = off",
    # A commit may renew the statistics, and waits for it. Ours tell plans little more than how large a table is,
    # for which a tenth of the usual sample will do: 27 ms of a core instead of 210, at a million rows as at ten.
    "SET default_statistics_target = 10",
)


def translated(error: psycopg.Error) -> FactstoreError:
    """The error of ours that says what one of the driver's does."""
    text = " ".join(str(error).split("\n")[0].split()) or type(error).__name__
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return StoreError(f"the database refuses: {text}", code="store/permission")
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return StoreError(f"nothing can be written by way of this connection: {text}", code="store/permission")
    if isinstance(error, psycopg.errors.UniqueViolation) or error.sqlstate == "FS001":
        return LogError(f"the plan does not fit what the store holds: {text}", code="log/conflict")
    if isinstance(error, psycopg.errors.QueryCanceled):
        return LogError(f"the database cancelled a statement: {text}", code="log/cancelled")
    too_large = isinstance(error, psycopg.errors.ProgramLimitExceeded)  # to the driver, an error of operation
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and not too_large:
        return LogError(f"the database cannot be reached: {text}", code="log/unreachable")
    return LogError(f"the database refuses a statement: {text}", code="log/refused", sqlstate=error.sqlstate)


@contextmanager
def pipelined(session: Session) -> Iterator[None]:
    """Sends the block's statements together; its first error is raised, and no later one told of."""
    first: psycopg.Error | None = None
    try:
        with session.pipeline():
            try:
                yield
            except psycopg.Error as error:  # kept inside the pipeline, whose end would log another one
                first = error
    except psycopg.Error as error:
        raise first or error from None
    if first is not None:
        raise first


def open_session(dsn: str, settings: tuple[str, ...] = ()) -> Session:
    """A new connection; ``log/unreachable`` if there is no server, ``store/permission`` if it will not have us."""
    address = _address(dsn)
    try:
        session = psycopg.connect(address, autocommit=True, prepare_threshold=0, client_encoding="utf8")
        session.execute("; ".join((*_SETTINGS, *settings)), prepare=False)
    except psycopg.Error as error:
        raise _refused(error) from None
    register(session)
    return session


def _address(dsn: str) -> str:
    try:
        said = conninfo_to_dict(dsn)
    except psycopg.Error as error:
        raise _misspelt(dsn, error) from None
    said |= {"connect_timeout": os.environ["PGCONNECT_TIMEOUT"]} if "PGCONNECT_TIMEOUT" in os.environ else {}
    defaults = {name: value for name, value in _DEFAULTS.items() if name not in said}
    return make_conninfo(dsn, **defaults)


def _misspelt(dsn: str, error: psycopg.Error) -> StoreError:
    # What the driver quotes may be the password, or have it inside. An option's name alone tells what to mend.
    said = re.search(r'invalid URI query parameter: "(\w+)"', str(error))
    option = f" (there is no option {said[1]!r})" if said and f"{said[1]}=" in dsn else ""
    return StoreError(
        "the address cannot be read, and is not repeated here for it may hold a password"
        f"{option}: expected postgresql://user:password@host:port/database, signs such as @ : / # % written as %40",
        code="store/bad-target",
    )


def _refused(error: psycopg.Error) -> FactstoreError:
    text = str(error)
    if any(sign in text for sign in ("authentication failed", "no pg_hba.conf entry", "permission denied")):
        return StoreError(f"the server refuses: {' '.join(text.split())}", code="store/permission")
    if isinstance(error, psycopg.ProgrammingError) or ("does not exist" in text and "database" in text):
        return StoreError(f"there is no such database: {' '.join(text.split())}", code="store/bad-target")
    return translated(error)


def abandoned(session: Session) -> None:
    """Keeps a parent's connection in a child, unused, for as long as the child lives."""
    _ABANDONED.append(session)


class Pool:
    """Idle connections of one kind, at most ``keep`` of them; more are opened while more are in use."""

    def __init__(self, dsn: str, keep: int, settings: tuple[str, ...] = ()) -> None:
        self._dsn = dsn
        self._keep = keep
        self._settings = settings
        self._lock = threading.Lock()
        self._idle: list[Session] = []
        self._pid = os.getpid()
        self._closed = False
        renewed_in_children(self)

    def take(self) -> Session:
        """An idle connection, or a new one."""
        if self._pid != os.getpid():  # forked by something that did not tell Python
            self.renew_locks()
        with self._lock:
            if self._closed:
                raise LogError("the connection to the store is closed", code="log/closed")
            if self._idle:
                return self._idle.pop()
        return open_session(self._dsn, self._settings)

    def give(self, session: Session) -> None:
        """Takes a connection back; it is kept if it can be used again."""
        if not session.closed and session.info.transaction_status is TransactionStatus.IDLE:
            with self._lock:
                if len(self._idle) < self._keep and not self._closed:
                    self._idle.append(session)
                    return
        session.close()

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A connection for a block."""
        session = self.take()
        try:
            yield session
        finally:
            self.give(session)

    def fetch(self, statement: str, params: Mapping[str, Any] | None = None, *, prepare: bool = True) -> list[Row]:
        """The rows of a statement that only reads; a broken connection is replaced once."""
        try:
            return self._fetch(statement, params, prepare)
        except psycopg.Error as error:
            if not is_lost(error):
                raise translated(error) from error
        # One broken connection is most often a restarted server, and the other idle ones are broken as well.
        self.drop()
        try:
            return self._fetch(statement, params, prepare)
        except psycopg.Error as error:
            raise translated(error) from error

    def _fetch(self, statement: str, params: Mapping[str, Any] | None, prepare: bool) -> list[Row]:
        with self.session() as session:
            return session.execute(statement, params, prepare=prepare, binary=True).fetchall()

    def drop(self) -> None:
        """Closes what is idle."""
        with self._lock:
            idle, self._idle = self._idle, []
        for session in idle:
            session.close()

    def close(self) -> None:
        """Closes what is idle, and what is in use when it comes back."""
        self._closed = True
        if self._pid == os.getpid():
            self.drop()

    def renew_locks(self) -> None:
        """For a forked child: its parent's sessions are not its own, and closing them would end the parent's."""
        self._lock = threading.Lock()
        _ABANDONED.extend(self._idle)
        self._idle = []
        self._pid = os.getpid()


def is_lost(error: psycopg.Error) -> bool:
    """Whether the connection is gone, rather than the statement wrong."""
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and (
        error.sqlstate is None or error.sqlstate.startswith(("08", "57P", "25P03"))
    )
