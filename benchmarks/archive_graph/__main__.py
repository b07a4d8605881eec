"""Debian's archive as a graph: closures, joins, triangles, negation and aggregation beside their peers.

Run as ``python -m benchmarks.archive_graph [--quick] [--store PLACE] [--peers "NAME;NAME"] [--profile]``. ``--quick``
asks a drawn archive of a few hundred packages; so does a machine without ``apt-cache``, with 20,000 of them. A peer
that is not installed is named and left out. ``--profile`` tells where our time goes instead of comparing.
The store is kept where ``--store`` says, a directory or a DSN, and found there the next time.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.agreement import check
from benchmarks.archive_graph import data, memory
from benchmarks.archive_graph.duck import DuckFacts, DuckTables
from benchmarks.archive_graph.others import Cozo, NetworkX
from benchmarks.archive_graph.ours import NAME, Factstore
from benchmarks.archive_graph.postgres import Postgres
from benchmarks.archive_graph.questions import QUESTIONS
from benchmarks.measure import against, medians
from benchmarks.profiled import where

PEERS = ("DuckDB", "DuckDB, facts", "PostgreSQL", "Cozo", "NetworkX")


@contextlib.contextmanager
def peers(served: data.Served, wanted: list[str]) -> Iterator[list[Any]]:
    """The peers that can be had, ours first."""
    tables = data.tables(served.db)
    found: dict[str, Any] = {NAME: Factstore(served.db)}
    makers: dict[str, Callable[[], Any]] = {
        "DuckDB": lambda: DuckTables(tables),
        "DuckDB, facts": lambda: DuckFacts(served),
        "PostgreSQL": lambda: Postgres(served.dsn, served.db),
        "Cozo": lambda: Cozo(tables),
        "NetworkX": lambda: NetworkX(tables, found.get("DuckDB")),
    }
    with contextlib.ExitStack() as stack:
        for name in wanted:
            try:
                found[name] = makers[name]()
            except ImportError as error:
                print(f"{name} is left out: {error}")
                continue
            if hasattr(found[name], "close"):
                stack.callback(found[name].close)
        yield list(found.values())


def compare(asked: list[Any], budget: float) -> Iterator[tuple[str, int, dict[str, float]]]:
    """Each question to each peer: the rows must be the same, then everyone's median."""
    for question in QUESTIONS:
        calls = {peer.name: call for peer in asked if (call := peer.call(question)) is not None}
        size = check({name: call() for name, call in calls.items()}, question.name)
        yield question.name, size, medians(calls, budget)


def main(arguments: list[str] | None = None) -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true")
    options.add_argument("--store", help="a directory, or the DSN of a server, to keep the store in")
    options.add_argument("--peers", default=";".join(PEERS), help="those to ask, with semicolons between them")
    options.add_argument("--profile", action="store_true")
    given = options.parse_args(arguments)
    packages = data.drawn(200) if given.quick else data.archive() or data.drawn(20_000)
    wanted = [name for name in given.peers.split(";") if name]
    with data.served(packages, given.store) as served:
        edges = len(data.tables(served.db).depends[0])
        print(f"\n{len(packages):,} packages, {edges:,} edges of `depends`; medians\n")
        if given.profile:
            ours = Factstore(served.db)
            for question in QUESTIONS:
                print(f"* {question.name}: {where(ours.call(question))}")
            return
        with peers(served, wanted) as asked:
            rows = compare(asked, 0.0 if given.quick else 1.0)
            for told in against(rows, NAME, [peer.name for peer in asked[1:]]):
                print(told, flush=True)
        print(f"\n{memory.tables_of(served.db, quick=given.quick)}")


if __name__ == "__main__":
    main()
