"""Generic join: patterns that close cycles, answered one variable at a time.

A plan of binary joins for ``[?a :to ?b] [?b :to ?c] [?a :to ?c]`` builds every path of two edges before the third
pattern takes nearly all of them away. Here a variable is bound by all patterns that know the rest of theirs at
once: each row is extended along the pattern that has fewest candidates for it, and the others only look those up
(Ngo, Porat, Ré and Rudra 2012, "Worst-case optimal join algorithms"; Veldhuizen 2014, "Leapfrog triejoin"). The
work is done in blocks, depth first, so that memory grows with the input and the output, whatever lies between.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple, Protocol, TypeGuard, TypeVar

import numpy as np

from factstore.columns import Ints
from factstore.query.columnar.operators import concat, distinct, narrowed
from factstore.query.columnar.relation import Relation, Values
from factstore.query.columnar.steps import Step
from factstore.query.language.ast import And, Clause, Node

_BLOCK: Final = 2**19
"""The candidates that are looked at together."""


class Edge(Step, Protocol):
    """A step that relates two variables."""

    is_edge: bool

    def counts(self, rows: Relation) -> Ints: ...


def is_edge(step: Step) -> TypeGuard[Edge]:
    """True for a step that a generic join can be made of."""
    return getattr(step, "is_edge", False)


class _Choice(NamedTuple):
    """A variable to bind next: by which patterns, and how many candidates each has for each row."""

    variable: str
    edges: Sequence[Edge]
    counts: Sequence[Ints]


class GenericJoin:
    """Patterns that close cycles with each other and with the rows they start from, as one step.

    ``filters`` are steps that only take rows away; each is run as soon as its variables are bound.
    """

    is_filter = False
    needs: frozenset[str] = frozenset()

    def __init__(self, edges: Sequence[Edge], filters: Sequence[Step], values: Values) -> None:
        self.covers: Sequence[Step] = (*edges, *filters)
        self.node: Node = And(tuple(_clause(part) for part in self.covers))
        self.names = frozenset[str]().union(*(part.names for part in self.covers))
        self.how = f"generic join over {len(edges)} patterns"
        self._edges = edges
        self._filters = filters
        self._values = values

    def estimate(self, rows: Relation) -> float:
        choice = _next_variable(self._edges, rows)
        return float(_least(choice).sum()) if choice is not None else float(rows.size)

    def run(self, rows: Relation, needed: frozenset[str]) -> Relation:
        found = []
        total = 0
        for block in self._extended(rows, self._edges, self._filters, needed):
            found.append(block)
            total += block.size
            self._values.limits.check(total, len(block.columns))
        if not found:
            return Relation.empty(needed & (self.names | rows.columns.keys()))
        if len(found) == 1:
            return found[0]
        names = frozenset(found[0].names)
        whole = Relation({name: concat([block[name] for block in found], self._values) for name in names}, total)
        # Blocks are made of different rows: they have none in common as long as all that told those apart is there.
        return whole.keyed(names) if names >= self.names.union(rows.columns) else distinct(whole)

    def _extended(
        self, rows: Relation, edges: Sequence[Edge], filters: Sequence[Step], needed: frozenset[str]
    ) -> Iterator[Relation]:
        """The rows extended by all of ``edges`` and thinned by ``filters``, in blocks."""
        rows, filters = _filtered(rows, filters, needed.union(*(edge.names for edge in edges)))
        closed = [edge for edge in edges if edge.names <= rows.columns.keys()]
        open = [edge for edge in edges if edge not in closed]
        rest = needed.union(*(part.names for part in (*open, *filters)))
        for edge in closed:
            rows = edge.run(rows, rest.union(*(other.names for other in closed)))
        rows = narrowed(rows, rest)
        choice = _next_variable(open, rows)
        if choice is None:
            if rows.size:
                yield rows
            return
        later = [edge for edge in open if edge not in choice.edges]
        for start, end in _blocks(_least(choice)):
            self._values.limits.check_time()
            block = _Choice(choice.variable, choice.edges, [counts[start:end] for counts in choice.counts])
            yield from self._extended(self._bound(rows.take(slice(start, end)), block, rest), later, filters, needed)

    def _bound(self, rows: Relation, choice: _Choice, needed: frozenset[str]) -> Relation:
        """Each row with every value of the variable that all patterns allow."""
        if len(choice.edges) == 1:
            return choice.edges[0].run(rows, needed)
        fewest = np.argmin(np.stack(choice.counts), axis=0)
        parts = []
        for place, edge in enumerate(choice.edges):
            mine = rows.take(fewest == place)
            if mine.size:
                parts.append(self._along(edge, [other for other in choice.edges if other is not edge], mine, needed))
        parts = [part for part in parts if part.size] or parts[:1]
        if len(parts) == 1:
            return parts[0]
        names = parts[0].names
        key = _united([part.key for part in parts])
        return Relation({name: concat([part[name] for part in parts], self._values) for name in names}, key=key)

    def _along(self, edge: Edge, others: Sequence[Edge], rows: Relation, needed: frozenset[str]) -> Relation:
        found = edge.run(rows, needed)
        for other in others:
            found = other.run(found, needed)
        return found


def _clause(step: Step) -> Clause:
    return step.node  # type: ignore[return-value]


def _united(keys: Sequence[frozenset[str] | None]) -> frozenset[str] | None:
    """A key of rows that are told apart by keys part for part, the parts having come of different rows."""
    return None if any(key is None for key in keys) else frozenset[str]().union(*(key for key in keys if key))


def _filtered(rows: Relation, filters: Sequence[Step], needed: frozenset[str]) -> tuple[Relation, list[Step]]:
    ready = [step for step in filters if step.needs <= rows.columns.keys()]
    rest = [step for step in filters if step not in ready]
    kept = needed.union(*(step.names for step in filters))
    for step in ready:
        rows = step.run(rows, kept)
    return rows, rest


def _next_variable(edges: Sequence[Edge], rows: Relation) -> _Choice | None:
    """The variable with the fewest candidates; None if no pattern reaches one."""
    found: dict[str, _Choice] = {}
    for edge in edges:
        new = edge.names - rows.columns.keys()
        if len(new) == 1:
            (name,) = new
            before = found.get(name, _Choice(name, (), ()))
            found[name] = _Choice(name, (*before.edges, edge), (*before.counts, edge.counts(rows)))
    return min(found.values(), key=lambda choice: int(_least(choice).sum()), default=None)


def _least(choice: _Choice) -> Ints:
    """How many candidates each row has along its best pattern."""
    least = choice.counts[0]
    for counts in choice.counts[1:]:
        least = np.minimum(least, counts)
    return least


def _blocks(counts: Ints) -> Iterator[tuple[int, int]]:
    """Stretches of rows that have about as many candidates together as are looked at at once."""
    ends = np.cumsum(counts)
    start = 0
    while start < len(counts):
        done = int(ends[start - 1]) if start else 0
        end = max(start + 1, int(np.searchsorted(ends, done + _BLOCK, side="right")))
        yield start, end
        start = end


S = TypeVar("S", bound=Step)


def cyclic(edges: Collection[S], known: Sequence[frozenset[str]]) -> list[S]:
    """Those of ``edges`` that lie on cycles, the sets of variables ``known`` being edges too.

    What is left of a hypergraph when variables that stand in one edge only, and edges that lie within another, are
    taken away one after the other (the reduction of Graham, and of Yu and Özsoyoğlu, 1979): nothing, if it has no
    cycle.
    """
    open: dict[S | int, set[str]] = {edge: set(edge.names) for edge in edges}
    open.update((place, set(names)) for place, names in enumerate(known))
    changed = True
    while changed:
        changed = False
        for edge, names in list(open.items()):
            others = [other for key, other in open.items() if key is not edge]
            alone = names.difference(*others) if others else set(names)
            names -= alone
            if not names or any(names <= other for other in others):
                del open[edge]
                changed = True
            changed = changed or bool(alone)
    return [edge for edge in open if not isinstance(edge, int)]
