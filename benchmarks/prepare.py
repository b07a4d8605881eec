"""How long :func:`factstore.tx.prepare` takes per datom said: package maps like those of a Linux archive.

Run as ``python -m benchmarks.prepare``; seeded, CPU time of this process, MemoryLog as the reader.
"""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from typing import Any

from factstore.db import DbValue
from factstore.log import MemoryLog, schema_at
from factstore.snapshot import Snapshot
from factstore.tx import Plan, prepare

WORDS = ("name", "version", "section", "priority", "maintainer", "arch", "filename", "md5", "sha", "desc")
FEW = frozenset(("section", "priority", "arch"))
DATOMS = len(WORDS) + 7
"""Of one package map: words, key, two sizes, two tags, the source and its name."""


def schema() -> list[dict[str, Any]]:
    return [
        *(attribute(f"package/{word}", "string") for word in WORDS),
        attribute("package/key", "string", unique="db.unique/identity"),
        attribute("package/size", "long"),
        attribute("package/installed", "long"),
        attribute("package/source", "ref"),
        attribute("package/tags", "string", cardinality="db.cardinality/many"),
        attribute("source/name", "string", unique="db.unique/identity"),
    ]


def attribute(name: str, type: str, **more: str) -> dict[str, Any]:
    own = {"cardinality": "db.cardinality/one", "valueType": f"db.type/{type}", **more}
    return {"db/ident": name, **{f"db/{key}": value for key, value in own.items()}}


def package(number: int, rng: random.Random) -> dict[str, Any]:
    words = {f"package/{word}": f"{word}{rng.randrange(20 if word in FEW else 100_000)}" for word in WORDS}
    return words | {
        "package/key": f"package{number}",
        "package/size": rng.randrange(10**6),
        "package/installed": rng.randrange(10**6),
        "package/source": {"source/name": f"source{rng.randrange(3000)}"},
        "package/tags": [f"t{rng.randrange(200)}", f"u{rng.randrange(200)}"],
    }


def commit(log: MemoryLog, data: list[dict[str, Any]]) -> tuple[Plan, float]:
    db = DbValue(Snapshot(log, log.head()), schema_at(log, log.head()), log.dictionary)
    with log.writer() as writer:
        start = time.process_time()
        plan = prepare(writer, db, data, writer.counters, now=datetime.now(UTC))
        seconds = time.process_time() - start
        writer.write(plan)
    return plan, seconds


def main() -> None:
    log, rng = MemoryLog(), random.Random(7)
    commit(log, schema())
    fresh = [package(number, rng) for number in range(5000)]
    other = [package(number, rng) for number in range(5000)]
    batches = {"1,000 new": [package(-1 - n, rng) for n in range(1000)], "5,000 new": fresh, "5,000 changed": other}
    for name, data in {**batches, "5,000 the same": other}.items():
        plan, seconds = commit(log, data)
        each = seconds / (len(data) * DATOMS) * 1e6
        written = f"{len(plan.added.e):6} added, {len(plan.retracted.e):6} retracted"
        print(f"{name:>15}: {written}, {each:.2f} µs per datom said")


if __name__ == "__main__":
    main()
