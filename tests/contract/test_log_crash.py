"""Processes, servers and networks break in the middle of commits; ``crash.py`` says what must hold afterwards."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.contract.crash import KINDS, check_outcomes, outcomes, run

pytestmark = pytest.mark.slow

ROUNDS = int(os.environ.get("FACTSTORE_CRASH_ROUNDS", "2"))
"""Of each kind; a long run is ``python -m tests.contract.crash --rounds 50``."""


def test_nothing_acknowledged_is_lost_and_nothing_is_there_by_halves(directory: Path) -> None:
    tally = run(list(KINDS), ROUNDS, directory)
    print(tally)
    assert tally.rounds == len(KINDS) * ROUNDS
    assert tally.acknowledged >= 3 * tally.rounds


DONE = ["done 0 3\n", "done 1 4\n", "lost 2 log/unreachable\n", "lost 3 log/outcome-unknown\n", "done 4 5\n", "done 5"]


@pytest.mark.parametrize("kept", [[0, 1, 4], [0, 1, 3, 4], [0, 1, 4, 5], [0, 1, 3, 4, 5]])
def test_the_check_allows_what_may_be(kept: list[int]) -> None:
    assert check_outcomes(outcomes(DONE), dict.fromkeys(kept, 3)) == (3, 1, 1, 3 in kept)


@pytest.mark.parametrize(
    "kept",
    [{0: 3, 1: 3}, {0: 3, 1: 3, 2: 3, 4: 3}, {0: 3, 1: 2, 4: 3}, {0: 3, 1: 3, 4: 3, 6: 3}],
    ids=["lost", "refused but there", "by halves", "out of nowhere"],
)
def test_the_check_finds_what_may_not_be(kept: dict[int, int]) -> None:
    with pytest.raises(AssertionError):
        check_outcomes(outcomes(DONE), kept)
