"""Queries, from text or data to nodes.

::

    query = [:find find (:keys|:strs|:syms name+)? (:with ?var+)? (:in input+)? (:where clause+)?
             (:order-by [(?var|aggregate) (:asc|:desc)? …])? (:limit n)? (:offset n)?
             (:timeout milliseconds)? (:max-rows n)?]         or the same as a map of vectors

What can be told without a schema and without the data is checked here; the rest in ``check``.
"""

from __future__ import annotations

import difflib
import functools
from typing import Any, Final

from factstore import edn
from factstore.edn import Form, Text, located
from factstore.errors import QueryError
from factstore.query.language.ast import Input, PatternVar, Query, RulesVar, SourceVar
from factstore.query.language.parse_checks import check_query
from factstore.query.language.parse_clauses import clauses
from factstore.query.language.parse_find import find_spec, keys_of, order_of
from factstore.query.language.parse_rules import MAX_DEPTH, parse_rules
from factstore.query.language.parse_terms import binding, expected, is_source, is_variable, source, symbol, variables_of
from factstore.query.language.unquoted import unquoted

__all__ = ["parse_query", "parse_rules"]

MAX_SIZE: Final = 1_000_000
"""Characters a query may have."""
_KEYS: Final = ("keys", "strs", "syms")
_COUNTS: Final = {"limit": 0, "offset": 0, "timeout": 1, "max-rows": 1}
_SECTIONS: Final = ("find", *_KEYS, "with", "in", "where", "order-by", *_COUNTS)

Sections = dict[str, tuple[Form, tuple[Form, ...]]]


def parse_query(query: Any) -> Query:
    """The query of EDN text, of data as :func:`factstore.edn.read` gives it, or of one parsed before.

    Vector and map form are the same. Parsed texts are remembered. Raises :class:`QueryError`
    ``query/syntax`` with line, column and caret, and :class:`EdnError` where the text is no EDN.

    >>> print(parse_query("{:find [[?name ...]] :where [[?e :person/name ?name]] :limit 3}"))
    [:find [?name ...] :in $ :where [?e :person/name ?name] :limit 3]
    """
    if isinstance(query, Query):
        return query
    if not isinstance(query, str | list | tuple | dict):
        message = f"expected a query (EDN text, a list or a dict), found {type(query).__name__}"
        raise QueryError(message, code="query/syntax")
    return _parse(query if isinstance(query, str) else edn.write(query, max_size=MAX_SIZE // 4))


@functools.lru_cache(maxsize=1024)
def _parse(body: str) -> Query:
    text = Text("<query>", body)
    form = edn.parse(unquoted(body), text.name, max_size=MAX_SIZE, max_depth=MAX_DEPTH)
    query = _query(form, _sections(form, text), text)
    check_query(query)
    return query


def _query(form: Form, sections: Sections, text: Text) -> Query:
    find = find_spec(sections["find"][1], text)
    named = [(name, *sections[name]) for name in _KEYS if name in sections]
    if len(named) > 1:
        raise expected("only one of :keys, :strs, :syms", named[1][1], text)
    return Query(
        find,
        with_=variables_of(_items(sections, "with"), text, " in :with"),
        inputs=tuple(_input(item, text) for item in _items(sections, "in")) or (SourceVar("$"),),
        where=clauses(_items(sections, "where"), text),
        keys=keys_of(*named[0], find, text) if named else None,
        order_by=order_of(_items(sections, "order-by"), find, text),
        limit=_count(sections, "limit", text),
        offset=_count(sections, "offset", text) or 0,
        timeout=_count(sections, "timeout", text),
        max_rows=_count(sections, "max-rows", text),
        text=text.body,
        at=text.at(form),
    )


def _items(sections: Sections, name: str) -> tuple[Form, ...]:
    return sections[name][1] if name in sections else ()


def _sections(form: Form, text: Text) -> Sections:
    if form.kind not in ("vector", "map", "list"):
        raise expected("a query: [:find … :where …] or {:find […] :where […]}", form, text)
    pairs = _of_map(form) if form.kind == "map" else _of_vector(form, text)
    found: Sections = {}
    for key, items in pairs:
        name = _section_name(key, text)
        if name in found:
            raise _wrong(f"expected :{name} once, found it again", key, text)
        if not items:
            raise _wrong(f"expected something after :{name}, found nothing", key, text)
        found[name] = key, items
    if "find" not in found:
        raise expected("a query with :find", form, text)
    return found


def _of_map(form: Form) -> list[tuple[Form, tuple[Form, ...]]]:
    keys, values = form.items[::2], form.items[1::2]
    spread = (value.items if value.kind in ("vector", "list") else (value,) for value in values)
    return list(zip(keys, spread, strict=True))


def _of_vector(form: Form, text: Text) -> list[tuple[Form, tuple[Form, ...]]]:
    items = form.items
    starts = [place for place, item in enumerate(items) if item.kind == "keyword"]
    if not starts or starts[0]:
        raise expected("a query that starts with :find", items[0] if items else form, text)
    return [(items[a], items[a + 1 : b]) for a, b in zip(starts, [*starts[1:], len(items)], strict=True)]


def _section_name(form: Form, text: Text) -> str:
    name = str(form.value).removeprefix(":") if form.kind in ("keyword", "string") else ""
    if name in _SECTIONS:
        return name
    near = difflib.get_close_matches(name, _SECTIONS, 1)
    hint = f"did you mean :{near[0]}" if near else f"expected one of {', '.join(':' + each for each in _SECTIONS)}"
    raise _wrong(f"{text.at(form).snippet} is no part of a query: {hint}", form, text)


def _wrong(message: str, form: Form, text: Text) -> QueryError:
    return located(QueryError, message, text.at(form), code="query/syntax")


def _input(form: Form, text: Text) -> Input:
    if is_source(form):
        return source(form, text)
    if symbol(form) == "%":
        return RulesVar(at=text.at(form))
    if symbol(form) in ("", "_") or is_variable(form):
        return binding(form, text)
    if symbol(form) in ("...", ".") or symbol(form).startswith("%"):
        raise expected("an input: $, %, ?x, [?x ...], [?x ?y], [[?x ?y]] or a name for a pull pattern", form, text)
    return PatternVar(symbol(form), at=text.at(form))


def _count(sections: Sections, name: str, text: Text) -> int | None:
    if name not in sections:
        return None
    items = sections[name][1]
    if len(items) != 1 or type(items[0].value) is not int or items[0].value < _COUNTS[name]:
        raise expected(f"one whole number from {_COUNTS[name]} after :{name}", items[-1], text)
    return int(items[0].value)
