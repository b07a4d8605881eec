"""Data patterns without a known attribute: ``[?e ?a ?v]`` against a db value, or a tuple against a relation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from factstore.columns import Ints, Mask, member
from factstore.datom import TX0
from factstore.db import DbValue, Operations
from factstore.query.ast import Constant, LookupRef, Node, Pattern, Term, Variable
from factstore.query.naming import entity_constant, ids_of
from factstore.query.operators import agreeing, concat, distinct, join
from factstore.query.patterns import bind, padded
from factstore.query.relation import REF, Column, Relation, Values
from factstore.schema import Attribute
from factstore.values import ValueType


class AnyAttributeStep:
    """A pattern whose attribute is a variable or a blank: every attribute is looked at."""

    is_filter = False
    needs: frozenset[str] = frozenset()

    def __init__(self, db: DbValue, values: Values, node: Pattern) -> None:
        self.node: Node = node
        self._db = db
        self._values = values
        self._terms = padded(node)
        self.names = frozenset(term.name for term in self._terms if isinstance(term, Variable))

    def estimate(self, rows: Relation) -> float:
        entities, attributes = self._known(rows)
        if attributes is not None:
            each = [float(len(self._db.index(attribute))) for attribute in attributes]
            return min(sum(each), float(rows.size)) if entities is not None else sum(each)
        return math.inf if entities is None else float(max(rows.size, 1) * len(self._db.schema))

    def average(self, size: float, bound: frozenset[str]) -> float:
        e = self._terms[0]
        known = isinstance(e, Constant | LookupRef) or (isinstance(e, Variable) and e.name in bound)
        return size * len(self._db.schema) if known else math.inf

    def _known(self, rows: Relation) -> tuple[Ints | None, list[Attribute] | None]:
        """The entities and the attributes that can be meant, None where all can."""
        e, a = self._terms[:2]
        entities = entity_constant(self._db, e)
        if isinstance(e, Variable) and e.name in rows:
            entities = np.unique(ids_of(rows[e.name], self._values))
        if not (isinstance(a, Variable) and a.name in rows):
            return entities, None
        found = map(self._db.schema.get, np.unique(ids_of(rows[a.name], self._values)).tolist())
        return entities, [attribute for attribute in found if attribute is not None]

    def run(self, rows: Relation, needed: frozenset[str]) -> Relation:
        parts = [part for part in self._parts(*self._known(rows)) if len(part[0].data)]
        if not parts:
            return Relation.empty({*rows.names, *self.names})
        columns = [concat([part[place] for part in parts], self._values) for place in range(5)]
        kept = self._matching(columns)
        found = distinct(bind(self._terms, [column.take(kept) for column in columns], self._values))
        return join(rows, found, self._values)

    def _parts(self, entities: Ints | None, attributes: Sequence[Attribute] | None) -> list[tuple[Column, ...]]:
        if attributes is None and entities is not None and not self._db.is_history:
            return self._of_entities(entities)
        wanted = list(self._db.schema) if attributes is None else attributes
        self._db.prefetch(wanted)
        parts = [self._columns(attribute, self._db.operations(attribute)) for attribute in wanted]
        if entities is None:
            return parts
        return [tuple(column.take(member(part[0].data, entities)) for column in part) for part in parts]

    def _of_entities(self, entities: Ints) -> list[tuple[Column, ...]]:
        facts = self._db.facts_of(entities)
        parts = []
        for id in np.unique(facts.a).tolist():
            mine = facts.a == id
            added = np.ones(int(mine.sum()), dtype=np.bool_)
            attribute = self._db.schema.attribute(id)
            parts.append(self._columns(attribute, Operations(facts.e[mine], facts.v[mine], facts.tx[mine], added)))
        return parts

    def _columns(self, attribute: Attribute, found: Operations) -> tuple[Column, ...]:
        return (
            Column(REF, found.e),
            Column(REF, np.full(len(found.e), attribute.id)),
            self._values.translate(Column(int(attribute.type), found.v), self._db.dictionary),
            Column(REF, found.tx),
            Column(int(ValueType.BOOLEAN), found.added.astype(np.int64)),
        )

    def _matching(self, columns: Sequence[Column]) -> Mask:
        kept = np.ones(len(columns[0].data), dtype=np.bool_)
        for place, (term, column) in enumerate(zip(self._terms, columns, strict=True)):
            if place == 0 and isinstance(term, Constant | LookupRef):
                kept &= column.data == entity_constant(self._db, term)
            elif place == 3 and isinstance(term, Constant):
                kept &= column.data == TX0 + self._db.t_of(term.value)
            elif isinstance(term, Constant | LookupRef):
                # With the attribute unknown an ident stays what it is: a keyword.
                kept &= agreeing(column, self._values.constant(plain(term), len(kept)), self._values)
        return kept


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
