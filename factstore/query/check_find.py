"""What is checked of a query before it runs, beside its clauses: what it finds.

Clauses are checked as they are compiled (:mod:`factstore.query.compile`). All of it comes before the
first row is read, so that a mistake is told whatever the data is: on an empty store, too.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Mapping
from typing import Any, Final

from factstore import edn
from factstore.db import DbValue
from factstore.errors import QueryError, SchemaError
from factstore.pull_pattern import PullPattern
from factstore.pull_plan import plan
from factstore.query.functions.arity import Arity, check_arity, check_count
from factstore.query.functions.builtin import Function
from factstore.query.language.ast import Aggregate, Constant, PullExpr, Query, Variable
from factstore.query.results.aggregates import NAMES, option_counts
from factstore.schema import Schema

_OF_ENTITY: Final = "a pull is of entities of a database"


def check_find(
    query: Query, sources: Mapping[str, Any], scalars: Mapping[str, Any], functions: Mapping[str, Function]
) -> None:
    """Refuses aggregates and pull patterns of ``:find`` that could not be carried out."""
    for element in query.find.elements:
        if isinstance(element, Aggregate):
            _check_aggregate(element, scalars, functions)
        elif isinstance(element, PullExpr):
            _check_pull(element, sources, functions)


def _check_aggregate(node: Aggregate, scalars: Mapping[str, Any], functions: Mapping[str, Function]) -> None:
    if isinstance(node.fn, Variable):
        return
    if node.fn in functions:
        check_arity(node, functions[node.fn])
        return
    if node.fn not in NAMES:
        near = difflib.get_close_matches(node.fn, [*NAMES, *functions], 1)
        known = f"did you mean {near[0]}" if near else f"expected one of {', '.join(NAMES)}, or a registered one"
        message = f"no aggregate {node.fn}: {known}"
        raise edn.located(QueryError, message, node.at, code="query/unknown-function", function=node.fn)
    least, most = option_counts(node.fn)
    check_count(node, Arity(least + 1, most + 1))
    for option in node.args[:-1]:
        if isinstance(option, Variable) and option.name not in scalars:
            message = f"{option} in {node} has no one value: expected a constant or an input ?x of :in"
            raise edn.located(QueryError, message, option.at, code="query/inputs")
        value = option.value if isinstance(option, Constant) else scalars.get(str(option))
        if type(value) is not int or value < 0:
            message = f"{option} in {node} is no count: expected a whole number from 0"
            raise edn.located(QueryError, message, option.at or node.at, code="query/type-mismatch")


def _check_pull(node: PullExpr, sources: Mapping[str, Any], functions: Mapping[str, Function]) -> None:
    name = node.source.name if node.source else "$"
    db = sources.get(name)
    if not isinstance(db, DbValue):
        what = "is not given in :in" if db is None else f"is a collection: {_OF_ENTITY}"
        raise edn.located(QueryError, f"the source {name} of {node} {what}", node.at, code="query/unknown-source")
    if isinstance(node.pattern, PullPattern):
        check_pattern(db, node.pattern, functions)


def check_pattern(db: DbValue, pattern: PullPattern, functions: Mapping[str, Function]) -> None:
    """Refuses a pull pattern that names what is not there; ``query/unknown-attribute`` with near names and a caret."""
    try:
        _sound(db.schema, pattern, frozenset(functions))
    except SchemaError as error:
        raise QueryError(error.message, code="query/unknown-attribute", **error.data) from None


@functools.lru_cache(maxsize=256)
def _sound(schema: Schema, pattern: PullPattern, names: frozenset[str]) -> bool:
    """True, or what :func:`plan` raises: which functions there are decides, and not what they do."""
    plan(schema, pattern, dict.fromkeys(names, str))
    return True
