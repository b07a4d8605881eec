"""Debian's archive: loading it, and the reverse closure of a package beside ``WITH RECURSIVE`` over the same tables.

Self-contained: the packages are those ``apt-cache`` knows of on this machine, loaded into an embedded server that ends
with the module. Peers must give the same answer, which is checked first.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest

import factstore
from benchmarks.recursive_sql import closure_statement, run
from examples.package_archive import answers, debian, questions
from examples.package_archive.load import Loaded, load
from examples.package_archive.packages import Package
from factstore import Connection, Db
from factstore.embedded import EmbeddedServer, start

CHANGED = ("libssl3", "libgtk-3-0", "libpam0g")
"""From nearly half of the archive to a few thousand packages."""
_PER_LOAD = 20_000


class Archive(NamedTuple):
    server: EmbeddedServer
    conn: Connection
    loaded: Loaded


@pytest.fixture(scope="module")
def packages() -> list[Package]:
    if not debian.is_there():
        pytest.skip("there is no apt archive here: apt-cache is missing or knows of no package")
    return list(debian.read_packages(debian.dump_lines()))


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    # Short: the path of a socket may have 107 bytes.
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        Path(name).chmod(0o755)
        with start(Path(name) / "store") as server:
            yield server


@pytest.fixture(scope="module")
def archive(server: EmbeddedServer, packages: list[Package]) -> Iterator[Archive]:
    with factstore.connect(server.dsn, schema="whole") as conn:
        yield Archive(server, conn, load(conn, packages))


@pytest.mark.benchmark(group="load: datoms/s in extra_info")
@pytest.mark.parametrize("size", [500, 1000, 2000, 4000, 8000])
def test_load(benchmark: Any, server: EmbeddedServer, packages: list[Package], size: int) -> None:
    def fresh() -> tuple[tuple[Connection, list[Package]], dict[str, int]]:
        name = f"load_{size}_{next(_NUMBERS)}"
        return (factstore.connect(server.dsn, schema=name), packages[:_PER_LOAD]), {"size": size}

    loaded = benchmark.pedantic(_load, setup=fresh, rounds=2)
    benchmark.extra_info["datoms/s"] = round(loaded.rate)


_NUMBERS = iter(range(1_000_000))


def _load(conn: Connection, packages: list[Package], size: int) -> Loaded:
    with conn:
        return load(conn, packages, size=size)


def _needing(db: Db, changed: str) -> set[int]:
    return set(answers.ask(db, questions.NEEDING, changed))


def _there(archive: Archive, changed: str) -> set[int]:
    found = _needing(archive.conn.db(), changed)
    if not found:
        pytest.skip(f"{changed} is not in this archive, or nothing needs it")
    return found


@pytest.mark.parametrize("changed", CHANGED)
def test_closure_factstore(benchmark: Any, archive: Archive, changed: str) -> None:
    benchmark.group = f"reverse closure of {changed}"
    expected = _there(archive, changed)
    assert benchmark(_needing, archive.conn.db(), changed) == expected


@pytest.mark.parametrize("changed", CHANGED)
def test_closure_with_recursive(benchmark: Any, archive: Archive, changed: str) -> None:
    benchmark.group = f"reverse closure of {changed}"
    expected = _there(archive, changed)
    with psycopg.connect(archive.server.dsn, autocommit=True) as session:
        statement = closure_statement(session, "whole")
        assert benchmark(run, session, statement, changed) == expected
