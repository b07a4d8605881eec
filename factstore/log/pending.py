"""Dictionary entries between being written and being published."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from factstore.dictionary import Dictionary
from factstore.dictionary_entries import Entry, key_of
from factstore.values import Value, ValueType


class Pending:
    """Dictionary entries that are written but not published: nobody else may learn them yet."""

    def __init__(self) -> None:
        self._parts: list[Sequence[Entry]] = []
        self._indexed = 0
        self._codes: dict[tuple[ValueType, Any], int] = {}
        self._values: dict[int, Value] = {}

    def add(self, entries: Sequence[Entry]) -> None:
        """Takes more entries, which must not change."""
        if entries:
            self._parts.append(entries)

    @property
    def entries(self) -> Sequence[Entry]:
        """All entries there are."""
        return self._parts[0] if len(self._parts) == 1 else list(itertools.chain.from_iterable(self._parts))

    def codes(self) -> dict[tuple[ValueType, Any], int]:
        """The code of each pending value, by its type and key."""
        self._index()
        return self._codes

    def values(self) -> dict[int, Value]:
        """The pending values by code."""
        self._index()
        return self._values

    def _index(self) -> None:
        # When first asked for: what is written last, most often all of it, is not asked for any more.
        for part in self._parts[self._indexed :]:
            for code, vt, value in part:
                self._codes[vt, key_of(vt, value)] = code
                self._values[code] = value
        self._indexed = len(self._parts)

    def codes_of(self, published: Dictionary, vt: ValueType, values: Sequence[Value]) -> list[int | None]:
        """The code of each value, pending or published."""
        codes = self.codes()
        if not codes:
            return published.codes_of(vt, values)
        own = [codes.get((vt, key_of(vt, value))) for value in values]
        rest = iter(published.codes_of(vt, [v for v, code in zip(values, own, strict=True) if code is None]))
        return [next(rest) if code is None else code for code in own]
