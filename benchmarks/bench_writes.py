"""Writes: entity maps through ``transact`` beside the same statements sent bare, and threads that share commits.

``python -m benchmarks.writes`` prints the shares, batch by batch in turn; here each road is a benchmark of its own.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from benchmarks import writes
from benchmarks.bare import Bare, recorded

ROUNDS = {10: 200, 1_000: 20, 10_000: 6, 100_000: 2}
_SECONDS = 3.0


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    with writes.server(None) as found:
        yield found


@pytest.mark.parametrize("size", ROUNDS)
def test_transact_maps(benchmark: Any, dsn: str, size: int) -> None:
    benchmark.group = f"a batch of {size} datoms"
    conn, _ = writes.fresh(dsn)
    people = writes.People()
    with conn:
        boss = writes.install(conn)
        conn.transact(people.batch(1000, boss))

        def batch() -> tuple[tuple[Any, ...], dict[str, Any]]:
            return (people.batch(size, boss),), {}

        benchmark.pedantic(conn.transact, setup=batch, rounds=ROUNDS[size])


@pytest.mark.parametrize("size", ROUNDS)
def test_bare_statements(benchmark: Any, dsn: str, size: int) -> None:
    benchmark.group = f"a batch of {size} datoms"
    (conn, name), (twin, twin_name) = writes.fresh(dsn), writes.fresh(dsn)
    people = writes.People()
    with conn, twin, recorded(name) as commits:
        boss = writes.install(conn)
        conn.transact(people.batch(1000, boss))
        begin = len(commits)
        for _ in range(ROUNDS[size]):
            conn.transact(people.batch(size, boss))
    replay, sent = Bare(dsn, twin_name), iter(commits)
    for each in itertools.islice(sent, begin):
        replay.commit(each)
        replay.keep_up(each)
    benchmark.pedantic(replay.commit, setup=lambda: ((next(sent),), {}), rounds=ROUNDS[size])
    replay.close()


@pytest.mark.benchmark(group="one-entity transactions of threads: tx/s in extra_info")
@pytest.mark.parametrize("count", [1, 4, 16, 64])
def test_threads(benchmark: Any, dsn: str, count: int) -> None:
    rate = benchmark.pedantic(writes.threads, args=(dsn, count, _SECONDS), rounds=1)
    benchmark.extra_info["tx/s"] = round(rate)


@pytest.mark.benchmark(group="one-entity transactions of threads: tx/s in extra_info")
def test_pgbench_simple_update(benchmark: Any, dsn: str) -> None:
    rate = benchmark.pedantic(writes.pgbench, args=(dsn, 16, int(_SECONDS)), rounds=1)
    if rate is None:
        pytest.skip("there is no pgbench here")
    benchmark.extra_info["tx/s"] = round(rate)
