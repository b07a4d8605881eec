"""Opening a store: what a target names, and the log that is there."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from factstore import embedded
from factstore.conn import Connection
from factstore.errors import StoreError
from factstore.forks import forkable_lock
from factstore.log import Log, MemoryLog, ReadOnly
from factstore.postgres import DISK_BYTES, LAYOUT_VERSION, PostgresLog
from factstore.postgres import migrate as migrate_store

_POSTGRES: Final = ("postgresql://", "postgres://")
_MEMORY: Final = "memory:"
_CREDENTIALS: Final = re.compile(r"(://).*@", re.DOTALL)
"""Who and by what password: not for error messages, which end in logs."""

_named: dict[tuple[str, str], MemoryLog] = {}
_naming: Final = forkable_lock()

Opened = tuple[Log, Callable[[], None]]
"""A log, and what else is to be closed with it."""


def connect(
    target: str | os.PathLike[str] | None = None,
    *,
    schema: str = "factstore",
    cache_bytes: int | None = None,
    functions: Mapping[str, Callable[..., Any]] | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    cache_dir_bytes: int | None = None,
    read_only: bool = False,
    create: bool = True,
) -> Connection:
    """Opens a store, and creates it if it is not there; with ``create=False`` that is ``store/not-a-store``.

    ``target`` is a directory (None: the user's own), where a private PostgreSQL server is started unless it
    runs; or ``"postgresql://…"``, a server of yours; or ``"memory:"``, a new store in this process, or
    ``"memory:name"``, the one of that name. Stores of one database differ by ``schema``.
    ``cache_bytes`` bounds what is kept in memory of the store; ``functions`` are what transactions and
    queries may call by name. In the local directory ``cache_dir`` columns are kept as files, of at most
    ``cache_dir_bytes`` (4 GiB), from which the next process starts; a ``"memory:"`` store needs none.
    With ``read_only`` nothing is written, created or migrated, whatever the role may do.

    Raises :class:`StoreError` (``store/bad-target``, ``store/permission``, ``store/layout-version``,
    ``store/not-a-store``, and those of the embedded server) and :class:`LogError` (``log/unreachable``).

    >>> connect("memory:").db().basis_t
    0
    >>> connect("mysql://localhost/db")
    Traceback (most recent call last):
    factstore.errors.StoreError: store/bad-target: 'mysql://localhost/db' is not a store: expected ...
    """
    _check_bytes("cache_bytes", cache_bytes)
    _check_bytes("cache_dir_bytes", cache_dir_bytes)
    directory = _cache_dir(cache_dir)
    log, on_close = _open(target, schema, read_only, create)
    try:
        if directory is not None and isinstance(log, PostgresLog):
            log.keep_columns(directory, DISK_BYTES if cache_dir_bytes is None else cache_dir_bytes)
        return Connection(log, cache_bytes=cache_bytes, functions=functions, on_close=on_close)
    except BaseException:
        log.close()
        on_close()
        raise


def _check_bytes(name: str, size: object) -> None:
    if size is not None and (type(size) is not int or size < 0):
        raise StoreError(f"{name} is {size!r}: expected a number of bytes", code="store/bad-option")


def _cache_dir(directory: object) -> Path | None:
    if directory is None:
        return None
    if not isinstance(directory, str | os.PathLike) or not isinstance(os.fspath(directory), str) or directory == "":
        raise StoreError(f"{directory!r} as cache_dir: expected the path of a directory", code="store/bad-option")
    return Path(directory).expanduser().absolute()


def migrate(target: str | os.PathLike[str] | None = None, *, schema: str = "factstore") -> int:
    """Brings a store to the layout this version of factstore makes, and gives the layout's number.

    For the owner of the store, who need not call it where :func:`connect` may do so by itself: after a migration that
    shuts no older program out. Raises StoreError ``store/layout-version`` if the role is not the owner or others
    hold the store for long, ``store/not-a-store`` if there is none, ``store/migration`` if its facts stand in the way.

    >>> migrate("memory:") >= 2
    True
    """
    if _is_memory(target):
        return LAYOUT_VERSION
    dsn, on_close = _server(target, must_exist=True)
    try:
        return migrate_store(dsn, schema)
    finally:
        on_close()


def _open(target: object, schema: str, read_only: bool, create: bool) -> Opened:
    if _is_memory(target):
        log = _memory(str(target).removeprefix(_MEMORY), schema)
        return ReadOnly.of(log) if read_only else log, _nothing
    dsn, on_close = _server(target, read_only or not create)
    try:
        return PostgresLog(dsn, schema, read_only=read_only, create=create), on_close
    except BaseException:
        on_close()
        raise


def _is_memory(target: object) -> bool:
    return isinstance(target, str) and target.startswith(_MEMORY)


def _memory(name: str, schema: str) -> MemoryLog:
    if not name:
        return MemoryLog()
    with _naming:
        return _named.setdefault((name, schema), MemoryLog())


def _server(target: object, must_exist: bool) -> tuple[str, Callable[[], None]]:
    """The address of the server a target names, and what lets go of it."""
    if isinstance(target, str) and target.startswith(_POSTGRES):
        return target, _nothing
    if target is None or (isinstance(target, str | os.PathLike) and target != "" and "://" not in str(target)):
        directory: Any = None if target is None else os.fspath(target)
        if must_exist and not embedded.is_store(directory):
            raise StoreError(f"there is no store in {directory or 'the default directory'}", code="store/not-a-store")
        server = embedded.start(directory)
        return server.dsn, server.close
    shown = _CREDENTIALS.sub(r"\1…@", target) if isinstance(target, str) else target
    raise StoreError(
        f"{shown!r} is not a store: expected a directory, 'postgresql://…' or 'memory:'",
        code="store/bad-target",
        target=shown,
    )


def _nothing() -> None:
    """A server of yours stays as it is."""
