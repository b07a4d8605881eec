"""Opening a store: what a target names, and the log that is there."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from factstore import embedded
from factstore.conn import Connection
from factstore.errors import StoreError
from factstore.log import Log, MemoryLog
from factstore.postgres import PostgresLog

_POSTGRES: Final = ("postgresql://", "postgres://")
_MEMORY: Final = "memory:"

_named: dict[tuple[str, str], MemoryLog] = {}
_naming: Final = threading.Lock()

Opened = tuple[Log, Callable[[], None]]
"""A log, and what else is to be closed with it."""


def connect(
    target: str | os.PathLike[str] | None = None,
    *,
    schema: str = "factstore",
    cache_bytes: int | None = None,
    functions: Mapping[str, Callable[..., Any]] | None = None,
    create: bool = True,
) -> Connection:
    """Opens a store, and creates it if it is not there; with ``create=False`` that is ``store/missing`` instead.

    ``target`` is a directory (None: the user's own), where a private PostgreSQL server is started unless it
    runs; or ``"postgresql://…"``, a server of yours; or ``"memory:"``, a new store in this process, or
    ``"memory:name"``, the one of that name. Stores of one database differ by ``schema``.
    ``cache_bytes`` bounds the attribute columns kept in memory; ``functions`` are what transactions and
    queries may call by name.

    Raises :class:`StoreError` (``store/bad-target``, ``store/permission``, ``store/layout-version``,
    ``store/missing``, and those of the embedded server) and :class:`LogError` (``log/unreachable``).

    >>> connect("memory:").db().basis_t
    0
    >>> connect("mysql://localhost/db")
    Traceback (most recent call last):
    factstore.errors.StoreError: store/bad-target: 'mysql://localhost/db' is not a store: expected ...
    """
    if cache_bytes is not None and (type(cache_bytes) is not int or cache_bytes < 0):
        raise StoreError(f"cache_bytes is {cache_bytes!r}: expected a number of bytes", code="store/bad-option")
    log, on_close = _open(target, schema, create)
    try:
        return Connection(log, cache_bytes=cache_bytes, functions=functions, on_close=on_close)
    except BaseException:
        log.close()
        on_close()
        raise


def _open(target: object, schema: str, create: bool) -> Opened:
    if isinstance(target, str) and target.startswith(_POSTGRES):
        return PostgresLog(target, schema, create=create), _nothing
    if isinstance(target, str) and target.startswith(_MEMORY):
        return _memory(target.removeprefix(_MEMORY), schema), _nothing
    if target is None or (isinstance(target, str | os.PathLike) and target != "" and "://" not in str(target)):
        return _embedded(None if target is None else os.fspath(target), schema, create)
    raise StoreError(
        f"{target!r} is not a store: expected a directory, 'postgresql://…' or 'memory:'",
        code="store/bad-target",
        target=target,
    )


def _memory(name: str, schema: str) -> MemoryLog:
    if not name:
        return MemoryLog()
    with _naming:
        return _named.setdefault((name, schema), MemoryLog())


def _embedded(directory: Any, schema: str, create: bool) -> Opened:
    if not create and not embedded.exists(directory):
        raise StoreError(
            f"there is no store in {directory or 'the default directory'}", code="store/missing", target=directory
        )
    server = embedded.start(directory)
    try:
        return PostgresLog(server.dsn, schema, create=create), server.close
    except BaseException:
        server.close()
        raise


def _nothing() -> None:
    """A server of yours stays as it is."""
