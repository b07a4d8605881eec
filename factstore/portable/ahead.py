"""One item ahead: the next is made while the last is used."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

_Item = TypeVar("_Item")
_DONE: Final[Any] = object()


def ahead(items: Iterator[_Item]) -> Iterator[_Item]:
    """The items in order, each made by another thread while the one before is in use.

    >>> list(ahead(iter("abc")))
    ['a', 'b', 'c']
    """
    with ThreadPoolExecutor(1, thread_name_prefix="factstore-ahead") as other:
        waiting = other.submit(next, items, _DONE)
        while (item := waiting.result()) is not _DONE:
            waiting = other.submit(next, items, _DONE)
            yield item
