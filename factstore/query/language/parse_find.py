"""What a query finds, names and orders by, from forms to nodes.

::

    find    = element+ | [element ...] | [element+] | element .
    element = ?var | (aggregate arg* ?var) | (aggregate ?fn arg* ?var) | (pull $? ?var pattern)
"""

from __future__ import annotations

from typing import Any, Final, cast

import msgspec

from factstore.edn import Form, Text
from factstore.pull_pattern import PullPattern, pull_pattern
from factstore.query.language.ast import (
    Aggregate,
    Find,
    FindCollection,
    FindElement,
    FindRelation,
    FindScalar,
    FindTuple,
    Keys,
    Order,
    PatternVar,
    PullExpr,
    Variable,
)
from factstore.query.language.parse_terms import argument, expected, is_source, is_variable, source, symbol, variable
from factstore.values import Keyword, Symbol

_NAMES: Final[dict[str, Any]] = {"keys": Keyword, "strs": str, "syms": Symbol}


def find_spec(forms: tuple[Form, ...], text: Text) -> Find:
    """The whole ``:find`` section."""
    first = text.at(forms[0])
    if len(forms) == 1 and forms[0].kind == "vector" and forms[0].items:
        items = forms[0].items
        if len(items) == 2 and symbol(items[1]) == "...":
            return FindCollection(_element(items[0], text), at=first)
        return FindTuple(tuple(_element(item, text) for item in items), at=first)
    if len(forms) == 2 and symbol(forms[1]) == ".":
        return FindScalar(_element(forms[0], text), at=first)
    return FindRelation(tuple(_element(form, text) for form in forms), at=first)


def _element(form: Form, text: Text) -> FindElement:
    if is_variable(form):
        return variable(form, text)
    if form.kind != "list" or len(form.items) < 2 or not symbol(form.items[0]):
        raise expected("something to find: ?x, (aggregate ?x) or (pull ?x [:attr])", form, text)
    return _pull(form, text) if symbol(form.items[0]) == "pull" else _aggregate(form, text)


def _pull(form: Form, text: Text) -> PullExpr:
    items = form.items[1:]
    named = source(items[0], text) if is_source(items[0]) else None
    rest = items[1:] if named else items
    if len(rest) != 2:
        raise expected("(pull ?x pattern), with a source before ?x if need be", form, text)
    return PullExpr(named, variable(rest[0], text, " to pull"), _pattern(rest[1], text), at=text.at(form))


def _pattern(form: Form, text: Text) -> PullPattern | PatternVar | Variable:
    if is_variable(form):
        return variable(form, text)
    if symbol(form) and not is_source(form) and symbol(form) not in ("*", "_", "%", "...", "."):
        return PatternVar(symbol(form), at=text.at(form))
    return pull_pattern(form, text)


def _aggregate(form: Form, text: Text) -> Aggregate:
    head, *rest = form.items
    fn: str | Variable = symbol(head)
    if is_variable(head) or is_source(head):
        raise expected("the name of an aggregate; a function given as input is called (aggregate ?fn ?x)", head, text)
    if fn == "aggregate":
        fn, rest = variable(rest[0], text, " bound to a function"), rest[1:]
    if not rest:
        raise expected("an aggregate of a variable: (count ?x)", form, text)
    variable(rest[-1], text, " as the last argument of an aggregate")
    return Aggregate(fn, tuple(argument(item, text) for item in rest), at=text.at(form))


def keys_of(kind: str, key: Form, forms: tuple[Form, ...], find: Find, text: Text) -> Keys:
    """The names of ``:keys``, ``:strs`` or ``:syms``: as many as there are elements, none twice."""
    if not isinstance(find, FindRelation | FindTuple):
        raise expected(f"no :{kind}: only tuples become maps, and :find does not ask for tuples", key, text)
    if len(forms) != len(find.elements):
        raise expected(f"{len(find.elements)} names after :{kind}, as many as :find has", forms[-1], text)
    names = [symbol(form) for form in forms]
    for place, (name, form) in enumerate(zip(names, forms, strict=True)):
        if not name or name in names[:place]:
            raise expected(f"a plain name after :{kind}, each once", form, text)
    return Keys(cast(Any, kind), tuple(_NAMES[kind](name) for name in names), at=text.at(key))


def order_of(forms: tuple[Form, ...], find: Find, text: Text) -> tuple[Order, ...]:
    """The items of ``:order-by``; each is an element of ``:find``."""
    if len(forms) == 1 and forms[0].kind == "vector":
        forms = forms[0].items
    orders: list[Order] = []
    before = "keyword"
    for form in forms:
        if form.kind != "keyword":
            orders.append(_order(form, find, text))
        elif before == "keyword" or form.value not in ("asc", "desc"):
            raise expected("?x or (aggregate ?x), with :asc or :desc after it", form, text)
        else:
            orders[-1] = msgspec.structs.replace(orders[-1], descending=form.value == "desc")
        before = form.kind
    return tuple(orders)


def _order(form: Form, find: Find, text: Text) -> Order:
    element = _element(form, text)
    if isinstance(element, PullExpr) or element not in find.elements:
        raise expected("a variable or aggregate of :find in :order-by", form, text)
    return Order(element, find.elements.index(element), at=text.at(form))
