"""What is kept of the calls of a recursive rule for who wants to see it."""

from __future__ import annotations

from typing import NamedTuple


class Called(NamedTuple):
    """One way a recursive rule was called: which of its arguments were bound, and how much its tables hold.

    With a bound argument the rule was transformed by magic sets: it was worked out for what was asked only.
    """

    goal: str
    magic: bool
    how: str = ""
    asked: int | None = None
    answers: int | None = None
    rounds: int | None = None
    held: int | None = None
    """Rows kept for all of that: of tables, or places and edges of a walk."""
