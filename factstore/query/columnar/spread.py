"""A value taken apart as a binding says: what a function gave, or what was given for an item of ``:in``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from factstore import edn
from factstore.errors import QueryError
from factstore.query.language.ast import (
    BindCollection,
    BindIgnore,
    Binding,
    BindRelation,
    BindScalar,
    BindTuple,
)
from factstore.values_coerce import shown


def hashable(value: Any) -> Any:
    """A list as the tuple it is to a store; any other value as it is."""
    return tuple(value) if isinstance(value, list) else value


def spread(binding: Binding, value: Any) -> Iterable[dict[str, Any]]:
    """The assignments a value makes under a binding: one for each way.

    >>> from factstore.query.language.parse import parse_query
    >>> binding = parse_query("[:find ?a :in [[?a ?b]]]").inputs[0]
    >>> list(spread(binding, [[1, 2], [3, 4]]))
    [{'?a': 1, '?b': 2}, {'?a': 3, '?b': 4}]
    """
    match binding:
        case BindIgnore():
            return [{}]
        case BindScalar(variable=variable):
            return [{variable.name: hashable(value)}]
        case BindTuple(items=items):
            return _spread_tuple(items, value, binding)
        case BindCollection(item=item):
            return [found for each in _each(value, binding) for found in spread(item, each)]
        case BindRelation(items=items):
            return [found for each in _each(value, binding) for found in _spread_tuple(items, each, binding)]


def _each(value: Any, binding: Binding) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.items()
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise _misfit(value, "a collection", binding)
    return value


def _spread_tuple(items: Sequence[Binding], value: Any, binding: Binding) -> list[dict[str, Any]]:
    if isinstance(value, str | bytes) or not isinstance(value, Sequence) or len(value) < len(items):
        raise _misfit(value, f"a tuple of at least {len(items)}", binding)
    found: list[dict[str, Any]] = [{}]
    for item, part in zip(items, value, strict=False):
        found = [merged for one in found for more in spread(item, part) if (merged := _merged(one, more)) is not None]
    return found


def _merged(one: dict[str, Any], more: dict[str, Any]) -> dict[str, Any] | None:
    clash = any(name in one and not (type(one[name]) is type(v) and one[name] == v) for name, v in more.items())
    return None if clash else {**one, **more}


def _misfit(value: Any, wanted: str, binding: Binding) -> QueryError:
    message = f"{shown(value)} does not fit {binding}: expected {wanted}"
    return edn.located(QueryError, message, binding.at, code="query/binding", value=value)
