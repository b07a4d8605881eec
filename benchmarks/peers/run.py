"""One table: every peer is told the facts, then every question is put to one after the other."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence

from benchmarks.peers.measure import Budget, Measured, TooSlow
from benchmarks.peers.peer import Peer, Place
from benchmarks.peers.report import Row
from benchmarks.peers.workloads import Workload


class Disagreement(AssertionError):
    """A peer's answer is another than ours."""


def asked(peers: Sequence[Peer], place: Place, workloads: Sequence[Workload], budget: Budget) -> list[Row]:
    """A row for each question, the first peer being ours."""
    for peer in peers:
        peer.load(place)
        print(
            f"{peer.name} {peer.version}: {place.data.size:,} facts of {place.data.name}", file=sys.stderr, flush=True
        )
    # What the facts are made of here is no part of anyone's calls, nor of the collections of garbage during them.
    gc.collect()
    gc.freeze()
    return [_row(peers, workload, budget) for workload in workloads]


def _row(peers: Sequence[Peer], workload: Workload, budget: Budget) -> Row:
    cells: dict[str, Measured | str] = {}
    for peer in peers:
        try:
            found = peer.ask(workload, budget)
        except TooSlow as reason:
            cells[peer.name] = str(reason)
            continue
        if found is not None:
            cells[peer.name] = found
    answers = {name: cell.answer for name, cell in cells.items() if isinstance(cell, Measured)}
    if len(set(answers.values())) > 1:
        raise Disagreement(f"{workload.name}: {answers}")
    told = (f"{name} {cell.median:.3f}" for name, cell in cells.items() if isinstance(cell, Measured))
    print(f"{workload.name}: {', '.join(told)}", file=sys.stderr, flush=True)
    columns = frozenset(peer.name for peer in peers if peer.columns)
    return Row(workload.name, cells, columns)
