"""Functions that look into a database: ``get-else``, ``get-some`` and ``missing?``, as left joins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from factstore import edn
from factstore.columns import Ints
from factstore.columns_distinct import numbered
from factstore.db import DbValue
from factstore.errors import QueryError
from factstore.query.columnar.call_steps import assign, bind_results
from factstore.query.columnar.naming import attribute_of, entity_codes
from factstore.query.columnar.operators import concat
from factstore.query.columnar.relation import Column, Relation, Values
from factstore.query.language.ast import (
    Argument,
    BindIgnore,
    BindScalar,
    Constant,
    FunctionCall,
    Node,
    Predicate,
    Variable,
    variables,
)
from factstore.schema import Attribute


class _Lookup:
    """What the three have in common: a database, an entity, attributes."""

    def __init__(self, node: Predicate | FunctionCall, db: DbValue, values: Values, args: Sequence[Argument]) -> None:
        self.node: Node = node
        self._db = db
        self._values = values
        self._entity = args[0]
        self.needs = frozenset(variables(node.args))
        self.names = self.needs

    def _entities(self, rows: Relation) -> Ints:
        if isinstance(self._entity, Variable):
            return entity_codes(self._db, self._values, rows[self._entity.name])
        value = self._entity.value if isinstance(self._entity, Constant) else None
        return entity_codes(self._db, self._values, self._values.constant(value, rows.size))

    def _firsts(self, entities: Ints, attribute: Attribute) -> tuple[Ints, Column]:
        """The rows whose entity has the attribute, and its first value there."""
        row, found = self._db.index(attribute).by_entity(entities)
        first = np.full(len(entities), -1, dtype=np.int64)
        first[row[::-1]] = np.arange(
            len(row) - 1, -1, -1
        )  # of several for one row the last is written, the first found
        rows = np.flatnonzero(first >= 0)
        column = Column(int(attribute.type), found.v[first[rows]])
        return rows, self._values.translate(column, self._db.dictionary)

    def estimate(self, rows: Relation) -> float:
        return float(rows.size)


class GetElseStep(_Lookup):
    """``[(get-else $ ?e :attr default) ?v]``: the value, or the default where there is none."""

    is_filter = False

    def __init__(self, node: FunctionCall, db: DbValue, values: Values, args: Sequence[Argument]) -> None:
        super().__init__(node, db, values, args)
        if len(args) != 3 or (isinstance(args[2], Constant) and args[2].value is None):
            message = f"{node} needs a source, an entity, an attribute and a default that is not nil"
            raise edn.located(QueryError, message, node.at, code="query/arity")
        if not isinstance(node.binding, BindScalar | BindIgnore):
            message = f"{node} gives one value: expected ?x or _ after it"
            raise edn.located(QueryError, message, node.binding.at, code="query/binding")
        self._attribute = attribute_of(db, args[1], node)
        self._default = args[2]
        self._binding = node.binding
        self.names = self.needs | frozenset(variables(node.binding))

    def run(self, rows: Relation, needed: frozenset[str]) -> Relation:
        at, found = self._firsts(self._entities(rows), self._attribute)
        missing = np.ones(rows.size, dtype=np.bool_)
        missing[at] = False
        absent = np.flatnonzero(missing)
        if isinstance(self._default, Variable):
            default = rows[self._default.name].take(absent)
        else:
            value = self._default.value if isinstance(self._default, Constant) else None
            default = self._values.constant(value, len(absent))
        parts = [part for part in (found, default) if len(part.data)]
        column = concat(parts, self._values) if parts else found
        places = np.empty(rows.size, dtype=np.int64)
        places[np.concatenate((at, absent))] = np.arange(rows.size)
        column = column.take(places)
        (name,) = variables(self._binding) or (None,)
        return rows if name is None else assign(rows, name, column, self._values)


class MissingStep(_Lookup):
    """``[(missing? $ ?e :attr)]``: the entities without the attribute, or, reversed, that nobody refers to by it."""

    is_filter = True

    def __init__(self, node: Predicate, db: DbValue, values: Values, args: Sequence[Argument]) -> None:
        super().__init__(node, db, values, args)
        if len(args) != 2:
            message = f"{node} needs a source, an entity and an attribute"
            raise edn.located(QueryError, message, node.at, code="query/arity")
        self._reverse, self._attribute = _direction(db, args[1], node)

    def run(self, rows: Relation, needed: frozenset[str]) -> Relation:
        index = self._db.index(self._attribute)
        entities = self._entities(rows)
        row, _ = index.by_value(entities) if self._reverse else index.by_entity(entities)
        absent = np.ones(rows.size, dtype=np.bool_)
        absent[row] = False
        return rows.take(absent)


class GetSomeStep(_Lookup):
    """``[(get-some $ ?e :a :b) [?attr ?v]]``: the first of the attributes the entity has, with its value."""

    is_filter = False

    def __init__(self, node: FunctionCall, db: DbValue, values: Values, args: Sequence[Argument]) -> None:
        super().__init__(node, db, values, args)
        if len(args) < 2:
            message = f"{node} needs a source, an entity and attributes"
            raise edn.located(QueryError, message, node.at, code="query/arity")
        self._attributes = [attribute_of(db, arg, node) for arg in args[1:]]
        self._binding = node.binding
        self.names = self.needs | frozenset(variables(node.binding))

    def run(self, rows: Relation, needed: frozenset[str]) -> Relation:
        entities = self._entities(rows)
        # What each row finds, as a place among the different things that are found; the first is nothing.
        found: list[Any] = [None]
        which = np.zeros(rows.size, dtype=np.int64)
        for attribute in reversed(self._attributes):
            at, (kind, data) = self._firsts(entities, attribute)
            distinct, places = numbered(data)
            which[at] = len(found) + places
            found += [(attribute.ident, value) for value in self._values.decode(Column(kind, distinct))]
        return bind_results(rows, found, which, self._binding, self._values)


def _direction(db: DbValue, term: Any, node: Node) -> tuple[bool, Attribute]:
    name = term.value if isinstance(term, Constant) else ""
    head, slash, tail = str(name).rpartition("/")
    if slash and tail.startswith("_"):
        return True, attribute_of(db, f"{head}/{tail[1:]}", node)
    return False, attribute_of(db, term, node)
