"""Small questions, the whole call: what a service asks for each request.

Run as ``python -m benchmarks.navigation [--quick] [--profile] [--store PLACE]``. Sixty-four entities take turns at
being asked about; each peer's answers about all of them must be the same. Ours counts parse (of a text that was seen
before), plan, run and the list. ``--profile`` tells where our time goes instead of comparing.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from typing import Any

from benchmarks.agreement import check
from benchmarks.measure import against, medians
from benchmarks.navigation import data, datascript
from benchmarks.navigation.peers import Cozo, Factstore, Postgres, RoundTrip, in_turn
from benchmarks.navigation.questions import QUESTIONS
from benchmarks.profiled import where

NAME = "factstore"
BESIDE = ("`SELECT 1`", "factstore, `conn.db()` first")
"""Shown, and nobody's peers: the one answers nothing, the other is ours."""


@contextlib.contextmanager
def peers(served: data.Served) -> Iterator[list[Any]]:
    """Those that run in this process, ours first."""
    with contextlib.ExitStack() as stack:
        found: list[Any] = [Factstore(served)]
        try:
            found.append(Cozo(served))
        except ImportError as error:
            print(f"Cozo is left out: {error}")
        found += [Postgres(served), RoundTrip(served), Factstore(served, fresh=True)]
        for peer in found:
            if hasattr(peer, "close"):
                stack.callback(peer.close)
        yield found


def compare(served: data.Served, asked: list[Any], seconds: float) -> list[tuple[str, int, dict[str, float]]]:
    nodes = served.nodes
    told = datascript.ask(nodes, seconds / 2)
    rows = []
    for question in QUESTIONS:
        calls = {peer.name: peer.call(question) for peer in asked}
        beside = told.get(question.name)
        size = 0
        for turn, place in enumerate(nodes.starts):
            answers = {name: call(place) for name, call in calls.items() if name != "`SELECT 1`"}
            if beside is not None:
                answers[datascript.NAME] = beside.answers[turn]
            size += check(answers, f"{question.name} of {nodes.key[place]}")
        found = medians({name: in_turn(call, nodes) for name, call in calls.items()}, seconds)
        if beside is not None:
            found[datascript.NAME] = beside.seconds
        rows.append((question.name, round(size / len(nodes.starts)), found))
    return rows


def main(arguments: list[str] | None = None) -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true")
    options.add_argument("--profile", action="store_true")
    options.add_argument("--store", help="a directory, or the DSN of a server, to make the store in")
    given = options.parse_args(arguments)
    count = 300 if given.quick else 20_000
    with data.served(count, given.store) as served, peers(served) as asked:
        if given.profile:
            for question in QUESTIONS:
                print(f"* {question.name}: {where(in_turn(asked[0].call(question), served.nodes), top=8)}")
            return
        rows = compare(served, asked, 0.0 if given.quick else 1.0)
    names = [peer.name for peer in asked[1:]] + [datascript.NAME]
    print(f"\n{count:,} nodes, rows of an average answer; medians of the whole call\n")
    there = [name for name in names if any(name in found for _, _, found in rows)]
    print("\n".join(against(rows, NAME, there, beside=BESIDE)))


if __name__ == "__main__":
    main()
