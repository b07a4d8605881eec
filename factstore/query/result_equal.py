"""Whether a result is equal to plain Python data, or to another result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from factstore.query.result import Result


def equal(one: Result, other: object) -> Any:
    """True for a set, list, tuple or result of the same rows; in the same order only if ``one`` is ordered.

    A row that is a tuple is equal to a list of the same. Nothing else is compared, so that a library's own
    ``==`` can answer for its tables.
    """
    if isinstance(other, set | frozenset):
        return len(other) == len(one) and other == _as_set(one)
    ordered = one.ordered
    if not isinstance(other, list | tuple):
        if not hasattr(other, "to_list") or type(other) is not type(one):
            return NotImplemented
        ordered = ordered and other.ordered
        other = other.to_list()
    if len(other) != len(one):
        return False
    mine, theirs = one.to_list(), [tuple(row) if isinstance(row, list) else row for row in other]
    return mine == theirs or (not ordered and same_bag(mine, theirs))


def _as_set(result: Result) -> Any:
    try:
        return set(result.to_list())
    except TypeError:  # maps are in no set
        return None


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
