"""Rules, from text or data to nodes.

::

    rules = [rule*] | rule*
    rule  = [(name [?required+]? ?var*) {metadata}? clause+]
"""

from __future__ import annotations

import functools
from typing import Any, Final

from factstore import edn
from factstore.edn import Form, Text
from factstore.query.language.ast import Constant, Rule, RuleHead, Variable
from factstore.query.language.parse_clauses import RESERVED, clauses, required_first
from factstore.query.language.parse_terms import (
    constant,
    distinct,
    expected,
    is_source,
    is_variable,
    not_too_many,
    symbol,
    variable,
)
from factstore.query.language.unquoted import unquoted

MAX_DEPTH: Final = 100
"""Levels that clauses may nest."""


def parse_rules(rules: Any, source: str = "<rules>") -> tuple[Rule, ...]:
    """The rules of EDN text, of data as :func:`factstore.edn.read` gives it, or parsed before.

    Text holds either one vector of rules or, as rule files do, one rule after the other. ``source``
    names the text in errors. Raises :class:`QueryError` ``query/syntax`` and :class:`EdnError`.

    >>> for rule in parse_rules("[[(anc ?a ?b) [?a :parent ?b]] [(anc ?a ?b) [?a :parent ?x] (anc ?x ?b)]]"):
    ...     print(rule)
    [(anc ?a ?b) [?a :parent ?b]]
    [(anc ?a ?b) [?a :parent ?x] (anc ?x ?b)]
    """
    if isinstance(rules, tuple) and rules and all(isinstance(rule, Rule) for rule in rules):
        return rules
    return _parse(rules if isinstance(rules, str) else edn.write(rules, max_size=edn.MAX_SIZE), source)


@functools.lru_cache(maxsize=256)
def _parse(body: str, source: str) -> tuple[Rule, ...]:
    text = Text(source, body)
    forms = edn.parse_all(unquoted(body), source, max_depth=MAX_DEPTH)
    if len(forms) == 1 and forms[0].kind == "vector" and not _starts_with_list(forms[0]):
        forms = forms[0].items
    rules = tuple(_rule(form, text) for form in forms)
    not_too_many(rules)
    return rules


def _starts_with_list(form: Form) -> bool:
    return bool(form.items) and form.items[0].kind == "list"


def _rule(form: Form, text: Text) -> Rule:
    if form.kind != "vector" or not _starts_with_list(form):
        raise expected("a rule: [(name ?x …) clause …]", form, text)
    head, *body = form.items
    notes = constant(body[0], text) if body and body[0].kind == "map" else None
    rest = tuple(body[1:] if notes else body)
    if not rest:
        raise expected("at least one clause after the head of a rule", form, text)
    return Rule(_head(head, text), clauses(rest, text), notes, at=text.at(form))


def _head(form: Form, text: Text) -> RuleHead:
    if not form.items or not _is_name(form.items[0]):
        raise expected("the head of a rule: (name ?x …), the name not one of the language's own", form, text)
    required, rest = required_first(form.items[1:], text, " in the head of a rule")
    free = tuple(_head_argument(item, text) for item in rest)
    if not required + free:
        raise expected("at least one variable in the head of a rule: (name ?x …)", form, text)
    distinct(required + tuple(item for item in free if isinstance(item, Variable)), " in the head of a rule")
    return RuleHead(symbol(form.items[0]), required, free, at=text.at(form))


def _is_name(form: Form) -> bool:
    name = symbol(form)
    plain = name and not is_variable(form) and not is_source(form)
    return bool(plain) and name not in RESERVED and name not in ("_", "%", "...", ".")


def _head_argument(form: Form, text: Text) -> Variable | Constant:
    if form.kind in ("symbol", "list", "vector", "nil"):
        return variable(form, text, " in the head of a rule")
    return constant(form, text)
