"""Writes as a share of the bare statements, and what threads reach together.

Run as ``python -m benchmarks.writes [DSN]``; without a DSN an embedded server is started. Seeded. A store that is
transacted to and one that gets the same statements bare take turns, batch by batch, so that noise meets both.
"""

from __future__ import annotations

import itertools
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import factstore
from benchmarks.bare import Bare, recorded
from factstore import Connection
from factstore.embedded import start

PER_ENTITY = 10
"""Datoms of a new person; about one map in twenty changes two values of an old one instead."""
ROUNDS = {10: 400, 1_000: 40, 10_000: 12, 100_000: 4}
"""Batches of each number of datoms."""
_BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
_NAMES = itertools.count(1)


def attribute(name: str, type: str, **more: str) -> dict[str, Any]:
    own = {"cardinality": "db.cardinality/one", "valueType": f"db.type/{type}", **more}
    return {"db/ident": name, **{f"db/{key}": value for key, value in own.items()}}


SCHEMA = [
    attribute("person/key", "string", unique="db.unique/identity"),
    attribute("person/name", "string"),
    attribute("person/city", "string"),
    attribute("person/mail", "string"),
    attribute("person/kind", "keyword"),
    attribute("person/age", "long"),
    attribute("person/visits", "long"),
    attribute("person/score", "double"),
    attribute("person/joined", "instant"),
    attribute("person/boss", "ref"),
]


class People:
    """Entity maps of people, the same on every run."""

    def __init__(self, seed: int = 7) -> None:
        self._draw = random.Random(seed)
        self._count = 0

    def old(self, number: int) -> dict[str, Any]:
        """What has changed of a person."""
        draw = self._draw
        return {"person/key": f"key {number}", "person/visits": draw.randrange(10**6), "person/score": draw.random()}

    def new(self, boss: int) -> dict[str, Any]:
        """A new person."""
        draw = self._draw
        number, self._count = self._count, self._count + 1
        return {
            "person/key": f"key {number}",
            "person/name": f"name {draw.randrange(20_000)}",
            "person/city": f"city {draw.randrange(500)}",
            "person/mail": f"{number}@example.org",
            "person/kind": draw.choice(_KINDS),
            "person/age": draw.randrange(18, 90),
            "person/visits": draw.randrange(10**6),
            "person/score": draw.random(),
            "person/joined": _BEGIN + timedelta(minutes=draw.randrange(10**6)),
            "person/boss": boss,
        }

    def batch(self, datoms: int, boss: int) -> list[dict[str, Any]]:
        """Maps of about so many datoms: new people, and some old ones who have changed."""
        size = max(1, datoms // PER_ENTITY)
        changed = self._draw.sample(range(self._count), k=min(self._count, self._draw.randrange(20) * size // 200))
        return [*(self.old(number) for number in changed), *(self.new(boss) for _ in range(size - len(changed)))]


_KINDS = [factstore.Keyword(f"kind/{name}") for name in ("staff", "guest", "friend")]


def fresh(dsn: str) -> tuple[Connection, str]:
    """A store with the schema in it."""
    schema = f"writes_{time.time_ns()}_{next(_NAMES)}"
    return factstore.connect(dsn, schema=schema), schema


def install(conn: Connection) -> int:
    """Writes the schema; gives the entity that is everybody's boss."""
    return conn.transact([*SCHEMA, {"db/id": "boss", "db/ident": "person/root"}]).tempids["boss"]


class Share(NamedTuple):
    """Median seconds of one batch, on both roads."""

    datoms: float
    transact: float
    bare: float

    def __str__(self) -> str:
        rate, of = self.datoms / self.transact, self.bare / self.transact
        return (
            f"{self.datoms:>9,.0f} datoms: bare {self.bare * 1e3:8.2f} ms   transact {self.transact * 1e3:8.2f} ms"
            f"   {rate:9,.0f} datoms/s   {of:5.0%} of bare, {1 / of:4.2f} times its time"
        )


def share(dsn: str, size: int, rounds: int) -> Share:
    """What a batch of ``size`` datoms takes."""
    (conn, name), (twin, twin_name) = fresh(dsn), fresh(dsn)
    people, sizes, times, bares = People(), [], [], []
    with conn, twin, recorded(name) as commits:
        replay = Bare(dsn, twin_name)
        boss = install(conn)
        conn.transact(people.batch(1000, boss))
        for sent in commits:
            replay.commit(sent)
            replay.keep_up(sent)
        commits.clear()
        for _ in range(rounds):
            data = people.batch(size, boss)
            begun = time.perf_counter()
            report = conn.transact(data)
            times.append(time.perf_counter() - begun)
            sizes.append(len(report.datoms))
            [sent] = commits
            commits.clear()
            begun = time.perf_counter()
            replay.commit(sent)
            bares.append(time.perf_counter() - begun)
            replay.keep_up(sent)
        ours = Bare(dsn, name)
        assert ours.rows() == replay.rows()
        ours.close()
        replay.close()
    return Share(statistics.mean(sizes), statistics.median(times), statistics.median(bares))


def threads(dsn: str, count: int, seconds: float) -> float:
    """Transactions a second of so many threads on one connection, one entity each."""
    conn, _ = fresh(dsn)
    with conn:
        boss = install(conn)
        done: list[int] = []
        until = time.perf_counter() + seconds

        def work(number: int) -> None:
            people, mine = People(number), 0
            while time.perf_counter() < until:
                person = people.new(boss)
                conn.transact([{**person, "person/key": f"{number} {person['person/key']}"}])
                mine += 1
            done.append(mine)

        workers = [threading.Thread(target=work, args=(n,)) for n in range(count)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    return sum(done) / seconds


def pgbench(dsn: str, clients: int, seconds: int) -> float | None:
    """Transactions a second of PostgreSQL's own simple update, None without pgbench."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"))
    program = shutil.which("pgbench") or (str(found[-1]) if found else None)
    if program is None:
        return None
    subprocess.run([program, "-i", "-q", "-s", "10", dsn], check=True, capture_output=True)
    command = [program, "-N", "-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(seconds), dsn]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rate = re.search(r"tps = ([\d.]+)", said)
    return float(rate[1]) if rate else None


@contextmanager
def server(dsn: str | None) -> Iterator[str]:
    """The DSN that was given, or an embedded server's."""
    if dsn is not None:
        yield dsn
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        Path(name).chmod(0o755)
        with start(Path(name) / "store") as started:
            yield started.dsn


def main(dsn: str | None) -> None:
    with server(dsn) as found:
        for size, rounds in ROUNDS.items():
            print(share(found, size, rounds), flush=True)
        rates = {count: threads(found, count, 5.0) for count in (1, 4, 16, 64)}
        print("group commit:", ", ".join(f"{count} threads {rate:,.0f} tx/s" for count, rate in rates.items()))
        update = pgbench(found, 16, 10)
        print("pgbench -N, 16 clients:", "not here" if update is None else f"{update:,.0f} tx/s")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
