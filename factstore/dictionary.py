"""Interned values and their int64 codes.

Strings, keywords, uuids and the like are stored once and spoken of by number. A code, once given,
never changes its meaning and is never reused, so a process may keep what it has learned until an
excision takes values out; what it has not learned yet is asked of the store, a batch at a time.

A life: a value is *sought* (:meth:`Dictionary.codes_of`), found nowhere, given a code by a committed
transaction, and *learned* (:meth:`Dictionary.learn`). Values that only a query or a speculative
transaction needs live in an :class:`~factstore.dictionary_overlay.Overlay`, whose codes are negative
and die with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from factstore.dictionary_entries import Entry, Unknown, key_of
from factstore.dictionary_generation import MISSING, Generation
from factstore.errors import LogError
from factstore.forks import forkable_lock
from factstore.values import PYTHON_TYPES, Value, ValueType

_INTERNED: Final = {PYTHON_TYPES[vt]: vt for vt in ValueType if vt.interned}
"""The type of an interned value by that of Python: no two of them share one."""

_ABSENT: Final = 1024
"""Values without a code that are remembered."""


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
        self._recent = Generation()
        self._older = Generation()
        self._forgotten = -1
        self._absent: dict[tuple[ValueType, Any], int] = {}

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
                self._recent, self._older = Generation(), Generation()

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

    def code_at(self, vt: ValueType, value: Value, t: int) -> int | None:
        """:meth:`code_of` for who asks of no facts after ``t``: what had no code then is not sought in the store again.

        >>> class Store:
        ...     def entries_of_values(self, vt, values):
        ...         return print("sought") or []
        >>> d = Dictionary(Store())
        >>> [d.code_at(ValueType.STRING, "ann", t) for t in (7, 7, 8)]
        sought
        sought
        [None, None, None]
        """
        if self._unknown is None or vt is ValueType.TUPLE:
            return self.code_of(vt, value)
        found = self._recent.codes[vt].get(value)
        if found is not None or self._absent.get((vt, value), -1) >= t:
            return found
        found = self.code_of(vt, value)
        if found is None:
            if len(self._absent) >= _ABSENT:
                self._absent.clear()
            self._absent[vt, value] = t
        return found

    def values_of(self, codes: Sequence[int]) -> list[Value]:
        """The value of each code; :class:`LogError` ``log/unknown-code`` if the store knows no such code."""
        forgotten, values = self._forgotten, self._recent.values
        try:
            found = [values[code] for code in codes]
        except IndexError:
            found = [values[code] if code < len(values) else MISSING for code in codes]
        if MISSING not in found:
            return found
        read = self._read({code for code, value in zip(codes, found, strict=True) if value is MISSING}, forgotten)
        if read is None:
            return self.values_of(codes)
        return [read[code] if value is MISSING else value for code, value in zip(codes, found, strict=True)]

    def _read(self, codes: set[int], forgotten: int) -> dict[int, Value] | None:
        """The values of codes that were not read lately; None if something was excised meanwhile."""
        older = self._older.values
        read = {code: older[code] for code in codes if code < len(older) and older[code] is not MISSING}
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
        held = ((code, value) for code, value in enumerate(values, max(low, 0)) if value is not MISSING)
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
            self._older = self._recent if self._recent.nbytes <= size else Generation()
            self._recent = Generation()

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
