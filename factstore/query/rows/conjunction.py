"""Conjunctions row by row: rows are tuples of codes, and every clause is a function over a list of them.

What comes next is the cheapest clause that can run, as in :mod:`factstore.query.columnar.solve`; but which clauses
are open after which others is worked out once and kept (:class:`State`), so that a run only follows it.
Only where several clauses could come next are their facts counted, for the rows at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from typing import Any, Final, Protocol, TypeAlias

from factstore.index import AttributeIndex
from factstore.schema import Attribute

Row: TypeAlias = tuple[Any, ...]
Rows: TypeAlias = Sequence[Row]
Layout: TypeAlias = tuple[str, ...]
"""The variable that each place of a row belongs to."""
Lookup: TypeAlias = Callable[[int], Sequence[int]]
"""From one key to the codes that go with it."""

_SAMPLE: Final = 16
FILTER, LOOKUP, GROUP, SCAN = range(4)
"""What a step is to the rows at hand; what comes first here is run first."""


class Declined(Exception):
    """The query, or what it finds, is not for this engine: the columnar one answers from the start."""


class Run(Protocol):
    """What the clauses of one run share: its facts, its constants, and how much work it may still do."""

    left: int
    """Rows that may still be made; below 0 the run is declined."""
    inputs: Sequence[Rows]
    """The rows of each input that has many."""
    tables: Any
    """The answers of the rules called so far, kept by :mod:`factstore.query.rows.recursion`."""

    def const(self, name: str) -> int: ...
    def index(self, attribute: Attribute) -> AttributeIndex: ...
    def values_of(self, attribute: Attribute) -> Lookup: ...
    def holders_of(self, attribute: Attribute) -> Lookup: ...
    def counts(self, attribute: Attribute, by_value: bool) -> Callable[[int], int]: ...
    def decoder(self, kind: int) -> Callable[[Any], Any]: ...
    def encoder(self, kind: int) -> Callable[[Any], int]: ...


Act: TypeAlias = Callable[[Rows, Run], Rows]


class Step(Protocol):
    """One clause: the variables it needs and speaks of, and what it does to rows of some layout."""

    needs: frozenset[str]
    names: frozenset[str]

    def rank(self, bound: frozenset[str]) -> int:
        """FILTER, LOOKUP, GROUP or SCAN, when these variables are bound."""

    def act(self, layout: Layout, out: Layout) -> Act:
        """What makes rows of ``out`` from rows of ``layout``, each once."""

    def count(self, layout: Layout) -> Callable[[Row, Run], int] | None:
        """What counts the rows one row becomes; None if that is not known."""


class Conjunction:
    """Clauses over rows of one layout, giving rows of another; each once if those it is given are."""

    __slots__ = ("_consts", "_project", "_start")

    def __init__(self, steps: Sequence[Step], layout: Layout, keep: Layout, consts: Sequence[str] = ()) -> None:
        self._consts = tuple(consts)
        full = (*layout, *self._consts)
        self._start = State(tuple(steps), full, keep) if steps else None
        self._project = None if steps or keep == full else taking(places(full, keep))

    def run(self, rows: Rows, run: Run) -> Rows:
        """The rows of ``keep``."""
        if self._consts:
            more = tuple(run.const(name) for name in self._consts)
            rows = [row + more for row in rows]
        state = self._start
        while state is not None and rows:
            way = state.only or state.cheapest(rows, run)
            rows = way.act(rows, run)
            run.left -= len(rows) + 1
            if run.left < 0:
                raise Declined
            state = way.after if way.made else way.make()
        return rows if self._project is None or not rows else list(set(map(self._project, rows)))


class Way:
    """One step that can come next, and what is open after it."""

    __slots__ = ("_keep", "_layout", "_pending", "act", "after", "count", "made", "step")

    def __init__(self, step: Step, pending: tuple[Step, ...], layout: Layout, keep: Layout) -> None:
        self._pending = tuple(other for other in pending if other is not step)
        self._layout = _after(step, self._pending, layout, keep)
        self._keep = keep
        self.step = step
        self.act = step.act(layout, self._layout)
        self.count = step.count(layout)
        self.after: State | None = None
        self.made = not self._pending

    def make(self) -> State | None:
        """What is open after this step; two threads that make it at once make the same."""
        self.after = State(self._pending, self._layout, self._keep)
        self.made = True
        return self.after


class State:
    """What is left to do of a conjunction, and how its rows look by now."""

    __slots__ = ("_ways", "only")

    def __init__(self, pending: tuple[Step, ...], layout: Layout, keep: Layout) -> None:
        bound = frozenset(layout)
        ready = [step for step in pending if step.needs <= bound]
        if not ready:
            raise Declined
        best = min(step.rank(bound) for step in ready)
        chosen = [step for step in ready if step.rank(bound) == best]
        if best in (FILTER, GROUP):
            chosen = chosen[:1]
        self._ways = [Way(step, pending, layout, keep) for step in chosen]
        self.only = self._ways[0] if len(self._ways) == 1 else None

    def cheapest(self, rows: Rows, run: Run) -> Way:
        """The way that leads to the fewest rows, judged by a few of those at hand."""
        sample = rows[:_SAMPLE]
        best, least = self._ways[0], -1
        for way in self._ways:
            count = way.count
            size = len(sample) if count is None else sum([count(row, run) for row in sample])
            if least < 0 or size < least:
                best, least = way, size
        return best


def _after(step: Step, pending: Sequence[Step], layout: Layout, keep: Layout) -> Layout:
    """The layout after a step: what is asked for at the end or by a step still to come."""
    if not pending:
        return keep
    needed = frozenset(keep).union(*(other.names for other in pending))
    new = sorted(name for name in step.names if name not in layout)
    return tuple(name for name in (*layout, *new) if name in needed)


def places(layout: Layout, names: Iterable[str]) -> tuple[int, ...]:
    """Where the names stand in rows of a layout; :class:`Declined` if one does not."""
    try:
        return tuple(map(layout.index, names))
    except ValueError:
        raise Declined from None


def taking(at: Sequence[int]) -> Callable[[Row], Row]:
    """What takes the items at some places of a row, as a row."""
    if len(at) == 1:
        (place,) = at
        return lambda row: (row[place],)
    return itemgetter(*at) if at else lambda row: ()


def projecting(act: Act, layout: Layout, out: Layout) -> Act:
    """``act``, which gives rows of ``layout``, giving those of ``out``, each once."""
    if layout == out:
        return act
    take, narrower = taking(places(layout, out)), len(out) < len(layout)

    def projected(rows: Rows, run: Run) -> Rows:
        found = map(take, act(rows, run))
        return list(set(found)) if narrower else list(found)

    return projected
