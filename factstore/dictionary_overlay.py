"""Interned values that only a query, or a transaction that nobody commits, has need of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from factstore.dictionary import Dictionary
from factstore.dictionary_entries import key_of
from factstore.forks import forkable_lock
from factstore.values import Value, ValueType

_OWNING: Final = forkable_lock()
"""Held while an overlay, any one, gives a code: too short to be worth a lock for each."""


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
        self._codes: dict[tuple[ValueType, Any], int] = {}

    def peek(self, vt: ValueType, value: Value) -> int | None:
        """The code this process knows of a value, without asking the store; the value is no tuple."""
        own = self._codes.get((vt, value))
        return self._base.peek(vt, value) if own is None else own

    @property
    def _next(self) -> int:
        return self._first - len(self._values)

    def intern(self, vt: ValueType, values: Sequence[Value]) -> list[int]:
        """The code of each value, with a new one where there is none."""
        found = self.codes_of(vt, values)
        return [code if code is not None else self._own(vt, value) for code, value in zip(found, values, strict=True)]

    def intern_one(self, vt: ValueType, value: Value) -> int:
        """The code of one value, a new one if there is none."""
        found = self.code_of(vt, value)
        return self._own(vt, value) if found is None else found

    def _own(self, vt: ValueType, value: Value) -> int:
        key = (vt, key_of(vt, value))
        with _OWNING:
            code = self._codes.get(key)
            if code is None:
                code = self._next
                self._values.append(value)
                self._codes[key] = code
        return code

    def codes_of(self, vt: ValueType, values: Sequence[Value]) -> list[int | None]:
        """The code of each value, None where neither this nor the base has one."""
        if not self._codes:
            return self._base.codes_of(vt, values)
        own = [self._codes.get((vt, key_of(vt, value))) for value in values]
        rest = iter(self._base.codes_of(vt, [v for v, code in zip(values, own, strict=True) if code is None]))
        return [next(rest) if code is None else code for code in own]

    def code_of(self, vt: ValueType, value: Value) -> int | None:
        """The code of one value, None where neither this nor the base has one."""
        own = self._codes.get((vt, key_of(vt, value)))
        return self._base.code_of(vt, value) if own is None else own

    def values_of(self, codes: Sequence[int]) -> list[Value]:
        """The value of each code."""
        if not self._values or min(codes, default=0) > self._first:
            return self._base.values_of(codes)
        own = self._values
        below = self._base.values_of([code for code in codes if code > self._first])
        rest = iter(below)
        return [own[self._first - code] if code <= self._first else next(rest) for code in codes]
