"""Every log, by the same name: a test that takes ``log`` runs on each, one that takes ``dsn`` on each PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from factstore.log import Log, MemoryLog
from factstore.postgres import PostgresLog
from tests import pg
from tests.contract.plans import Store

SYSTEM = pytest.param("system", marks=pytest.mark.service)
"""The PostgreSQL that is installed beside the one of the wheel, most often an older one."""


class Servers:
    """One server of each kind for the whole run, started when first asked for."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._dsns: dict[str, str | None] = {}

    def dsn(self, kind: str) -> str:
        if kind not in self._dsns:
            self._dsns[kind] = self._stack.enter_context(pg.server() if kind == "embedded" else pg.system_server())
        found = self._dsns[kind]
        if found is None:
            pytest.skip(f"there is no {kind} PostgreSQL here")
        return found


@pytest.fixture
def directory() -> Iterator[Path]:
    """Where a store can be made."""
    with pg.short_directory() as found:
        yield found / "store"


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(stack)


@pytest.fixture(params=["embedded", SYSTEM])
def dsn(request: pytest.FixtureRequest, servers: Servers) -> str:
    return servers.dsn(request.param)


@pytest.fixture
def postgres_log(dsn: str) -> Iterator[PostgresLog]:
    yield from _in_postgres(dsn)


@pytest.fixture(params=["memory", "embedded", SYSTEM])
def log(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Log]:
    if request.param == "memory":
        yield MemoryLog()
    else:
        yield from _in_postgres(servers.dsn(request.param))


def _in_postgres(dsn: str) -> Iterator[PostgresLog]:
    schema = pg.fresh_schema()
    log = PostgresLog(dsn, schema)
    yield log
    log.close()
    pg.drop_schema(dsn, schema)


@pytest.fixture
def store(log: Log) -> Store:
    return Store(log)


@pytest.fixture
def pg_store(postgres_log: PostgresLog) -> Store:
    return Store(postgres_log)
