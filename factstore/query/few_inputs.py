"""Inputs as rows of codes, for queries that are answered row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from factstore.query.ast import BindScalar, Rule, RulesVar, variables
from factstore.query.calls import spread
from factstore.query.few_walk import Declined, Row, Rows
from factstore.query.relation import ANY, Values
from factstore.values import LONG_MAX, LONG_MIN, ValueType

_MOST: Final = 64
"""Rows of one input up to which they are walked one by one."""
_LONG: Final = int(ValueType.LONG)


class Bound(NamedTuple):
    """Inputs as codes. ``kinds`` are those of all variables, in the order of ``:in``."""

    kinds: tuple[int, ...]
    row: Row
    """The codes of those that have one value."""
    given: list[Rows]
    """The rows of each other input."""
    named: Mapping[str, Any]
    """Those of the first that may name entities, as they were given."""
    rules: str | tuple[Rule, ...]
    values: Values


def bind(wanted: Sequence[Any], args: Sequence[Any], values: Values) -> Bound:
    """What is given for each item of ``:in`` beside the database; :class:`Declined` for what is no few rows."""
    kinds: list[int] = []
    row: list[int] = []
    given: list[Rows] = []
    named: dict[str, Any] = {}
    rules: str | tuple[Rule, ...] = ()
    for node, arg in zip(wanted, args, strict=True):
        if isinstance(node, BindScalar):
            if type(arg) is int and LONG_MIN <= arg <= LONG_MAX:
                kinds.append(_LONG)
                row.append(arg)
                continue
            column = values.constant(_value(arg))
            if column.kind == ANY:
                raise Declined
            kinds.append(column.kind)
            row.append(int(column.data[0]))
            named[node.variable.name] = arg
        elif isinstance(node, RulesVar):
            if not isinstance(arg, str | tuple) or (isinstance(arg, tuple) and not all(map(_is_rule, arg))):
                raise Declined
            rules = arg
        else:
            found = _rows(node, arg, values)
            kinds += found[0]
            given.append(found[1])
    return Bound(tuple(kinds), tuple(row), given, named, rules, values)


def _value(arg: Any) -> Any:
    if arg is None:
        raise Declined
    return tuple(arg) if isinstance(arg, list) else arg


def _is_rule(arg: Any) -> bool:
    return isinstance(arg, Rule)


def _rows(node: Any, arg: Any, values: Values) -> tuple[list[int], Rows]:
    """The kinds of the variables of an input of many rows, and the rows, each once."""
    if not isinstance(arg, Sequence) or len(arg) > _MOST:
        raise Declined
    rows = list(spread(node, arg))
    names = list(variables(node))
    if not rows or len(rows) > _MOST or not names:
        raise Declined
    columns = [values.encode([row[name] for row in rows]) for name in names]
    if any(column.kind == ANY for column in columns):
        raise Declined
    codes = zip(*(column.data.tolist() for column in columns), strict=True)
    return [column.kind for column in columns], list(dict.fromkeys(codes))
