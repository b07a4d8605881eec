"""Arithmetic on whole columns: exact on integers, which never wrap, and as Python's on doubles.

Like :mod:`factstore.query.columnar.comparisons` it answers None where the values have to be looked at one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from factstore.columns import Ints, doubles_to_ints
from factstore.query.columnar.comparisons import DOUBLE, INTEGERS, LONG, as_doubles
from factstore.query.columnar.relation import Column
from factstore.values import LONG_MAX, LONG_MIN


class Span(NamedTuple):
    """The least and the largest of some integers, as Python's own."""

    low: int
    high: int

    @classmethod
    def of(cls, data: Ints) -> Span:
        return cls(int(data.min()), int(data.max()))

    @property
    def fits(self) -> bool:
        """Whether all of it is in 64 bits."""
        return self.low >= LONG_MIN and self.high <= LONG_MAX


def function(name: str, columns: Sequence[Column]) -> Column | None:
    """What a built-in function gives for columns of numbers."""
    if not columns or not len(columns[0].data):
        return None
    if name in ("identity", "ground") and len(columns) == 1:
        return columns[0]
    if all(column.kind in INTEGERS for column in columns):
        return _of_integers(name, [column.data for column in columns])
    if all(column.kind in (*INTEGERS, DOUBLE) for column in columns):
        numbers = [as_doubles(column) for column in columns]
        mixed = any(column.kind != DOUBLE for column in columns)
        return None if any(each is None for each in numbers) else _of_doubles(name, numbers, mixed)
    return None


def _of_integers(name: str, data: Sequence[Ints]) -> Column | None:
    found: Ints | None
    if len(data) == 1:
        found = _ONE[name](data[0]) if name in _ONE else None
    elif name in _FOLDED:
        found = _folded(_FOLDED[name], data)
    else:
        found = _TWO[name](*data) if name in _TWO and len(data) == 2 else None
    return None if found is None else Column(LONG, found)


def _folded(apply: Callable[[Ints, Ints], Ints | None], data: Sequence[Ints]) -> Ints | None:
    found: Ints | None = data[0]
    for other in data[1:]:
        if found is not None:
            found = apply(found, other)
    return found


def _add(one: Ints, other: Ints) -> Ints | None:
    a, b = Span.of(one), Span.of(other)
    return one + other if Span(a.low + b.low, a.high + b.high).fits else None


def _subtract(one: Ints, other: Ints) -> Ints | None:
    a, b = Span.of(one), Span.of(other)
    return one - other if Span(a.low - b.high, a.high - b.low).fits else None


def _multiply(one: Ints, other: Ints) -> Ints | None:
    corners = [a * b for a in Span.of(one) for b in Span.of(other)]
    return one * other if Span(min(corners), max(corners)).fits else None


def _divided(divide: Callable[[Ints, Ints], Ints]) -> Callable[[Ints, Ints], Ints | None]:
    """A division; zero is told where it is met, and the least integer has no opposite."""

    def checked(one: Ints, by: Ints) -> Ints | None:
        return divide(one, by) if by.all() and min(Span.of(one).low, Span.of(by).low) > LONG_MIN else None

    return checked


def _quotient(one: Ints, by: Ints) -> Ints:
    whole = np.abs(one) // np.abs(by)
    return np.where((one < 0) == (by < 0), whole, -whole)


def _exact(one: Ints, by: Ints) -> Ints | None:
    """``/`` where nothing remains; where something does, the answer is a double in that row alone."""
    checked = _divided(np.floor_divide)(one, by)
    return checked if checked is not None and not (one - checked * by).any() else None


_ONE: Final[Mapping[str, Callable[[Ints], Ints | None]]] = {
    "+": lambda x: x,
    "-": lambda x: -x if Span.of(x).low > LONG_MIN else None,
    "*": lambda x: x,
    "inc": lambda x: x + 1 if Span.of(x).high < LONG_MAX else None,
    "dec": lambda x: x - 1 if Span.of(x).low > LONG_MIN else None,
    "abs": lambda x: np.abs(x) if Span.of(x).low > LONG_MIN else None,
}
_FOLDED: Final[Mapping[str, Callable[[Ints, Ints], Ints | None]]] = {
    "+": _add,
    "-": _subtract,
    "*": _multiply,
    "max": np.maximum,
    "min": np.minimum,
}
_TWO: Final[Mapping[str, Callable[[Ints, Ints], Ints | None]]] = {
    "/": _exact,
    "quot": _divided(_quotient),
    "rem": _divided(lambda one, by: one - by * _quotient(one, by)),
    "mod": _divided(np.mod),
}


def _of_doubles(name: str, numbers: Sequence[Any], mixed: bool) -> Column | None:
    if name in _PLAIN and len(numbers) == 2 and not (name == "/" and not numbers[1].all()):
        apply = _PLAIN[name]
    elif name in _SAME and len(numbers) == 2 and not mixed:
        apply = _SAME[name]
    elif name in _ALONE and len(numbers) == 1:
        apply = _ALONE[name]
    else:
        return None
    with np.errstate(all="ignore"):
        found = apply(*numbers)
    # NaN is no value of a column of doubles.
    return None if np.isnan(found).any() else Column(DOUBLE, doubles_to_ints(found))


# Of three and more, Python's own sum is more exact than adding one after the other.
_PLAIN: Final[Mapping[str, Callable[..., Any]]] = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}
_SAME: Final[Mapping[str, Callable[..., Any]]] = {"max": np.maximum, "min": np.minimum}
_ALONE: Final[Mapping[str, Callable[..., Any]]] = {
    "-": np.negative,
    "abs": np.abs,
    "inc": lambda x: x + 1.0,
    "dec": lambda x: x - 1.0,
}
