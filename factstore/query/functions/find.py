"""The function that a clause names."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from factstore import edn
from factstore.errors import QueryError
from factstore.query.functions.arity import check_arity
from factstore.query.functions.builtin import BUILTIN, Function, plain_name
from factstore.query.language.ast import FunctionCall, Predicate


def find_function(name: str, node: Predicate | FunctionCall, registered: Mapping[str, Function]) -> Function:
    """The function of a name; ``query/unknown-function`` if it is neither built in nor registered."""
    found = registered.get(name) or BUILTIN.get(plain_name(name))
    if found is None:
        near = difflib.get_close_matches(plain_name(name), [*registered, *BUILTIN], 2)
        known = f"did you mean {' or '.join(near)}" if near else "expected a built-in one, or one that was registered"
        message = f"no function {name}: {known}"
        raise edn.located(QueryError, message, node.at, code="query/unknown-function", function=name)
    check_arity(node, found)
    return found
