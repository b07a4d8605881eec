"""Who may do what with a store: rights given and taken back by its owner."""

from __future__ import annotations

from collections.abc import Iterable

from factstore.errors import StoreError
from factstore.log import Log
from factstore.postgres import PostgresLog
from factstore.postgres.roles import rights


def grant(log: Log, writer: str | Iterable[str], reader: str | Iterable[str]) -> None:
    """Gives roles the rights of a writer or of a reader, and no other."""
    roles = rights(writer, reader)
    _in_postgres(log).grant(roles, revoked=roles)


def revoke(log: Log, roles: Iterable[str]) -> None:
    """Takes every right back."""
    _in_postgres(log).grant({}, revoked=rights((), roles))


def _in_postgres(log: Log) -> PostgresLog:
    if isinstance(log, PostgresLog):
        return log
    raise StoreError("a store in memory has no roles: expected one in PostgreSQL", code="store/no-roles")
