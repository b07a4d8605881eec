"""When the facts of a store are worth loading: after looking them up has cost about as much."""

from __future__ import annotations

from typing import Final, Protocol

_TRIP: Final = 512
"""A question to the store takes about as long as loading so many facts, ..."""
_ENTITY: Final = 8
"""... and each entity it is about as long as loading so many more."""
_FIRST: Final = 16 * _TRIP
"""What is paid before the store is asked how large it is."""


class Sized(Protocol):
    """What can tell, at a glance, about how many facts it holds."""

    def size(self) -> int:
        """About how many facts hold."""


class Rent:
    """What looking up facts has cost the snapshots of one line, in facts that could have been loaded instead.

    Whoever pays rent until it comes to the price, and buys then, never pays more than twice the least
    (ski rental): a few lookups do not load a large store, and many do not go on asking.
    """

    __slots__ = ("_paid", "_price", "_store")

    def __init__(self, store: Sized) -> None:
        self._store = store
        self._paid = 0
        self._price: int | None = None

    def pay(self, entities: int) -> bool:
        """Takes note of a question about ``entities``; True if loading everything is the better way."""
        self._paid += _TRIP + _ENTITY * entities
        if self._paid < _FIRST:
            return False
        if self._price is None or self._paid >= self._price:
            self._price = self._store.size()
        return self._paid >= self._price
