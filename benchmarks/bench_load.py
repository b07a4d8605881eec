"""``conn.load`` beside the bare import of the same facts as ready-made arrays, into an empty store each.

Run as ``python -m benchmarks.bench_load [datoms] [rounds]``. Bare is what PostgreSQL itself takes: COPY BINARY of
rows that numpy has packed, of facts with their lives, of the log and of the dictionary, then the indexes, ANALYZE
and the commit; nothing is checked, looked up, digested or encoded in it. Rounds take turns, so that a busy machine is busy for
both, and the tables must come out the same.
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
from factstore.columns import LogRows
from factstore.embedded import start
from factstore.postgres.stream import HEADER, TRAILER

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


def load(dsn: str, name: str, data: dict[str, Any]) -> Took:
    with factstore.connect(dsn, schema=name) as conn:
        conn.transact(schema())
        with Timer() as timer:
            conn.load(data)
    return timer.took


class Ready(NamedTuple):
    """What bare sends."""

    facts: bytes
    log: bytes
    entries: bytes
    t: int


def ready(dsn: str, name: str) -> Ready:
    """The newest transaction of a store as it stands in the tables."""
    with psycopg.connect(dsn, autocommit=True) as session:
        t = session.execute(f"SELECT t FROM {name}.root").fetchone()[0]
        tx = factstore.connect(dsn, schema=name).db().basis_t and (1 << 42) + t
        facts = f"COPY (SELECT e, v, tx_from, a, vt, fl FROM {name}.facts_live WHERE tx_from = {tx} ORDER BY e, a, v)"
        log = f"COPY (SELECT * FROM {name}.log WHERE tx = {tx} ORDER BY e, a, v)"
        entries = f"COPY (SELECT * FROM {name}.dict WHERE id > (SELECT max(id) FROM {name}_bare.dict) ORDER BY id)"
        return Ready(*(stream(session, select) for select in (facts, log, entries)), t)


def stream(session: psycopg.Connection[Any], select: str) -> bytes:
    with session.cursor().copy(f"{select} TO STDOUT (FORMAT BINARY)") as copy:
        return b"".join(bytes(piece) for piece in copy)


SECONDARY = {
    "log_tx": "CREATE INDEX log_tx ON {s}.log (tx)",
    "live_eavt": "CREATE UNIQUE INDEX live_eavt ON {s}.facts_live (e, a, v)",
    "live_avet": "CREATE INDEX live_avet ON {s}.facts_live (a, v, e) WHERE fl & 1 = 1",
    "live_vaet": "CREATE INDEX live_vaet ON {s}.facts_live (v, a, e) WHERE vt = 1",
    "dict_h": "CREATE UNIQUE INDEX dict_h ON {s}.dict (h, kind)",
}


def bare(dsn: str, name: str, made: Ready) -> Took:
    columns = {"facts_live": " (e, v, tx_from, a, vt, fl)", "log": "", "dict": ""}
    with psycopg.connect(dsn, autocommit=True) as session, Timer() as timer:
        session.execute("SET maintenance_work_mem = '256MB'")
        session.execute("BEGIN")
        for index in SECONDARY:
            session.execute(f"DROP INDEX {name}.{index}")
        session.execute(f"ALTER TABLE {name}.dict DROP CONSTRAINT dict_pkey")
        for (target, names), data in zip(columns.items(), (made.facts, made.log, made.entries), strict=True):
            with session.cursor().copy(f"COPY {name}.{target}{names} FROM STDIN (FORMAT BINARY)") as copy:
                copy.write(data)
        for statement in SECONDARY.values():
            session.execute(statement.format(s=name))
        session.execute(f"ALTER TABLE {name}.dict ADD CONSTRAINT dict_pkey PRIMARY KEY (id)")
        session.execute(f"UPDATE {name}.root SET t = {made.t}")
        session.execute("COMMIT")
        session.execute(f"ANALYZE {name}.facts, {name}.facts_live, {name}.facts_hist, {name}.log, {name}.dict")
    return timer.took
