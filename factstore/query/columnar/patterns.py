"""Data patterns whose attribute is known: ``[?e :attr ?v ?tx ?op]`` against a db value.

Such a pattern is a lookup in the attribute's index. What it does depends on what is known of entity and
value when it runs:

=========  =========  ==============================================
entity     value      lookup
=========  =========  ==============================================
known      known      find each (e, v): keeps rows
known      unknown    expand each entity
unknown    known      expand each value
unknown    unknown    scan, or the range that predicates leave
=========  =========  ==============================================

Where nobody asks for what is unknown, rows are not expanded: each is kept or not (a semi-join).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np

from factstore.columns import Ints, Mask, Rows, unique
from factstore.columns_sort import runs
from factstore.datom import TX0
from factstore.db import DbValue
from factstore.index import AttributeIndex, Found, Ranges
from factstore.index_segment import spread
from factstore.query.columnar.blocks import blocks, ordered_by
from factstore.query.columnar.operators import agreeing, concat, distinct, join
from factstore.query.columnar.patterns_terms import Ends, name_of, padded
from factstore.query.columnar.ranges import Bound, Limited
from factstore.query.columnar.relation import REF, Column, Relation, Values
from factstore.query.language.ast import Blank, Constant, Node, Pattern
from factstore.schema import Attribute
from factstore.values import ValueType

_SAMPLE: Final = 1024
_WHOLE: Final = 1 << 21
"""More facts than that are expanded in blocks: whole columns of them are new pages of the kernel's again and again."""
_BLOCK: Final = 1 << 18
_ONCE: Final = Relation.true()
_E, _V, _TX, _OP = range(4)


class AttributeStep:
    """A pattern whose attribute is known."""

    is_filter = False
    needs: frozenset[str] = frozenset()

    def __init__(
        self, db: DbValue, values: Values, node: Pattern, attribute: Attribute, bounds: Sequence[Bound] = ()
    ) -> None:
        e, _, v, tx, op = padded(node)
        self.node: Node = node
        self.how = ""
        self._db = db
        self._values = values
        self._attribute = attribute
        self._terms = e, v, tx, op
        self._ends = Ends(db, values, attribute, e, v)
        self._names = tuple(map(name_of, self._terms))
        self.names = frozenset(filter(None, self._names))
        constant = [place > _V and isinstance(term, Constant) for place, term in enumerate(self._terms)]
        self._open = [(place, name) for place, name in enumerate(self._names) if name or constant[place]]
        within = Limited(db, attribute, bounds) if bounds else None
        self._within = None if within is None or within.is_open else within
        self.enforced: frozenset[int] = frozenset() if within is None else within.enforced
        """The comparisons, by ``id``, that need not be run beside it."""
        self._loaded: AttributeIndex | None = None
        self._last: tuple[Relation, Ranges] | None = None

    @property
    def _index(self) -> AttributeIndex:
        if self._loaded is None:
            index = self._db.operated if self._db.is_history else self._db.index
            self._loaded = index(self._attribute)
        return self._loaded

    @property
    def plain(self) -> tuple[AttributeIndex, int, int | None] | None:
        """The index, the kind of its values and the one value wanted, if only entity and value are asked for."""
        if not self._is_plain or self._within is not None or self._ends.fixed_e is not None:
            return None
        if self._attribute.type.interned and self._db.dictionary is not self._values.base:
            return None
        value = None if self._ends.fixed_v is None else int(self._ends.fixed_v[0])
        return self._index, int(self._attribute.type), value

    @property
    def is_edge(self) -> bool:
        """True if it relates two variables and speaks of nothing else: what joins can be made of."""
        return self._is_plain and len(self.names) == 2

    @property
    def _is_plain(self) -> bool:
        return not self._db.is_history and all(isinstance(term, Blank) for term in self._terms[_TX:])

    def estimate(self, rows: Relation) -> float:
        size = max(rows.size, 1)
        by_entity, by_value = self._ends.bound(rows.columns)
        if by_entity and by_value:
            return rows.size / 2
        if by_entity and self._is_single:
            return float(min(size, len(self._index)))
        if by_entity or by_value:
            sample = rows if size <= _SAMPLE else rows.take(slice(None, None, -(-size // _SAMPLE)))
            return float(self._ranges(sample, *self._ends.known(sample)).size) * size / max(sample.size, 1)
        return self._scanned_size()

    def _scanned_size(self) -> float:
        if self._within is None:
            return float(len(self._index))
        codes = self._within.codes
        if codes is not None:
            return float(self._index.ranges_of_values(codes).size)
        return float(self._index.count_between(self._within.low, self._within.high))

    @property
    def _is_single(self) -> bool:
        """True if no entity has two values here."""
        return not self._attribute.many and not self._db.is_history and self._index.is_single

    def counts(self, rows: Relation) -> Ints:
        """How many facts each row leads to, one end of it being bound."""
        return self._ranges(rows, *self._ends.known(rows)).counts

    def matches(self, rows: Relation) -> Mask | None:
        """Which rows lead to a fact; None if that is not found out without following them."""
        if not self._is_plain:
            return None
        e, v = self._ends.known(rows)
        if e is not None and v is not None:
            return spread(self._held(e, v), rows.size)
        if self._within is not None or (e is None and v is None):
            return None
        return self._leads(rows, e, v)

    def _leads(self, rows: Relation, e: Ints | None, v: Ints | None) -> Mask:
        """Which rows lead to a fact by the end that is known."""
        if e is not None:
            return self._index.has_entities(spread(e, rows.size))
        assert v is not None
        return self._index.has_values(spread(v, rows.size))

    def average(self, size: float, bound: frozenset[str]) -> float:
        e, v = self._ends.bound(bound)
        fixed = self._ends.fixed_e, self._ends.fixed_v
        if not e and not v:
            return self._scanned_size()
        if e and v:
            is_fixed = fixed[_E] is not None or fixed[_V] is not None
            return min(size, float(self._ranges(_ONCE, *fixed).size)) if is_fixed else size
        if e and not self._attribute.many:
            return size
        scanned = self._index.scan()
        held = scanned.e if e else scanned.v
        sample = unique(held[:: -(-len(held) // _SAMPLE)]) if len(held) else held
        rows = Relation({"": Column(REF, sample)})
        found = self._ranges(rows, sample if e else None, None if e else sample).size
        return size * found / max(len(sample), 1)

    def _ranges(self, rows: Relation, e: Ints | None, v: Ints | None) -> Ranges:
        """Where the facts lie whose entity, or value, is that of each row; kept, as estimate and run ask alike."""
        if self._last is None or self._last[0] is not rows:
            if e is not None:
                found = self._index.ranges_of_entities(spread(e, rows.size))
            else:
                assert v is not None
                found = self._index.ranges_of_values(spread(v, rows.size))
            self._last = rows, found
        return self._last[1]

    def run(self, rows: Relation, needed: frozenset[str]) -> Relation:
        e, v = self._ends.known(rows)
        if (e is None and v is None) or self.names.isdisjoint(rows.columns):
            found = self._extend(_ONCE, self._ends.fixed_e, self._ends.fixed_v, needed.union(rows.columns))
            return found if not rows.columns and rows.size else join(rows, found, self._values)
        return self._extend(rows, e, v, needed)

    def _extend(self, rows: Relation, e: Ints | None, v: Ints | None, needed: frozenset[str]) -> Relation:
        asked = self._asked(rows, needed)
        if e is None and v is None:
            return self._scanned(asked, needed)
        if e is not None and v is not None and not self._db.is_history:
            return self._found(rows, e, v, asked, needed)
        if not asked and self._within is None and not self._db.is_history:
            self.how = "semi-join"
            return rows.take(self._leads(rows, e, v))
        ranges = self._ranges(rows, e, v)
        self._values.limits.check(ranges.size, len(rows.columns) + 2)
        self.how = "expand entities" if e is not None else "expand values"
        key = self._key(rows, e is not None)
        if ranges.size > _WHOLE and not self._db.is_history:
            by = ordered_by(rows, needed)
            if by is not None:
                starts = blocks(rows[by].data, ranges.counts, _BLOCK)
                return self._in_blocks(rows, ranges, starts, lambda met: self._bind(met, asked, needed, key))
        row, found = self._index.facts_in(ranges)
        kept = None if v is None or e is None else found.v == spread(v, rows.size)[row]
        return self._bind(_Met(rows, row, found, kept), asked, needed, key)

    def _in_blocks(
        self,
        rows: Relation,
        ranges: Ranges,
        blocks: Iterable[tuple[int, int]],
        bind: Callable[[_Met], Relation],
    ) -> Relation:
        """The expansion of stretches of rows that differ in a column, one after the other.

        No row comes of two, so that doubles are found within one, and all that is made on the way stays near.
        """
        found = []
        for start, end in blocks:
            self._values.limits.check_time()
            row, facts = self._index.facts_in(ranges.between(start, end))
            found.append(bind(_Met(rows.take(slice(start, end)), row, facts)))
        parts = [part for part in found if part.size] or found[:1]
        if len(parts) == 1:
            return parts[0]
        keys = {part.key for part in parts}
        columns = {name: concat([part[name] for part in parts], self._values) for name in parts[0].names}
        return Relation(columns, key=keys.pop() if len(keys) == 1 else frozenset(columns))

    def _asked(self, rows: Relation, needed: frozenset[str]) -> list[int]:
        """The places whose columns somebody asks for, or which have to agree with others."""
        asked = []
        for place, name in self._open:
            if not name:
                asked.append(place)
            elif place <= _V and name in rows.columns:
                continue  # what the lookup was keyed by agrees already
            elif name in needed or name in rows.columns or self._names.count(name) > 1:
                asked.append(place)
        return asked

    def _found(self, rows: Relation, e: Ints, v: Ints, asked: Sequence[int], needed: frozenset[str]) -> Relation:
        self.how = "find"
        if not asked:
            return rows.take(spread(self._held(e, v), rows.size))
        e, v = spread(e, rows.size), spread(v, rows.size)
        held, tx = self._index.find(e, v)
        row = np.flatnonzero(held)
        return self._bind(_Met(rows, row, Rows(e[row], v[row], tx[row])), asked, needed, _key_of(rows))

    def _held(self, e: Ints, v: Ints) -> Mask:
        held = self._index.has(e, v)
        return held if self._within is None else held & self._within.holds(v)

    def _key(self, rows: Relation, by_entity: bool) -> frozenset[str] | None:
        """What is known to tell the rows apart that an expansion gives."""
        if self._db.is_history:
            return None
        index, attribute = self._index, self._attribute
        is_one = self._is_single if by_entity else attribute.unique and index.is_unique
        other = self._names[_V if by_entity else _E]
        return _key_of(rows) if is_one else _key_of(rows) | {other} if other else None

    def _scanned(self, asked: Sequence[int], needed: frozenset[str]) -> Relation:
        index, within = self._index, self._within
        e, v = self._names[:2]
        if within is None:
            self.how = "scan"
            found: Rows | Found = index.scan()
            if asked == [_E] and not self._db.is_history:
                # Sorted by entity: each is told from the next without a sort.
                return Relation({e: Column(REF, runs(found.e))}, key=frozenset((e,)))
        else:
            self.how = f"range of values {within}"
            codes = within.codes
            found = index.between(within.low, within.high) if codes is None else index.by_value(codes)[1]
        key = None
        if e and (v or self._is_single) and not self._db.is_history:
            key = frozenset((e,)) if self._is_single else frozenset((e, v))
        return self._bind(_Met(_ONCE, None, found), asked, needed, key)

    def _bind(self, met: _Met, asked: Sequence[int], needed: frozenset[str], key: frozenset[str] | None) -> Relation:
        """The rows with what was found for each, as far as it is needed; ``key`` is one of all their columns."""
        rows, row, found, kept = met
        if self._within is not None and row is not None:
            held = self._within.holds(found.v)
            kept = held if kept is None else kept & held
        # Columns of what was found are gathered when they are looked at: those that nobody asks for are not.
        size = len(found.e) if row is None else len(row)
        start = Relation({}, size)
        if row is not None:
            again = {self._names[place] for place in asked}
            start = _take(rows.only([name for name in rows.names if name in needed or name in again]), row)
        columns = dict(start.columns)
        for place in asked:
            column, name = self._column(found, place), self._names[place]
            if name and name not in columns:
                columns[name] = column
                continue
            equal = agreeing(columns[name], column, self._values) if name else column.data == self._constant(place)
            kept = equal if kept is None else kept & equal
        columns = {name: column for name, column in columns.items() if name in needed}
        made = Relation(columns, size)
        made = made if kept is None else made.take(kept)
        # Where a variable stands twice, only the facts that are kept are told apart by it.
        return distinct(made.keyed(key) if key is not None and key <= columns.keys() else made)

    def _column(self, found: Rows | Found, place: int) -> Column:
        if place == _E:
            return Column(REF, found.e)
        if place == _V:
            return self._values.translate(Column(int(self._attribute.type), found.v), self._db.dictionary)
        if place == _TX:
            return Column(REF, found.tx >> 1 if self._db.is_history else found.tx)
        added = found.tx & 1 if self._db.is_history else np.ones(len(found.e), dtype=np.int64)
        return Column(int(ValueType.BOOLEAN), added)

    def _constant(self, place: int) -> int:
        term = self._terms[place]
        assert isinstance(term, Constant)
        return TX0 + self._db.t_of(term.value) if place == _TX else int(bool(term.value))


class _Met(NamedTuple):
    """Facts, and the rows that lead to them, by their positions; without those, there was nothing to start from."""

    rows: Relation
    row: Ints | None
    found: Rows | Found
    kept: Mask | None = None
    """Which of them are meant; None if all are."""


def _key_of(rows: Relation) -> frozenset[str]:
    return frozenset(rows.names) if rows.key is None else rows.key


def _take(rows: Relation, row: Ints) -> Relation:
    if len(row) == rows.size and (rows.size == 1 or bool((row == np.arange(rows.size)).all())):
        return rows
    return rows.take(row)
