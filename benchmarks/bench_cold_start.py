"""Cold start and memory: connect and ask, without and with the local column cache; catching up; bytes per datom.

Run as ``python -m benchmarks.bench_cold_start [--datoms 1000000] [--dsn …] [--rounds 3]``. Without a dsn an embedded
server is started and removed again; with one, the store is kept in the schema ``cold_<datoms>`` and found there the
next time. Medians; the server's caches are warm, and so is Python, but nothing of the store is in the process.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

import factstore
from benchmarks.generated_store import build, names
from factstore import Connection
from factstore.embedded import start

TRANSACTIONS = 1000


class Start(NamedTuple):
    """Seconds, and the facts that were loaded by then."""

    connect: float
    first: float
    facts: int

    @property
    def total(self) -> float:
        return self.connect + self.first


def cold(dsn: str, schema: str, attributes: list[str], **options: Any) -> Start:
    """A new connection, and the first query of it: a join that asks for nothing, of all the attributes."""
    began = time.perf_counter()
    conn = factstore.connect(dsn, schema=schema, **options)
    connected = time.perf_counter()
    clauses = " ".join(f"[?e :{name} ?v{place}]" for place, name in enumerate(attributes))
    conn.db().q(f"[:find (count ?e) . :where {clauses}]")
    asked = time.perf_counter()
    db = conn.db()
    facts = sum(len(db.snapshot.index(db.schema.attribute(name).id)) for name in attributes)
    conn.close()
    return Start(connected - began, asked - connected, facts)


def strings(dsn: str, schema: str, **options: Any) -> Start:
    """A new connection, and a first query that answers with the strings of three attributes."""
    began = time.perf_counter()
    conn = factstore.connect(dsn, schema=schema, **options)
    connected = time.perf_counter()
    db = conn.db()
    named = [name for name in names() if name.startswith("g/string")][:3]
    found = sum(len(list(db.q(f"[:find [?v ...] :where [_ :{name} ?v]]"))) for name in named)
    asked = time.perf_counter()
    conn.close()
    return Start(connected - began, asked - connected, found)


def median(starts: list[Start]) -> Start:
    return sorted(starts, key=lambda each: each.total)[len(starts) // 2]


def shown(what: str, found: Start) -> None:
    rate = found.facts / found.total / 1e6
    print(
        f"  {what:44} {found.facts:>10,} facts  connect {1000 * found.connect:6.1f} ms"
        f"  first query {1000 * found.first:8.1f} ms  {rate:6.2f} M facts/s"
    )


def starts(dsn: str, schema: str, rounds: int) -> None:
    every = names()
    plain = [name for place, name in enumerate(every) if place % 4]
    by_value = [name for place, name in enumerate(every) if place % 4 == 0]
    print("\nconnect and first query")
    for what, attributes in (
        ("1 attribute, by a pass over the table", plain[15:16]),
        ("1 attribute, by an index", by_value[5:6]),
        ("5 attributes", every[10:15]),
        ("all 40 attributes", every),
    ):
        shown(what, median([cold(dsn, schema, attributes) for _ in range(rounds)]))
    with tempfile.TemporaryDirectory(prefix="bench-") as files:
        first = cold(dsn, schema, every, cache_dir=files)
        shown("all 40, and their files are written", first)
        shown("all 40, from the files", median([cold(dsn, schema, every, cache_dir=files) for _ in range(rounds)]))
        of_one = [cold(dsn, schema, plain[:1], cache_dir=files) for _ in range(rounds)]
        shown("1 attribute, from its file", median(of_one))
        shown("the strings of 3 attributes", median([strings(dsn, schema) for _ in range(rounds)]))
        strings(dsn, schema, cache_dir=files)
        shown("the same, from files", median([strings(dsn, schema, cache_dir=files) for _ in range(rounds)]))


def catching_up(dsn: str, schema: str, rounds: int) -> None:
    """Another connection commits; how long until this one, with everything loaded, has caught up."""
    with factstore.connect(dsn, schema=schema) as reader, factstore.connect(dsn, schema=schema) as writer:
        db = reader.db()
        db.prefetch(db.schema.attribute(name) for name in names())
        found, cpu = [], []
        for step in range(rounds):
            for n in range(TRANSACTIONS):
                writer.transact([{"g/long13": n, "g/string25": f"{step} {n}", "g/ref0": 300}])
            began, busy = time.perf_counter(), time.process_time()
            reader.db()
            found.append(time.perf_counter() - began)
            cpu.append(time.process_time() - busy)
    print(f"\ncatch up with {TRANSACTIONS} transactions of 4 datoms, 40 attributes loaded")
    print(
        f"  {1000 * statistics.median(found):.2f} ms, of which {1000 * statistics.median(cpu):.2f} ms in this process"
    )


def on_disk(dsn: str, schema: str) -> None:
    """Bytes per datom of the log, by table."""
    with psycopg.connect(dsn) as session:
        [[datoms]] = session.execute(f"SELECT count(*) FROM {schema}.log").fetchall()
        rows = session.execute(
            "SELECT c.relname, pg_table_size(c.oid), pg_indexes_size(c.oid) FROM pg_class c "
            "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relkind = 'r' ORDER BY 2 DESC",
            (schema,),
        ).fetchall()
    print(f"\nbytes per datom on disk, {datoms:,} datoms")
    for name, table, indexes in rows:
        print(f"  {name:12} {table / datoms:7.1f} table  {indexes / datoms:7.1f} indexes")
    table, indexes = sum(row[1] for row in rows), sum(row[2] for row in rows)
    together = f"{(table + indexes) / datoms:.1f} together"
    print(f"  {'all':12} {table / datoms:7.1f} table  {indexes / datoms:7.1f} indexes  {together}")


def in_memory(dsn: str, schema: str) -> None:
    """Bytes per loaded datom: columns as they come, with what searching makes of them, and with every string known."""
    with factstore.connect(dsn, schema=schema) as conn:
        db = conn.db()
        attributes = [db.schema.attribute(name) for name in names()]
        db.prefetch(attributes)
        indexes = [db.snapshot.index(attribute.id) for attribute in attributes]
        facts = sum(map(len, indexes))
        steps = [("columns", _columns(conn))]
        for index in indexes:
            index.by_entity(index.scan().e[:1])
        steps.append(("with offsets by entity", _columns(conn)))
        for index in indexes:
            index.by_value(index.scan().v[:1])
        steps.append(("with all orders by value", _columns(conn)))
        before = conn.memory()
        began = time.perf_counter()
        for name in names():
            if name.startswith("g/string"):
                list(db.q(f"[:find [?v ...] :where [_ :{name} ?v]]"))
        seconds, after = time.perf_counter() - began, conn.memory()
    print(f"\nbytes per datom in memory, {facts:,} facts loaded")
    for what, size in steps:
        print(f"  {what:26} {size / facts:7.1f}")
    entries, size = after.entries - before.entries, after.dictionary - before.dictionary
    each = f"{size / max(1, entries):.0f} for each of {entries:,} strings"
    print(
        f"  {'values, all strings read':26} {size / facts:7.1f}   {each}, answered at {entries / seconds / 1e6:.2f} M/s"
    )


def _columns(conn: Connection) -> int:
    return sum(conn.memory().columns.values())


@contextmanager
def served(dsn: str | None) -> Iterator[str]:
    if dsn is not None:
        yield dsn
        return
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        Path(name).chmod(0o755)
        with start(Path(name) / "store") as server:
            yield server.dsn


def _is_there(dsn: str, schema: str) -> bool:
    with psycopg.connect(dsn) as session:
        return session.execute("SELECT to_regclass(%s) IS NOT NULL", (f"{schema}.root",)).fetchall() == [(True,)]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--datoms", type=int, default=1_000_000)
    options.add_argument("--dsn")
    options.add_argument("--rounds", type=int, default=3)
    asked = options.parse_args()
    schema = f"cold_{asked.datoms}"
    with served(asked.dsn) as dsn:
        if not _is_there(dsn, schema):
            began = time.perf_counter()
            count = build(dsn, schema, asked.datoms)
            print(f"built {count:,} datoms in {time.perf_counter() - began:.1f} s")
        on_disk(dsn, schema)
        starts(dsn, schema, asked.rounds)
        in_memory(dsn, schema)
        catching_up(dsn, schema, asked.rounds)


if __name__ == "__main__":
    main()
