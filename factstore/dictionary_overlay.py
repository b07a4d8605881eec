"""Interned values that only a query, or a transaction that nobody commits, has need of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, cast

from factstore.dictionary import Dictionary
from factstore.dictionary_entries import key_of
from factstore.forks import forkable_lock
from factstore.values import Value, ValueType

_OWNING: Final = forkable_lock()
"""Held while an overlay, any one, gives a code: too short to be worth a lock for each."""


_NONE: Final[Mapping[Any, int]] = MappingProxyType({})


class Overlay:
    """A dictionary with entries of its own over another one, which it leaves as it was.

    Its own entries go first: what it has given a code keeps it, even if the base learns the value later.

    >>> base = Dictionary()
    >>> base.learn([(1, ValueType.STRING, "ann")])
    >>> over = Overlay(base)
    >>> over.intern(ValueType.STRING, ["ann", "bob", "bob"])
    [1, -1, -1]
    >>> over.values_of([-1, 1]), base.codes_of(ValueType.STRING, ["bob"])
    (['bob', 'ann'], [None])
    """

    def __init__(self, base: Dictionary | Overlay) -> None:
        self._base = base
        self._first: int = base._next if isinstance(base, Overlay) else -1
        self._values: list[Value] = []
        self._codes: dict[ValueType, dict[Any, int]] = {}

    def peek(self, vt: ValueType, value: Value) -> int | None:
        """The code this process knows of a value, without asking the store; the value is no tuple."""
        own = self._own_codes(vt).get(value)
        return self._base.peek(vt, value) if own is None else own

    def _own_codes(self, vt: ValueType) -> Mapping[Any, int]:
        """The codes given here, by key."""
        return self._codes.get(vt, _NONE)

    @property
    def _next(self) -> int:
        return self._first - len(self._values)

    def intern(self, vt: ValueType, values: Sequence[Value]) -> list[int]:
        """The code of each value, with a new one where there is none."""
        found = self.codes_of(vt, values)
        strangers = {key_of(vt, value): value for value, code in zip(values, found, strict=True) if code is None}
        if not strangers:
            return cast("list[int]", found)
        own = self._give(vt, strangers)
        return [own[key_of(vt, v)] if code is None else code for v, code in zip(values, found, strict=True)]

    def intern_one(self, vt: ValueType, value: Value) -> int:
        """The code of one value, a new one if there is none."""
        found = self.code_of(vt, value)
        return self._own(vt, value) if found is None else found

    def own(self, vt: ValueType, value: Value) -> int:
        """A code of a value in this overlay alone, nothing being asked of the base: for what is only ever shown."""
        return self._own(vt, value)

    def _own(self, vt: ValueType, value: Value) -> int:
        key = key_of(vt, value)
        return self._give(vt, {key: value})[key]

    def _give(self, vt: ValueType, strangers: dict[Any, Value]) -> dict[Any, int]:
        """The codes of a type, after each value of ``strangers``, by key, got one."""
        with _OWNING:
            codes = self._codes.setdefault(vt, {})
            for key, value in strangers.items():
                if key not in codes:
                    codes[key] = self._next
                    self._values.append(value)
        return codes

    def codes_of(self, vt: ValueType, values: Sequence[Value]) -> list[int | None]:
        """The code of each value, None where neither this nor the base has one."""
        if not self._codes:
            return self._base.codes_of(vt, values)
        codes = self._own_codes(vt)
        own = [codes.get(key_of(vt, value)) for value in values] if codes else [None] * len(values)
        rest = iter(self._base.codes_of(vt, [v for v, code in zip(values, own, strict=True) if code is None]))
        return [next(rest) if code is None else code for code in own]

    def code_of(self, vt: ValueType, value: Value) -> int | None:
        """The code of one value, None where neither this nor the base has one."""
        own = self._own_codes(vt).get(key_of(vt, value))
        return self._base.code_of(vt, value) if own is None else own

    def code_at(self, vt: ValueType, value: Value, t: int) -> int | None:
        """:meth:`code_of`, whatever ``t`` is: here it is no transaction's that the base knows of."""
        return self.code_of(vt, value)

    def values_of(self, codes: Sequence[int]) -> list[Value]:
        """The value of each code."""
        if not self._values or min(codes, default=0) > self._first:
            return self._base.values_of(codes)
        own = self._values
        below = self._base.values_of([code for code in codes if code > self._first])
        rest = iter(below)
        return [own[self._first - code] if code <= self._first else next(rest) for code in codes]
