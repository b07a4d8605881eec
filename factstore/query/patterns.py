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
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from factstore.columns import Ints, Mask, Rows, ints
from factstore.datom import TX0
from factstore.db import DbValue
from factstore.errors import InvalidValue
from factstore.index import AttributeIndex, Found, Ranges
from factstore.query.ast import Blank, Constant, LookupRef, Node, Pattern, Term, Variable
from factstore.query.naming import entity_constant, ids_of
from factstore.query.operators import agreeing, distinct, join
from factstore.query.relation import NOWHERE, REF, Column, Relation, Values, may_meet, same_kind
from factstore.schema import Attribute
from factstore.values import ValueType, encode_inline
from factstore.values_coerce import coerce

_SAMPLE: Final = 1024
_ONCE: Final = Relation.true()


class Range(NamedTuple):
    """Bounds of a value, both included, as predicates give them; None is open."""

    low: Any = None
    high: Any = None


ANYTHING: Final = Range()


class AttributeStep:
    """A pattern whose attribute is known."""

    is_filter = False
    needs: frozenset[str] = frozenset()

    def __init__(self, db: DbValue, values: Values, node: Pattern, attribute: Attribute, bounds: Range) -> None:
        e, _, v, tx, op = padded(node)
        self.node: Node = node
        self._db = db
        self._values = values
        self._attribute = attribute
        self._bounds = _encoded_bounds(attribute, bounds)
        self._e, self._v, self._tx, self._op = e, v, tx, op
        self._fixed_e = entity_constant(db, e)
        self._fixed_v = self._value_constant(v)
        self.names = frozenset(term.name for term in (e, v, tx, op) if isinstance(term, Variable))
        self._loaded: AttributeIndex | None = None
        self._last: tuple[Relation, Ranges] | None = None

    @property
    def _index(self) -> AttributeIndex:
        if self._loaded is None:
            self._loaded = self._db.index(self._attribute)
        return self._loaded

    def estimate(self, rows: Relation) -> float:
        size = max(rows.size, 1)
        sample = rows if size <= _SAMPLE else rows.take(slice(None, None, -(-size // _SAMPLE)))
        e, v = self._known(sample)
        if e is not None and v is not None:
            return float(rows.size)
        if e is not None or v is not None:
            return float(self._ranges(sample, e, v).size) * size / max(sample.size, 1)
        if self._bounds is not None:
            return float(self._index.count_between(*self._bounds))
        return float(len(self._index))

    def average(self, size: float, bound: frozenset[str]) -> float:
        e = self._fixed_e is not None or (isinstance(self._e, Variable) and self._e.name in bound)
        v = self._fixed_v is not None or (isinstance(self._v, Variable) and self._v.name in bound)
        if not e and not v:
            return self.estimate(_ONCE)
        if e and v:
            fixed = self._fixed_e is not None or self._fixed_v is not None
            return min(size, float(self._ranges(_ONCE, self._fixed_e, self._fixed_v).size)) if fixed else size
        if e and not self._attribute.many:
            return size
        scanned = self._index.scan()
        held = scanned.e if e else scanned.v
        sample = np.unique(held[:: -(-len(held) // _SAMPLE)]) if len(held) else held
        rows = Relation({"": Column(REF, sample)})
        found = self._ranges(rows, sample if e else None, None if e else sample).size
        return size * found / max(len(sample), 1)

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
        e = self._fixed_e
        if e is None and isinstance(self._e, Variable) and self._e.name in rows:
            e = ids_of(rows[self._e.name], self._values)
        v = self._fixed_v
        if v is None and isinstance(self._v, Variable) and self._v.name in rows:
            v = self._value_codes(rows[self._v.name])
        return e, v

    def run(self, rows: Relation, needed: frozenset[str]) -> Relation:
        if self._db.is_history or isinstance(self._op, Variable | Constant):
            return join(rows, self._operations(), self._values)
        e, v = self._known(rows)
        if (e is None and v is None) or self.names.isdisjoint(rows.columns):
            return join(rows, self._extend(_ONCE, self._fixed_e, self._fixed_v), self._values)
        return self._extend(rows, e, v)

    def _extend(self, rows: Relation, e: Ints | None, v: Ints | None) -> Relation:
        index = self._index
        row: Ints | None = None
        if e is not None and v is not None:
            e, v = _repeated(e, rows.size), _repeated(v, rows.size)
            held, tx = index.find(e, v)
            row = np.flatnonzero(held).astype(np.int64)
            found: Rows | Found = Rows(e[row], v[row], tx[row])
        elif e is not None or v is not None:
            ranges = self._ranges(rows, e, v)
            self._values.limits.check(ranges.size, len(rows.columns) + 2)
            row, found = index.facts_in(ranges)
        else:
            found = index.scan() if self._bounds is None else index.between(*self._bounds)
        start = Relation({}, len(found.e)) if row is None else _take(rows, row)
        return self._bind(start, found, rows)

    def _bind(self, start: Relation, found: Rows | Found, rows: Relation) -> Relation:
        kept: Mask | None = None
        result = start
        for place, term in enumerate((self._e, self._v, self._tx)):
            if isinstance(term, Variable):
                if place < 2 and term.name in rows:
                    continue  # what the lookup was keyed by agrees already
                column = self._column(found, place)
                if term.name not in result:
                    result = result.with_columns({term.name: column})
                    continue
                equal = agreeing(result[term.name], column, self._values)
            elif place == 2 and isinstance(term, Constant):
                equal = found.tx == self._tx_constant(term)
            else:
                continue
            kept = equal if kept is None else kept & equal
        result = result if kept is None else result.take(kept)
        repeats = isinstance(self._e, Blank) or (isinstance(self._v, Blank) and self._attribute.many)
        return distinct(result) if repeats else result

    def _column(self, found: Rows | Found, place: int) -> Column:
        if place == 1:
            return self._values.translate(Column(int(self._attribute.type), found.v), self._db.dictionary)
        return Column(REF, found.tx if place else found.e)

    def _tx_constant(self, term: Constant) -> int:
        return TX0 + self._db.t_of(term.value)

    def _operations(self) -> Relation:
        found = self._db.operations(self._attribute)
        mask = np.ones(len(found.e), dtype=np.bool_)
        if self._fixed_e is not None:
            mask &= found.e == self._fixed_e
        if self._fixed_v is not None:
            mask &= found.v == self._fixed_v
        if isinstance(self._op, Constant):
            mask &= found.added == bool(self._op.value)
        if isinstance(self._tx, Constant):
            mask &= found.tx == self._tx_constant(self._tx)
        columns = (
            Column(REF, found.e),
            self._values.translate(Column(int(self._attribute.type), found.v), self._db.dictionary),
            Column(REF, found.tx),
            Column(int(ValueType.BOOLEAN), found.added.astype(np.int64)),
        )
        every = tuple(column.take(mask) for column in columns)
        return distinct(bind((self._e, self._v, self._tx, self._op), every, self._values))

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


def _encoded_bounds(attribute: Attribute, bounds: Range) -> tuple[int | None, int | None] | None:
    if attribute.type.interned or attribute.is_ref or bounds == ANYTHING:
        return None
    try:
        return _encoded(attribute.type, bounds.low), _encoded(attribute.type, bounds.high)
    except InvalidValue:
        return None


def _encoded(vt: ValueType, bound: Any) -> int | None:
    return None if bound is None else encode_inline(vt, coerce(vt, bound))


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
