"""Names of entities, idents and lookup refs, where ids are meant.

A name in a clause is looked up when the clause is compiled. A name given in ``:in`` stays what it is in
results and to predicates; the clauses that mean an entity by it work on its id, in a column of their own
(:class:`ByNameStep`). So an answer never depends on which clause ran first. What a clause binds is an id
or a plain value, never a name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from msgspec.structs import replace

from factstore import edn
from factstore.columns import Ints, ints
from factstore.columns_distinct import numbered
from factstore.db import DbValue
from factstore.errors import EntityError, FactstoreError, QueryError, SchemaError
from factstore.query.columnar.estimate import Averaged
from factstore.query.columnar.relation import NOWHERE, REF, Column, Relation, Values, may_meet
from factstore.query.columnar.steps import Step, settled
from factstore.query.language.ast import Constant, LookupRef, Node, Pattern, RuleCall, Term, Variable
from factstore.query.language.scope import Scope
from factstore.schema import Attribute
from factstore.values import Keyword, ValueType

C = TypeVar("C", Pattern, RuleCall)


def attribute_of(db: DbValue, term: Any, node: Node) -> Attribute:
    """The attribute a term names; ``query/unknown-attribute`` with near names and a caret if there is none."""
    name = term.value if isinstance(term, Constant) else term
    at = getattr(term, "at", None) or node.at
    if not isinstance(name, str | int) or isinstance(name, bool):
        message = f"{term} is no attribute"
        raise edn.located(QueryError, message, at, code="query/unknown-attribute", attribute=name)
    try:
        return db.schema.attribute(name)
    except SchemaError as error:
        raise edn.located(QueryError, error.message, at, code="query/unknown-attribute", **error.data) from None


def entity_constant(db: DbValue, term: Term) -> Ints | None:
    """The entity a constant names, as an array of one; ``query/not-an-entity`` if there is none."""
    if isinstance(term, LookupRef):
        ref: Any = [term.attr, term.value.value]
    elif isinstance(term, Constant):
        ref = term.value
    else:
        return None
    try:
        entity = db.entid(ref)
    except EntityError as error:
        raise edn.located(QueryError, error.message, term.at, code="query/not-an-entity", ref=ref) from None
    if entity is None:
        message = f"{term} names no entity"
        raise edn.located(QueryError, message, term.at, code="query/not-an-entity", ref=ref)
    return ints([entity])


def ids_of(column: Column, values: Values) -> Ints:
    """The values of a column as entity ids, NOWHERE where they are no integers."""
    if column.kind in (REF, ValueType.LONG):
        return column.data
    if not may_meet(column.kind, REF):
        return np.full(len(column.data), NOWHERE)
    return _each(column, values, lambda value: value if type(value) is int and abs(value) < -NOWHERE else None)


def entity_codes(db: DbValue, values: Values, column: Column) -> Ints:
    """The entity ids a column of ids, idents or lookup refs names; NOWHERE for what names none."""
    if column.kind in (REF, ValueType.LONG):
        return column.data
    return _each(column, values, lambda ref: entity_named(db, ref))


def attribute_codes(db: DbValue, values: Values, column: Column, node: Node) -> Ints:
    """The ids of the attributes a column names; ``query/unknown-attribute`` for what is none."""
    return _each(column, values, lambda name: attribute_of(db, name, node).id)


def _each(column: Column, values: Values, code: Callable[[Any], int | None]) -> Ints:
    distinct, inverse = numbered(column.data)
    codes = map(code, values.decode(Column(column.kind, distinct)))
    return ints([NOWHERE if found is None else found for found in codes])[inverse]


def entity_named(db: DbValue, ref: Any) -> int | None:
    """The entity that a value, an id or an ident or a lookup ref, names; None for what names none."""
    is_text = isinstance(ref, str) and not isinstance(ref, Keyword)
    if is_text or not isinstance(ref, int | str | tuple | list):
        return None
    try:
        return db.entid(ref)
    except FactstoreError:
        return None


class Names(NamedTuple):
    """What makes ids of the names that a column of some query has for things in some database."""

    db: DbValue
    values: Values

    def ids(self, column: Column, node: Node, of_attribute: bool) -> Column:
        """The ids for one column of ``node``."""
        if of_attribute:
            return Column(REF, attribute_codes(self.db, self.values, column, node))
        return Column(REF, entity_codes(self.db, self.values, column))


def by_name(node: C, places: Sequence[int], named: Scope, names: Names, step: Callable[[C], Step]) -> Step:
    """The ``step`` of a pattern or call, with ids for those of the variables ``named`` that stand at ``places``."""
    field = "args" if hasattr(node, "args") else "terms"
    terms = list(getattr(node, field))
    ids: dict[str, tuple[str, bool]] = {}
    for place in places:
        term = terms[place] if place < len(terms) else None
        if isinstance(term, Variable) and term.name in named:
            of_attribute = field == "terms" and place == 1
            hidden = f"the {'attribute' if of_attribute else 'entity'} of {term}"
            ids[hidden] = term.name, of_attribute
            terms[place] = Variable(hidden, at=term.at)
    if not ids:
        return step(node)
    return ByNameStep(node, step(replace(node, **{field: tuple(terms)})), ids, names)


class ByNameStep:
    """A clause in which inputs that name entities stand where ids are meant.

    ``ids`` are the columns it works on: for each, the variable that has the name, and whether that is an attribute's.
    """

    is_filter = False

    def __init__(self, node: Node, inner: Step, ids: Mapping[str, tuple[str, bool]], names: Names) -> None:
        self.node = node
        self._inner = inner
        self._ids = ids
        self._by_name = names
        hidden = frozenset(ids)
        self._named = frozenset(name for name, _ in ids.values())
        self.needs: Scope = inner.needs - hidden | self._named
        self.names: Scope = inner.names - hidden | self.needs
        self._last: tuple[Relation, Relation] | None = None

    def settle(self, known: Scope) -> bool:
        """Whether the clause runs with what is ``known``."""
        runs = settled(self._inner, known.union(self._ids))
        self.needs = self._inner.needs.difference(self._ids) | self._named
        return runs

    def estimate(self, rows: Relation) -> float:
        return self._inner.estimate(self._with_ids(rows) if rows.columns else rows)

    def average(self, size: float, bound: frozenset[str]) -> float:
        named = frozenset(hidden for hidden, (name, _) in self._ids.items() if name in bound)
        return self._inner.average(size, bound | named) if isinstance(self._inner, Averaged) else size

    def run(self, rows: Relation, needed: frozenset[str]) -> Relation:
        found = self._inner.run(self._with_ids(rows), needed)
        return found.only([name for name in found.names if name not in self._ids])

    def _with_ids(self, rows: Relation) -> Relation:
        if self._last is None or self._last[0] is not rows:
            ids = self._by_name.ids
            more = {hidden: ids(rows[name], self.node, kind) for hidden, (name, kind) in self._ids.items()}
            self._last = rows, rows.with_columns(more)
        return self._last[1]
