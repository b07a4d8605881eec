"""Goals answered by walks: from what is asked to the answers, for one origin or for many at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from factstore.columns import Ints, unique
from factstore.query.columnar.operators import concat
from factstore.query.columnar.relation import Column, Relation
from factstore.query.columnar.solve import Solver
from factstore.query.columnar.steps import Step
from factstore.query.language.ast import Clause, Variable
from factstore.query.language.scope import Site
from factstore.query.rules.closure import Edges, reached
from factstore.query.rules.hops import hop_of
from factstore.query.rules.linear import Linear, Move
from factstore.query.rules.numbers import RowNumbers
from factstore.query.rules.tables import Table
from factstore.query.rules.walk import MixedKinds, Walk, Way, solve_head

Compiled: TypeAlias = Callable[[Sequence[Clause], Site], list[Step]]
Unfold: TypeAlias = Callable[[Sequence[Clause]], Sequence[Clause]]


class Walked:
    """A linear goal of one query: what it was asked, and the answers so far."""

    def __init__(self, linear: Linear, steps: Compiled, unfold: Unfold, solver: Solver) -> None:
        self._linear = linear
        self._solver = solver
        self._asked = Table(sum(linear.goal.bound), solver.values)
        self._parts: list[Relation] = []
        self._steps = steps
        self._unfold = unfold
        self._ways = [self._way(move) for move in linear.moves]
        self.rounds = 0
        self.held = 0

    @property
    def rows(self) -> int:
        """The answers so far."""
        return sum(part.size for part in self._parts)

    @property
    def asked(self) -> int:
        """The bound arguments it was asked for so far."""
        return self._asked.size

    def answers(self, seeds: Relation) -> Relation:
        """The answers for the bound arguments in ``seeds``, perhaps among others."""
        if self._linear.entries:
            if not self._parts:
                self._parts.append(self._from_nothing())
            return self._parts[0]
        self._asked.add(seeds)
        self._asked.turn()
        new = self._asked.new
        if new.size:
            self._parts.append(self._from_seeds(new))
            if new.size == seeds.size:
                return self._parts[-1]
        return self._all()

    def _all(self) -> Relation:
        if len(self._parts) > 1:
            names, values = self._parts[0].names, self._solver.values
            columns = {name: concat([part[name] for part in self._parts], values) for name in names}
            self._parts = [Relation(columns)]
        return self._parts[0] if self._parts else Relation.empty(map(str, range(len(self._linear.goal.bound))))

    def _way(self, move: Move) -> Way:
        known = frozenset(term.name for term in move.came if isinstance(term, Variable))

        def step(clause: Clause, bound: frozenset[str]) -> Step:
            return self._steps([clause], Site(move.source, bound))[0]

        hop = None
        match move.came, move.goes:
            case [Variable(name=start)], [Variable(name=end)]:
                hop = hop_of(self._unfold(move.clauses), start, end, step)
        return Way(move, hop, lambda: self._steps(move.clauses, Site(move.source, known)))

    def _walk(self, *, edges: bool) -> Walk:
        arities = [1] * self._linear.states
        for move in self._linear.moves:
            arities[move.start], arities[move.end] = len(move.came), len(move.goes)
        for entry in self._linear.entries:
            arities[entry.end] = len(entry.goes)
        return Walk(self._ways, arities, self._solver, edges=edges)

    def _from_seeds(self, seeds: Relation) -> Relation:
        columns = list(seeds.columns.values())
        walk = self._walk(edges=seeds.size > 1)
        places = walk.start(0, columns)
        walk.run()
        return self._collected(walk, columns, np.arange(seeds.size), places)

    def _from_nothing(self) -> Relation:
        """The answers where nothing is bound: the entries say what origins there are, and where their walks start."""
        walk = self._walk(edges=True)
        bound = sum(self._linear.goal.bound)
        numbers, count = RowNumbers(bound), 0
        held: list[list[Column]] = []
        pairs: list[Ints] = []
        for entry in self._linear.entries:
            steps = self._steps(entry.clauses, Site(entry.source, frozenset()))
            found = solve_head(steps, Relation.true(), (*entry.came, *entry.goes), self._solver)
            origins = found[:bound]
            if not len(found[0].data):
                continue
            held = held or [[] for _ in origins]
            if len(held[0]) and any(parts[0].kind != column.kind for parts, column in zip(held, origins, strict=True)):
                raise MixedKinds
            origin, fresh = numbers.add([column.data for column in origins], count)
            count += len(fresh)
            for parts, column in zip(held, origins, strict=True):
                parts.append(column.take(fresh))
            pairs.append(np.stack((origin, walk.start(entry.end, found[bound:]))))
        if not pairs:
            return Relation.empty(map(str, range(len(self._linear.goal.bound))))
        walk.run()
        columns = [concat(parts, self._solver.values) for parts in held]
        origin, place = np.concatenate(pairs, axis=1)
        packed = unique(origin * walk.size + place)
        return self._collected(walk, columns, packed // walk.size, packed % walk.size)

    def _collected(self, walk: Walk, origins: Sequence[Column], origin: Ints, place: Ints) -> Relation:
        """The answers: each origin with every row of state 1 that its walk came to."""
        self.rounds += walk.rounds
        self.held += walk.size + len(walk.edges[0])
        rows, ids = walk.rows(1), walk.ids(1)
        count = len(origins[0].data)
        if not len(ids):
            return Relation.empty(map(str, range(len(self._linear.goal.bound))))
        if count == 1:
            at, row = np.zeros(len(ids), dtype=np.int64), np.arange(len(ids))
        elif all(self._linear.goal.bound):
            at = self._leading(walk, place, ids)
            row = np.zeros(len(at), dtype=np.int64)
        else:
            at, node = reached(origin, place, count, Edges(*walk.edges, walk.size), self._solver.limits)
            row_of = np.full(walk.size, -1, dtype=np.int64)
            row_of[ids] = np.arange(len(ids))
            row = row_of[node]
            if len(ids) < walk.size:
                kept = row >= 0
                at, row = at[kept], row[kept]
        bound, free = iter(origins), iter(rows)
        columns = [next(bound).take(at) if is_bound else next(free).take(row) for is_bound in self._linear.goal.bound]
        return Relation({str(number): column for number, column in enumerate(columns)}, len(at))

    def _leading(self, walk: Walk, place: Ints, ends: Ints) -> Ints:
        """Which origins lead to an end at all: what the ends lead to against the edges."""
        sources, targets = walk.edges
        back = Edges(targets, sources, walk.size)
        leads = np.zeros(walk.size, dtype=np.bool_)
        leads[reached(np.zeros_like(ends), ends, 1, back, self._solver.limits)[1]] = True
        return np.flatnonzero(leads[place])
