"""Terms, arguments and bindings, from forms to nodes."""

from __future__ import annotations

import itertools
from typing import Final

from factstore import edn
from factstore.edn import Form, Text, located
from factstore.errors import QueryError
from factstore.query.language.ast import (
    Argument,
    BindCollection,
    BindIgnore,
    Binding,
    BindRelation,
    BindScalar,
    BindTuple,
    Blank,
    Clause,
    Constant,
    LookupRef,
    Node,
    RuleArgument,
    RulesVar,
    SourceVar,
    Term,
    Variable,
    walk,
)

MAX_CLAUSES: Final = 5_000
"""Clauses of a query, or of the rules of one text."""


def expected(production: str, form: Form, text: Text) -> QueryError:
    """The error that ``production`` was expected where ``form`` stands."""
    at = text.at(form)
    return located(QueryError, f"expected {production}, found {at.snippet}", at, code="query/syntax")


def refused(message: str, node: Node) -> QueryError:
    """The error that ``node`` is written well but cannot stand so."""
    return located(QueryError, message, node.at, code="query/syntax")


def not_too_many(nodes: object) -> None:
    """Refuses more clauses than checks and planning can be quick with (``query/too-large``)."""
    clauses = (node for node in walk(nodes) if isinstance(node, Clause))
    over = next(itertools.islice(clauses, MAX_CLAUSES, None), None)
    if over is not None:
        message = f"more than {MAX_CLAUSES:,} clauses: many values are given as one input, [?x ...]"
        raise located(QueryError, message, over.at, code="query/too-large", limit=MAX_CLAUSES)


def symbol(form: Form) -> str:
    """The name of a symbol, and of any other form the empty string."""
    return str(form.value) if form.kind == "symbol" else ""


def is_variable(form: Form) -> bool:
    """True for ``?x``."""
    return symbol(form).startswith("?")


def is_source(form: Form) -> bool:
    """True for ``$`` and ``$name``."""
    return symbol(form).startswith("$")


def variable(form: Form, text: Text, where: str = "") -> Variable:
    """``?name``; ``where`` ends the sentence that says what was expected."""
    if not is_variable(form) or len(symbol(form)) == 1:
        raise expected(f"a variable such as ?x{where}", form, text)
    return Variable(symbol(form), at=text.at(form))


def variables_of(forms: tuple[Form, ...], text: Text, where: str) -> tuple[Variable, ...]:
    """Variables, none of them twice."""
    found = tuple(variable(form, text, where) for form in forms)
    distinct(found, where)
    return found


def distinct(nodes: tuple[Node, ...], where: str) -> None:
    """Refuses nodes of which one stands twice."""
    seen = set()
    for node in nodes:
        if node in seen:
            raise refused(f"{node} stands twice{where}", node)
        seen.add(node)


def source(form: Form, text: Text) -> SourceVar:
    """``$`` or ``$name``."""
    return SourceVar(symbol(form), at=text.at(form))


def constant(form: Form, text: Text) -> Constant:
    """Any form, as data."""
    return Constant(edn.data_of(form, text), at=text.at(form))


def term(form: Form, text: Text, place: int) -> Term:
    """What stands in a pattern, ``place`` counting from 0 at the entity."""
    if symbol(form) == "_":
        return Blank(at=text.at(form))
    if is_variable(form):
        return variable(form, text)
    if is_source(form) or symbol(form) in ("%", "...", ".") or form.kind == "list":
        raise expected("a variable, a constant or _ in a pattern", form, text)
    if form.kind == "nil":
        raise expected("a value (nil is none: absence is asked for with (not …) or missing?)", form, text)
    if place != 1 and form.kind == "vector" and len(form.items) == 2 and form.items[0].kind == "keyword":
        attr, value = form.items
        return LookupRef(attr.value, constant(value, text), at=text.at(form))
    return constant(form, text)


def argument(form: Form, text: Text, *, of_query: bool = False) -> Argument:
    """What a predicate, function or aggregate is given; ``of_query`` where vectors may hold variables."""
    if is_variable(form):
        return variable(form, text)
    if is_source(form):
        return source(form, text)
    if symbol(form) == "%":
        return RulesVar(at=text.at(form))
    if symbol(form) in ("_", "...", "."):
        raise expected("a variable or a constant as an argument", form, text)
    if form.kind == "list":
        raise expected("a variable or a constant: a call inside a call is written [(inner …) ?x] first", form, text)
    if form.kind == "vector" and not of_query and any(is_variable(item) for item in form.items):
        raise expected("a constant: variables are put together with (tuple ?x ?y)", form, text)
    return constant(form, text)


def rule_argument(form: Form, text: Text) -> RuleArgument:
    """What a rule is called with."""
    if symbol(form) == "_":
        return Blank(at=text.at(form))
    if is_variable(form):
        return variable(form, text)
    if is_source(form) or symbol(form) in ("%", "...", ".") or form.kind == "list":
        raise expected("a variable, a constant or _ as an argument of a rule", form, text)
    return constant(form, text)


def binding(form: Form, text: Text) -> Binding:
    """``?x``, ``_``, ``[?x ?y]``, ``[?x ...]`` or ``[[?x ?y]]``, one inside another."""
    at = text.at(form)
    if symbol(form) == "_":
        return BindIgnore(at=at)
    if is_variable(form):
        return BindScalar(variable(form, text), at=at)
    if form.kind != "vector" or not form.items:
        raise expected("a binding: ?x, _, [?x ?y], [?x ...] or [[?x ?y]]", form, text)
    if len(form.items) == 2 and symbol(form.items[1]) == "...":
        return BindCollection(binding(form.items[0], text), at=at)
    items = tuple(binding(item, text) for item in form.items)
    if len(items) == 1 and isinstance(items[0], BindTuple):
        return BindRelation(items[0].items, at=at)
    return BindTuple(items, at=at)
