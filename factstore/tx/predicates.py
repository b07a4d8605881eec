"""What every new value must pass: attribute predicates, called once for each distinct value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from factstore.errors import TransactionError
from factstore.schema import Attribute, Schema
from factstore.tx.before import traits
from factstore.tx.diff import Said, at
from factstore.tx.encode import Codes
from factstore.tx.forms import name_of, shown
from factstore.tx.resolve import Resolver


class Predicates:
    """The predicates that a connection offers, by name."""

    def __init__(self, functions: Mapping[str, Callable[..., Any]]) -> None:
        self._functions = functions

    def named(self, name: str, user: str) -> Callable[..., Any]:
        """The predicate that ``user`` names; ``tx/unknown-predicate`` if it was not registered."""
        plain = str(name)
        for each in (plain, f":{plain}"):
            if each in self._functions:
                return self._functions[each]
        known = sorted(filter(None, map(name_of, self._functions)))
        raise TransactionError(
            f"{user} names the predicate {plain}, which this connection was not given: expected one of functions="
            f"{{…}}, which are {', '.join(known) or 'none'}",
            code="tx/unknown-predicate",
            predicate=plain,
        )


def failure(predicate: Callable[..., Any], *args: Any) -> str | None:
    """What came instead of True; None if that came."""
    try:
        returned = predicate(*args)
    except Exception as error:
        return f"raised {type(error).__name__}: {error}"
    return None if returned is True else f"returned {shown(returned)}"


def check_values(added: Said, schema: Schema, codes: Codes, predicates: Predicates, resolver: Resolver) -> None:
    """Refuses new values that a predicate of their attribute does not pass."""
    for attribute in traits(schema).checked:
        mine = at(added, added.a == attribute.id)
        if len(mine.e):
            _check(attribute, mine, codes, predicates, resolver)


def _check(attribute: Attribute, added: Said, codes: Codes, predicates: Predicates, resolver: Resolver) -> None:
    distinct, first = np.unique(added.v, return_index=True)
    values = codes.decode(attribute.type, distinct)
    for name in attribute.preds:
        predicate = predicates.named(name, repr(attribute.ident))
        for value, row in zip(values, added.row[first].tolist(), strict=True):
            failed = failure(predicate, value)
            if failed is not None:
                message = f"{shown(value)} as {attribute.ident!r}: the predicate {name} {failed}, expected True"
                data = {"attribute": attribute.ident, "value": value, "predicate": str(name)}
                raise _refused(resolver, row, message, data)


def _refused(resolver: Resolver, row: int, message: str, data: Mapping[str, Any]) -> TransactionError:
    if row < 0:  # a composite tuple stands in no form
        return TransactionError(message, code="tx/attribute-predicate", **data)
    return resolver.forms.refuse(resolver.gathered.form[row], message, "tx/attribute-predicate", **data)
