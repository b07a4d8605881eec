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

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from factstore.columns import EMPTY, Ints, Mask, Rows, ints, runs
from factstore.datom import TX0
from factstore.db import DbValue
from factstore.errors import InvalidValue
from factstore.index import AttributeIndex, Found, Ranges
from factstore.query.ast import Blank, Constant, LookupRef, Node, Pattern, Term, Variable
from factstore.query.naming import entity_constant, ids_of
from factstore.query.operators import agreeing, distinct, join
from factstore.query.ranges import Bound, Limited
from factstore.query.relation import NOWHERE, REF, Column, Relation, Values, may_meet, same_kind
from factstore.schema import Attribute
from factstore.values import ValueType
from factstore.values_coerce import coerce

_SAMPLE: Final = 1024
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
        self._fixed_e = entity_constant(db, e)
        self._fixed_v = self._value_constant(v)
        self.names = frozenset(term.name for term in self._terms if isinstance(term, Variable))
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
    def is_edge(self) -> bool:
        """True if it relates two variables and speaks of nothing else: what joins can be made of."""
        e, v, tx, op = self._terms
        plain = isinstance(tx, Blank) and isinstance(op, Blank) and not self._db.is_history
        return plain and len(self.names) == 2

    def estimate(self, rows: Relation) -> float:
        size = max(rows.size, 1)
        sample = rows if size <= _SAMPLE else rows.take(slice(None, None, -(-size // _SAMPLE)))
        e, v = self._known(sample)
        if e is not None and v is not None:
            return rows.size / 2
        if e is not None and not self._db.is_history and not self._attribute.many and self._index.is_single:
            return float(min(size, len(self._index)))
        if e is not None or v is not None:
            return float(self._ranges(sample, e, v).size) * size / max(sample.size, 1)
        if self._within is None:
            return float(len(self._index))
        codes = self._within.codes
        if codes is not None:
            return float(self._index.ranges_of_values(codes).size)
        return float(self._index.count_between(self._within.low, self._within.high))

    def counts(self, rows: Relation) -> Ints:
        """How many facts each row leads to, one end of it being bound."""
        return self._ranges(rows, *self._known(rows)).counts

    def matches(self, rows: Relation) -> Mask | None:
        """Which rows lead to a fact; None if that is not found out without following them."""
        e, v, tx, op = self._terms
        e_known, v_known = self._known(rows)
        if self._db.is_history or not (isinstance(tx, Blank) and isinstance(op, Blank)):
            return None
        if e_known is not None and v_known is not None:
            e_known, v_known = _repeated(e_known, rows.size), _repeated(v_known, rows.size)
            held = self._index.has(e_known, v_known)
            return held if self._within is None else held & self._within.holds(v_known)
        if self._within is not None:
            return None
        if e_known is None and v_known is None:
            return None if e == v and isinstance(e, Variable) else np.full(rows.size, len(self._index) > 0)
        return self._index.any_in(self._ranges(rows, e_known, v_known))

    def _ranges(self, rows: Relation, e: Ints | None, v: Ints | None) -> Ranges:
        """Where the facts lie whose entity, or value, is that of each row; kept, as estimate and run ask alike."""
        if self._last is None or self._last[0] is not rows:
            if e is not None:
                found = self._index.ranges_of_entities(_repeated(e, rows.size))
            else:
                assert v is not None
                found = self._index.ranges_of_values(_repeated(v, rows.size))
            self._last = rows, found
        return self._last[1]

    def _known(self, rows: Relation) -> tuple[Ints | None, Ints | None]:
        terms = self._terms
        e = self._fixed_e
        if e is None and isinstance(terms[_E], Variable) and terms[_E].name in rows:
            e = ids_of(rows[terms[_E].name], self._values)
        v = self._fixed_v
        if v is None and isinstance(terms[_V], Variable) and terms[_V].name in rows:
            v = self._value_codes(rows[terms[_V].name])
        return e, v

    def run(self, rows: Relation, needed: frozenset[str]) -> Relation:
        e, v = self._known(rows)
        if (e is None and v is None) or self.names.isdisjoint(rows.columns):
            found = self._extend(_ONCE, self._fixed_e, self._fixed_v, needed.union(rows.columns))
            return found if not rows.columns and rows.size else join(rows, found, self._values)
        return self._extend(rows, e, v, needed)

    def _extend(self, rows: Relation, e: Ints | None, v: Ints | None, needed: frozenset[str]) -> Relation:
        asked = self._asked(rows, needed)
        if e is not None and v is not None and not self._db.is_history:
            return self._found(rows, _repeated(e, rows.size), _repeated(v, rows.size), asked, needed)
        if e is None and v is None:
            return self._scanned(asked, needed)
        ranges = self._ranges(rows, e, v)
        if not asked and self._within is None and not self._db.is_history:
            self.how = "semi-join"
            return rows.take(self._index.any_in(ranges))
        self.how = "expand entities" if e is not None else "expand values"
        row, found = self._index.facts_in(ranges)
        if e is not None and v is not None:
            kept = found.v == _repeated(v, rows.size)[row]
            row, found = row[kept], Rows(found.e[kept], found.v[kept], found.tx[kept])
        return self._bind(rows, row, found, asked, needed, self._key(rows, e is not None, asked))

    def _asked(self, rows: Relation, needed: frozenset[str]) -> list[int]:
        """The places whose columns somebody asks for, or which have to agree with others."""
        names = [term.name for term in self._terms if isinstance(term, Variable)]
        asked = []
        for place, term in enumerate(self._terms):
            if isinstance(term, Constant) and place >= _TX:
                asked.append(place)
            elif isinstance(term, Variable) and not (place <= _V and term.name in rows):
                if term.name in needed or term.name in rows or names.count(term.name) > 1:
                    asked.append(place)
        return asked

    def _found(self, rows: Relation, e: Ints, v: Ints, asked: Sequence[int], needed: frozenset[str]) -> Relation:
        self.how = "find"
        held, tx = self._index.find(e, v) if asked else (self._index.has(e, v), EMPTY)
        if self._within is not None:
            held &= self._within.holds(v)
        if not asked:
            return rows.take(held)
        row = np.flatnonzero(held)
        return self._bind(rows, row, Rows(e[row], v[row], tx[row]), asked, needed, rows.key or frozenset(rows.names))

    def _key(self, rows: Relation, by_entity: bool, asked: Sequence[int]) -> frozenset[str] | None:
        """What is known to tell the rows apart that an expansion gives."""
        if self._db.is_history:
            return None
        before = frozenset(rows.names) if rows.key is None else rows.key
        is_one = not self._attribute.many and self._index.is_single if by_entity else self._is_unique
        if is_one:
            return before
        other = self._terms[_V if by_entity else _E]
        return before | {other.name} if isinstance(other, Variable) else None

    @property
    def _is_unique(self) -> bool:
        return self._attribute.unique is not None and self._index.is_unique

    def _scanned(self, asked: Sequence[int], needed: frozenset[str]) -> Relation:
        index, within = self._index, self._within
        e, v = self._terms[:2]
        if within is not None:
            codes = within.codes
            found = index.between(within.low, within.high) if codes is None else index.by_value(codes)[1]
            self.how = f"range of values {within}"
        else:
            found = index.scan()
            self.how = "scan"
            if asked == [_E] and not self._db.is_history:
                # Sorted by entity: each is told from the next without a sort.
                self.how = "scan of entities"
                return Relation({e.name: Column(REF, runs(found.e))}, key=frozenset((e.name,)))
        key = None
        if not self._db.is_history:
            both = isinstance(e, Variable) and isinstance(v, Variable)
            single = isinstance(e, Variable) and not self._attribute.many and index.is_single
            key = frozenset((e.name,)) if single else frozenset((e.name, v.name)) if both else None
        return self._bind(_ONCE, None, found, asked, needed, key)

    def _bind(
        self,
        rows: Relation,
        row: Ints | None,
        found: Rows | Found,
        asked: Sequence[int],
        needed: frozenset[str],
        key: frozenset[str] | None,
    ) -> Relation:
        """The rows at positions ``row`` with what was found for each; None is for the one row without columns."""
        kept = None
        if self._within is not None and row is not None:
            kept = self._within.holds(found.v)
        again = {term.name for place in asked if isinstance(term := self._terms[place], Variable)}
        held = rows.only([name for name in rows.names if name in needed or name in again])
        start = Relation({}, len(found.e)) if row is None else _take(held, row)
        result = start.only([name for name in start.names if name in needed])
        more: dict[str, Column] = {}
        for place in asked:
            term, column = self._terms[place], self._column(found, place)
            if isinstance(term, Constant):
                equal = column.data == self._constant(place, term)
            else:
                before = start.columns.get(term.name) or more.get(term.name)
                if before is None:
                    more[term.name] = column
                    continue
                equal = agreeing(before, column, self._values)
            kept = equal if kept is None else kept & equal
        columns = {**result.columns, **{name: column for name, column in more.items() if name in needed}}
        known = key is not None and key <= columns.keys()
        made = Relation(columns, len(found.e), key if known else None)
        return distinct(made if kept is None else made.take(kept))

    def _column(self, found: Rows | Found, place: int) -> Column:
        if place == _E:
            return Column(REF, found.e)
        if place == _V:
            return self._values.translate(Column(int(self._attribute.type), found.v), self._db.dictionary)
        if place == _TX:
            return Column(REF, found.tx >> 1 if self._db.is_history else found.tx)
        added = found.tx & 1 if self._db.is_history else np.ones(len(found.e), dtype=np.int64)
        return Column(int(ValueType.BOOLEAN), added)

    def _constant(self, place: int, term: Constant) -> int:
        return TX0 + self._db.t_of(term.value) if place == _TX else int(bool(term.value))

    def _value_constant(self, term: Term) -> Ints | None:
        if isinstance(term, LookupRef) and not self._attribute.is_ref:
            term = term.constant
        if self._attribute.is_ref:
            return entity_constant(self._db, term)
        if not isinstance(term, Constant):
            return None
        try:
            code = self._db.encode(self._attribute, term.value)
        except InvalidValue:
            code = None  # a value of another type: never there, as explain says
        return ints([NOWHERE if code is None else code])

    def _value_codes(self, column: Column) -> Ints:
        """The codes this attribute has for the values of a column, NOWHERE for those it cannot have."""
        kind = int(self._attribute.type)
        if same_kind(kind, column.kind):
            return self._values.translate_back(column, self._db.dictionary)
        if self._attribute.is_ref:
            return ids_of(column, self._values)
        if not may_meet(kind, column.kind):
            return np.full(len(column.data), NOWHERE)
        codes, inverse = np.unique(column.data, return_inverse=True)
        found = [self._code_or_nowhere(value) for value in self._values.decode(Column(column.kind, codes))]
        return ints(found)[inverse]

    def _code_or_nowhere(self, value: Any) -> int:
        try:
            exact = coerce(self._attribute.type, value)
        except InvalidValue:
            return NOWHERE
        code = self._db.encode(self._attribute, exact) if type(exact) is type(value) else None
        return NOWHERE if code is None else code


def padded(node: Pattern) -> tuple[Term, Term, Term, Term, Term]:
    """The five terms of a pattern, blanks where it stops short."""
    e, a, v, tx, op = (*node.terms, *_BLANKS)[:5]
    return e, a, v, tx, op


_BLANKS: Final[tuple[Term, ...]] = (Blank(),) * 5


def _repeated(codes: Ints, size: int) -> Ints:
    return codes if len(codes) == size else np.repeat(codes, size)


def _take(rows: Relation, row: Ints) -> Relation:
    if len(row) == rows.size and (rows.size == 1 or bool((row == np.arange(rows.size)).all())):
        return rows
    return rows.take(row)


def bind(terms: Sequence[Term], columns: Sequence[Column], values: Values) -> Relation:
    """The rows of ``columns`` under the variables of ``terms``; a variable that stands twice must agree."""
    size = len(columns[0].data)
    named: dict[str, Column] = {}
    kept: Mask | None = None
    for term, column in zip(terms, columns, strict=False):
        if isinstance(term, Variable) and named.setdefault(term.name, column) is not column:
            agree = agreeing(named[term.name], column, values)
            kept = agree if kept is None else kept & agree
    result = Relation(named, size)
    return result if kept is None else result.take(kept)
