"""The writes of datascript-bench through ``with_`` in memory, beside DataScript on node.

Run as ``python -m benchmarks.datascript_writes [people] [rounds]``. Each verb makes the same facts of the same
people, one value of five attributes each: ``add-1`` in a transaction for each fact, ``add-5`` in one for each
person, ``add-all`` in one; ``retract-5`` takes the people back one by one. Both sides chain values that nobody
commits. What is there at the end is counted on both sides and must agree.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import factstore
from factstore import Db

PEER = Path(__file__).parent.parent / "tests" / "peers" / "datascript" / "node_modules" / "datascript"
NAMES = ("Ivan", "Petr", "Sergei", "Oleg", "Yuri", "Dmitry", "Fedor", "Denis")
LAST_NAMES = ("Ivanov", "Petrov", "Sidorov", "Kovalev", "Kuznetsov", "Voronoi")
TYPES = {"name": "string", "last-name": "string", "sex": "string", "age": "long", "salary": "long"}

Person = dict[str, Any]


def people(size: int, seed: int = 7) -> list[Person]:
    draw = random.Random(seed)
    return [
        {
            "name": draw.choice(NAMES),
            "last-name": draw.choice(LAST_NAMES),
            "sex": draw.choice(("male", "female")),
            "age": draw.randrange(100),
            "salary": draw.randrange(100_000),
        }
        for _ in range(size)
    ]


def empty() -> Db:
    conn = factstore.connect("memory:")
    report = conn.transact(
        [
            {"db/ident": f"person/{name}", "db/valueType": f"db.type/{type}", "db/cardinality": "db.cardinality/one"}
            for name, type in TYPES.items()
        ]
    )
    return report.db_after


def maps_of(every: list[Person]) -> list[Person]:
    return [{"db/id": f"p{n}", **{f"person/{name}": v for name, v in each.items()}} for n, each in enumerate(every)]


def add_1(db: Db, maps: list[Person]) -> Db:
    for person in maps:
        entity = person["db/id"]
        for name in TYPES:
            report = db.with_([["db/add", entity, f"person/{name}", person[f"person/{name}"]]])
            db, entity = report.db_after, report.tempids.get(entity, entity)
    return db


def add_5(db: Db, maps: list[Person]) -> Db:
    for person in maps:
        db = db.with_([person]).db_after
    return db


def add_all(db: Db, maps: list[Person]) -> Db:
    return db.with_(maps).db_after


def retract_5(db: Db, entities: list[int]) -> Db:
    for entity in entities:
        db = db.with_([["db/retractEntity", entity]]).db_after
    return db


def measured(run: Callable[[], Db], rounds: int) -> dict[str, Any]:
    run()
    milliseconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        after = run()
        milliseconds.append((time.perf_counter() - start) * 1e3)
    return {"milliseconds": milliseconds, "datoms": sum(len(after.datoms(f"person/{name}")) for name in TYPES)}


def ours(every: list[Person], rounds: int) -> dict[str, dict[str, Any]]:
    db, maps = empty(), maps_of(every)
    full = db.with_(maps)
    entities = [full.tempids[person["db/id"]] for person in maps]
    return {
        "add-1": measured(lambda: add_1(db, maps), rounds),
        "add-5": measured(lambda: add_5(db, maps), rounds),
        "add-all": measured(lambda: add_all(db, maps), rounds),
        "retract-5": measured(lambda: retract_5(full.db_after, entities), rounds),
    }


def datascript(every: list[Person], rounds: int) -> dict[str, dict[str, Any]]:
    script = Path(__file__).with_suffix(".js")
    command = ["node", str(script), str(PEER), str(rounds)]
    told = subprocess.run(command, input=json.dumps(every), capture_output=True, text=True, check=True).stdout
    found: dict[str, dict[str, Any]] = json.loads(told)
    return found


def main(size: int = 20_000, rounds: int = 5) -> None:
    every = people(size)
    mine, peer = ours(every, rounds), datascript(every, rounds)
    print(f"{size:,} people, {5 * size:,} facts; median of {rounds} rounds, ms")
    print(f"{'':12}{'factstore':>12}{'DataScript':>12}{'ratio':>8}")
    for verb, told in mine.items():
        assert told["datoms"] == peer[verb]["datoms"], (verb, told["datoms"], peer[verb]["datoms"])
        one, other = statistics.median(told["milliseconds"]), statistics.median(peer[verb]["milliseconds"])
        print(f"{verb:12}{one:12,.0f}{other:12,.0f}{other / one:8.1f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
