"""Inputs as rows of codes, for queries that are answered row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from factstore.db import DbValue
from factstore.query.columnar.given_values import code_of_name, known_type, known_types
from factstore.query.columnar.relation import ANY, Values, frozen
from factstore.query.columnar.spread import spread
from factstore.query.language.ast import BindScalar, Rule, RulesVar, variables
from factstore.query.rows.conjunction import Declined, Row, Rows
from factstore.values import LONG_MAX, LONG_MIN, Keyword, ValueType

_MOST: Final = 64
"""Rows of one input up to which they are walked one by one."""
_PLAIN: Final = (str, Keyword)
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


def bind(wanted: Sequence[Any], args: Sequence[Any], db: DbValue, values: Values) -> Bound:
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
            if arg is None:
                raise Declined
            value = arg if type(arg) in _PLAIN else known_type(arg, node)
            kind, code = _coded(tuple(value) if isinstance(value, list) else value, db, values)
            kinds.append(kind)
            row.append(code)
            named[node.variable.name] = value
        elif isinstance(node, RulesVar):
            if not isinstance(arg, str | tuple) or (isinstance(arg, tuple) and not all(map(_is_rule, arg))):
                raise Declined
            rules = arg
        else:
            found = _rows(node, arg, values)
            kinds += found[0]
            given.append(found[1])
    return Bound(tuple(kinds), tuple(row), given, named, rules, values)


def _coded(value: Any, db: DbValue, values: Values) -> tuple[int, int]:
    """The kind and the code of one value; a tuple, which may be a lookup ref, gets one only to be shown."""
    if type(value) is tuple:
        return int(ValueType.TUPLE), values.overlay.own(ValueType.TUPLE, frozen(value))
    if type(value) in _PLAIN:
        vt = ValueType.STRING if type(value) is str else ValueType.KEYWORD
        return int(vt), code_of_name(vt, value, db, values)
    column = values.constant(value)
    if column.kind == ANY:
        raise Declined
    return column.kind, int(column.data[0])


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
    columns = [values.encode(known_types([row[name] for row in rows], node)) for name in names]
    if any(column.kind == ANY for column in columns):
        raise Declined
    codes = zip(*(column.data.tolist() for column in columns), strict=True)
    return [column.kind for column in columns], list(dict.fromkeys(codes))
