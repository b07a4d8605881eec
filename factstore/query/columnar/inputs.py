"""Inputs: what a caller gives for each item of ``:in``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from factstore import edn
from factstore.columns import ints
from factstore.db import DbValue
from factstore.errors import QueryError
from factstore.query.columnar.given_values import code_of_name, known_type, known_types, only_plain
from factstore.query.columnar.operators import distinct, join
from factstore.query.columnar.relation import REF, Column, Relation, Values, same_kind
from factstore.query.columnar.spread import hashable, spread
from factstore.query.language.ast import BindScalar, Node, PatternVar, Query, Rule, RulesVar, SourceVar, variables
from factstore.query.language.parse import parse_rules
from factstore.query.language.scope import Site
from factstore.values import Keyword, ValueType
from factstore.values_coerce import shown


class GivenStep:
    """A collection given as input, as a step: its rows are joined when the query needs them."""

    is_filter = False
    needs: frozenset[str] = frozenset()

    def __init__(self, node: Node, given: Relation, values: Values) -> None:
        self.node = node
        self.given = given
        self._values = values
        self.names = frozenset(given.names)

    def estimate(self, rows: Relation) -> float:
        return float(self.given.size)

    def average(self, size: float, bound: frozenset[str]) -> float:
        held = float(self.given.size)
        return held if self.names.isdisjoint(bound) else min(size, held)

    def run(self, rows: Relation, needed: frozenset[str]) -> Relation:
        return join(rows, self.given, self._values)


class Inputs(NamedTuple):
    """All inputs of a query, told apart by what they are for."""

    sources: dict[str, Any]
    rules: tuple[Rule, ...]
    scalars: dict[str, Any]
    patterns: dict[str, Any]
    start: Relation
    given: list[GivenStep]

    @property
    def site(self) -> Site:
        """Where the clauses of the query stand: all that is given is bound before them."""
        columns = {name: rows[name] for rows in (self.start, *self.relations) for name in rows.names}
        named = frozenset(name for name, column in columns.items() if not same_kind(column.kind, REF))
        return Site("$", frozenset(columns), self.scalars, named)

    @property
    def relations(self) -> list[Relation]:
        return [step.given for step in self.given]


def bind_inputs(query: Query, db: DbValue, args: Sequence[Any], rules: tuple[Rule, ...], values: Values) -> Inputs:
    """Matches ``args`` with ``:in``, in which ``$`` is ``db`` itself and takes no argument."""
    wanted = [node for node in query.inputs if not (isinstance(node, SourceVar) and node.name == "$")]
    check_count(query, wanted, args)
    found = Inputs({"$": db} if len(wanted) < len(query.inputs) else {}, rules, {}, {}, Relation.true(), [])
    start: dict[str, Column] = {}
    for node, arg in zip(wanted, args, strict=True):
        if isinstance(node, SourceVar):
            found.sources[node.name] = _source(node, arg)
        elif isinstance(node, RulesVar):
            found = found._replace(rules=found.rules + parse_rules(arg))
        elif isinstance(node, PatternVar):
            found.patterns[node.name] = arg
        elif isinstance(node, BindScalar):
            name = node.variable.name
            arg = known_type(arg, node)
            found.scalars[name] = arg
            value = _value(arg, node)
            start[name] = _constant(value, db, values)
        else:
            found.given.append(_given(node, arg, values))
    return found._replace(start=Relation(start, 1))


def _constant(value: Any, db: DbValue, values: Values) -> Column:
    if type(value) is str or type(value) is Keyword:
        vt = ValueType.STRING if type(value) is str else ValueType.KEYWORD
        return Column(int(vt), ints([code_of_name(vt, value, db, values)]))
    return values.object(value) if _is_lookup_ref(value, db) else values.constant(value)


def _is_lookup_ref(value: Any, db: DbValue) -> bool:
    """Whether a value has the look of a lookup ref, which would be sought in the store in vain."""
    if not (isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str)):
        return False
    attribute = db.schema.get(value[0])
    return attribute is not None and attribute.unique is not None


def check_count(query: Query, wanted: Sequence[Node], args: Sequence[Any]) -> None:
    """Refuses more or fewer arguments than are wanted (``query/inputs``)."""
    if len(args) == len(wanted):
        return
    names = " ".join(map(str, wanted)) or "nothing beside $"
    message = f"the query takes {len(wanted)} inputs ({names}), {len(args)} were given"
    raise edn.located(QueryError, message, query.at, code="query/inputs", expected=len(wanted), given=len(args))


def _source(node: SourceVar, arg: Any) -> Any:
    if isinstance(arg, DbValue):
        return arg
    if isinstance(arg, Mapping):
        return list(arg.items())
    if isinstance(arg, str | bytes) or not isinstance(arg, Iterable):
        message = f"{type(arg).__name__} was given for {node}: expected a db value or tuples"
        raise edn.located(QueryError, message, node.at, code="query/inputs")
    rows = list(arg)
    for row in rows:
        if isinstance(row, str | bytes) or not isinstance(row, Iterable):
            message = f"{shown(row)} is a row of what was given for {node}: expected a tuple"
            raise edn.located(QueryError, message, node.at, code="query/inputs")
    return [row if only_plain(row) else known_type(row, node) for row in map(tuple, rows)]


def _value(arg: Any, node: Node) -> Any:
    if arg is None:
        raise edn.located(QueryError, f"None was given for {node}: expected a value", node.at, code="query/inputs")
    return hashable(arg)


def _given(node: Any, arg: Any, values: Values) -> GivenStep:
    rows = list(spread(node, arg))
    names = list(variables(node))
    if not rows:
        return GivenStep(node, Relation.empty(names), values)
    columns = {name: values.encode(known_types([row[name] for row in rows], node)) for name in names}
    return GivenStep(node, distinct(Relation(columns, len(rows))), values)
