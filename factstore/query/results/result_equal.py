"""Whether a result is equal to plain Python data, or to another result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any


def equal(mine: Sequence[Any], other: Any, *, ordered: bool) -> bool:
    """True if a set, list or tuple has the same rows; in the same order, if ``mine`` are ``ordered`` and it is no set.

    A row that is a tuple is equal to a list of the same.

    >>> equal([(1,), (2,)], [[2], [1]], ordered=False), equal([(1,), (2,)], [[2], [1]], ordered=True)
    (True, False)
    """
    if len(other) != len(mine):
        return False
    if isinstance(other, set | frozenset):
        try:
            return other == set(mine)
        except TypeError:  # maps are in no set
            return False
    theirs = [tuple(row) if isinstance(row, list) else row for row in other]
    return mine == theirs or (not ordered and same_bag(mine, theirs))


def same_bag(one: Sequence[Any], other: Sequence[Any]) -> bool:
    """Whether two sequences have the same rows, each as often.

    >>> same_bag([{"a": [1]}, 2], [2, {"a": [1]}]), same_bag([1, 1], [1])
    (True, False)
    """
    if len(one) != len(other):
        return False
    try:
        return Counter(map(_hashable, one)) == Counter(map(_hashable, other))
    except TypeError:
        rest = list(other)
        for row in one:
            if row not in rest:
                return False
            rest.remove(row)
        return True


def _hashable(value: Any) -> Any:
    """Something with a hash that is equal exactly where ``value`` is."""
    if isinstance(value, Mapping):
        return _MAP, frozenset((key, _hashable(item)) for key, item in value.items())
    if isinstance(value, list):
        return _LIST, tuple(map(_hashable, value))
    return tuple(map(_hashable, value)) if isinstance(value, tuple) else value


_MAP, _LIST = object(), object()
