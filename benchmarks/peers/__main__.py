"""Runs every question on every peer that is here, checks that the answers are equal, and prints tables.

``python -m benchmarks.peers [--quick] [--only people,rules,tree,genealogy] [--seconds 1.0] [--fastest]``
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.peers import cozo, datalevin, datascript, duckdb, networkx, ours, postgres, pydatalog
from benchmarks.peers.data import Dataset, chains, people, tree
from benchmarks.peers.genealogy import genealogy
from benchmarks.peers.measure import Budget
from benchmarks.peers.peer import Peer, Unavailable
from benchmarks.peers.report import Row, markdown
from benchmarks.peers.run import asked
from benchmarks.peers.workloads import GENEALOGY, PEOPLE, TREE, Workload, closure
from factstore.embedded import start

KINDS: tuple[type[Peer], ...] = (
    ours.Ours,
    ours.OursAsList,
    datascript.DataScript,
    datalevin.Datalevin,
    cozo.Cozo,
    duckdb.DuckDBColumns,
    duckdb.DuckDB,
    postgres.PostgreSQL,
    networkx.NetworkX,
    pydatalog.PyDatalog,
)

_NUMBERS = itertools.count(1)

Asked = tuple[Callable[[], Dataset], Sequence[Workload]]

WHOLE: dict[str, list[Asked]] = {
    "people": [(people, PEOPLE)],
    "rules": [
        *((lambda d=d, w=w: tree(d, w), [closure(f"rules-wide-{d}x{w}")]) for d, w in ((3, 3), (5, 3), (7, 3), (4, 6))),
        *((lambda d=d, w=w: chains(d, w), [closure(f"rules-long-{d}x{w}")]) for d, w in ((10, 3), (30, 3), (30, 5))),
    ],
    "tree": [(lambda: tree(4, 5), TREE)],
    "genealogy": [(genealogy, GENEALOGY)],
}
QUICK: dict[str, list[Asked]] = {
    "people": [(lambda: people(200), PEOPLE)],
    "rules": [
        (lambda: tree(2, 3), [closure("rules-wide-2x3")]),
        (lambda: chains(4, 2), [closure("rules-long-4x2")]),
    ],
    "tree": [(lambda: tree(2, 2), TREE)],
    "genealogy": [(lambda: genealogy(300, 330), GENEALOGY)],
}


def main() -> None:
    asker = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    asker.add_argument("--quick", action="store_true", help="small data and few rounds: to see that all agree")
    asker.add_argument("--only", default=",".join(WHOLE), help="some of the parts, by their names")
    asker.add_argument("--peers", default="", help="some of the peers, by the beginnings of their names")
    asker.add_argument(
        "--seconds", type=float, default=1.0, help="to measure each call in, after half of that to warm up"
    )
    asker.add_argument("--fastest", action="store_true", help="the fastest round of each instead of the median")
    given = asker.parse_args()
    budget = Budget(0.0, 0.0, 20.0) if given.quick else Budget(given.seconds / 2, given.seconds)
    peers = list(present(tuple(given.peers.lower().split(",")) if given.peers else ("",)))
    with server() as dsn:
        for part in given.only.split(","):
            rows = run(peers, dsn, (QUICK if given.quick else WHOLE)[part], budget)
            print(f"\n{part}\n\n{markdown(rows, [peer.name for peer in peers], fastest=given.fastest)}", flush=True)


def present(names: tuple[str, ...]) -> Iterator[Peer]:
    """Ours, and the peers with names that begin so and are installed here; a line for each that is not."""
    for kind in KINDS:
        if not issubclass(kind, ours.Ours) and not kind.name.lower().startswith(names):
            continue
        try:
            yield kind()
        except Unavailable as missing:
            print(f"left out: {kind.__name__}: {missing}")


def run(peers: Sequence[Peer], dsn: str, parts: Sequence[Asked], budget: Budget) -> list[Row]:
    """The rows of a table: each set of facts in a store of its own and told to every peer, every question asked."""
    rows: list[Row] = []
    try:
        for made, workloads in parts:
            place = ours.stored(made(), dsn, f"bench_{next(_NUMBERS)}")
            rows += asked(peers, place, workloads, budget)
    finally:
        for peer in peers:
            peer.close()
    return rows


@contextmanager
def server() -> Iterator[str]:
    """An embedded PostgreSQL that ends with the block; the path of a socket may have 107 bytes, so it is short."""
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        Path(directory).chmod(0o755)
        with start(Path(directory) / "store") as started:
            yield started.dsn


if __name__ == "__main__":
    main()
