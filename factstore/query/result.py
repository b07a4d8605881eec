"""What a query gives back: columns, made into Python values only when they are asked for."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from factstore.columns import ints_to_doubles
from factstore.query.aggregates import Output
from factstore.query.relation import ANY, REF, Column, Values
from factstore.values import Value, ValueType

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

_SHOWN = 20


class Result(Sequence[Any]):
    """The rows of a query: tuples, or plain values for a collection find (``[?x ...]``), or maps (``:keys``).

    It is equal to a set or list of the same rows, whatever their order, unless the query orders them.

    >>> import factstore
    >>> db = factstore.connect("memory:").db()
    >>> rows = db.q('[:find ?x ?y :in $ [[?x ?y]]]', [[1, "a"], [2, "b"]])
    >>> rows == {(1, "a"), (2, "b")}, len(rows), rows.columns
    (True, 2, ('?x', '?y'))
    """

    def __init__(
        self,
        columns: tuple[str, ...],
        data: Sequence[Output],
        size: int,
        values: Values,
        *,
        shape: Literal["tuples", "values", "maps"] = "tuples",
        ordered: bool = False,
        keys: tuple[str, ...] = (),
    ) -> None:
        self.columns = columns
        """The name of each column, as the find clause writes it."""
        self._data = data
        self._size = size
        self._values = values
        self._shape: Literal["tuples", "values", "maps"] = shape
        self._ordered = ordered
        self._keys = keys
        self._rows: list[Any] | None = None

    @property
    def ordered(self) -> bool:
        """Whether the query said in which order its rows are."""
        return self._ordered

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each column in a table: by ``:keys``, or as the find clause writes it, without ``?``."""
        return self._names()

    @property
    def shape(self) -> Literal["tuples", "values", "maps"]:
        """What a row is: a tuple, a plain value (``[?x ...]``), or a dict (``:keys``)."""
        return self._shape

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return iter(self.to_list())

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        return self.to_list()[index]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Result):
            other = other.to_list()
        if isinstance(other, set | frozenset):
            return len(other) == len(self) and set(self.to_list()) == other
        if not isinstance(other, list | tuple):
            return NotImplemented
        mine, theirs = self.to_list(), [tuple(row) if isinstance(row, list) else row for row in other]
        return mine == theirs if self._ordered else _same_bag(mine, theirs)

    __hash__ = None  # type: ignore[assignment]

    def column(self, index: int) -> list[Value]:
        """One column as Python values."""
        data = self._data[index]
        return self._values.decode(data) if isinstance(data, Column) else list(data)

    def to_list(self) -> list[Any]:
        """All rows; made once and kept."""
        if self._rows is None:
            columns = [self.column(place) for place in range(len(self._data))]
            if self._shape == "values":
                self._rows = columns[0]
            elif self._shape == "maps":
                self._rows = [dict(zip(self._keys, row, strict=True)) for row in zip(*columns, strict=True)]
            else:
                self._rows = list(zip(*columns, strict=True))
        return self._rows

    def to_dicts(self) -> list[dict[str, Value]]:
        """Each row as a dict, by ``:keys`` or by the names of the find clause."""
        names = self._keys or self.columns
        columns = [self.column(place) for place in range(len(self._data))]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]

    def to_numpy(self) -> dict[str, np.ndarray[Any, Any]]:
        """Each column as an array of its natural type: int64, float64, bool, datetime64[us], or objects."""
        return {name: self._array(place) for place, name in enumerate(self._names())}

    def _names(self) -> tuple[str, ...]:
        return self._keys or tuple(name.removeprefix("?") for name in self.columns)

    def _array(self, place: int) -> np.ndarray[Any, Any]:
        data = self._data[place]
        if isinstance(data, Column) and data.kind != ANY and not ValueType(data.kind).interned:
            return _natural(data)
        held = np.empty(self._size, dtype=object)
        held[:] = self.column(place)
        return held

    def to_pandas(self) -> pandas.DataFrame:
        """A pandas DataFrame; needs the extra ``factstore[pandas]``."""
        import pandas

        return pandas.DataFrame(self.to_numpy())

    def to_polars(self) -> polars.DataFrame:
        """A polars DataFrame; needs the extra ``factstore[polars]``."""
        import polars

        return polars.DataFrame({name: self._plain(place) for place, name in enumerate(self._names())}, strict=False)

    def to_arrow(self) -> pyarrow.Table:
        """An Arrow table; needs the extra ``factstore[arrow]``."""
        import pyarrow

        return pyarrow.table({name: self._plain(place) for place, name in enumerate(self._names())})

    def _plain(self, place: int) -> Any:
        array = self._array(place)
        return array if array.dtype != object else [str(v) if isinstance(v, str) else v for v in array]

    def __repr__(self) -> str:
        rows = self.to_list()
        more = f", … {len(rows) - _SHOWN} more" if len(rows) > _SHOWN else ""
        return f"<Result {' '.join(self.columns)}: [{', '.join(map(repr, rows[:_SHOWN]))}{more}]>"

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self.columns)
        columns = [self.column(place)[:_SHOWN] for place in range(len(self._data))]
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(str(value))}</td>" for value in row) + "</tr>"
            for row in zip(*columns, strict=True)
        )
        more = f"<p>{self._size:,} rows</p>"
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _natural(column: Column) -> np.ndarray[Any, Any]:
    if column.kind == ValueType.DOUBLE:
        return ints_to_doubles(column.data)
    if column.kind == ValueType.BOOLEAN:
        return column.data.astype(np.bool_)
    if column.kind == ValueType.INSTANT:
        return column.data.astype("datetime64[us]")
    assert column.kind in (REF, ValueType.LONG)
    return column.data


def _same_bag(one: list[Any], other: list[Any]) -> bool:
    if len(one) != len(other):
        return False
    try:
        return Counter(one) == Counter(other)
    except TypeError:
        rest = list(other)
        for row in one:
            if row not in rest:
                return False
            rest.remove(row)
        return True
