"""A table to columns of what is said: as if each row were a map, but a column at a time.

What is of an attribute's own plain type goes through as an array. Everything else takes the road of the
maps, cell by cell, and so means the same and is refused for the same reasons.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np

from factstore.columns import ints
from factstore.datom import TX0
from factstore.errors import FactstoreError, TransactionError
from factstore.schema import Attribute, Schema
from factstore.tx.cells import Cells, Coded
from factstore.tx.expand import Expander
from factstore.tx.forms import Forms
from factstore.tx.gather import Block, Column, Gathered
from factstore.tx.slots import Slots
from factstore.tx.table import Table, TableForms
from factstore.tx.table_blocks import block_of, narrowed
from factstore.tx.table_nodes import Name, NameEach, by_value, holders, key_of, named, nodes_of, sort_columns
from factstore.tx.table_refs import References, is_id
from factstore.tx.table_slots import CellSlots
from factstore.values import ValueType


class Load(msgspec.Struct, frozen=True, eq=False):
    """A table, and what is to be known about it."""

    table: Table
    refs: Mapping[str, str] = {}
    """By which unique attribute the values of a ref attribute's column are looked up."""
    create_missing: bool = False
    """Whether what is looked up so and found nowhere becomes an entity with that one attribute."""
    meta: Mapping[Any, Any] = {}
    """What is asserted about the transaction."""


def tabulate(load: Load, schema: Schema, t: int) -> tuple[Forms, Gathered, Slots]:
    """What a table says."""
    walk = _Tabulator(load, schema, t)
    walk.run()
    sort_columns(walk.at.out)
    return walk.forms, walk.at.out, walk.at.slots


class _CellExpander(Expander):
    """The road of the maps, for cells."""

    slots: CellSlots

    def __init__(self, forms: TableForms, schema: Schema, t: int) -> None:
        super().__init__(forms, schema, t)
        self.slots = CellSlots(forms, schema, TX0 + t, self._seek)

    def column(self, name: str) -> Column:
        """The column that takes what is under a key."""
        return self._key(name)

    def items(self, attribute: Attribute, cells: Cells, number: Callable[[int], int]) -> Cells:
        """The cells with the items of those that are lists."""
        if not isinstance(cells.values, list) or not attribute.many or attribute.type is ValueType.TUPLE:
            return cells
        rows, items = [], []
        for row, value in zip(cells.rows.tolist(), cells.values, strict=True):
            self.form = number(row)
            for item in value if isinstance(value, list | tuple | set | frozenset) else (value,):
                if item is None:
                    raise self._none(attribute)
                rows.append(row)
                items.append(item)
        return Cells(ints(rows), items)

    def take(self, column: Column, cells: Cells, number: Callable[[int], int]) -> None:
        """Takes cells one by one, as the values under a key."""
        for row, value in zip(cells.rows.tolist(), cells.objects(), strict=True):
            self.form = number(row)
            self._entry(column, row, value)


class _Tabulator:
    """Walks a table column by column."""

    def __init__(self, load: Load, schema: Schema, t: int) -> None:
        self.forms = TableForms(load.table, load.meta)
        self.at = _CellExpander(self.forms, schema, t)
        self._load = load
        self._table = load.table
        self._schema = schema
        self._refused: list[tuple[int, FactstoreError]] = []
        self._refs = References(load.refs, schema, create_missing=load.create_missing)

    def run(self) -> None:
        columns = [self._column(position) for position in range(1, self._table.width)]
        self._rows()
        for position, column in enumerate(columns, 1):
            if column is not None:
                self._attempt(self._fill, column, position)
        if self._refused:
            # Columns are looked at one after the other; whoever wrote them thinks of rows.
            raise min(self._refused, key=lambda each: each[0])[1]
        if self._load.meta:
            self.at.form = self._table.height * self._table.width
            self.at.map({"db/id": "db/current-tx", **self._load.meta})

    def _column(self, position: int) -> Column | None:
        self.at.form = position
        name = self._table.names[position - 1]
        return None if is_id(name) else self.at.column(name)

    def _attempt(self, step: Callable[..., None], *args: Any) -> None:
        try:
            step(*args)
        except FactstoreError as error:
            self._refused.append((self.at.form, error))
            self.at.depth = 0

    def _number(self, position: int) -> Callable[[int], int]:
        width = self._table.width
        return lambda row: row * width + position

    def _rows(self) -> None:
        """Finds the subject of each row."""
        table, out = self._table, self.at.out
        out.form = list(range(0, table.height * table.width, table.width))
        out.node = [0] * table.height
        ids = [position for position, name in enumerate(table.names) if is_id(name)]
        if len(ids) > 1:
            raise TransactionError("two columns are called db/id", code="tx/bad-table")
        self._attempt(self._identify, *ids)

    def _identify(self, position: int | None = None) -> None:
        out, slots = self.at.out, self.at.slots
        if position is None:
            out.node[:] = slots.new_each(ints(out.form)).tolist()
            return
        cells = narrowed(self._table.cells(position, whole=True))
        by = self._refs.of_rows
        found = (
            nodes_of(cells, self._name(0), self._name_each(0))
            if by is None
            else named(cells.rows, by_value(cells), self._seek(by, 0))
        )
        nodes = np.zeros(self._table.height, dtype=np.int64)
        nodes[cells.rows] = found
        nameless = np.ones(len(nodes), dtype=np.bool_)
        nameless[cells.rows] = False
        nodes[nameless] = slots.new_each(np.flatnonzero(nameless) * self._table.width)
        out.node[: len(nodes)] = nodes.tolist()  # a lookup ref has taken a row of its own

    def _fill(self, column: Column, position: int) -> None:
        attribute = column.attribute
        self.at.form = position
        cells = self._read(column, position)
        by = self._refs.by.get(attribute.id)
        if not self._is_plain(column):
            self.at.take(column, cells, self._number(position))
        elif by is not None:
            cells = self.at.items(attribute, cells, self._number(position))
            nodes = named(cells.rows, by_value(cells), self._refer(by, position))
            column.blocks.append(Block(cells.rows, nodes, []))
        elif attribute.is_ref and not isinstance(cells.values, list):
            column.blocks.append(
                Block(cells.rows, nodes_of(cells, self._name(position), self._name_each(position)), [])
            )
        else:
            block = None if attribute.is_ref else block_of(attribute, cells)
            if block is None:
                self.at.take(column, cells, self._number(position))
            else:
                column.blocks.append(block)

    def _is_plain(self, column: Column) -> bool:
        """Whether it simply takes assertions; others, such as reversed ones, are for the road of the maps alone."""
        return self.at.out.adds.get(column.attribute.id) is column

    def _read(self, column: Column, position: int) -> Cells:
        attribute = column.attribute
        whole = not attribute.many or attribute.type is ValueType.TUPLE or not self._is_plain(column)
        cells = self._table.cells(position - 1, whole)
        if attribute.is_ref and cells.listed and self._may_look_up(cells) and attribute.id not in self._refs.by:
            cells = self._table.cells(position - 1, whole=True)
        return cells if attribute.type is ValueType.DOUBLE else narrowed(cells)

    def _may_look_up(self, cells: Cells) -> bool:
        """Whether a list cell may be one lookup ref rather than a list of refs."""
        values = cells.values
        known = map(self._schema.get, values.distinct) if isinstance(values, Coded) else ()
        return any(each is not None and each.unique is not None for each in known)

    def _name(self, position: int) -> Name:
        """Names the entities of a column's cells as a map would."""
        width = self._table.width

        def node(value: Any, row: int) -> int:
            self.at.form = row * width + position
            return self.at.slots.node(value, self.at.form)

        return node

    def _name_each(self, position: int) -> NameEach:
        width = self._table.width
        return lambda tempids, rows, first: self.at.slots.tempid_each(tempids, rows * width + position, first)

    def _seek(self, by: Attribute, position: int) -> Name:
        """Names them by the value of a unique attribute, which somebody must have."""
        name = self._name(position)
        return lambda value, row: name([by.ident, value], row)

    def _refer(self, by: Attribute, position: int) -> Name:
        """Names them so, looking among the rows of the table first."""
        own, seek, width = self._own(by), self._seek(by, position), self._table.width

        def node(value: Any, row: int) -> int:
            self.at.form = row * width + position
            found = own.get(key_of(by, value))
            if found is not None:
                self.at.slots.meet(found, self.at.form)
                return found
            return self.at.map({by.ident: value}) if self._refs.create_missing else seek(value, row)

        return node

    def _own(self, by: Attribute) -> dict[Any, int]:
        """The node of the first row that has each value of a unique attribute."""
        found: dict[Any, int] = {}
        for position, name in enumerate(self._table.names, 1):
            if not is_id(name) and self._schema.get(name) is by:
                cells = narrowed(self._table.cells(position - 1, whole=not by.many))
                cells = self.at.items(by, cells, self._number(position))
                found = holders(by, cells, self.at.out.node) | found
        return found
