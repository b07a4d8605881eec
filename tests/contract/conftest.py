"""Every log, by the same name: a test that takes ``log`` runs on each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from factstore.log import Log, MemoryLog
from factstore.postgres import PostgresLog
from tests import pg
from tests.contract.plans import Store


@pytest.fixture(scope="session")
def dsn() -> Iterator[str]:
    with pg.server() as found:
        if found is None:
            pytest.skip("there is no PostgreSQL here")
        yield found


@pytest.fixture
def postgres_log(dsn: str) -> Iterator[PostgresLog]:
    schema = pg.fresh_schema()
    log = PostgresLog(dsn, schema)
    yield log
    log.close()
    pg.drop_schema(dsn, schema)


@pytest.fixture(params=["memory", "postgres"])
def log(request: pytest.FixtureRequest) -> Log:
    return MemoryLog() if request.param == "memory" else request.getfixturevalue("postgres_log")


@pytest.fixture
def store(log: Log) -> Store:
    return Store(log)


@pytest.fixture
def pg_store(postgres_log: PostgresLog) -> Store:
    return Store(postgres_log)
