"""Small queries, whole call: row by row against by columns, on one store in memory.

    python -m benchmarks.bench_rows [name …]

Each query is asked about many entities; the median of a call is shown, in microseconds, best of three rounds.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from typing import Any, NamedTuple

import factstore

PEOPLE = 20_000
CALLS = 200
ANC = "[[(anc ?a ?b) [?a :p/boss ?b]] [(anc ?a ?b) [?a :p/boss ?c] (anc ?c ?b)]]"
LEFT = "[[(anc ?a ?b) [?a :p/boss ?b]] [(anc ?a ?b) (anc ?a ?c) [?c :p/boss ?b]]]"
TWO = "[?a :p/follows ?b] [?b :p/follows ?c]"
QUERIES = {
    "one hop": ("[:find ?b :in $ ?a :where [?a :p/follows ?b]]", "id"),
    "two hops from a lookup ref": (f"[:find ?c :in $ ?a :where {TWO}]", "ref"),
    "three attributes by a key": (
        "[:find ?n ?g ?b :in $ ?k :where [?a :p/key ?k] [?a :p/name ?n] [?a :p/age ?g] [?a :p/boss ?b]]",
        "key",
    ),
    "four hops": (f"[:find ?n :in $ ?a :where {TWO} [?c :p/follows ?d] [?d :p/name ?n]]", "id"),
    "two hops and not": (f"[:find ?c :in $ ?a :where {TWO} (not [?c :p/nick _])]", "id"),
    "two hops and a comparison": (f"[:find ?c ?g :in $ ?a :where {TWO} [?c :p/age ?g] [(> ?g 50)]]", "id"),
    "two hops and or": (f"[:find ?c ?n :in $ ?a :where {TWO} (or [?c :p/nick ?n] [?c :p/name ?n])]", "id"),
    "count over three hops": (f"[:find (count ?d) . :in $ ?a :where {TWO} [?c :p/follows ?d]]", "id"),
    "ten ancestors": ("[:find ?b :in $ % ?a :where (anc ?a ?b)]", ANC),
    "ten ancestors, left-linear": ("[:find ?b :in $ % ?a :where (anc ?a ?b)]", LEFT),
    "one value of 5,000 (large)": ('[:find ?e :where [?e :p/name "Ivan"]]', ""),
    "a comparison, 10,000 (large)": ("[:find ?e ?g :where [?e :p/age ?g] [(> ?g 50)]]", ""),
}


class Store(NamedTuple):
    """A db value and its people."""

    db: factstore.Db
    ids: list[int]

    def inputs(self, kind: str, n: int) -> tuple[Any, ...]:
        """What a query of a kind is given for the n-th person."""
        given: dict[str, tuple[Any, ...]] = {
            "": (),
            "id": (self.ids[n],),
            "key": (f"k{n}",),
            "ref": (["p/key", f"k{n}"],),
        }
        return given.get(kind) or (() if not kind else (kind, self.ids[PEOPLE - 1 - n % 1000]))


def made() -> Store:
    """People with three others they follow each, and a boss; the same in every run."""
    conn, r = factstore.connect("memory:"), random.Random(1)
    kinds = {"key": "string", "name": "string", "nick": "string", "age": "long", "boss": "ref", "follows": "ref"}
    conn.transact([_attribute(name, kind) for name, kind in kinds.items()])
    found = conn.transact([_person(n, r) for n in range(PEOPLE)]).tempids
    return Store(conn.db(), [found[f"p{n}"] for n in range(PEOPLE)])


def _attribute(name: str, kind: str) -> dict[str, str]:
    many = "many" if name == "follows" else "one"
    unique = {"db/unique": "db.unique/identity"} if name == "key" else {}
    return {
        "db/ident": f"p/{name}",
        "db/valueType": f"db.type/{kind}",
        "db/cardinality": f"db.cardinality/{many}",
        **unique,
    }


def _person(n: int, r: random.Random) -> dict[str, Any]:
    more: dict[str, Any] = {"p/nick": "n"} if n % 3 == 0 else {}
    boss = {"p/boss": f"p{n // 3}"} if n else {}
    follows = [f"p{r.randrange(PEOPLE)}" for _ in range(3)]
    name = r.choice(["Ivan", "Petr", "Sergei", "Oleg"])
    return {
        "db/id": f"p{n}",
        "p/key": f"k{n}",
        "p/name": name,
        "p/age": r.randrange(100),
        "p/follows": follows,
        **more,
        **boss,
    }


def median(store: Store, query: str, kind: str, engine: str) -> float:
    """The median of a call, in microseconds."""
    taken = []
    for call in range(CALLS):
        inputs = store.inputs(kind, call * 7 % PEOPLE)
        started = time.perf_counter()
        store.db.q(query, *inputs, engine=engine)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1e6


def main(wanted: list[str]) -> None:
    store = made()
    print(f"{'':30} {'auto':>8} {'columns':>8}")
    for name, (query, kind) in QUERIES.items():
        if not wanted or any(word in name for word in wanted):
            auto, columns = (
                min(median(store, query, kind, engine) for _ in range(3)) for engine in ("auto", "columns")
            )
            print(f"{name:30} {auto:8.1f} {columns:8.1f}")


if __name__ == "__main__":
    main(sys.argv[1:])
