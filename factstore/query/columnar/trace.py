"""What is kept of a run for who wants to see it."""

from __future__ import annotations

from typing import NamedTuple

from factstore.query.columnar.steps import Step


class Ran(NamedTuple):
    """What one step did, for explain: its rows before and after, what was expected, and how long it took."""

    step: Step
    estimate: float
    rows_in: int
    rows_out: int
    seconds: float
    depth: int
    kept: int
    """Rows once the variables that nobody speaks of any more are dropped."""
    how: str = ""
