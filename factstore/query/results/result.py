"""What a query gives back: columns, made into Python values only when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from factstore.errors import QueryError
from factstore.query.columnar.relation import Column, Values
from factstore.query.results import ordering, result_equal, result_frames, result_pickle, result_show
from factstore.query.results.result_rows import Shape, rows_of
from factstore.query.results.result_typed import Output, Typed, as_array, typed
from factstore.values import Value

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

_PAGE = 8192
"""Rows that are made at once where they are iterated."""


class Result(Sequence[Any]):
    """The rows of a query: tuples, or plain values for a collection find (``[?x ...]``), or maps (``:keys``).

    It is equal to a set or list of the same rows, whatever their order, unless the query orders them. It never
    changes: what it gives out is the caller's own, and arrays that are not copies cannot be written to.

    >>> import factstore
    >>> db = factstore.connect("memory:").db()
    >>> rows = db.q('[:find ?x ?y :in $ [[?x ?y]]]', [[1, "a"], [2, "b"]])
    >>> rows == {(1, "a"), (2, "b")}, len(rows), rows.columns, sorted(rows["?y"])
    (True, 2, ('?x', '?y'), ['a', 'b'])
    """

    __slots__ = ("_columns", "_data", "_held", "_keys", "_ordered", "_rows", "_shape", "_size", "_values")

    def __init__(
        self,
        columns: tuple[str, ...],
        data: Sequence[Output],
        size: int,
        values: Values | None,
        *,
        shape: Shape = "tuples",
        ordered: bool = False,
        keys: tuple[str, ...] = (),
    ) -> None:
        self._columns = columns
        self._data: Sequence[Output] | None = data
        self._size = size
        self._values = values
        self._shape = shape
        self._ordered = ordered
        self._keys = keys
        self._held: dict[int, list[Value]] = {}
        self._rows: list[Any] | None = None

    @classmethod
    def of_rows(
        cls,
        columns: tuple[str, ...],
        rows: list[Any],
        *,
        shape: Shape = "tuples",
        ordered: bool = False,
        keys: tuple[str, ...] = (),
    ) -> Result:
        """A result of rows that are made already, each of the shape it says; the list is the result's own from then on.

        >>> Result.of_rows(("?x", "?y"), [(1, "a"), (2, "b")]).column("?y")
        ['a', 'b']
        """
        found = cls(columns, (), len(rows), None, shape=shape, ordered=ordered, keys=keys)
        found._data, found._rows = None, rows
        return found

    @property
    def columns(self) -> tuple[str, ...]:
        """The name of each column, as the find clause writes it."""
        return self._columns

    @property
    def ordered(self) -> bool:
        """Whether the query said in which order its rows are."""
        return self._ordered

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each column in a table: by ``:keys``, or as the find clause writes it, without ``?``.

        The second of two alike gets its place: ``x_2``.
        """
        names = self._keys or [name.removeprefix("?") for name in self._columns]
        return tuple(n if names.index(n) == place else f"{n}_{place + 1}" for place, n in enumerate(map(str, names)))

    @property
    def shape(self) -> Shape:
        """What a row is: a tuple, a plain value (``[?x ...]``), or a dict (``:keys``)."""
        return self._shape

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        for rows in self.chunks():
            yield from rows

    def __reversed__(self) -> Iterator[Any]:
        yield from reversed(self.to_list())

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    @overload
    def __getitem__(self, index: str) -> list[Value]: ...
    def __getitem__(self, index: int | slice | str) -> Any:
        """A row, a list of rows, or the values of a column by its name; no more is made than is asked for."""
        if isinstance(index, str):
            return self.column(index)
        if isinstance(index, slice):
            return self._made(index)
        place = range(self._size)[index]
        return self._made(slice(place, place + 1))[0]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Result | list | tuple | set | frozenset):
            return NotImplemented  # a library's own == answers for its tables
        if isinstance(other, Result):
            return result_equal.equal(self.to_list(), other.to_list(), ordered=self._ordered and other._ordered)
        return result_equal.equal(self.to_list(), other, ordered=self._ordered)

    __hash__ = None  # type: ignore[assignment]  # as of a list

    def __reduce__(self) -> tuple[Any, ...]:
        how = {"shape": self._shape, "ordered": self._ordered, "keys": self._keys}
        return _unpickled, (self._columns, result_pickle.sent(self._outputs(), self._values), self._size, how)

    def column(self, which: int | str) -> list[Value]:
        """One column as Python values: by its place from 0, or by name, as in :attr:`columns` or :attr:`names`.

        Raises :class:`QueryError` ``query/no-column``.
        """
        return self._python(self._place(which)).copy()

    def chunks(self, size: int = _PAGE) -> Iterator[list[Any]]:
        """The rows in lists of at most ``size``, each made when its turn comes."""
        for start in range(0, self._size, size):
            yield self._made(slice(start, start + size))

    def sorted(self) -> Result:
        """The same rows in the order of their values, the first column's first: one text for one set of rows.

        Values of several types are ordered by type, what is missing comes first.

        >>> Result.of_rows(("?x",), [("b",), (2,), ("a",)]).sorted().to_list()
        [(2,), ('a',), ('b',)]
        """
        outputs = self._outputs()
        positions = ordering.by_value(outputs, self._size, self._values)
        data = [ordering.taken(output, positions) for output in outputs]
        how: Any = {"shape": self._shape, "keys": self._keys}
        return Result(self._columns, data, self._size, self._values, ordered=True, **how)

    def to_list(self) -> list[Any]:
        """All rows."""
        return self._made(slice(None))

    def to_dicts(self) -> list[dict[str, Value]]:
        """Each row as a dict, by ``:keys`` or by the names of the find clause."""
        names = self._keys or self._columns
        return rows_of(list(map(self._python, range(len(self._columns)))), "maps", names)

    def to_numpy(self) -> dict[str, np.ndarray[Any, Any]]:
        """Each column as an array of its natural type: int64, float64, bool, datetime64[us] in UTC, or objects.

        Numbers are not copied, and cannot be written to.
        """
        return {name: as_array(column) for name, column in self._typed()}

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        """``np.asarray(result)``: of plain values an array of their natural type, else of the rows."""
        if self._shape != "values":
            return np.asarray(self.to_list(), dtype=dtype)
        [(_, column)] = self._typed()
        return np.array(as_array(column), dtype=dtype, copy=bool(copy)) if copy else np.asarray(as_array(column), dtype)

    def to_pandas(self) -> pandas.DataFrame:
        """A pandas DataFrame; needs the extra ``factstore[pandas]``. Missing numbers make a nullable column."""
        return result_frames.to_pandas(self._typed())

    def to_polars(self) -> polars.DataFrame:
        """A polars DataFrame; needs the extra ``factstore[polars]``. Values of several types make an object column."""
        return result_frames.to_polars(self._typed())

    def to_arrow(self) -> pyarrow.Table:
        """An Arrow table; needs the extra ``factstore[arrow]``.

        Numbers and instants are not copied. Raises :class:`QueryError` ``query/no-arrow`` for a column that Arrow
        has no type for: of values of several types, or of numbers with more than 76 digits.
        """
        return result_frames.to_arrow(self._typed())

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The rows for any library that takes Arrow: ``pa.table(result)``, ``duckdb.sql("from result")``."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        return result_show.text(self._columns, self[: result_show.SHOWN], self._size)

    def _repr_html_(self) -> str:
        first: list[Any] = self[: result_show.SHOWN]
        if self._shape != "tuples":
            first = [tuple(row.values()) if self._shape == "maps" else (row,) for row in first]
        return result_show.table(self._columns, first, self._size)

    def _outputs(self) -> Sequence[Output]:
        """The columns; those of rows that were given as they are, made of them."""
        if self._data is None:
            assert self._rows is not None
            if self._shape == "tuples":
                columns = list(map(list, zip(*self._rows, strict=True)))
            elif self._shape == "maps":
                columns = list(map(list, zip(*(row.values() for row in self._rows), strict=True)))
            else:
                columns = [self._rows]
            self._data = columns or [[] for _ in self._columns]
        return self._data

    def _typed(self) -> list[tuple[str, Typed]]:
        outputs = zip(self.names, self._outputs(), strict=True)
        return [(name, typed(output, self._values)) for name, output in outputs]

    def _place(self, which: int | str) -> int:
        if isinstance(which, int):
            return range(len(self._columns))[which]
        for names in (self._columns, self.names):
            if which in names:
                return names.index(which)
        message = f"no column {which} in the result: expected one of {' '.join(self._columns)}"
        raise QueryError(message, code="query/no-column", name=which, columns=self._columns)

    def _python(self, place: int) -> list[Value]:
        """A column as Python values; made once and kept."""
        held = self._held.get(place)
        if held is None:
            held = self._held[place] = _decoded(self._outputs()[place], self._values)
        return held

    def _made(self, rows: slice) -> list[Any]:
        """Some of the rows."""
        if self._rows is not None:
            return self._rows[rows]
        columns = [self._part(place, rows) for place in range(len(self._columns))]
        return rows_of(columns, self._shape, self._keys)

    def _part(self, place: int, rows: slice) -> list[Value]:
        if rows == slice(None):
            return self._python(place)[rows]
        held, output = self._held.get(place), self._outputs()[place]
        if held is not None or not isinstance(output, Column):
            return (output if held is None else held)[rows]  # type: ignore[return-value]  # a list in either case
        return _decoded(output.take(rows), self._values)


def _unpickled(columns: tuple[str, ...], parts: Sequence[Any], size: int, how: Mapping[str, Any]) -> Result:
    data, values = result_pickle.received(parts)
    return Result(columns, data, size, values, **how)


def _decoded(output: Output, values: Values | None) -> list[Value]:
    if not isinstance(output, Column):
        return output
    assert values is not None
    return values.decode(output)
