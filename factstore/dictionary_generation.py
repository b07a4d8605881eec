"""Values by their codes, and codes by their values, as far as this process has learned them lately."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from sys import getsizeof
from typing import Any, Final

from factstore.dictionary_entries import Entries, Entry, key_of
from factstore.values import Value, ValueType


class _Missing:
    __slots__ = ()


MISSING: Final = _Missing()
"""In the place of a value that is not known."""

_BY_CODE: Final = 8
_BY_VALUE: Final = 120
"""About the bytes of a slot in the list of values; of a key, a number and their share of a hash table."""


class Generation:
    """Values by code, and some of their codes by value; what is in it stays. Changed only under a dictionary's lock."""

    __slots__ = ("_sizes", "codes", "count", "values")

    def __init__(self) -> None:
        self.values: list[Any] = []
        self.codes: dict[ValueType, dict[Any, int]] = {vt: {} for vt in ValueType if vt.interned}
        self.count = 0
        self._sizes = 0

    @property
    def nbytes(self) -> int:
        return self._sizes + _BY_CODE * len(self.values) + _BY_VALUE * sum(map(len, self.codes.values()))

    def learn(self, entries: Iterable[Entry]) -> None:
        """Takes values by code, and their codes by value."""
        if isinstance(entries, Entries) and ValueType.TUPLE not in entries.kinds:
            self._learn_run(entries)
            return
        codes = self.codes
        for code, vt, value in entries:
            self._put(code, value)
            codes[vt][value if vt is not ValueType.TUPLE else key_of(vt, value)] = code

    def _learn_run(self, entries: Entries) -> None:
        first, beyond = entries.first, entries.first + len(entries)
        self._reach(beyond)
        before = self.values[first:beyond]
        new = [value for value, old in zip(entries.values, before, strict=True) if old is MISSING]
        self.values[first:beyond] = entries.values
        self.count += len(new)
        self._sizes += sum(map(getsizeof, new))
        kinds = set(entries.kinds)
        for vt in kinds:
            pairs = zip(entries.values, range(first, beyond), strict=True)
            mine = (kind is vt for kind in entries.kinds)
            self.codes[vt].update(pairs if len(kinds) == 1 else itertools.compress(pairs, mine))

    def drop(self, code: int, vt: ValueType) -> None:
        """Takes out one entry."""
        value = self.values[code]
        self.codes[vt].pop(key_of(vt, value), None)
        self.values[code] = MISSING
        self.count -= 1
        self._sizes -= getsizeof(value)

    def keep(self, values: Mapping[int, Value]) -> None:
        """Takes values by code alone."""
        for code, value in values.items():
            self._put(code, value)

    def _put(self, code: int, value: Value) -> None:
        if code >= len(self.values):
            self._reach(code + 1)
        if self.values[code] is MISSING:
            self.count += 1
            self._sizes += getsizeof(value)
        self.values[code] = value

    def _reach(self, beyond: int) -> None:
        size = len(self.values)
        if beyond > size:
            self.values.extend([MISSING] * (max(beyond, size + size // 8) - size))
