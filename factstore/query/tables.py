"""Tables: relations that a fixpoint fills, each row once, and what of them is new."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from factstore.columns import Ints, member
from factstore.query.ast import Blank, Constant, Node, Term, Variable
from factstore.query.operators import agreeing, anti_join, concat, distinct, join
from factstore.query.patterns import bind
from factstore.query.relation import ANY, Relation, Values, same_kind

_BITS: Final = 62


class Table:
    """A growing set of rows; columns are named by place: ``"0"``, ``"1"``, …

    Rows come in by :meth:`add`, are *new* after the next :meth:`turn`, and old after the one after it.
    Membership is asked of sorted runs of packed keys, each at least twice as long as the next, so that
    a row is moved only a logarithmic number of times (the idea of a log-structured merge tree).
    """

    def __init__(self, arity: int, values: Values) -> None:
        self.names: tuple[str, ...] = tuple(map(str, range(arity)))
        self._values = values
        self._parts: list[Relation] = []
        self._waiting: list[Relation] = []
        self._runs: list[Ints] | None = []
        self.new = Relation.empty(self.names)

    @property
    def size(self) -> int:
        return sum(part.size for part in self._parts)

    def rows(self) -> Relation:
        """All rows."""
        if len(self._parts) > 1:
            columns = {name: concat([part[name] for part in self._parts], self._values) for name in self.names}
            self._parts = [Relation(columns)]
        return self._parts[0] if self._parts else Relation.empty(self.names)

    def turn(self) -> bool:
        """Makes new what was added since the last turn; False if that is nothing."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            self.new = Relation.empty(self.names)
        elif len(waiting) == 1:
            self.new = waiting[0]
        else:
            columns = {name: concat([part[name] for part in waiting], self._values) for name in self.names}
            self.new = Relation(columns)
        return bool(waiting)

    def add(self, rows: Relation) -> None:
        """Takes those of a set of rows that are not yet here."""
        fresh = self._fresh(self._of_kind(rows.renamed(self.names))) if rows.size else rows
        if fresh.size:
            self._parts.append(fresh)
            self._waiting.append(fresh)

    def _of_kind(self, rows: Relation) -> Relation:
        """``rows`` with columns of the kinds held so far; both become ANY where they differ."""
        if not self._parts:
            return rows
        held = self._parts[0]
        if all(same_kind(held[name].kind, rows[name].kind) for name in self.names):
            return rows
        self._runs = None
        return Relation(
            {name: self._values.widen(c) if held[name].kind == ANY else c for name, c in rows.columns.items()}
        )

    def _fresh(self, rows: Relation) -> Relation:
        keys = self._keys(rows) if self._runs is not None else None
        if keys is None or self._runs is None:
            self._runs = None
            return anti_join(rows, self.rows(), self._values) if self._parts else rows
        known = np.zeros(rows.size, dtype=np.bool_)
        for run in self._runs:
            known |= member(keys, run)
        if known.any():
            rows, keys = rows.take(~known), keys[~known]
        self._keep(np.sort(keys))
        return rows

    def _keep(self, run: Ints) -> None:
        runs = self._runs
        if runs is None or not len(run):
            return
        while runs and len(runs[-1]) < 2 * len(run):
            run = np.sort(np.concatenate((runs.pop(), run)), kind="stable")
        runs.append(run)

    def _keys(self, rows: Relation) -> Ints | None:
        """One int64 per row by a packing that never changes; None where a value is too large for it."""
        bits = _BITS // len(self.names)
        columns = [rows[name].data for name in self.names]
        if len(columns) == 1:
            return columns[0]
        if any((column < 0).any() or (column >> bits).any() for column in columns):
            return None
        packed = columns[0]
        for column in columns[1:]:
            packed = (packed << bits) | column
        return packed


def arguments_of(rows: Relation, args: Sequence[Term], values: Values) -> Relation:
    """The rows of a table as a call with ``args`` sees them: constants chosen, variables named."""
    columns = list(rows.columns.values())
    kept = np.ones(rows.size, dtype=np.bool_)
    for arg, column in zip(args, columns, strict=True):
        if isinstance(arg, Constant):
            kept &= agreeing(column, values.constant(arg.value, rows.size), values)
    bound = bind(args, columns if kept.all() else [column.take(kept) for column in columns], values)
    loses = any(isinstance(arg, Blank) for arg in args)
    return distinct(bound) if loses else bound


class TableStep:
    """A clause that is answered from a table, as it is when the step runs."""

    is_filter = False
    needs: frozenset[str] = frozenset()

    def __init__(self, node: Node, table: Table, args: Sequence[Term], values: Values) -> None:
        self.node = node
        self._table = table
        self._args = args
        self._values = values
        self.names = frozenset(arg.name for arg in args if isinstance(arg, Variable))

    def estimate(self, rows: Relation) -> float:
        size = float(self._table.size)
        return size if self.names.isdisjoint(rows.names) else min(size, float(rows.size))

    def run(self, rows: Relation, needed: frozenset[str]) -> Relation:
        return join(rows, arguments_of(self._table.rows(), self._args, self._values), self._values)

    def of_new(self) -> Relation:
        """What the clause gives for the table's new rows alone."""
        return arguments_of(self._table.new, self._args, self._values)

    @property
    def has_new(self) -> bool:
        return self._table.new.size > 0

    @property
    def is_empty(self) -> bool:
        return self._table.size == 0
