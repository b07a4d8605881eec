"""Export and import of a whole store, datoms a second: ``python -m benchmarks.bench_export [DATOMS]``.

People with names, mails, ages and friends, 5000 to a transaction, a tenth of them changed again later. Seeded;
wall and CPU time of this process, the size of the file, and the most memory the process took.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from factstore import Connection, Transfer, check_export, connect

SCHEMA = [
    {
        "db/ident": f"person/{name}",
        "db/valueType": f"db.type/{type}",
        "db/cardinality": f"db.cardinality/{many}",
        **more,
    }
    for name, type, many, more in (
        ("email", "string", "one", {"db/unique": "db.unique/identity"}),
        ("name", "string", "one", {}),
        ("age", "long", "one", {"db/index": True}),
        ("score", "double", "one", {}),
        ("city", "string", "one", {}),
        ("friend", "ref", "many", {}),
    )
]
BATCH = 5000


def person(number: int, draw: random.Random) -> dict[str, Any]:
    found = {
        "person/email": f"person{number}@example.org",
        "person/name": f"{draw.choice('ABCDEF')}{draw.randrange(50_000)}",
        "person/age": draw.randrange(100),
        "person/score": draw.random(),
        "person/city": f"city {draw.randrange(300)}",
    }
    if number:
        friends = {draw.randrange(number) for _ in range(2)}
        found["person/friend"] = [["person/email", f"person{friend}@example.org"] for friend in friends]
    return found


def fill(conn: Connection, datoms: int) -> None:
    draw = random.Random(1)
    conn.transact(SCHEMA)
    written = number = 0
    while written < datoms:
        # Friends of the same batch would be looked up before they are there.
        people = [person(number + n, draw) for n in range(BATCH)]
        for one in people:
            kept = [ref for ref in one.get("person/friend", []) if int(ref[1][6:-12]) < number]
            one["person/friend"] = kept
        written += len(conn.transact(people).datoms)
        number += BATCH
        changed = [
            {"person/email": f"person{draw.randrange(number)}@example.org", "person/age": 100 + n}
            for n in range(BATCH // 10)
        ]
        seen = {form["person/email"]: form for form in changed}
        written += len(conn.transact(list(seen.values())).datoms)


def timed(what: str, verb: Callable[[], Transfer]) -> Transfer:
    wall, cpu = time.perf_counter(), time.process_time()
    moved = verb()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{what:34} {moved.datoms:10,} datoms {wall:7.2f} s {moved.datoms / wall:11,.0f}/s"
        f" (CPU {cpu:6.2f} s) peak {peak:,} MB"
    )
    return moved


def main(datoms: int = 1_000_000) -> None:
    with tempfile.TemporaryDirectory(prefix="fs-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        source = connect("memory:")
        fill(source, datoms)
        path, second = directory / "memory.facts", directory / "postgresql.facts"
        moved = timed("memory to file", lambda: source.export(path))
        size = path.stat().st_size
        print(f"{'':34} {size:10,} bytes, {size / moved.datoms:.1f} a datom")
        timed("file to memory", lambda: connect("memory:").import_(path))
        with connect(directory / "store") as conn:
            timed("file to PostgreSQL", lambda: conn.import_(path))
            timed("PostgreSQL to file", lambda: conn.export(second))
            timed("file to PostgreSQL, all there", lambda: conn.import_(path)._replace(datoms=moved.datoms))
        start = time.perf_counter()
        check_export(second)
        print(f"{'check_export':34} {moved.datoms / (time.perf_counter() - start):11,.0f} datoms/s")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
