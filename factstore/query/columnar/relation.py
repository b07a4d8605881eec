"""Relations: named int64 columns of equal length that together form a set of rows.

A column's *kind* is the one value type of its codes, or :data:`ANY` where its values are of several
types; then the codes number the distinct (type, value) pairs of this query. So every operator works
on int64 whatever the values are, and ``1``, ``1.0`` and ``True`` stay three different values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from typing import Any, Final, NamedTuple

import numpy as np

from factstore.columns import EMPTY, Ints, decode, encode_inline_array, ints
from factstore.columns_distinct import numbered
from factstore.dictionary import Dictionary
from factstore.dictionary_overlay import Overlay
from factstore.query.columnar.limits import Limits
from factstore.values import PYTHON_TYPES, Value, ValueType, type_of
from factstore.values_coerce import coerce

ANY: Final = 0
"""The kind of a column whose values are of several types."""

_FEW: Final = 512

NO_NAMES: Final[frozenset[str]] = frozenset()
REF: Final = int(ValueType.REF)
_LONG: Final = int(ValueType.LONG)


class Column(NamedTuple):
    """Codes of one kind: a :class:`~factstore.values.ValueType` number, or :data:`ANY`."""

    kind: int
    data: Ints

    def take(self, rows: Any) -> Column:
        """The column of the given row positions, or of the rows a mask keeps."""
        return Column(self.kind, self.data[rows])


def same_kind(one: int, other: int) -> bool:
    """True if equal codes of the two kinds mean equal values: an entity id is a long."""
    return one == other or (one in (REF, _LONG) and other in (REF, _LONG))


def may_meet(one: int, other: int) -> bool:
    """True if a value of one kind can equal a value of the other.

    >>> may_meet(ValueType.LONG, ValueType.BIGINT), may_meet(ValueType.LONG, ValueType.DOUBLE)
    (True, False)
    """
    return ANY in (one, other) or PYTHON_TYPES[ValueType(one)] is PYTHON_TYPES[ValueType(other)]


class Relation:
    """Named columns of equal length; immutable. Without columns it is either true (one row) or false (none).

    >>> r = Relation({"?x": Column(2, ints([1, 2]))})
    >>> r.size, r.names, Relation.true().size
    (2, ('?x',), 1)
    """

    __slots__ = ("columns", "key", "size")

    def __init__(
        self, columns: Mapping[str, Column], size: int | None = None, key: frozenset[str] | None = None
    ) -> None:
        self.columns = columns
        self.size: int = len(next(iter(columns.values())).data) if size is None else size
        self.key = NO_NAMES if key is None and self.size < 2 else key
        """Columns in which no two rows agree, as far as that is known; what has a key has no row twice."""

    @classmethod
    def true(cls) -> Relation:
        """The relation that joins with any other to give that other."""
        return cls({}, 1)

    @classmethod
    def empty(cls, names: Iterable[str]) -> Relation:
        """No rows, with the given columns."""
        return cls({name: Column(_LONG, EMPTY) for name in names}, 0)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.columns)

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    def __repr__(self) -> str:
        return f"<Relation {' '.join(self.names)}: {self.size} rows>"

    def take(self, rows: Any) -> Relation:
        """The given row positions, or the rows a mask keeps."""
        kept = getattr(rows, "dtype", None) == np.bool_
        if not self.columns:
            return Relation({}, int(rows.sum()) if kept else len(rows))
        # Positions may be given twice; what a mask keeps is a part of what was there.
        key = self.key if kept or isinstance(rows, slice) else None
        if kept and len(rows) > _FEW:
            # numpy takes by positions, found once for all columns, in a fraction of the time it takes by a mask.
            rows = np.flatnonzero(rows)
        return Relation({name: column.take(rows) for name, column in self.columns.items()}, key=key)

    def with_columns(self, more: Mapping[str, Column]) -> Relation:
        """These rows with further columns."""
        return Relation({**self.columns, **more}, self.size, self.key) if more else self

    def only(self, names: Iterable[str]) -> Relation:
        """The named columns, duplicates kept."""
        columns = {name: self.columns[name] for name in names}
        return Relation(columns, self.size, self.key if self.key is not None and self.key <= columns.keys() else None)

    def renamed(self, names: Sequence[str]) -> Relation:
        """The same columns under other names, in order."""
        new = dict(zip(self.columns, names, strict=True))
        key = None if self.key is None else frozenset(new[name] for name in self.key)
        return Relation({new[name]: column for name, column in self.columns.items()}, self.size, key)

    def keyed(self, key: frozenset[str] | None) -> Relation:
        """The same rows, of which the key is known."""
        return Relation(self.columns, self.size, key)


class Values:
    """The values of one query: the store's dictionary, and what only this query knows.

    >>> values = Values(Dictionary())
    >>> column = values.encode(["a", 1, 1.0, True, "a"])
    >>> column.kind == ANY, values.decode(column)
    (True, ['a', 1, 1.0, True, 'a'])
    """

    def __init__(self, dictionary: Dictionary | Overlay, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.base = dictionary
        self.overlay = Overlay(dictionary)
        self._objects: list[Value] = []
        self._object_codes: dict[Any, int] = {}

    def decode(self, column: Column) -> list[Value]:
        """The Python value of every row."""
        if column.kind == ANY:
            objects = self._objects
            return [objects[code] for code in column.data.tolist()]
        return decode(ValueType(column.kind), column.data, self.overlay)

    def encode(self, values: Sequence[Value]) -> Column:
        """A column of Python values, of one kind if they are all of one type."""
        types = {type(value) for value in values}
        if len(types) == 1:
            kinds = {type_of(value) for value in values} if types == {int} else {type_of(values[0])}
            kind = kinds.pop()
            if kind is not None and not kinds and not _has_no_code(kind, values):
                return self.encode_as(kind, values)
        return Column(ANY, ints([self._object_code(value) for value in values]))

    def encode_as(self, kind: ValueType, values: Sequence[Value]) -> Column:
        """A column of values that are all of one type."""
        if kind.interned:
            return Column(int(kind), ints(self.overlay.intern(kind, values)))
        if kind is ValueType.INSTANT:
            # Facts are kept in UTC; what a query is given may be in any zone, but must be in one.
            values = [value if value.tzinfo is UTC else coerce(kind, value) for value in values]
        return Column(int(kind), encode_inline_array(kind, values))

    def constant(self, value: Value, size: int = 1) -> Column:
        """A column of one value, repeated."""
        column = self.encode([frozen(value)])
        return column if size == 1 else Column(column.kind, np.repeat(column.data, size))

    def object(self, value: Value) -> Column:
        """A column of one value that is not looked up in the store, as it is most likely no fact's."""
        return Column(ANY, ints([self._object_code(value)]))

    def _object_code(self, value: Value) -> int:
        value = frozen(value)
        key = _object_key(value)
        code = self._object_codes.get(key)
        if code is None:
            code = self._object_codes[key] = len(self._objects)
            self._objects.append(value)
        return code

    def widen(self, column: Column) -> Column:
        """The same values as a column of kind :data:`ANY`."""
        if column.kind == ANY:
            return column
        distinct, inverse = numbered(column.data)
        codes = [self._object_code(value) for value in self.decode(Column(column.kind, distinct))]
        return Column(ANY, ints(codes)[inverse])

    def unify(self, one: Column, other: Column) -> tuple[Column, Column]:
        """The two columns with codes that are equal where the values are."""
        return (one, other) if same_kind(one.kind, other.kind) else (self.widen(one), self.widen(other))

    def translate(self, column: Column, origin: Dictionary | Overlay) -> Column:
        """A column whose codes are another dictionary's, in this query's codes."""
        if origin is self.base or not ValueType(column.kind).interned:
            return column
        distinct, inverse = numbered(column.data)
        values = origin.values_of(distinct.tolist())
        return Column(column.kind, self.encode_as(ValueType(column.kind), values).data[inverse])

    def translate_back(self, column: Column, target: Dictionary | Overlay) -> Ints:
        """This query's codes as another dictionary's; the smallest int64 where it has no such value."""
        if target is self.base or not ValueType(column.kind).interned:
            return column.data
        distinct, inverse = numbered(column.data)
        values = self.overlay.values_of(distinct.tolist())
        codes = target.codes_of(ValueType(column.kind), values)
        return ints([NOWHERE if code is None else code for code in codes])[inverse]


NOWHERE: Final = -(2**63)
"""A code that no dictionary gives."""


def frozen(value: Value) -> Value:
    """``value`` with tuples for lists, as a value that can be equal to another."""
    return tuple(map(frozen, value)) if isinstance(value, list | tuple) else value


def _object_key(value: Value) -> Any:
    if isinstance(value, tuple):
        return (tuple, tuple(_object_key(item) for item in value))
    try:
        hash(value)
    except TypeError:
        return (type(value), id(value))
    return (type(value), value)


def _has_no_code(kind: ValueType, values: Sequence[Value]) -> bool:
    """True for what only a query can hold: NaN, and tuples of more than plain values."""
    if kind is ValueType.TUPLE:
        scalars = (type_of(item) for value in values for item in value if item is not None)
        return any(vt is None or vt is ValueType.TUPLE for vt in scalars)
    return kind is ValueType.DOUBLE and any(value != value for value in values)
