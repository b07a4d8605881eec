"""Facts one to a row: a table of entities, attributes and values, as one that has a column for each attribute."""

from __future__ import annotations

import itertools
from typing import Any, Final

import numpy as np

from factstore.columns import Ints, Mask, ints
from factstore.errors import TransactionError
from factstore.tx.cells import Cells, Coded, of_objects, recoded
from factstore.tx.forms import shown
from factstore.tx.table import Table
from factstore.tx.table_nodes import by_value

COLUMNS: Final = ("e", "a", "v")


class FactTable(Table):
    """The facts of a table with the columns ``e``, ``a`` and ``v``; ``tx/bad-table`` if it has others.

    >>> from factstore.tx.table import read_table
    >>> table = FactTable(read_table({"e": [-1, -1], "a": ["person/name", "person/age"], "v": ["Ann", 41]}))
    >>> table.names, table.row(1)
    (['db/id', 'person/name', 'person/age'], {'db/id': -1, 'person/age': 41})
    """

    def __init__(self, table: Table) -> None:
        if set(table.names) != set(COLUMNS):
            raise TransactionError(
                f"facts have the columns {', '.join(map(repr, table.names))}: expected 'e', 'a' and 'v'",
                code="tx/bad-table",
            )
        self._table = table
        self._at = {name: table.names.index(name) for name in COLUMNS}
        attributes = table.cells(self._at["a"])
        coded = by_value(attributes)
        number = {name: n for n, name in enumerate(dict.fromkeys(map(_name, coded.distinct)))}
        self._which: Ints = np.full(table.height, -1, dtype=np.int64)
        self._which[attributes.rows] = ints([number[name] for name in coded.distinct])[coded.which]
        self._read: dict[bool, Cells] = {}
        super().__init__(dict.fromkeys(["db/id", *number]), table.height, table.batch)

    def cells(self, position: int, whole: bool = False) -> Cells:
        if position == 0:
            return self._table.cells(self._at["e"], whole)
        if whole not in self._read:
            self._read[whole] = self._table.cells(self._at["v"], whole)
        cells = self._read[whole]
        return _chosen(cells, self._which[cells.rows] == position - 1, whole)

    def row(self, number: int) -> dict[str, Any]:
        said = self._table.row(number)
        named = [("db/id", "e")] if "e" in said else []
        if "v" in said and self._which[number] >= 0:
            named.append((self.names[1 + self._which[number]], "v"))
        return {name: said[column] for name, column in named}


def _name(attribute: Any) -> str:
    if not isinstance(attribute, str) or attribute in {"db/id", ":db/id"}:
        raise TransactionError(
            f"{shown(attribute)} ({type(attribute).__name__}) is no attribute: expected a name like :person/name",
            code="tx/bad-attribute",
        )
    return attribute


def _chosen(cells: Cells, which: Mask, whole: bool) -> Cells:
    rows, values = cells.rows[which], cells.values
    if isinstance(values, list):  # of several types together, perhaps of one for each attribute
        return of_objects(rows, list(itertools.compress(values, which.tolist())), whole)
    kept = recoded(values.distinct, values.which[which]) if isinstance(values, Coded) else values[which]
    return cells._replace(rows=rows, values=kept)
