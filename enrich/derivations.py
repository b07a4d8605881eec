"""All proofs of a goal, one after the other, the shallowest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from enrich.proofs import Goal, Proof, Ways

STEPS: Final = 50_000
"""How many goals the search for one edge's derivations visits before it ends."""


def proofs(ways: Ways, goals: Sequence[Goal], outside: frozenset[Goal], depth: int) -> Iterator[Proof]:
    """Every proof of any of ``goals`` up to ``depth`` levels; none leans on itself, nor on a goal of ``outside``.

    It goes one level deeper at a time, so that the shallow ones come first, and ends where a level brings
    nothing that could go deeper, or after :data:`STEPS` goals.
    """
    for height in range(1, depth + 1):
        search = _Level(ways)
        for goal in goals:
            yield from (proof for proof in search.proofs(goal, height, outside) if proof.height == height)
        if not search.is_cut or search.steps > STEPS:
            return


class _Level:
    def __init__(self, ways: Ways) -> None:
        self._ways: Final = ways
        self.is_cut = False
        self.steps = 0

    def proofs(self, goal: Goal, height: int, path: frozenset[Goal]) -> Iterator[Proof]:
        self.steps += 1
        if not height or self.steps > STEPS:
            self.is_cut = True
            return
        inside = path | {goal}
        for way in self._ways.of(goal):
            if not inside.isdisjoint(way.goals):
                continue
            for parts in self._together(way.goals, height - 1, inside):
                yield Proof(goal, way, parts, 1 + max((part.height for part in parts), default=0))

    def _together(self, goals: Sequence[Goal], height: int, path: frozenset[Goal]) -> Iterator[tuple[Proof, ...]]:
        if not goals:
            yield ()
            return
        for first in self.proofs(goals[0], height, path):
            for rest in self._together(goals[1:], height, path):
                yield (first, *rest)
