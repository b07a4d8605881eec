"""How many arguments a function takes, known before it is called."""

from __future__ import annotations

import functools
import inspect
from typing import Final, NamedTuple

from factstore import edn
from factstore.errors import QueryError
from factstore.query.functions.builtin import Function
from factstore.query.language.ast import Aggregate, FunctionCall, Predicate


class Arity(NamedTuple):
    """The fewest and the most arguments; None for any number of them."""

    least: int
    most: int | None

    def takes(self, count: int) -> bool:
        return self.least <= count and (self.most is None or count <= self.most)

    def __str__(self) -> str:
        if self.most is None:
            return f"at least {self.least}"
        return str(self.least) if self.least == self.most else f"{self.least} to {self.most}"


ANY_NUMBER: Final = Arity(0, None)


@functools.lru_cache(maxsize=1024)
def arity_of(function: Function) -> Arity:
    """What ``inspect`` knows of a function; any number where it knows nothing, or where names are required.

    >>> str(arity_of(lambda one, two=None: one)), str(arity_of(lambda *rest: rest))
    ('1 to 2', 'at least 0')
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return ANY_NUMBER
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    least = sum(p.default is p.empty for p in places)
    return Arity(least, None if any(p.kind is p.VAR_POSITIONAL for p in parameters) else len(places))


def check_arity(node: Predicate | FunctionCall | Aggregate, function: Function) -> None:
    """Refuses a call with more or fewer arguments than ``function`` takes (``query/arity``)."""
    try:
        arity = arity_of(function)
    except TypeError:  # a callable that cannot be remembered
        return
    check_count(node, arity)


def check_count(node: Predicate | FunctionCall | Aggregate, arity: Arity) -> None:
    """Refuses a call with more or fewer arguments than that (``query/arity``)."""
    count = len(node.args)
    if not arity.takes(count):
        message = f"{node} has {count} argument{'' if count == 1 else 's'}: {node.fn} takes {arity}"
        raise edn.located(QueryError, message, node.at, code="query/arity", function=str(node.fn))
