"""How a query is answered, to be read and to be worked with: the steps in order, expected and measured."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from factstore.query.explain_lines import Line
from factstore.query.rules.called import Called
from factstore.query.suspect import Warning


class Times(NamedTuple):
    """Seconds: reading the text (nothing, if it was read before), checks and compiling, steps, result."""

    parse: float
    plan: float
    run: float
    result: float

    @property
    def total(self) -> float:
        return sum(self)


class Plan:
    """The steps of a query in the order they run; as text, and as data (:meth:`to_dict`).

    >>> import factstore
    >>> plan = factstore.connect("memory:").db().explain("[:find ?e :where [?e :db/ident :db/doc]]")
    >>> print(plan)
    expected  clause
           1  [?e :db/ident :db/doc]
    1 row expected
    """

    def __init__(
        self,
        lines: Sequence[Line],
        *,
        rows: int | None = None,
        expected: float | None = None,
        rules: Sequence[Called] = (),
        warnings: Sequence[Warning] = (),
        times: Times | None = None,
        peak: int | None = None,
        by_rows: bool = False,
    ) -> None:
        self.lines = tuple(lines)
        self.rows = rows
        """The rows of the result; None where the query did not run."""
        self.expected = expected
        """The rows expected at the end; None where the query ran."""
        self.rules = tuple(rules)
        self.warnings = tuple(warnings)
        """What the query says that can never be, or may never end; see :class:`Warning`."""
        self.times = times
        self.peak = peak
        """The most rows a step gave."""
        self.by_rows = by_rows
        """Whether the query was small enough to be answered without columns."""

    @property
    def analyzed(self) -> bool:
        """True if the query ran."""
        return self.times is not None

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain data, as ``json.dumps`` takes it; an unknown number of rows is None."""
        return {
            "lines": [_finite(line._asdict()) for line in self.lines],
            "rows": self.rows,
            "expected": _finite({"": self.expected})[""],
            "rules": [called._asdict() for called in self.rules],
            "warnings": [warning._asdict() for warning in self.warnings],
            "times": None if self.times is None else {**self.times._asdict(), "total": self.times.total},
            "peak": self.peak,
            "by_rows": self.by_rows,
        }

    def __str__(self) -> str:
        return "\n".join([*self._table(), *map(_rule, self.rules), *self._end(), *map(str, self.warnings)])

    def __repr__(self) -> str:
        return f"<Plan of {len(self.lines)} steps>"

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"

    def _table(self) -> list[str]:
        if not self.lines:
            return ["no clauses"]
        rows = [_HEAD, *map(_cells, self.lines)]
        if not self.analyzed:
            rows = [[row[0], row[-2], ""] for row in rows]
        elif not any(line.how for line in self.lines):
            rows = [[*row[:-1], ""] for row in rows]
        *numbers, clauses, hows = zip(*rows, strict=True)
        columns = [[cell.rjust(max(map(len, column))) for cell in column] for column in numbers]
        width = max(len(clause) for clause in clauses if len(clause) <= _WIDEST) if any(hows) else 0
        columns += [[clause.ljust(width) for clause in clauses], list(hows)]
        return ["  ".join(cells).rstrip() for cells in zip(*columns, strict=True)]

    def _end(self) -> list[str]:
        if self.times is None:
            return [f"{_number(self.expected)} {_rows(self.expected)} expected"]
        parts = ", ".join(f"{name} {seconds * 1000:.3f}" for name, seconds in self.times._asdict().items())
        way = "without columns" if self.by_rows else f"at most {self.peak or 0:,} at once"
        return [f"{self.rows:,} {_rows(self.rows)}, {way}, {self.times.total * 1000:.3f} ms ({parts})"]


_HEAD: Final = ["expected", "in", "out", "kept", "ms", "runs", "clause", "how"]
_WIDEST: Final = 72
"""Characters of a clause up to which what was done stands in one column."""


def _cells(line: Line) -> list[str]:
    return [
        _number(line.estimate),
        _number(line.rows_in),
        _number(line.rows_out),
        _number(line.kept),
        "" if line.seconds is None else f"{line.seconds * 1000:,.3f}",
        f"{line.runs:,}",
        "  " * line.depth + line.clause,
        line.how,
    ]


def _number(count: float | None) -> str:
    if count is None:
        return "-"
    return "many" if not math.isfinite(count) or count >= _MANY else f"{count:,.0f}"


_MANY: Final = 1e15


def _rows(count: float | None) -> str:
    return "row" if count is not None and round(min(count, _MANY)) == 1 else "rows"


def _rule(called: Called) -> str:
    way = called.how or ("by magic sets" if called.magic else "whole")
    more = [f"{called.asked:,} asked"] if called.asked is not None and called.magic else []
    more += [f"{called.answers:,} {_rows(called.answers)}"] if called.answers is not None else []
    more += [f"{called.rounds:,} rounds"] if called.rounds is not None else []
    more += [f"{called.held:,} held"] if called.held is not None else []
    return f"rule {called.goal}: {', '.join([way, *more])}"


def _finite(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in data.items()
    }
