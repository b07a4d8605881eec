"""What is worked out of a part of a query once, as long as that very part is asked about again."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final, TypeVar

_MOST: Final = 2048
A = TypeVar("A")
T = TypeVar("T")


def remembered(work: Callable[[A], T]) -> Callable[[A], T]:
    """``work``, done once for each object: told apart by identity, which takes no hash of all that is in it.

    The object must never change, nor what is given back.

    >>> asked = []
    >>> size = remembered(lambda node: asked.append(node) or len(node))
    >>> one = (1, 2)
    >>> size(one), size(one), size((3,)), len(asked)
    (2, 2, 1, 2)
    """
    kept: dict[int, tuple[Any, T]] = {}

    @functools.wraps(work)
    def found(part: A) -> T:
        known = kept.get(id(part))
        if known is not None and known[0] is part:
            return known[1]
        result = work(part)
        if len(kept) >= _MOST:
            kept.clear()
        kept[id(part)] = part, result
        return result

    return found
