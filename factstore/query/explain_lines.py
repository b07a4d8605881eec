"""The lines of a plan: made of the steps as they are expected, or of the trace of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from factstore.query.columnar.estimate import Expected
from factstore.query.columnar.trace import Ran


class Line(NamedTuple):
    """One step: the clause, how deep it lies in others, the rows expected after it, and what it did.

    ``rows_in``, ``rows_out``, ``kept`` and ``seconds`` are None where nothing ran. Steps of recursive rules
    run once per round: their rows and times are sums over ``runs``. ``kept`` is how many of ``rows_out`` are
    left once the variables nobody speaks of any more are dropped; ``how`` is what the step did.
    """

    clause: str
    depth: int
    estimate: float | None = None
    rows_in: int | None = None
    rows_out: int | None = None
    kept: int | None = None
    seconds: float | None = None
    runs: int = 0
    how: str = ""


def expected_lines(found: Sequence[Expected]) -> list[Line]:
    """The lines of a plan that was not run."""
    return [Line(str(each.step.node), each.depth, each.rows, how=_how(each.step)) for each in found]


def _how(step: Any) -> str:
    return str(getattr(step, "how", ""))


class _Done:
    """One step of a run, with those that ran inside of it; what ran several times is added up."""

    def __init__(self, ran: Ran, inside: dict[int, _Done]) -> None:
        self.ran = ran
        self.inside = inside
        self.runs = 1

    def add(self, ran: Ran, inside: Mapping[int, _Done]) -> None:
        old = self.ran
        self.ran = ran._replace(
            rows_in=old.rows_in + ran.rows_in,
            rows_out=old.rows_out + ran.rows_out,
            kept=old.kept + ran.kept,
            seconds=old.seconds + ran.seconds,
        )
        self.runs += 1
        for key, done in inside.items():
            _merge(self.inside, key, done)


def _merge(level: dict[int, _Done], key: int, done: _Done) -> None:
    if key in level:
        runs = level[key].runs + done.runs
        level[key].add(done.ran, done.inside)
        level[key].runs = runs
    else:
        level[key] = done


def ran_lines(trace: Sequence[Ran]) -> list[Line]:
    """The lines of a run: each step before those inside of it, which ended before it did."""
    levels: dict[int, dict[int, _Done]] = {}
    for ran in trace:
        level = levels.setdefault(ran.depth, {})
        _merge(level, id(ran.step), _Done(ran, levels.pop(ran.depth + 1, {})))
    return [line for depth in sorted(levels) for line in _lines(levels[depth], 0)]


def _lines(level: Mapping[int, _Done], depth: int) -> list[Line]:
    found: list[Line] = []
    for done in level.values():
        ran = done.ran
        estimate = None if ran.estimate < 0 or done.runs > 1 else ran.estimate
        node = str(ran.step.node)
        found.append(Line(node, depth, estimate, ran.rows_in, ran.rows_out, ran.kept, ran.seconds, done.runs, ran.how))
        found += _lines(done.inside, depth + 1)
    return found
