"""Tables: relations that a fixpoint fills, each row once, and what of them is new."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from factstore.columns import Ints
from factstore.query.columnar.operators import agreeing, distinct, join
from factstore.query.columnar.patterns_terms import bind
from factstore.query.columnar.relation import Column, Relation, Values, same_kind
from factstore.query.language.ast import Blank, Constant, Node, Term, Variable
from factstore.query.rules.seen import Seen
from factstore.query.rules.table_index import TableIndex

_FIRST: Final = 16
_WORTH: Final = 4
"""A table that is so many times as large as the rows that meet it is looked up in, by an index."""


class Table:
    """A growing set of rows; columns are named by place: ``"0"``, ``"1"``, …

    Rows come in by :meth:`add`, are *new* after the next :meth:`turn`, and old after the one after it.
    They lie in arrays that double when they are full, so that :meth:`rows` is a view of all at no cost.
    """

    def __init__(self, arity: int, values: Values) -> None:
        self.names: tuple[str, ...] = tuple(map(str, range(arity)))
        self.size = 0
        self._values = values
        self._kinds: list[int] = []
        self._data: list[Ints] = [np.empty(_FIRST, dtype=np.int64) for _ in self.names]
        self._seen = Seen()
        self._new = 0, 0
        self._indexes: dict[tuple[int, ...], TableIndex | None] = {}

    def rows(self) -> Relation:
        """All rows."""
        return self._between(0, self.size)

    @property
    def new(self) -> Relation:
        """The rows that came in between the last two turns."""
        return self._between(*self._new)

    @property
    def has_new(self) -> bool:
        return self._new[0] < self._new[1]

    def found_by(self, places: tuple[int, ...]) -> TableIndex | None:
        """An index of all rows by some columns; None where those do not fit into one number."""
        if places not in self._indexes:
            self._indexes[places] = TableIndex()
        index = self._indexes[places]
        if index is not None and not index.extend([self._data[place][: self.size] for place in places]):
            index = self._indexes[places] = None
        return index

    def kind(self, place: int) -> int:
        """The kind of a column of rows that there are."""
        return self._kinds[place]

    def turn(self) -> bool:
        """Makes new what was added since the last turn; False if that is nothing."""
        self._new = self._new[1], self.size
        return self.has_new

    def add(self, rows: Relation) -> None:
        """Takes those of a set of rows that are not yet here."""
        if not rows.size:
            return
        columns = self._of_kinds(list(rows.columns.values()))
        fresh = self._seen.add(columns)
        self._append(columns if fresh.all() else [column.compress(fresh) for column in columns])

    def _append(self, columns: Sequence[Ints]) -> None:
        start, self.size = self.size, self.size + len(columns[0])
        if self.size > len(self._data[0]):
            room = np.empty(self.size, dtype=np.int64)
            self._data = [np.concatenate((held[:start], room)) for held in self._data]
        for held, column in zip(self._data, columns, strict=True):
            held[start : self.size] = column

    def _between(self, start: int, end: int) -> Relation:
        if not self._kinds:
            return Relation.empty(self.names)
        held = zip(self.names, self._kinds, self._data, strict=True)
        return Relation({name: Column(kind, data[start:end]) for name, kind, data in held}, end - start)

    def _of_kinds(self, columns: Sequence[Column]) -> list[Ints]:
        """The codes of columns in the kinds held so far; a kind becomes ANY where they differ."""
        kinds = self._kinds or [column.kind for column in columns]
        if all(same_kind(kind, column.kind) for kind, column in zip(kinds, columns, strict=True)):
            self._kinds = kinds
            return [column.data for column in columns]
        both = zip(self.rows().columns.values(), columns, strict=True)
        pairs = [self._values.unify(held, column) for held, column in both]
        self._kinds = [held.kind for held, _ in pairs]
        self._data = [held.data.copy() for held, _ in pairs]
        self._indexes = {}
        self._seen = Seen()
        self._seen.add(self._data)
        return [column.data for _, column in pairs]


def arguments_of(rows: Relation, args: Sequence[Term], values: Values) -> Relation:
    """The rows of a table as a call with ``args`` sees them: constants chosen, variables named."""
    columns = list(rows.columns.values())
    for place, arg in enumerate(args):
        if isinstance(arg, Constant):
            kept = agreeing(columns[place], values.constant(arg.value, len(columns[place].data)), values)
            columns = [column.take(kept) for column in columns]
    bound = bind(args, columns, values)
    loses = any(isinstance(arg, Blank) for arg in args)
    return distinct(bound) if loses or not bound.columns else bound.keyed(frozenset(bound.columns))


class TableStep:
    """A clause that is answered from a table, as it is when the step runs."""

    is_filter = False
    needs: frozenset[str] = frozenset()

    def __init__(self, node: Node, table: Table, args: Sequence[Term], values: Values) -> None:
        self.node = node
        self._table = table
        self._args = args
        self._values = values
        self._variables = [arg.name for arg in args if isinstance(arg, Variable)]
        self.names = frozenset(self._variables)
        self._is_plain = len(self.names) == len(args)

    def estimate(self, rows: Relation) -> float:
        size = float(self._table.size)
        return size if self.names.isdisjoint(rows.names) else min(size, float(rows.size))

    def run(self, rows: Relation, needed: frozenset[str]) -> Relation:
        if _WORTH * rows.size < self._table.size and self._is_plain:
            found = self._looked_up(rows, needed)
            if found is not None:
                return found
        return join(rows, arguments_of(self._table.rows(), self._args, self._values), self._values)

    def _looked_up(self, rows: Relation, needed: frozenset[str]) -> Relation | None:
        """The join of few rows with a large table by its index; None if that has none for it."""
        table, names = self._table, self._variables
        places = tuple(place for place, name in enumerate(names) if name in rows)
        known = [rows[names[place]] for place in places]
        meets = (same_kind(column.kind, table.kind(place)) for column, place in zip(known, places, strict=True))
        index = table.found_by(places) if known and all(meets) else None
        if index is None:
            return None
        asked = [column.data for column in known]
        self._values.limits.check(index.count(asked), len(rows.columns) + len(names))
        row, at = index.find(asked)
        columns = {name: column.take(row) for name, column in rows.columns.items() if name in needed}
        for name, column in zip(names, table.rows().columns.values(), strict=True):
            if name not in rows and name in needed:
                columns[name] = column.take(at)
        # No row of a table stands there twice, so that what a row leads to is different as well.
        key = None if rows.key is None else rows.key.union(name for name in names if name not in rows)
        return distinct(Relation(columns, len(row), key if key is not None and key <= columns.keys() else None))

    def of_new(self) -> Relation:
        """What the clause gives for the table's new rows alone."""
        return arguments_of(self._table.new, self._args, self._values)

    @property
    def has_new(self) -> bool:
        return self._table.has_new

    @property
    def is_empty(self) -> bool:
        return self._table.size == 0
