"""Tables of what was measured, as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from benchmarks.peers.measure import Measured

Time = Callable[[Measured], float]

OURS, OUR_LIST = "factstore", "factstore, list"


class Row(NamedTuple):
    """What each peer took for a question, or why it has no answer."""

    name: str
    cells: dict[str, Measured | str]
    columns: frozenset[str]
    """The peers whose results are not Python rows yet: they are compared with our columns, the others with our list."""

    @property
    def size(self) -> int:
        """How many rows there were."""
        return next(cell.answer.rows for cell in self.cells.values() if isinstance(cell, Measured))

    def ratios(self, time: Time) -> Iterator[tuple[float, str]]:
        """How many times as long as ours each peer took, the fastest first."""
        own = {name: time(cell) for name, cell in self.cells.items() if isinstance(cell, Measured)}
        ours, our_list = own.pop(OURS), own.pop(OUR_LIST, own.get(OURS, 0.0))
        found = [(taken / (ours if name in self.columns else our_list or ours), name) for name, taken in own.items()]
        return iter(sorted(found))


def markdown(rows: Sequence[Row], peers: Sequence[str], *, fastest: bool = False) -> str:
    """A table in milliseconds; the last column is the best peer's time by ours, above 1 where ours is ahead."""
    time: Time = (lambda cell: cell.fastest) if fastest else (lambda cell: cell.median)
    lines = [_line(["", "rows", *peers, "best peer / ours"]), _line(["---"] * (len(peers) + 3))]
    for row in rows:
        best = next(row.ratios(time), None)
        ratio = f"{best[0]:.2f} ({best[1]})" if best else ""
        lines.append(_line([row.name, f"{row.size:,}", *(_cell(row.cells.get(peer), time) for peer in peers), ratio]))
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Measured | str | None, time: Time) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    taken = time(cell)
    return f"{taken:.3f}" if taken < 10 else f"{taken:,.1f}"
