"""Which values are equal, and which come before others."""

from __future__ import annotations

import operator
from collections.abc import Callable
from itertools import pairwise
from typing import Any, TypeAlias

from factstore.values import type_of

Comparison: TypeAlias = Callable[..., bool]


def chained(compare: Callable[[Any, Any], bool]) -> Comparison:
    """An n-ary comparison: true if it holds between all neighbours."""
    return lambda *args: all(compare(a, b) for a, b in pairwise(args))


def equal(one: Any, other: Any) -> bool:
    """Equality of values: ``1``, ``1.0`` and ``true`` are three different ones."""
    return type(one) is type(other) and bool(one == other)


def compared(compare: Callable[[Any, Any], bool]) -> Comparison:
    """An n-ary order comparison between values of one family: numbers, strings, instants…"""

    def check(one: Any, other: Any) -> bool:
        if family(one) != family(other):
            raise TypeError(f"{one!r} and {other!r} have no order between them")
        return compare(one, other)

    return chained(check)


def before(one: Any, other: Any) -> int:
    """-1 if ``one`` comes before ``other``, else 0."""
    return -int(compared(operator.lt)(one, other))


def family(value: Any) -> str:
    """Values of one family have an order between them.

    >>> from factstore.values import Keyword
    >>> family(1) == family(2.5), family("a") == family(Keyword("a"))
    (True, False)
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    vt = type_of(value)
    return "number" if vt is not None and vt.name == "BIGDEC" else type(value).__name__


def extreme(choose: Callable[..., Any]) -> Callable[..., Any]:
    """``min`` or ``max`` of values of one family."""

    def of(first: Any, *rest: Any) -> Any:
        for value in rest:
            if family(value) != family(first):
                raise TypeError(f"{first!r} and {value!r} have no order between them")
        return choose((first, *rest))

    return of


def not_equal(first: Any, *rest: Any) -> bool:
    """True unless all are equal."""
    return not chained(equal)(first, *rest)
