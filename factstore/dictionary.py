"""Interned values and their int64 codes.

Strings, keywords, uuids and the like are stored once and spoken of by number. A code, once given,
never changes its meaning and is never reused, so a process may keep what it has learned for ever;
what it has not learned yet is asked of the store, a batch at a time.

A life: a value is *sought* (:meth:`Dictionary.codes_of`), found nowhere, given a code by a committed
transaction, and *learned* (:meth:`Dictionary.learn`). Values that only a query or a speculative
transaction needs live in an :class:`Overlay`, whose codes are negative and die with it.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

from factstore.errors import LogError
from factstore.values import PYTHON_TYPES, Value, ValueType
from factstore.values_bytes import to_bytes

Entry = tuple[int, ValueType, Value]
"""(code, type, value)."""


class Unknown(Protocol):
    """Where a dictionary asks for what it has not learned yet."""

    def entries_of_values(self, vt: ValueType, values: Sequence[Value]) -> Iterable[Entry]:
        """The entries of those of ``values`` that have a code."""

    def entries_of_codes(self, codes: Sequence[int]) -> Iterable[Entry]:
        """The entries of ``codes``."""


class _Missing:
    __slots__ = ()


_MISSING: Final = _Missing()

_INTERNED: Final = {PYTHON_TYPES[vt]: vt for vt in ValueType if vt.interned}
"""The type of an interned value by that of Python: no two of them share one."""


def digest(vt: ValueType, value: Value) -> bytes:
    """The 16 bytes that stand for a value in the store's unique index, whatever its length.

    blake2b, RFC 7693, of the canonical bytes.

    >>> len(digest(ValueType.STRING, "x" * 1_000_000))
    16
    """
    return hashlib.blake2b(to_bytes(vt, value), digest_size=16).digest()


def _key(vt: ValueType, value: Value) -> Any:
    # (1,), (1.0,) and (True,) are equal to Python; their bytes are not.
    return to_bytes(vt, value) if vt is ValueType.TUPLE else value


class Dictionary:
    """What this process knows of a store's interned values; safe between threads.

    >>> d = Dictionary()
    >>> d.learn([(1, ValueType.STRING, "ann"), (2, ValueType.KEYWORD, "ann")])
    >>> d.codes_of(ValueType.STRING, ["ann", "bob"]), d.values_of([2, 1])
    ([1, None], ['ann', 'ann'])
    """

    def __init__(self, unknown: Unknown | None = None) -> None:
        self._unknown = unknown
        self._lock = threading.Lock()
        self._values: list[Any] = []
        self._codes: dict[ValueType, dict[Any, int]] = {vt: {} for vt in ValueType if vt.interned}

    def known(self, vt: ValueType) -> dict[Any, int]:
        """The codes this process has learned for a type (not for tuples, which are keyed by bytes)."""
        return self._codes[vt]

    def learn(self, entries: Iterable[Entry]) -> None:
        """Keeps ``entries``."""
        with self._lock:
            for code, vt, value in entries:
                if code >= len(self._values):
                    self._values.extend([_MISSING] * (max(code + 1, 2 * len(self._values)) - len(self._values)))
                self._values[code] = value
                self._codes[vt][_key(vt, value)] = code

    def codes_of(self, vt: ValueType, values: Sequence[Value]) -> list[int | None]:
        """The code of each value, None where the store has none."""
        known = self._codes[vt]
        keys = values if vt is not ValueType.TUPLE else [_key(vt, value) for value in values]
        found = [known.get(key) for key in keys]
        if self._unknown is not None and None in found:
            strangers = {key: value for key, value, code in zip(keys, values, found, strict=True) if code is None}
            self.learn(self._unknown.entries_of_values(vt, list(strangers.values())))
            found = [known.get(key) for key in keys]
        return found

    def code_of(self, vt: ValueType, value: Value) -> int | None:
        """The code of one value, None where the store has none."""
        return self.codes_of(vt, [value])[0]

    def values_of(self, codes: Sequence[int]) -> list[Value]:
        """The value of each code; :class:`LogError` ``log/unknown-code`` if the store knows no such code."""
        values = self._values
        try:
            found = [values[code] for code in codes]
        except IndexError:
            found = None
        if found is None or _MISSING in found:
            self._ask([code for code in set(codes) if code >= len(values) or values[code] is _MISSING])
            found = [self._values[code] for code in codes]
        return found

    def learned(self, low: int, high: int) -> list[Entry]:
        """The entries with ``low <= code <= high`` that this process has learned, in order of code.

        >>> d = Dictionary()
        >>> d.learn([(3, ValueType.STRING, "ann"), (5, ValueType.BIGINT, 7)])
        >>> d.learned(0, 9)
        [(3, <ValueType.STRING: 6>, 'ann'), (5, <ValueType.BIGINT: 12>, 7)]
        """
        with self._lock:
            values = self._values[max(low, 0) : high + 1]
        held = ((code, value) for code, value in enumerate(values, max(low, 0)) if value is not _MISSING)
        return [(code, _INTERNED[type(value)], value) for code, value in held]

    def _ask(self, codes: list[int]) -> None:
        if self._unknown is not None:
            self.learn(self._unknown.entries_of_codes(codes))
        lost = [code for code in codes if code >= len(self._values) or self._values[code] is _MISSING]
        if lost:
            raise LogError(f"the dictionary has no value for code {lost[0]}", code="log/unknown-code", codes=lost)

    def __len__(self) -> int:
        return sum(len(codes) for codes in self._codes.values())


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

    @property
    def _next(self) -> int:
        return self._first - len(self._values)

    def intern(self, vt: ValueType, values: Sequence[Value]) -> list[int]:
        """The code of each value, with a new one where there is none."""
        found = self.codes_of(vt, values)
        return [code if code is not None else self._own(vt, value) for code, value in zip(found, values, strict=True)]

    def _own(self, vt: ValueType, value: Value) -> int:
        key = (vt, _key(vt, value))
        code = self._codes.get(key)
        if code is None:
            code = self._codes[key] = self._next
            self._values.append(value)
        return code

    def codes_of(self, vt: ValueType, values: Sequence[Value]) -> list[int | None]:
        """The code of each value, None where neither this nor the base has one."""
        if not self._codes:
            return self._base.codes_of(vt, values)
        own = [self._codes.get((vt, _key(vt, value))) for value in values]
        rest = iter(self._base.codes_of(vt, [v for v, code in zip(values, own, strict=True) if code is None]))
        return [next(rest) if code is None else code for code in own]

    def code_of(self, vt: ValueType, value: Value) -> int | None:
        """The code of one value, None where neither this nor the base has one."""
        return self.codes_of(vt, [value])[0]

    def values_of(self, codes: Sequence[int]) -> list[Value]:
        """The value of each code."""
        if not any(code <= self._first for code in codes):
            return self._base.values_of(codes)
        own = self._values
        below = self._base.values_of([code for code in codes if code > self._first])
        rest = iter(below)
        return [own[self._first - code] if code <= self._first else next(rest) for code in codes]
