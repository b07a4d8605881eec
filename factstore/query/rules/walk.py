"""Walks: from some rows along the moves of a linear goal, until nothing is new.

Every place a walk comes to gets a number, whatever state it belongs to. For one origin the places are all there
is to know. For several, the walk keeps its edges too: what each place leads to is found once, however many
origins come by, and :mod:`factstore.query.rules.closure` then works on numbers alone. Few rows are taken one by one
in Python, many as arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import numpy as np

from factstore.columns import EMPTY, Ints, ints
from factstore.query.columnar.limits import Limits
from factstore.query.columnar.relation import REF, Column, Relation, Values, same_kind
from factstore.query.columnar.solve import Solver
from factstore.query.columnar.steps import Step
from factstore.query.language.ast import Constant, Term, Variable
from factstore.query.rules.hops import Hop
from factstore.query.rules.linear import Move
from factstore.query.rules.numbers import RowNumbers
from factstore.query.rules.tables import arguments_of

_FEW: Final = 48
"""Up to so many places in a round they are taken one by one."""
_MANY: Final = 256
"""More ends of one round than this are told apart as an array."""
_ROW: Final = Variable("row of the walk")
_PATIENCE: Final = 64
"""Rounds of few places between two looks at the clock."""


Front: TypeAlias = list[tuple[int, list[Column], Ints]]
"""Places to go on from: their state, rows and numbers."""


class MixedKinds(Exception):
    """Rows of one state have values of several types."""


class Way:
    """A move, ready to be taken: a hop if it is one, else steps, made when they are first needed."""

    def __init__(self, move: Move, hop: Hop | None, steps: Callable[[], Sequence[Step]]) -> None:
        self.start, self.end = move.start, move.end
        self.hop = hop
        self._came, self._goes = move.came, move.goes
        self._make = steps
        self._steps: Sequence[Step] | None = None

    def follow(self, columns: Sequence[Column], rows: bool, solver: Solver) -> tuple[Ints, Sequence[Column]]:
        """What rows lead to; with ``rows``, from which of them it was reached each time."""
        if self.hop is not None and same_kind(columns[0].kind, self.hop.kinds[0]):
            codes = columns[0].data
            at, ends = self.hop.pairs(codes) if rows else (EMPTY, self.hop.reached(codes))
            return at, [Column(self.hop.kinds[1], ends)]
        if self._steps is None:
            self._steps = self._make()
        size = len(columns[0].data)
        start = Relation({str(place): column for place, column in enumerate(columns)}, size)
        came, goes = self._came, self._goes
        if rows or not any(isinstance(term, Variable) for term in came):
            start = start.with_columns({_ROW.name: Column(REF, np.arange(size))})
            came = (*came, _ROW)
        found = solve_head(
            self._steps, arguments_of(start, came, solver.values), (*goes, _ROW) if rows else goes, solver
        )
        return (found[-1].data, found[:-1]) if rows else (EMPTY, found)


def solve_head(steps: Sequence[Step], start: Relation, head: Sequence[Term], solver: Solver) -> list[Column]:
    """The columns of ``head`` over the rows of ``start`` extended by ``steps``, as a set."""
    names = list(dict.fromkeys(term.name for term in head if isinstance(term, Variable)))
    found = solver.solve(steps, start, names) if start.size else Relation.empty(names)
    return [
        found[term.name] if isinstance(term, Variable) else _constant(term, found.size, solver.values) for term in head
    ]


def _constant(term: Term, size: int, values: Values) -> Column:
    assert isinstance(term, Constant)
    return values.constant(term.value, 1).take(np.zeros(size, dtype=np.int64))


class _Places:
    """The rows of one state that a walk has come to."""

    def __init__(self, arity: int) -> None:
        self.numbers = RowNumbers(arity)
        self.kinds: list[int] = []
        self.columns: list[list[Ints]] = [[] for _ in range(arity)]
        self.ids: list[Ints] = []

    def take_kinds(self, columns: Sequence[Column]) -> None:
        if not self.kinds:
            self.kinds = [column.kind for column in columns]
        elif not all(same_kind(kind, column.kind) for kind, column in zip(self.kinds, columns, strict=True)):
            raise MixedKinds

    def keep(self, columns: Sequence[Ints], ids: Ints) -> None:
        for held, column in zip(self.columns, columns, strict=True):
            held.append(column)
        self.ids.append(ids)


class Walk:
    """One walk along ``ways``; ``arities`` are the columns of each state."""

    def __init__(self, ways: Sequence[Way], arities: Sequence[int], solver: Solver, *, edges: bool) -> None:
        self._ways: list[list[Way]] = [[way for way in ways if way.start == state] for state in range(len(arities))]
        self._solver = solver
        self._limits: Limits = solver.limits
        self._places = [_Places(arity) for arity in arities]
        self._edges = edges
        self._sources: list[Ints] = []
        self._targets: list[Ints] = []
        self.size = 0
        self.rounds = 0
        self._all_hops = bool(ways) and all(way.hop is not None for way in ways)

    def start(self, state: int, columns: Sequence[Column]) -> Ints:
        """Begins at some rows; tells their numbers. Goes on from them in :meth:`run`."""
        return self._arrive(state, columns)[0]

    def _arrive(self, state: int, columns: Sequence[Column]) -> tuple[Ints, Ints]:
        """The numbers of rows, and the positions of those that are new."""
        if not len(columns[0].data):
            return EMPTY, EMPTY
        places = self._places[state]
        places.take_kinds(columns)
        ids, fresh = places.numbers.add([column.data for column in columns], self.size)
        if len(fresh):
            places.keep([column.data[fresh] for column in columns], np.arange(self.size, self.size + len(fresh)))
            self.size += len(fresh)
            self._limits.check(self.size)
        return ids, fresh

    def run(self) -> None:
        """Walks until every place has been gone on from."""
        done = [0] * len(self._places)
        while True:
            front = [(state, *self._new(state, done)) for state, places in enumerate(self._places)]
            front = [
                (state, columns, numbers) for state, columns, numbers in front if len(numbers) and self._ways[state]
            ]
            if not front:
                return
            self.rounds += 1
            self._limits.check(self.size)
            few = sum(len(numbers) for _, _, numbers in front) <= _FEW
            if few and self._can_be_few(front):
                front = self._run_few(front, done)
            for state, columns, numbers in front:
                for way in self._ways[state]:
                    self._take(way, columns, numbers)

    def _new(self, state: int, done: list[int]) -> tuple[list[Column], Ints]:
        """The rows of a state that came in since it was asked last."""
        places = self._places[state]
        start, done[state] = done[state], len(places.ids)
        if start == len(places.ids):
            return [], EMPTY
        columns = [_joined(held[start:]) for held in places.columns]
        return list(map(Column, places.kinds, columns)), _joined(places.ids[start:])

    def _take(self, way: Way, columns: Sequence[Column], numbers: Ints) -> None:
        at, ends = way.follow(columns, self._edges, self._solver)
        reached = self._arrive(way.end, ends)[0]
        if self._edges and len(reached):
            self._sources.append(numbers[at])
            self._targets.append(reached)

    def _can_be_few(self, front: Front) -> bool:
        if not self._all_hops:
            return False
        for state, columns, _ in front:
            for way in self._ways[state]:
                assert way.hop is not None
                if not same_kind(columns[0].kind, way.hop.kinds[0]):
                    return False
        for ways in self._ways:
            for way in ways:
                assert way.hop is not None
                self._places[way.end].take_kinds([Column(way.hop.kinds[1], EMPTY)])
        return True

    def _run_few(self, front: Front, done: list[int]) -> Front:
        """Goes on one place at a time while these are few, and lead to few; gives those still to go on from."""
        todo = [
            (state, code, number)
            for state, columns, numbers in front
            for code, number in zip(columns[0].data.tolist(), numbers.tolist(), strict=True)
        ]
        hops = [[(way.end, way.hop.one) for way in ways if way.hop is not None] for ways in self._ways]
        add = [places.numbers.single.add_one for places in self._places]
        found: list[list[tuple[int, int]]] = [[] for _ in self._places]
        edges: list[tuple[int, int]] = []
        while todo and len(todo) <= _FEW:
            leads = [(number, end, one(code)) for state, code, number in todo for end, one in hops[state]]
            if sum(len(ends) for _, _, ends in leads) > _MANY:
                break
            todo = []
            for number, end, ends in leads:
                for code in ends:
                    held = add[end](code, self.size)
                    if held < 0:
                        held = self.size
                        self.size += 1
                        todo.append((end, code, held))
                        found[end].append((code, held))
                    if self._edges:
                        edges.append((number, held))
            self.rounds += 1
            if self.rounds % _PATIENCE == 0:
                self._limits.check(self.size)
        for state, pairs in enumerate(found):
            if pairs:
                self._places[state].keep([ints([code for code, _ in pairs])], ints([held for _, held in pairs]))
                done[state] += 1
        if edges:
            sources, targets = zip(*edges, strict=True)
            self._sources.append(ints(sources))
            self._targets.append(ints(targets))
        return self._front(todo)

    def _front(self, todo: Sequence[tuple[int, int, int]]) -> Front:
        front = []
        for state, places in enumerate(self._places):
            here = [(code, number) for own, code, number in todo if own == state and self._ways[state]]
            if here:
                codes, numbers = zip(*here, strict=True)
                front.append((state, [Column(places.kinds[0], ints(codes))], ints(numbers)))
        return front

    def rows(self, state: int) -> list[Column]:
        """All rows of a state."""
        places = self._places[state]
        kinds = places.kinds or [REF] * len(places.columns)
        return [Column(kind, _joined(held)) for kind, held in zip(kinds, places.columns, strict=True)]

    def ids(self, state: int) -> Ints:
        """The numbers of all rows of a state."""
        return _joined(self._places[state].ids)

    @property
    def edges(self) -> tuple[Ints, Ints]:
        """From which place to which place the walk has gone."""
        return _joined(self._sources), _joined(self._targets)


def _joined(parts: Sequence[Ints]) -> Ints:
    return parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else EMPTY
