"""Raw values to int64, a type at a time; values the store does not know get a provisional code.

A provisional code is ``PROVISIONAL + n``, far above every real one. Only the values that are really
written are given a real code in the end, so a redundant or refused one leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import chain, count, repeat
from typing import Any, Final

import numpy as np

from factstore.columns import Ints, decode, encode_inline_array, ints
from factstore.columns_order import in_order
from factstore.dictionary import Dictionary
from factstore.dictionary_entries import Entries, Entry
from factstore.dictionary_overlay import Overlay
from factstore.errors import InvalidValue, LogError
from factstore.schema import Attribute
from factstore.schema_tuples import coerce_tuple
from factstore.tx.forms import Forms
from factstore.tx.gather import Column, Gathered
from factstore.tx.reader import Reader
from factstore.tx.unsettled import LATE, Late, Unsettled
from factstore.values import Value, ValueType
from factstore.values_bytes import to_bytes
from factstore.values_coerce import coerce, shown

PROVISIONAL: Final = 1 << 62
_FEW: Final = 1000


class Codes:
    """The codes of one transaction's values."""

    def __init__(self, reader: Reader, dictionary: Dictionary | Overlay) -> None:
        self.fresh: list[Value] = []
        """The values with a provisional code, by its number, ..."""
        self.kinds: list[ValueType] = []
        """... and their types: no tuples, which the collector of garbage would go through again and again."""
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
            if codes.count(None) < len(codes):
                known.update((key, code) for key, code in zip(strangers, codes, strict=True) if code is not None)
            fresh = {key: value for key, value in strangers.items() if key not in known} if known else strangers
            first = PROVISIONAL + len(self.fresh)
            known.update(zip(fresh, count(first), strict=False))
            self.fresh += fresh.values()
            self.kinds += repeat(vt, len(fresh))
            if len(fresh) == len(keys):  # each is new, and comes once
                return np.arange(first, first + len(fresh), dtype=np.int64)
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

    def decode(self, vt: ValueType, codes: Ints) -> list[Value]:
        """The value of each code, provisional ones too."""
        if not vt.interned:
            return decode(vt, codes, self._dictionary)
        old = iter(self._dictionary.values_of([code for code in codes.tolist() if code < PROVISIONAL]))
        return [next(old) if c < PROVISIONAL else self._made(c) for c in codes.tolist()]

    def _made(self, code: int) -> Value:
        return self.late.slots(code) if code >= LATE else self.fresh[code - PROVISIONAL]

    def show(self, attribute: Attribute, code: int) -> str:
        """One value as a message shows it."""
        try:
            return shown(self.decode(attribute.type, ints([code]))[0])
        except LogError:  # written by a transaction that is not published yet
            return f"value {code}"

    def settle(self, vt: Ints, v: Ints, next_v: int) -> tuple[Ints, Sequence[Entry]]:
        """``v`` with real codes for provisional ones, from ``next_v`` on as they appear, and the new entries."""
        at = np.flatnonzero((v >= PROVISIONAL) & (vt >= ValueType.STRING))
        if not len(at):
            return v, []
        used, _, which = in_order(v[at] - PROVISIONAL)
        settled: Ints = v.copy()
        settled[at] = next_v + which
        numbers = used.tolist()
        values = list(map(self.fresh.__getitem__, numbers))
        one = self.kinds.count(self.kinds[0]) == len(self.kinds)
        kinds = self.kinds[:1] * len(numbers) if one else list(map(self.kinds.__getitem__, numbers))
        return settled, Entries(next_v, kinds, values) if len(numbers) > _FEW else list(Entries(next_v, kinds, values))


def encode_columns(columns: Iterable[Column], codes: Codes, gathered: Gathered, forms: Forms) -> None:
    """Fills the arrays of each column, asking for the codes of all values of a type at once."""
    interned: dict[ValueType, list[tuple[Column, list[Value]]]] = {}
    for column in columns:
        column.at = _with_blocks(ints(column.rows), [block.rows for block in column.blocks])
        vt = column.attribute.type
        if vt.interned:
            interned.setdefault(vt, []).append((column, _coerced(column, gathered, forms)))
        else:
            own = ints(column.values) if column.attribute.is_ref else _inline(column, gathered, forms)
            column.codes = _with_blocks(own, [block.codes for block in column.blocks])
    for vt, group in interned.items():
        parts = [part for column, values in group for part in (values, *(block.distinct for block in column.blocks))]
        every = codes.intern(vt, parts[0] if len(parts) == 1 else list(chain.from_iterable(parts)))
        ends = np.cumsum([len(part) for part in parts])
        coded = iter(np.split(every, ends[:-1]))
        for column, _ in group:
            own = next(coded)
            column.codes = _with_blocks(own, [next(coded)[block.codes] for block in column.blocks])


def _with_blocks(own: Ints, blocks: list[Ints]) -> Ints:
    if len(blocks) == 1 and not len(own):
        return blocks[0]
    return np.concatenate((own, *blocks)) if blocks else own


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
        done.extend(map(coerced_one, repeat(column.attribute), column.values))
    except InvalidValue as error:
        # extend() keeps what came before the error: its length is the number of the value refused.
        form = gathered.form[column.rows[len(done)]]
        data = {**error.data, "attribute": column.attribute.ident}
        message = f"{column.attribute.ident!r}: {error.message}"
        raise forms.refuse_as(InvalidValue, form, message, error.code, **data) from error
    return done


def coerced_one(attribute: Attribute, value: Value) -> Value:
    """A value as the attribute's own type; :class:`InvalidValue` if it is none."""
    if attribute.type is not ValueType.TUPLE:
        return coerce(attribute.type, value)
    if isinstance(value, Unsettled):
        return value.coerced(attribute)
    return coerce_tuple(attribute, value)
