"""Pull: ten thousand entities at once, warm and cold, and one entity after the other beside it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import factstore
from factstore import Connection
from factstore.embedded import start

SIZE = 10_000
PATTERNS = {
    "two attributes": '["p/name" "p/age"]',
    "friends by name": '["p/name" {"p/friend" ["p/name"]}]',
    "two steps of friends": '["p/name" {"p/friend" 2}]',
    "everything, components whole": "[*]",
}


def _attribute(name: str, type: str, **more: Any) -> dict[str, Any]:
    one = {"db/ident": name, "db/valueType": f"db.type/{type}", "db/cardinality": "db.cardinality/one"}
    return {**one, **{f"db/{key}": value for key, value in more.items()}}


SCHEMA = [
    _attribute("p/name", "string"),
    _attribute("p/age", "long"),
    _attribute("p/friend", "ref", cardinality="db.cardinality/many"),
    _attribute("p/home", "ref", isComponent=True),
    _attribute("p/street", "string"),
]


@pytest.fixture(scope="module")
def store() -> Iterator[tuple[str, list[int]]]:
    # Short: the path of a socket may have 107 bytes.
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        Path(name).chmod(0o755)
        with start(Path(name) / "store") as server, factstore.connect(server.dsn, schema="pull") as conn:
            conn.transact(SCHEMA)
            people = [
                {
                    "db/id": f"p{n}",
                    "p/name": f"name {n}",
                    "p/age": n % 100,
                    "p/friend": [f"p{(n * step + 1) % SIZE}" for step in (3, 7, 13)],
                    "p/home": {"p/street": f"street {n}"},
                }
                for n in range(SIZE)
            ]
            tempids = conn.transact(people).tempids
            yield server.dsn, [tempids[f"p{n}"] for n in range(SIZE)]


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.benchmark(group=f"pull of {SIZE:,} entities, loaded before")
def test_warm(benchmark: Any, store: tuple[str, list[int]], pattern: str) -> None:
    dsn, everyone = store
    with factstore.connect(dsn, schema="pull") as conn:
        db = conn.db()
        assert len(benchmark(db.pull_many, PATTERNS[pattern], everyone)) == SIZE


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.benchmark(group=f"pull of {SIZE:,} entities, by a new connection")
def test_cold(benchmark: Any, store: tuple[str, list[int]], pattern: str) -> None:
    dsn, everyone = store
    conns: list[Connection] = []

    def opened() -> tuple[tuple[Any, ...], dict[str, Any]]:
        conns.append(factstore.connect(dsn, schema="pull"))
        return (conns[-1].db(), PATTERNS[pattern], everyone), {}

    benchmark.pedantic(lambda db, *asked: db.pull_many(*asked), setup=opened, rounds=5)
    for conn in conns:
        conn.close()


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.benchmark(group="pull of 100 entities, one after the other")
def test_one_by_one(benchmark: Any, store: tuple[str, list[int]], pattern: str) -> None:
    dsn, everyone = store
    with factstore.connect(dsn, schema="pull") as conn:
        db = conn.db()
        db.pull_many(PATTERNS[pattern], everyone)
        benchmark(lambda: [db.pull(PATTERNS[pattern], entity) for entity in everyone[:100]])
