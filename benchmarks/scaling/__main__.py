"""How the time of each class of query grows with the store: ten times the datoms, and the exponent of the growth.

Run as ``python -m benchmarks.scaling [--quick] [--datoms 100000,1000000]``; ``100000,1000000,10000000`` takes some
minutes and two gigabytes. Answers are columns. An exponent of 1 is linear; n log n comes to 1.08 from 100,000 to a
million and to 1.07 from there to ten.
"""

from __future__ import annotations

import argparse
import gc
import resource
import time
from typing import Final

import numpy as np

from benchmarks.measure import medians, shown, table
from benchmarks.overhead.data import store
from factstore import Db

_PER_PERSON: Final = 10.6
"""Facts, those of half a shop included."""
_MARKED: Final = 1.15
"""Growth above this is printed bold."""
_REACHES: Final = """
[(reaches ?p ?n) [?p :person/friend ?n]]
[(reaches ?p ?n) [?p :person/friend ?m] (reaches ?m ?n)]"""

QUESTIONS: Final = {
    "point: an attribute by a unique key": """[:find [?age ...] :in $ ?key
 :where [?e :person/key ?key] [?e :person/age ?age]]""",
    "one value, an eighth of the people": '[:find [?e ...] :where [?e :person/name "Ivan"]]',
    "star of 4 clauses": """[:find ?e ?age :where [?e :person/name "Ivan"] [?e :person/last-name "Ivanov"]
 [?e :person/sex "male"] [?e :person/age ?age]]""",
    "2 hops of the whole graph, distinct": "[:find ?a ?c :where [?a :person/friend ?b] [?b :person/friend ?c]]",
    "a range, a tenth of the values": "[:find ?e ?s :where [?e :person/salary ?s] [(<= 50000 ?s)] [(< ?s 60000)]]",
    "closure from one, nearly all": "[:find [?n ...] :in $ ?key :where [?e :person/key ?key] (reaches ?e ?n)]",
    "count and sum by group": "[:find ?c (count ?e) (sum ?s) :where [?e :person/city ?c] [?e :person/salary ?s]]",
    "without (`not`)": "[:find [?e ...] :where [?e :person/name] (not [?e :person/banned])]",
    "triangles": "[:find ?a ?b ?c :where [?a :person/friend ?b] [?b :person/friend ?c] [?a :person/friend ?c]]",
    "the ten who earn most": "[:find ?e ?s :where [?e :person/salary ?s] :order-by [?s :desc ?e] :limit 10]",
}


def measured(datoms: int, budget: float) -> dict[str, tuple[int, float]]:
    """Rows and seconds of each class over a store of about so many datoms; tells what it took to make one."""
    began = time.perf_counter()
    db = store(round(datoms / _PER_PERSON))
    made = time.perf_counter() - began
    key = db.q("[:find ?key . :where [_ :person/key ?key]]")
    found = {}
    for name, text in QUESTIONS.items():
        given = [key] if ":in $ ?key" in text else []

        def call(text: str = text, given: list[str] = given) -> int:
            columns = db.q(text, *given, rules=_REACHES).to_numpy()
            return len(next(iter(columns.values())))

        size = call()
        found[name] = (size, medians({name: call}, budget)[name])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{_count(db):,} facts: made in {made:.1f} s; the process has held {peak:.2f} GB at most by now")
    return found


def _count(db: Db) -> int:
    named = [attribute for attribute in db.schema if attribute.ident.startswith(("person/", "shop/", "city/"))]
    return sum(len(db.snapshot.index(attribute.id)) for attribute in named)


def growth(sizes: list[int], by_size: list[dict[str, tuple[int, float]]]) -> str:
    """The table: seconds by size, the exponent that fits all of them best, and the one between the last two."""
    heads = ["", "rows of the largest", *(f"{size:,} datoms" for size in sizes), "exponent", "last step"]
    rows = []
    for name in QUESTIONS:
        seconds = [found[name][1] for found in by_size]
        fitted, last = exponent(sizes, seconds), exponent(sizes[-2:], seconds[-2:])
        told = f"{fitted:.2f}" if fitted <= _MARKED else f"**{fitted:.2f}**"
        rows.append([name, f"{by_size[-1][name][0]:,}", *map(shown, seconds), told, f"{last:.2f}"])
    return table(heads, rows)


def exponent(sizes: list[int], seconds: list[float]) -> float:
    """The k for which ``seconds`` grow as the k-th power of ``sizes``, by least squares over their logarithms.

    >>> round(exponent([10, 100, 1000], [0.5, 5.0, 50.0]), 3)
    1.0
    """
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def main(arguments: list[str] | None = None) -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true")
    options.add_argument("--datoms", default="100000,1000000", help="sizes, with commas between them")
    given = options.parse_args(arguments)
    sizes = [1_000, 10_000] if given.quick else [int(size) for size in given.datoms.split(",")]
    by_size = []
    for size in sizes:
        by_size.append(measured(size, 0.0 if given.quick else 1.0))
        if not given.quick:
            gc.collect()
    print(f"\n{growth(sizes, by_size)}")


if __name__ == "__main__":
    main()
