"""Tuples in which somebody stands whose entity id is not known yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from factstore.columns import Ints, ints
from factstore.schema import Attribute
from factstore.schema_tuples import coerce_tuple
from factstore.values import Value

LATE: Final = 3 << 61
"""Unsettled tuples are coded from here on, far above the provisional codes of values that are known."""


class Who(msgspec.Struct, frozen=True):
    """Somebody in a slot, by node."""

    node: int

    def __repr__(self) -> str:
        return "<new>"


class Unsettled(msgspec.Struct, frozen=True):
    """A tuple with at least one :class:`Who`."""

    slots: tuple[Any, ...]

    def coerced(self, attribute: Attribute) -> Unsettled:
        """With each item that is known as the type of its slot asks."""
        known = coerce_tuple(attribute, [None if isinstance(slot, Who) else slot for slot in self.slots])
        pairs = zip(self.slots, known, strict=True)
        return Unsettled(tuple(slot if isinstance(slot, Who) else item for slot, item in pairs))


def unsettled(slots: tuple[Any, ...]) -> Unsettled | tuple[Any, ...]:
    """The slots as a value, or as what is to become one."""
    return Unsettled(slots) if any(isinstance(slot, Who) for slot in slots) else slots


class Late:
    """The unsettled tuples of one transaction by code; equal ones have equal codes."""

    def __init__(self) -> None:
        self._slots: list[tuple[Any, ...]] = []
        self._codes: dict[Any, int] = {}

    def __bool__(self) -> bool:
        return bool(self._slots)

    def code(self, value: Unsettled) -> int:
        """The code of a tuple."""
        key = tuple((type(slot), slot) for slot in value.slots)  # 1 and True are equal to Python
        found = self._codes.get(key)
        if found is None:
            found = self._codes[key] = LATE + len(self._slots)
            self._slots.append(value.slots)
        return found

    def slots(self, code: int) -> tuple[Any, ...]:
        """What a code stands for."""
        return self._slots[code - LATE]

    def nodes(self, codes: Ints) -> list[int]:
        """Everybody who stands in one of the tuples among ``codes``."""
        late = codes[codes >= LATE].tolist()
        return [slot.node for code in late for slot in self.slots(code) if isinstance(slot, Who)]

    def now(self, code: int, entities_of: Callable[[Ints], Ints]) -> Value | Unsettled:
        """The tuple as it is by now."""
        slots = self.slots(code)
        found = iter(entities_of(ints([slot.node for slot in slots if isinstance(slot, Who)])).tolist())
        return unsettled(tuple(_known(next(found)) if isinstance(slot, Who) else slot for slot in slots))


def _known(node: int) -> int | Who:
    return node if node >= 0 else Who(node)
