"""The terms of a data pattern: what each position says, and which codes an attribute has for it."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any, Final

import numpy as np

from factstore.columns import Ints, Mask, ints
from factstore.columns_distinct import numbered
from factstore.db import DbValue
from factstore.errors import InvalidValue
from factstore.query.columnar.naming import entity_constant, ids_of
from factstore.query.columnar.operators import agreeing
from factstore.query.columnar.relation import NOWHERE, Column, Relation, Values, may_meet, same_kind
from factstore.query.language.ast import Blank, Constant, LookupRef, Pattern, Term, Variable
from factstore.schema import Attribute
from factstore.values_coerce import coerce


class Ends:
    """The entity and the value of a pattern whose attribute is known, as codes of that attribute's index."""

    def __init__(self, db: DbValue, values: Values, attribute: Attribute, e: Term, v: Term) -> None:
        self._db = db
        self._values = values
        self._attribute = attribute
        self._e = name_of(e)
        self._v = name_of(v)
        self.fixed_e = entity_constant(db, e)
        self.fixed_v = self._value_constant(v)

    def bound(self, rows: Container[str]) -> tuple[bool, bool]:
        """Whether the entity is known where the variables ``rows`` are, and whether the value is."""
        return self.fixed_e is not None or self._e in rows, self.fixed_v is not None or self._v in rows

    def known(self, rows: Relation) -> tuple[Ints | None, Ints | None]:
        """What is known of either end in each row (an array of one if it is the same in all); None if nothing is."""
        e = self.fixed_e
        if e is None and self._e in rows:
            e = ids_of(rows[self._e], self._values)
        v = self.fixed_v
        if v is None and self._v in rows:
            v = self._value_codes(rows[self._v])
        return e, v

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
        codes, inverse = numbered(column.data)
        found = [self._code_or_nowhere(value) for value in self._values.decode(Column(column.kind, codes))]
        return ints(found)[inverse]

    def _code_or_nowhere(self, value: Any) -> int:
        try:
            exact = coerce(self._attribute.type, value)
        except InvalidValue:
            return NOWHERE
        code = self._db.encode(self._attribute, exact) if type(exact) is type(value) else None
        return NOWHERE if code is None else code


def name_of(term: Term) -> str:
    """The name of a variable; empty, as no variable's is, for any other term."""
    return term.name if isinstance(term, Variable) else ""


def padded(node: Pattern) -> tuple[Term, Term, Term, Term, Term]:
    """The five terms of a pattern, blanks where it stops short."""
    e, a, v, tx, op = (*node.terms, *_BLANKS)[:5]
    return e, a, v, tx, op


_BLANKS: Final[tuple[Term, ...]] = (Blank(),) * 5


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
