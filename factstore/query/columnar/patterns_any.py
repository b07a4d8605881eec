"""Data patterns without a known attribute: ``[?e ?a ?v]`` against a db value, or a tuple against a relation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from factstore.columns import EMPTY, Ints, Mask, Rows, ints, member, unique
from factstore.datom import TX0
from factstore.db import DbValue
from factstore.index import Found
from factstore.query.columnar.naming import entity_constant, ids_of
from factstore.query.columnar.operators import agreeing, concat, distinct, join
from factstore.query.columnar.patterns_terms import bind, padded
from factstore.query.columnar.relation import REF, Column, Relation, Values, may_meet, same_kind
from factstore.query.language.ast import Constant, LookupRef, Node, Pattern, Term, Variable
from factstore.schema import Attribute
from factstore.values import ValueType


class AnyAttributeStep:
    """A pattern whose attribute is a variable or a blank: every attribute is looked at."""

    is_filter = False
    needs: frozenset[str] = frozenset()

    def __init__(self, db: DbValue, values: Values, node: Pattern) -> None:
        self.node: Node = node
        self.how = ""
        self._db = db
        self._values = values
        self._terms = padded(node)
        value = self._terms[2]
        self._value = values.constant(plain(value)) if isinstance(value, Constant | LookupRef) else None
        self.names = frozenset(term.name for term in self._terms if isinstance(term, Variable))

    def estimate(self, rows: Relation) -> float:
        entities, attributes = self._known(rows)
        if attributes is not None:
            each = [float(len(self._db.index(attribute))) for attribute in attributes]
            return min(sum(each), float(rows.size)) if entities is not None else sum(each)
        if entities is not None:
            return float(max(rows.size, 1) * len(self._db.schema))
        return math.inf if self._value is None else _HELD_BY * len(self._db.schema)

    def average(self, size: float, bound: frozenset[str]) -> float:
        e = self._terms[0]
        known = isinstance(e, Constant | LookupRef) or (isinstance(e, Variable) and e.name in bound)
        return size * len(self._db.schema) if known else math.inf

    def _known(self, rows: Relation) -> tuple[Ints | None, list[Attribute] | None]:
        """The entities and the attributes that can be meant, None where all can."""
        e, a = self._terms[:2]
        entities = entity_constant(self._db, e)
        if isinstance(e, Variable) and e.name in rows:
            entities = unique(ids_of(rows[e.name], self._values))
        if not (isinstance(a, Variable) and a.name in rows):
            return entities, None
        found = map(self._db.schema.get, unique(ids_of(rows[a.name], self._values)).tolist())
        return entities, [attribute for attribute in found if attribute is not None]

    def run(self, rows: Relation, needed: frozenset[str]) -> Relation:
        places = self._places(rows, needed)
        parts = [part for part in self._parts(rows, *self._known(rows)) if len(part.e)]
        if not parts:
            return Relation.empty({*rows.names, *self.names})
        columns = {place: concat([self._column(part, place) for part in parts], self._values) for place in places}
        size = sum(len(part.e) for part in parts)
        terms = [self._terms[place] for place in places]
        found = bind(terms, list(columns.values()), self._values) if places else Relation({}, size)
        found = found.take(self._matching(columns, size))
        if {0, 1, 2}.issubset(places) and not self._db.is_history and len(set(terms)) == len(places):
            found = found.keyed(frozenset(found.names))  # of one entity, attribute and value there is one fact
        return join(rows, distinct(found), self._values)

    def _places(self, rows: Relation, needed: frozenset[str]) -> list[int]:
        """The places whose columns are asked for, or have to agree with something."""
        names = [term.name for term in self._terms if isinstance(term, Variable)]
        asked = {name for name in names if name in needed or name in rows or names.count(name) > 1}
        return [
            place
            for place, term in enumerate(self._terms)
            if isinstance(term, Constant | LookupRef) or (isinstance(term, Variable) and term.name in asked)
        ]

    def _parts(self, rows: Relation, entities: Ints | None, attributes: Sequence[Attribute] | None) -> list[_Part]:
        wanted = list(self._db.schema) if attributes is None else attributes
        few = entities is not None and len(entities) <= _FEW and not all(map(self._db.holds, wanted))
        if attributes is None and entities is not None and few and not self._db.is_history:
            self.how = "facts of entities"
            return self._of_entities(entities)
        self._db.prefetch(wanted)
        self.how = f"{len(wanted)} attributes"
        return [self._of_attribute(attribute, rows, entities) for attribute in wanted]

    def _of_entities(self, entities: Ints) -> list[_Part]:
        facts = self._db.facts_of(entities)
        parts = []
        for id in unique(facts.a).tolist():
            mine = facts.a == id
            parts.append(_Part(self._db.schema.attribute(id), facts.e[mine], facts.v[mine], facts.tx[mine], None))
        return parts

    def _of_attribute(self, attribute: Attribute, rows: Relation, entities: Ints | None) -> _Part:
        if self._db.is_history:
            e, v, tx, added = self._db.operations(attribute)
            part = _Part(attribute, e, v, tx, added)
            return part if entities is None else part.kept(member(e, entities))
        index = self._db.index(attribute)
        codes = self._codes(attribute, rows)
        if codes is not None and (entities is None or len(codes) < len(entities)):
            found: Rows | Found = index.by_value(codes)[1]
        else:
            found = index.scan() if entities is None else index.by_entity(entities)[1]
        return _Part(attribute, found.e, found.v, found.tx, None)

    def _codes(self, attribute: Attribute, rows: Relation) -> Ints | None:
        """The codes an attribute has for the values that can be meant, None where all its values can."""
        term, kind = self._terms[2], int(attribute.type)
        if isinstance(term, Variable) and term.name in rows:
            column = rows[term.name]
        elif self._value is not None:
            column = self._value
        else:
            return None
        if not may_meet(kind, column.kind):
            return EMPTY
        if not same_kind(kind, column.kind):
            return None
        return unique(self._values.translate_back(column, self._db.dictionary))

    def _column(self, part: _Part, place: int) -> Column:
        attribute, e, v, tx, added = part
        if place == 2:
            return self._values.translate(Column(int(attribute.type), v), self._db.dictionary)
        if place == 4:
            return Column(int(ValueType.BOOLEAN), np.ones(len(e), dtype=np.int64) if added is None else ints(added))
        return Column(REF, np.full(len(e), attribute.id) if place == 1 else tx if place else e)

    def _matching(self, columns: Mapping[int, Column], size: int) -> Mask:
        kept = np.ones(size, dtype=np.bool_)
        for place, column in columns.items():
            term = self._terms[place]
            if place == 0 and isinstance(term, Constant | LookupRef):
                kept &= column.data == entity_constant(self._db, term)
            elif place == 3 and isinstance(term, Constant):
                kept &= column.data == TX0 + self._db.t_of(term.value)
            elif isinstance(term, Constant | LookupRef):
                # With the attribute unknown an ident stays what it is: a keyword.
                kept &= agreeing(column, self._values.constant(plain(term), size), self._values)
        return kept


class _Part(NamedTuple):
    """Facts of one attribute; without ``added``, all are assertions."""

    attribute: Attribute
    e: Ints
    v: Ints
    tx: Ints
    added: Mask | None

    def kept(self, mask: Mask) -> _Part:
        added = None if self.added is None else self.added[mask]
        return _Part(self.attribute, self.e[mask], self.v[mask], self.tx[mask], added)


_FEW: Final = 1024
"""Up to so many entities are asked for by themselves rather than loading all attributes for them."""
_HELD_BY: Final = 16.0
"""The entities of one attribute that are taken to have a value."""


class TupleStep:
    """A pattern over a relation that was given as input in place of a database."""

    is_filter = False
    needs: frozenset[str] = frozenset()

    def __init__(self, tuples: Sequence[Sequence[Any]], values: Values, node: Pattern) -> None:
        self.node: Node = node
        self._values = values
        self.names = frozenset(term.name for term in node.terms if isinstance(term, Variable))
        self._found = self._matching(tuples, node.terms)

    def _matching(self, tuples: Sequence[Sequence[Any]], terms: Sequence[Term]) -> Relation:
        rows = [row for row in tuples if len(row) >= len(terms)]
        if not rows:
            return Relation.empty(self.names)
        columns = [self._values.encode([row[place] for row in rows]) for place in range(len(terms))]
        kept = np.ones(len(rows), dtype=np.bool_)
        for term, column in zip(terms, columns, strict=True):
            if isinstance(term, Constant | LookupRef):
                kept &= agreeing(column, self._values.constant(plain(term), len(rows)), self._values)
        return distinct(bind(terms, [column.take(kept) for column in columns], self._values))

    def estimate(self, rows: Relation) -> float:
        return float(self._found.size)

    def average(self, size: float, bound: frozenset[str]) -> float:
        held = float(self._found.size)
        return held if self.names.isdisjoint(bound) else min(size, held)

    def run(self, rows: Relation, needed: frozenset[str]) -> Relation:
        return join(rows, self._found, self._values)


def plain(term: Constant | LookupRef) -> Any:
    """A constant as the value it is where nothing makes it name an entity."""
    return term.value if isinstance(term, Constant) else term.constant.value
