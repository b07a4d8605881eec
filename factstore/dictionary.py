"""Interned values and their int64 codes.

Strings, keywords, uuids and the like are stored once and spoken of by number. A code, once given,
never changes its meaning and is never reused, so a process may keep what it has learned until an
excision takes values out; what it has not learned yet is asked of the store, a batch at a time.

A life: a value is *sought* (:meth:`Dictionary.codes_of`), found nowhere, given a code by a committed
transaction, and *learned* (:meth:`Dictionary.learn`). Values that only a query or a speculative
transaction needs live in an :class:`Overlay`, whose codes are negative and die with it.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Protocol, overload

from factstore.errors import LogError
from factstore.forks import forkable_lock
from factstore.values import PYTHON_TYPES, Value, ValueType
from factstore.values_bytes import to_bytes

Entry = tuple[int, ValueType, Value]
"""(code, type, value)."""


class Entries(Sequence[Entry]):
    """Entries with codes in a row, kept as columns and made one at a time.

    So many tuples at once would be gone through again and again by the collector of garbage.

    >>> list(Entries(7, [ValueType.STRING, ValueType.URI], ["a", "b"]))
    [(7, <ValueType.STRING: 6>, 'a'), (8, <ValueType.URI: 10>, 'b')]
    """

    def __init__(self, first: int, kinds: list[ValueType], values: list[Value]) -> None:
        self.first = first
        """The code of the first."""
        self.kinds = kinds
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[Entry]:
        return zip(range(self.first, self.first + len(self.values)), self.kinds, self.values, strict=True)

    @overload
    def __getitem__(self, at: int) -> Entry: ...
    @overload
    def __getitem__(self, at: slice) -> list[Entry]: ...
    def __getitem__(self, at: int | slice) -> Entry | list[Entry]:
        return list(self)[at]


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
    return digest_of(to_bytes(vt, value))


def digest_of(body: bytes) -> bytes:
    """The digest of a value whose canonical bytes are at hand."""
    return hashlib.blake2b(body, digest_size=16).digest()


def key_of(vt: ValueType, value: Value) -> Any:
    """What tells a value from the others of its type in a dict."""
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
        self._lock = forkable_lock()
        self._values: list[Any] = []
        self._codes: dict[ValueType, dict[Any, int]] = {vt: {} for vt in ValueType if vt.interned}
        self._forgotten = -1

    def known(self, vt: ValueType) -> dict[Any, int]:
        """The codes this process has learned for a type (not for tuples, which are keyed by bytes)."""
        return self._codes[vt]

    def peek(self, vt: ValueType, value: Value) -> int | None:
        """The code this process knows of a value, without asking the store; the value is no tuple."""
        return self._codes[vt].get(value)

    def learn(self, entries: Iterable[Entry]) -> None:
        """Keeps ``entries``."""
        with self._lock:
            self._learn(entries)

    @property
    def forgotten(self) -> int:
        """The t of the last excision it has been told of, -1 for none."""
        return self._forgotten

    def learn_since(self, entries: Iterable[Entry], forgotten: int) -> bool:
        """Keeps what was read after the excision ``forgotten``; not, and False, if there has been another one since."""
        with self._lock:
            if self._forgotten != forgotten:
                return False
            self._learn(entries)
            return True

    def _learn(self, entries: Iterable[Entry]) -> None:
        if isinstance(entries, Entries) and ValueType.TUPLE not in entries.kinds:
            self._learn_run(entries)
            return
        values, codes, size = self._values, self._codes, len(self._values)
        for code, vt, value in entries:
            if code >= size:
                values.extend([_MISSING] * (max(code + 1, 2 * size) - size))
                size = len(values)
            values[code] = value
            codes[vt][value if vt is not ValueType.TUPLE else key_of(vt, value)] = code

    def _learn_run(self, entries: Entries) -> None:
        first, beyond = entries.first, entries.first + len(entries)
        self._values.extend([_MISSING] * (beyond - len(self._values)))
        self._values[first:beyond] = entries.values
        kinds = set(entries.kinds)
        for vt in kinds:
            pairs = zip(entries.values, range(first, beyond), strict=True)
            mine = (kind is vt for kind in entries.kinds)
            self._codes[vt].update(pairs if len(kinds) == 1 else itertools.compress(pairs, mine))

    def codes_of(self, vt: ValueType, values: Sequence[Value]) -> list[int | None]:
        """The code of each value, None where the store has none."""
        forgotten, known = self._forgotten, self._codes[vt]
        keys = values if vt is not ValueType.TUPLE else [key_of(vt, value) for value in values]
        found = list(map(known.get, keys))
        if self._unknown is not None and None in found:
            strangers = values
            if found.count(None) < len(found):
                strangers = [value for value, code in zip(values, found, strict=True) if code is None]
            if vt is not ValueType.TUPLE:  # of tuples, equal ones may differ
                strangers = list(dict.fromkeys(strangers))
            entries = list(self._unknown.entries_of_values(vt, strangers))
            learned = self.learn_since(entries, forgotten)
            if entries:
                found = list(map(known.get, keys))
            if not learned or self._forgotten != forgotten:
                return self.codes_of(vt, values)
        return found

    def forget(self, t: int) -> None:
        """Forgets everything, once, because transaction ``t`` took values out of the store."""
        with self._lock:
            if t > self._forgotten:
                self._forgotten = t
                self._values = []
                for codes in self._codes.values():
                    codes.clear()

    def drop(self, gone: Iterable[tuple[int, ValueType]]) -> None:
        """Forgets the values of some codes, for good."""
        with self._lock:
            for code, vt in gone:
                self._codes[vt].pop(key_of(vt, self._values[code]), None)
                self._values[code] = _MISSING

    def code_of(self, vt: ValueType, value: Value) -> int | None:
        """The code of one value, None where the store has none."""
        known = None if vt is ValueType.TUPLE else self._codes[vt].get(value)
        if known is not None or self._unknown is None:
            return known if vt is not ValueType.TUPLE else self.codes_of(vt, [value])[0]
        return self.codes_of(vt, [value])[0]

    def values_of(self, codes: Sequence[int]) -> list[Value]:
        """The value of each code; :class:`LogError` ``log/unknown-code`` if the store knows no such code."""
        forgotten, values = self._forgotten, self._values
        try:
            found = [values[code] for code in codes]
        except IndexError:
            found = None
        if found is None or _MISSING in found:
            self._ask([code for code in set(codes) if code >= len(values) or values[code] is _MISSING], forgotten)
            values = self._values
            if self._forgotten != forgotten:
                return self.values_of(codes)
            found = [values[code] for code in codes]
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

    def _ask(self, codes: list[int], forgotten: int) -> None:
        learned = self._unknown is None or self.learn_since(self._unknown.entries_of_codes(codes), forgotten)
        known = self._values
        lost = [code for code in codes if code >= len(known) or known[code] is _MISSING]
        if lost and learned and self._forgotten == forgotten:
            raise LogError(f"the dictionary has no value for code {lost[0]}", code="log/unknown-code", codes=lost)

    def __len__(self) -> int:
        return sum(len(codes) for codes in self._codes.values())


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
        if not any(code <= self._first for code in codes):
            return self._base.values_of(codes)
        own = self._values
        below = self._base.values_of([code for code in codes if code > self._first])
        rest = iter(below)
        return [own[self._first - code] if code <= self._first else next(rest) for code in codes]
