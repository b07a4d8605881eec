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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from sys import getsizeof
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

    Reading takes no lock: what is known only ever grows, but for :meth:`bound`, and a reader goes on with
    what it has in hand. A code that is asked for is learned alone; its value's own way back to the
    code is asked of the store when it is first sought, since most values are only ever shown.

    >>> d = Dictionary()
    >>> d.learn([(1, ValueType.STRING, "ann"), (2, ValueType.KEYWORD, "ann")])
    >>> d.codes_of(ValueType.STRING, ["ann", "bob"]), d.values_of([2, 1])
    ([1, None], ['ann', 'ann'])
    """

    def __init__(self, unknown: Unknown | None = None) -> None:
        self._unknown = unknown
        self._lock = forkable_lock()
        self._recent = _Generation()
        self._older = _Generation()
        self._forgotten = -1

    def known(self, vt: ValueType) -> dict[Any, int]:
        """The codes this process knows of a type, by value (of tuples, by their bytes)."""
        return self._recent.codes[vt]

    def peek(self, vt: ValueType, value: Value) -> int | None:
        """The code this process knows of a value, without asking the store; the value is no tuple."""
        return self._recent.codes[vt].get(value)

    def learn(self, entries: Iterable[Entry]) -> None:
        """Keeps ``entries``, to be found by code and by value."""
        with self._lock:
            self._recent.learn(entries)

    @property
    def forgotten(self) -> int:
        """The t of the last excision it has been told of, -1 for none."""
        return self._forgotten

    def learn_since(self, entries: Iterable[Entry], forgotten: int) -> bool:
        """Keeps what was read after the excision ``forgotten``; not, and False, if there has been another one since."""
        with self._lock:
            if self._forgotten != forgotten:
                return False
            self._recent.learn(entries)
            return True

    def codes_of(self, vt: ValueType, values: Sequence[Value]) -> list[int | None]:
        """The code of each value, None where the store has none."""
        forgotten, known = self._forgotten, self._recent.codes[vt]
        keys = values if vt is not ValueType.TUPLE else [key_of(vt, value) for value in values]
        found = list(map(known.get, keys))
        if self._unknown is None or None not in found:
            return found
        strangers = {key: value for key, value, code in zip(keys, values, found, strict=True) if code is None}
        learned = self._sought(vt, strangers, forgotten)
        if learned is None:
            return self.codes_of(vt, values)
        return [learned.get(key) if code is None else code for key, code in zip(keys, found, strict=True)]

    def _sought(self, vt: ValueType, strangers: dict[Any, Value], forgotten: int) -> dict[Any, int] | None:
        """The codes of values that were not sought lately, by key; None if something was excised meanwhile."""
        older = self._older.codes[vt]
        entries: list[Entry] = [(older[key], vt, value) for key, value in strangers.items() if key in older]
        asked = [value for key, value in strangers.items() if key not in older]
        if asked and self._unknown is not None:
            entries.extend(self._unknown.entries_of_values(vt, asked))
        if not self.learn_since(entries, forgotten):
            return None
        return {key_of(vt, value): code for code, kind, value in entries if kind is vt}

    def forget(self, t: int) -> None:
        """Forgets everything, once, because transaction ``t`` took values out of the store."""
        with self._lock:
            if t > self._forgotten:
                self._forgotten = t
                self._recent, self._older = _Generation(), _Generation()

    def drop(self, gone: Iterable[tuple[int, ValueType]]) -> None:
        """Forgets the values of some codes, for good."""
        with self._lock:
            for code, vt in gone:
                self._recent.drop(code, vt)

    def code_of(self, vt: ValueType, value: Value) -> int | None:
        """The code of one value, None where the store has none."""
        known = None if vt is ValueType.TUPLE else self._recent.codes[vt].get(value)
        if known is not None or (self._unknown is None and vt is not ValueType.TUPLE):
            return known
        return self.codes_of(vt, [value])[0]

    def values_of(self, codes: Sequence[int]) -> list[Value]:
        """The value of each code; :class:`LogError` ``log/unknown-code`` if the store knows no such code."""
        forgotten, values = self._forgotten, self._recent.values
        try:
            found = [values[code] for code in codes]
        except IndexError:
            found = [values[code] if code < len(values) else _MISSING for code in codes]
        if _MISSING not in found:
            return found
        read = self._read({code for code, value in zip(codes, found, strict=True) if value is _MISSING}, forgotten)
        if read is None:
            return self.values_of(codes)
        return [read[code] if value is _MISSING else value for code, value in zip(codes, found, strict=True)]

    def _read(self, codes: set[int], forgotten: int) -> dict[int, Value] | None:
        """The values of codes that were not read lately; None if something was excised meanwhile."""
        older = self._older.values
        read = {code: older[code] for code in codes if code < len(older) and older[code] is not _MISSING}
        rest = sorted(codes - read.keys())
        if rest and self._unknown is not None:
            read.update((code, value) for code, _, value in self._unknown.entries_of_codes(rest))
        with self._lock:
            if self._forgotten != forgotten:
                return None
            self._recent.keep(read)
        if len(read) < len(codes):
            lost = sorted(codes - read.keys())
            raise LogError(f"the dictionary has no value for code {lost[0]}", code="log/unknown-code", codes=lost)
        return read

    def learned(self, low: int, high: int) -> list[Entry]:
        """The entries with ``low <= code <= high`` that were learned lately, in order of code.

        >>> d = Dictionary()
        >>> d.learn([(3, ValueType.STRING, "ann"), (5, ValueType.BIGINT, 7)])
        >>> d.learned(0, 9)
        [(3, <ValueType.STRING: 6>, 'ann'), (5, <ValueType.BIGINT: 12>, 7)]
        """
        with self._lock:
            values = self._recent.values[max(low, 0) : high + 1]
        held = ((code, value) for code, value in enumerate(values, max(low, 0)) if value is not _MISSING)
        return [(code, _INTERNED[type(value)], value) for code, value in held]

    def bound(self, size: int) -> None:
        """Lets go of what was used longest ago, so that all takes at most ``size`` bytes.

        By halves: when what was used lately takes half of it, that becomes the older half, and what was the
        older half and has not been used since goes. A dictionary with no store to ask again keeps everything.
        """
        recent = self._recent.nbytes
        if self._unknown is None or (recent <= size // 2 and recent + self._older.nbytes <= size):
            return
        with self._lock:
            self._older = self._recent if self._recent.nbytes <= size else _Generation()
            self._recent = _Generation()

    @property
    def is_cache(self) -> bool:
        """Whether what it lets go of can be asked for again; if not, it is the store's own."""
        return self._unknown is not None

    @property
    def nbytes(self) -> int:
        """About how many bytes its values and tables take."""
        return self._recent.nbytes + self._older.nbytes

    def __len__(self) -> int:
        """How many values are held."""
        return self._recent.count + self._older.count


_BY_CODE: Final = 8
_BY_VALUE: Final = 120
"""About the bytes of a slot in the list of values; of a key, a number and their share of a hash table."""


class _Generation:
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
        new = [value for value, old in zip(entries.values, before, strict=True) if old is _MISSING]
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
        self.values[code] = _MISSING
        self.count -= 1
        self._sizes -= getsizeof(value)

    def keep(self, values: Mapping[int, Value]) -> None:
        """Takes values by code alone."""
        for code, value in values.items():
            self._put(code, value)

    def _put(self, code: int, value: Value) -> None:
        if code >= len(self.values):
            self._reach(code + 1)
        if self.values[code] is _MISSING:
            self.count += 1
            self._sizes += getsizeof(value)
        self.values[code] = value

    def _reach(self, beyond: int) -> None:
        size = len(self.values)
        if beyond > size:
            self.values.extend([_MISSING] * (max(beyond, size + size // 8) - size))


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
