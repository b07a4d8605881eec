"""What the engine did for a query: each step in the order it ran, what it expected and what it found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from factstore.query.fixpoint import Called
from factstore.query.solve import Ran


class Line(NamedTuple):
    """One step: the clause, how deep it lies, rows expected, rows before and after, and its time."""

    clause: str
    depth: int
    estimate: float | None
    rows_in: int
    rows_out: int
    seconds: float


class Plan:
    """The steps of one run of a query, in order; as data (:attr:`lines`, :attr:`goals`) and as text."""

    def __init__(self, trace: Sequence[Ran], goals: Sequence[Called], rows: int, *, analyze: bool) -> None:
        self.lines = tuple(
            Line(
                str(ran.step.node),
                ran.depth - 1,
                None if ran.estimate < 0 else ran.estimate,
                ran.rows_in,
                ran.rows_out,
                ran.seconds,
            )
            for ran in trace
        )
        self.goals = tuple(map(str, goals))
        self.rows = rows
        self.analyze = analyze

    def __str__(self) -> str:
        head = f"{'expected':>12} {_MEASURED if self.analyze else ''} clause"
        goals = [f"rules called: {', '.join(self.goals)}"] if self.goals else []
        return "\n".join([head, *map(self._shown, self.lines), *goals, f"{self.rows:,} rows"])

    def _shown(self, line: Line) -> str:
        expected = "-" if line.estimate is None else format(line.estimate, ",.0f")
        found = f"{line.rows_in:>10,} {line.rows_out:>10,} {line.seconds * 1000:>9.3f} " if self.analyze else ""
        return f"{expected:>12} {found} {'  ' * line.depth}{line.clause}"


_MEASURED: Final = f"{'in':>10} {'out':>10} {'ms':>9} "
