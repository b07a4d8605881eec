"""``not``, ``or``, ``optional`` and given rows, row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from factstore.query.language.scope import waited_for
from factstore.query.rows.conjunction import (
    FILTER,
    GROUP,
    SCAN,
    Act,
    Conjunction,
    Declined,
    Layout,
    Row,
    Rows,
    Run,
    Step,
    places,
    projecting,
    taking,
)


class Steps:
    """Clauses inside a clause, made ready for what is bound when they are reached."""

    def __init__(self, steps: list[Step], consts: list[str]) -> None:
        self.steps, self.consts = steps, consts

    def conjunction(self, layout: Layout, keep: Layout) -> Conjunction:
        """The clauses over rows of ``layout``, giving rows of ``keep``."""
        return Conjunction(self.steps, layout, keep, self.consts)

    @property
    def needs(self) -> frozenset[str]:
        """The variables some step needs and none gives."""
        return waited_for(self.steps) - frozenset(self.consts)


class _Group:
    needs: frozenset[str]
    names: frozenset[str]

    def rank(self, bound: frozenset[str]) -> int:
        return SCAN if self.names.isdisjoint(bound) else GROUP

    def count(self, layout: Layout) -> Callable[[Row, Run], int] | None:
        return None


class NotStep(_Group):
    """``(not clause+)``."""

    def __init__(self, body: Steps, shared: frozenset[str]) -> None:
        self._body = body
        self.needs = self.names = shared

    def rank(self, bound: frozenset[str]) -> int:
        return FILTER

    def act(self, layout: Layout, out: Layout) -> Act:
        shared = tuple(name for name in layout if name in self.names)
        inner, take = self._body.conjunction(shared, shared), taking(places(layout, shared))

        def act(rows: Rows, run: Run) -> Rows:
            found = set(inner.run(list(set(map(take, rows))), run))
            return [row for row in rows if take(row) not in found]

        return projecting(act, layout, out)


class OrStep(_Group):
    """``(or branch+)``."""

    def __init__(self, branches: Sequence[Steps], names: frozenset[str], needs: frozenset[str]) -> None:
        self._branches, self.names, self.needs = branches, names, needs

    def act(self, layout: Layout, out: Layout) -> Act:
        start = tuple(name for name in layout if name in self.names)
        new = tuple(sorted(name for name in self.names if name not in layout))
        inner = [branch.conjunction(start, start + new) for branch in self._branches]
        take = taking(places(layout, start))

        def act(rows: Rows, run: Run) -> Rows:
            starts = list(set(map(take, rows)))
            found = {row for branch in inner for row in branch.run(starts, run)}
            return list(found) if start == layout else _joined(rows, take, found, len(start), run)

        return projecting(act, layout + new, out)


class OptionalStep(_Group):
    """``(optional clause+)``: the new variables of rows without a match are None."""

    def __init__(self, body: Steps, shared: frozenset[str], new: frozenset[str]) -> None:
        self._body, self._new = body, new
        self.needs, self.names = shared, shared | new

    def act(self, layout: Layout, out: Layout) -> Act:
        shared = tuple(name for name in layout if name in self.needs)
        new = tuple(sorted(self._new))
        inner, take = self._body.conjunction(shared, shared + new), taking(places(layout, shared))
        absent = (None,) * len(new)

        def act(rows: Rows, run: Run) -> Rows:
            starts = set(map(take, rows))
            found = list(inner.run(list(starts), run))
            matched = {row[: len(shared)] for row in found}
            found += [start + absent for start in starts if start not in matched]
            return _joined(rows, take, found, len(shared), run)

        return projecting(act, layout + new, out)


class GivenStep(_Group):
    """Rows that the caller gave: :meth:`~factstore.query.rows.inputs.Bound.given` ``place``."""

    needs: frozenset[str] = frozenset()

    def __init__(self, place: int, layout: Layout) -> None:
        self._place, self._layout = place, layout
        self.names = frozenset(layout)

    def count(self, layout: Layout) -> Callable[[Row, Run], int]:
        return lambda row, run: len(run.inputs[self._place])

    def act(self, layout: Layout, out: Layout) -> Act:
        both = tuple(name for name in self._layout if name in layout)
        new = tuple(name for name in self._layout if name not in layout)
        own, take = taking(places(self._layout, both + new)), taking(places(layout, both))

        def act(rows: Rows, run: Run) -> Rows:
            return _joined(rows, take, map(own, run.inputs[self._place]), len(both), run)

        return projecting(act, layout + new, out)


def _joined(rows: Rows, take: Callable[[Row], Row], found: Iterable[Row], width: int, run: Run) -> Rows:
    """The rows with the rest of every found row that begins with what ``take`` takes of them."""
    rest: dict[Row, list[Row]] = {}
    for row in found:
        rest.setdefault(row[:width], []).append(row[width:])
    joined: list[Row] = []
    for row in rows:
        joined += [row + more for more in rest.get(take(row), ())]
        if len(joined) > run.left:
            raise Declined
    return joined
