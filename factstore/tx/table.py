"""A table as transaction data: its columns by name, and how to point at one of its cells.

Cells are numbered through: cell ``row * width + position``, where position 0 is the row itself and the
columns follow. The stages after this one take that number for the number of a form.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from factstore.errors import TransactionError
from factstore.tx.cells import Cells
from factstore.tx.cells_frames import made_by, read_cells
from factstore.tx.forms import Error, Forms, name_of, shown


class Table:
    """Columns of equal length by name.

    >>> table = read_table({"person/name": ["Ann", None], "person/age": [41, 7]})
    >>> table.height, table.cells(0).objects(), table.row(1)
    (2, ['Ann'], {'person/age': 7})
    """

    def __init__(self, columns: Mapping[str, Any], height: int, batch: int | None = None) -> None:
        self.names = list(columns)
        self.height = height
        self.batch = batch
        """Which of several this is."""
        self._columns = list(columns.values())

    @property
    def width(self) -> int:
        """How many cell numbers a row takes."""
        return len(self.names) + 1

    def cells(self, position: int, whole: bool = False) -> Cells:
        """The cells of the column at a position from 0; ``tx/bad-column`` if it is none."""
        name, column = self.names[position], self._columns[position]
        try:
            found = read_cells(column, whole)
        except Exception as error:  # whatever the library that made it has against it
            seen = f"column {name!r} can not be read: {type(error).__name__}: {error}"
            raise TransactionError(seen, code="tx/bad-column", column=name) from error
        if found is None:
            raise _no_column(name, column)
        return found

    def row(self, number: int) -> dict[str, Any]:
        """A row as the map it stands for."""
        sliced = Table({name: _slice(column, number) for name, column in self._items()}, 1)
        found = {name: sliced.cells(position, whole=True).objects() for position, name in enumerate(self.names)}
        return {name: values[0] for name, values in found.items() if values}

    def _items(self) -> Iterator[tuple[str, Any]]:
        return zip(self.names, self._columns, strict=True)


def _slice(column: Any, row: int) -> Any:
    return getattr(column, "iloc", column)[row : row + 1]


class TableForms(Forms):
    """Points at cells of a table; what lies after the last row is said of the transaction."""

    def __init__(self, table: Table, meta: Mapping[Any, Any]) -> None:
        super().__init__([])
        self._table = table
        self._meta = meta

    def place(self, form: int) -> str:
        row, position = divmod(form, self._table.width)
        if row >= self._table.height:
            return f"meta {shown(dict(self._meta))}"
        of_batch = "" if self._table.batch is None else f" of batch {self._table.batch}"
        if position:
            return f"column {self._table.names[position - 1]!r}, row {row}{of_batch}"
        return f"row {row}{of_batch} {shown(self._table.row(row))}"

    def refuse_as(self, kind: type[Error], form: int, message: str, code: str, **more: Any) -> Error:
        row, position = divmod(form, self._table.width)
        if row >= self._table.height:
            return kind(f"{message}, in {self.place(form)}", code=code, **more)
        position = position or self._position(more.get("attribute"))
        column = self._table.names[position - 1] if position else None
        place = self.place(row * self._table.width + position)
        return kind(f"{message}, in {place}", code=code, **more, row=row, column=column, **self._of_batch())

    def _position(self, attribute: Any) -> int:
        """The position of an attribute's column; 0 where it has none, or several."""
        if not isinstance(attribute, str):
            return 0
        found = [at for at, name in enumerate(self._table.names, 1) if name_of(name) == attribute]
        return found[0] if len(found) == 1 else 0

    def _of_batch(self) -> dict[str, int]:
        return {} if self._table.batch is None else {"batch": self._table.batch}


def is_table(data: object) -> bool:
    """Whether ``data`` is one table, rather than several."""
    return isinstance(data, Mapping) or made_by(data, "DataFrame", "Table", "RecordBatch") is not None


def read_table(data: Any, batch: int | None = None) -> Table:
    """A mapping of columns, a pandas or polars DataFrame, or an Arrow Table or RecordBatch.

    Raises :class:`TransactionError` ``tx/bad-table`` if it is none, or its columns do not fit together.
    """
    try:
        return _read_table(data, batch)
    except TransactionError as error:
        if batch is None:
            raise
        message = f"{error.message}, in batch {batch}"
        raise TransactionError(message, code=error.code, **error.data, batch=batch) from None


def _read_table(data: Any, batch: int | None) -> Table:
    if not is_table(data):
        raise _bad_table(f"{shown(data)} ({type(data).__name__}): expected a table, or an iterable of tables")
    columns: dict[str, Any] = {}
    for name, column in _columns(data):
        if not isinstance(name, str):
            raise _bad_table(f"a column is called {shown(name)} ({type(name).__name__}): expected an attribute's name")
        if name in columns:
            raise _bad_table(f"two columns are called {name!r}")
        columns[name] = column
    return Table(columns, _height(columns), batch)


def tables(data: Any) -> Iterator[Any]:
    """The tables of an iterable; ``tx/bad-table`` if it is none."""
    if isinstance(data, str | bytes) or not isinstance(data, Iterable):
        read_table(data)
    return iter(data)


def _columns(data: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(data, Mapping):
        return data.items()
    library = made_by(data, "DataFrame", "Table", "RecordBatch")
    if library == "pandas":
        return zip(list(data.columns), (data.iloc[:, at] for at in range(data.shape[1])), strict=True)
    if library == "polars":
        return zip(data.columns, data.get_columns(), strict=True)
    return zip(data.schema.names, data.columns, strict=True)


def _height(columns: Mapping[str, Any]) -> int:
    heights: dict[str, int] = {}
    for name, column in columns.items():
        is_flat = hasattr(column, "__len__") and getattr(column, "ndim", 1) == 1
        if isinstance(column, str | bytes | Mapping) or not is_flat:
            raise _no_column(name, column)
        heights[name] = len(column)
    for name, height in heights.items():
        first = next(iter(heights))
        if height != heights[first]:
            raise _bad_table(f"column {first!r} has {heights[first]} rows, but {name!r} has {height}")
    return next(iter(heights.values()), 0)


def _bad_table(what: str) -> TransactionError:
    return TransactionError(what, code="tx/bad-table")


def _no_column(name: str, column: Any) -> TransactionError:
    return TransactionError(
        f"column {name!r} is {shown(column)} ({type(column).__name__}): expected a list, a one-dimensional NumPy"
        " array, or a column of pandas, polars or Arrow (rows that are maps go to transact)",
        code="tx/bad-column",
        column=name,
    )
