"""``conn.load`` beside the bare import of the same facts as ready-made arrays, into an empty store each.

Run as ``python -m benchmarks.bench_load [datoms] [rounds]``. Bare is what PostgreSQL itself takes: COPY BINARY of
rows that numpy has packed, of facts with their lives, of the log and of the dictionary, then the indexes, ANALYZE
and the commit; nothing is checked, looked up, digested or encoded in it. Rounds take turns, so that a busy machine
is busy for both, and the tables must come out the same.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psycopg

import factstore
from factstore.datom import TX0
from factstore.embedded import start

ATTRIBUTES = 10
REPEATED = 1000
"""Cities, of which every row has one."""


def schema() -> list[dict[str, Any]]:
    return [
        attribute("item/key", "string", unique="db.unique/identity"),
        attribute("item/title", "string"),
        attribute("item/city", "string", index=True),
        attribute("item/size", "long"),
        attribute("item/rank", "long", index=True),
        attribute("item/price", "double"),
        attribute("item/made", "instant"),
        attribute("item/parent", "ref"),
        attribute("item/owner", "ref"),
        attribute("item/near", "ref"),
    ]


def attribute(name: str, type: str, **more: Any) -> dict[str, Any]:
    own = {"cardinality": "db.cardinality/one", "valueType": f"db.type/{type}", **more}
    return {"db/ident": name, **{f"db/{key}": value for key, value in own.items()}}


def table(rows: int, seed: int = 7) -> dict[str, Any]:
    """A third each of strings, numbers and refs; 1.5 distinct strings a row."""
    draw = np.random.default_rng(seed)
    tempids = -np.arange(1, rows + 1)
    titles = [f"one of many titles, number {n}" for n in range(rows // 2)]
    return {
        "db/id": tempids,
        "item/key": [f"item-{n:09d}" for n in range(rows)],
        "item/title": [titles[n] for n in draw.integers(0, len(titles), rows).tolist()],
        "item/city": [f"city number {n}" for n in draw.integers(0, REPEATED, rows).tolist()],
        "item/size": draw.integers(0, 10**6, rows),
        "item/rank": draw.integers(0, 100, rows),
        "item/price": draw.random(rows) * 1000,
        "item/made": draw.integers(10**15, 17 * 10**14, rows).astype("datetime64[us]"),
        "item/parent": tempids[draw.integers(0, rows, rows)],
        "item/owner": tempids[draw.zipf(1.5, rows) % rows],
        "item/near": tempids[draw.integers(0, rows, rows)],
    }


class Took(NamedTuple):
    seconds: float
    cpu: float
    """Of this process."""


class Timer:
    def __enter__(self) -> Timer:
        self.began, self.cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.took = Took(time.perf_counter() - self.began, time.process_time() - self.cpu)


def empty(dsn: str, name: str) -> None:
    """A store with the schema alone."""
    with factstore.connect(dsn, schema=name) as conn:
        conn.transact(schema())


def load(dsn: str, name: str, data: dict[str, Any]) -> Took:
    with factstore.connect(dsn, schema=name) as conn, Timer() as timer:
        conn.load(data)
    return timer.took


class Ready(NamedTuple):
    """What bare sends, as bytes, and the t it is to publish."""

    facts_live: bytes
    log: bytes
    dict: bytes
    t: int


def ready(dsn: str, loaded: str, without: str) -> Ready:
    """What one store has and the other has not."""
    with psycopg.connect(dsn, autocommit=True) as session:
        t: int = one(session, f"SELECT t FROM {loaded}.root")
        before = one(session, f"SELECT max(id) FROM {without}.dict")
        facts = f"SELECT e, v, tx_from, a, vt, fl FROM {loaded}.facts_live WHERE tx_from = {TX0 + t} ORDER BY e, a, v"
        log = f"SELECT tx, e, v, a, vt, added FROM {loaded}.log WHERE tx = {TX0 + t} ORDER BY e, a, v"
        entries = f"SELECT * FROM {loaded}.dict WHERE id > {before} ORDER BY id"
        return Ready(*(stream(session, select) for select in (facts, log, entries)), t)


def one(session: psycopg.Connection[Any], statement: str) -> Any:
    row = session.execute(statement).fetchone()
    assert row is not None
    return row[0]


def stream(session: psycopg.Connection[Any], select: str) -> bytes:
    with session.cursor().copy(f"COPY ({select}) TO STDOUT (FORMAT BINARY)") as copy:
        return b"".join(bytes(piece) for piece in copy)


COLUMNS = {"facts_live": " (e, v, tx_from, a, vt, fl)", "log": "", "dict": ""}
DROP = [
    "DROP INDEX {s}.log_tx, {s}.live_eavt, {s}.live_avet, {s}.live_vaet, {s}.dict_h",
    "ALTER TABLE {s}.dict DROP CONSTRAINT dict_pkey",
]
INDEX = [
    "CREATE INDEX log_tx ON {s}.log (tx)",
    "CREATE UNIQUE INDEX live_eavt ON {s}.facts_live (e, a, v)",
    "CREATE INDEX live_avet ON {s}.facts_live (a, v, e) WHERE fl & 1 = 1",
    "CREATE INDEX live_vaet ON {s}.facts_live (v, a, e) WHERE vt = 1",
    "ALTER TABLE {s}.dict ADD CONSTRAINT dict_pkey PRIMARY KEY (id)",
    "CREATE UNIQUE INDEX dict_h ON {s}.dict (h, kind)",
]
ANALYZE = "ANALYZE {s}.facts, {s}.facts_live, {s}.facts_hist, {s}.log, {s}.dict"


def bare(dsn: str, name: str, made: Ready) -> Took:
    with psycopg.connect(dsn, autocommit=True) as session, Timer() as timer:
        session.execute("SET maintenance_work_mem = '256MB'; SET jit = off")
        session.execute("BEGIN")
        run(session, name, DROP)
        for (target, columns), rows in zip(COLUMNS.items(), made[:3], strict=True):
            with session.cursor().copy(f"COPY {name}.{target}{columns} FROM STDIN (FORMAT BINARY)") as copy:
                copy.write(rows)
        run(session, name, INDEX)
        session.execute(f"UPDATE {name}.root SET t = {made.t}")
        session.execute("COMMIT")
        run(session, name, [ANALYZE])
    return timer.took


def run(session: psycopg.Connection[Any], name: str, statements: list[str]) -> None:
    for statement in statements:
        session.execute(statement.format(s=name))


def check_alike(dsn: str, names: tuple[str, str]) -> None:
    """Both stores hold the same."""
    sums = {
        "facts_live": "sum(hashint8(e)::int8 * 3 + hashint8(v) + a * 7 + vt + fl)",
        "log": "sum(hashint8(e)::int8 * 3 + hashint8(v) + a * 7 + vt)",
        "dict": "sum(id * 3 + hashtext(txt) + hashtext(h::text))",
    }
    with psycopg.connect(dsn, autocommit=True) as session:
        for target, column in sums.items():
            # The newest instant differs: each store was made at its own time.
            seen = [
                one(session, f"SELECT (count(*), {column})::text FROM {name}.{target} {NEWER[target]}")
                for name in names
            ]
            assert seen[0] == seen[1], (target, seen)


NEWER = {"facts_live": f"WHERE tx_from > {TX0 + 1}", "log": f"WHERE tx > {TX0 + 1}", "dict": ""}


def drop(dsn: str, *names: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as session:
        for name in names:
            session.execute(f"DROP SCHEMA {name} CASCADE")
        session.execute("CHECKPOINT")


def main(datoms: int = 2_000_000, rounds: int = 5) -> None:
    data = table(datoms // ATTRIBUTES)
    took: dict[str, list[Took]] = {"load": [], "bare": []}
    # Short: the path of a socket may have 107 bytes.
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        Path(directory).chmod(0o755)
        with start(Path(directory) / "store") as server:
            made: Ready | None = None
            for number in range(rounds + 1):
                empty(server.dsn, "one")
                empty(server.dsn, "other")
                loaded = load(server.dsn, "one", data)
                if made is None:  # the first round makes the arrays, and warms both
                    made = ready(server.dsn, "one", "other")
                bared = bare(server.dsn, "other", made)
                if number:
                    took["load"].append(loaded)
                    took["bare"].append(bared)
                else:
                    check_alike(server.dsn, ("one", "other"))
                drop(server.dsn, "one", "other")
    show(datoms, took)


def show(datoms: int, took: dict[str, list[Took]]) -> None:
    for name, each in took.items():
        seconds = statistics.median(one.seconds for one in each)
        cpu = statistics.median(one.cpu for one in each)
        print(f"{name:6}{seconds:8.2f} s{datoms / seconds:12,.0f} datoms/s{cpu:8.2f} s of CPU here")
    ratios = [bare.seconds / load.seconds for load, bare in zip(took["load"], took["bare"], strict=True)]
    print(f"load is {statistics.median(ratios):.0%} of bare ({', '.join(f'{ratio:.0%}' for ratio in ratios)})")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
