"""Raw values to int64, a type at a time; values the store does not know get a provisional code.

A provisional code is ``PROVISIONAL + n``, far above every real one. Only the values that are really
written are given a real code in the end, so a redundant or refused one leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import repeat
from typing import Any, Final

import numpy as np

from factstore.columns import Ints, decode, encode_inline_array, ints
from factstore.dictionary import Dictionary, Entry, Overlay
from factstore.errors import InvalidValue, LogError
from factstore.schema import Attribute
from factstore.schema_tuples import coerce_tuple
from factstore.tx.forms import Forms
from factstore.tx.gather import Column, Gathered
from factstore.tx.reader import Reader
from factstore.tx.unsettled import LATE, Late, Unsettled
from factstore.values import Value, ValueType, coerce, shown
from factstore.values_bytes import to_bytes

PROVISIONAL: Final = 1 << 62


class Codes:
    """The codes of one transaction's values."""

    def __init__(self, reader: Reader, dictionary: Dictionary | Overlay) -> None:
        self.fresh: list[tuple[ValueType, Value]] = []
        """The values with a provisional code, by its number."""
        self._reader = reader
        self._dictionary = dictionary
        self.late = Late()
        """The tuples that wait for somebody's entity id."""
        self._known: dict[ValueType, dict[Any, int]] = {}

    def intern(self, vt: ValueType, values: Sequence[Value]) -> Ints:
        """The code of each value of an interned type."""
        if vt is ValueType.TUPLE and any(isinstance(value, Unsettled) for value in values):
            return self._intern_late(values)
        keys = values if vt is not ValueType.TUPLE else [to_bytes(vt, value) for value in values]
        known = self._known.setdefault(vt, {})
        strangers = dict(zip(keys, values, strict=True))
        if known:
            strangers = {key: value for key, value in strangers.items() if key not in known}
        if strangers:
            codes = self._reader.codes_of(vt, list(strangers.values()))
            for (key, value), code in zip(strangers.items(), codes, strict=True):
                known[key] = code if code is not None else self._provisional(vt, value)
        return np.fromiter(map(known.__getitem__, keys), dtype=np.int64, count=len(keys))

    def _intern_late(self, values: Sequence[Value | Unsettled]) -> Ints:
        whole = iter(self.intern(ValueType.TUPLE, [value for value in values if not isinstance(value, Unsettled)]))
        return ints([self.late.code(value) if isinstance(value, Unsettled) else next(whole) for value in values])

    def now(self, codes: Ints, entities_of: Callable[[Ints], Ints]) -> Ints:
        """``codes`` of tuples with those settled for whom everybody is known by now."""
        at = np.flatnonzero(codes >= LATE)
        if not len(at):
            return codes
        found = codes.copy()
        found[at] = self.intern(ValueType.TUPLE, [self.late.now(code, entities_of) for code in codes[at].tolist()])
        return found

    def _provisional(self, vt: ValueType, value: Value) -> int:
        self.fresh.append((vt, value))
        return PROVISIONAL + len(self.fresh) - 1

    def decode(self, vt: ValueType, codes: Ints) -> list[Value]:
        """The value of each code, provisional ones too."""
        if not vt.interned:
            return decode(vt, codes, self._dictionary)
        old = iter(self._dictionary.values_of([code for code in codes.tolist() if code < PROVISIONAL]))
        return [next(old) if c < PROVISIONAL else self._made(c) for c in codes.tolist()]

    def _made(self, code: int) -> Value:
        return self.late.slots(code) if code >= LATE else self.fresh[code - PROVISIONAL][1]

    def show(self, attribute: Attribute, code: int) -> str:
        """One value as a message shows it."""
        try:
            return shown(self.decode(attribute.type, ints([code]))[0])
        except LogError:  # written by a transaction that is not published yet
            return f"value {code}"

    def settle(self, vt: Ints, v: Ints, next_v: int) -> tuple[Ints, list[Entry]]:
        """``v`` with real codes for provisional ones, from ``next_v`` on as they appear, and the new entries."""
        at = np.flatnonzero((v >= PROVISIONAL) & (vt >= ValueType.STRING))
        if not len(at):
            return v, []
        used, first, inverse = np.unique(v[at], return_index=True, return_inverse=True)
        order = np.argsort(first, kind="stable")
        codes = np.empty(len(used), dtype=np.int64)
        codes[order] = next_v + np.arange(len(used), dtype=np.int64)
        settled = v.copy()
        settled[at] = codes[inverse]
        numbers = (used[order] - PROVISIONAL).tolist()
        return settled, [(next_v + n, *self.fresh[number]) for n, number in enumerate(numbers)]


def encode_columns(columns: Iterable[Column], codes: Codes, gathered: Gathered, forms: Forms) -> None:
    """Fills the arrays of each column, asking for the codes of all values of a type at once."""
    interned: dict[ValueType, list[tuple[Column, list[Value]]]] = {}
    for column in columns:
        column.at = ints(column.rows)
        vt = column.attribute.type
        if column.attribute.is_ref:
            column.codes = ints(column.values)
        elif vt.interned:
            interned.setdefault(vt, []).append((column, _coerced(column, gathered, forms)))
        else:
            column.codes = _inline(column, gathered, forms)
    for vt, group in interned.items():
        every = codes.intern(vt, [value for _, values in group for value in values])
        ends = np.cumsum([len(values) for _, values in group])
        for (column, _), part in zip(group, np.split(every, ends[:-1]), strict=True):
            column.codes = part


def _inline(column: Column, gathered: Gathered, forms: Forms) -> Ints:
    vt = column.attribute.type
    values = _coerced(column, gathered, forms)
    if vt is ValueType.LONG:
        try:
            return encode_inline_array(vt, values)
        except OverflowError:
            return encode_inline_array(vt, _coerced_each(column, gathered, forms))
    if vt is ValueType.DOUBLE and any(map(float.__ne__, values, values)):
        _coerced_each(column, gathered, forms)
    return encode_inline_array(vt, values)


def _coerced(column: Column, gathered: Gathered, forms: Forms) -> list[Value]:
    if column.attribute.type is ValueType.INSTANT:
        column.loose = not all(type(value) is datetime and value.tzinfo is UTC for value in column.values)
    return _coerced_each(column, gathered, forms) if column.loose else column.values


def _coerced_each(column: Column, gathered: Gathered, forms: Forms) -> list[Value]:
    done: list[Value] = []
    try:
        done.extend(map(_coerced_one, repeat(column.attribute), column.values))
    except InvalidValue as error:
        # extend() keeps what came before the error: its length is the number of the value refused.
        form = gathered.form[column.rows[len(done)]]
        data = {**error.data, "attribute": column.attribute.ident}
        message = f"{column.attribute.ident!r}: {error.message}"
        raise forms.refuse_as(InvalidValue, form, message, error.code, **data) from error
    return done


def _coerced_one(attribute: Attribute, value: Value) -> Value:
    if attribute.type is not ValueType.TUPLE:
        return coerce(attribute.type, value)
    if isinstance(value, Unsettled):
        return value.coerced(attribute)
    return coerce_tuple(attribute, value)
