"""Every log, by the same name: a test that takes ``log`` runs on each."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from factstore.log import Log, MemoryLog
from factstore.postgres import PostgresLog
from tests import pg
from tests.contract.plans import Store


@pytest.fixture
def directory() -> Iterator[Path]:
    """Where a store can be made. Short: the path of a socket may have 107 bytes."""
    found = Path(tempfile.mkdtemp(prefix="fs-"))
    found.chmod(0o755)
    yield found / "store"
    shutil.rmtree(found, ignore_errors=True)


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
