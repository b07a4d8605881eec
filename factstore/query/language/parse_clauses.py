"""Clauses, from forms to nodes.

::

    clause = [term{1,5}] | [$ term+] | [(fn arg*)] | [(fn arg*) binding] | ($? rule arg+)
           | ($? not clause+) | ($? not-join [?var+] clause+) | ($? optional clause+)
           | ($? or branch+)  | ($? or-join [[?required*] ?var*] branch+)
    branch = clause | (and clause+)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from factstore.edn import Form, Text
from factstore.query.language.ast import (
    And,
    Clause,
    FunctionCall,
    Not,
    Optional,
    Or,
    Pattern,
    Predicate,
    RuleCall,
    SourceVar,
    Variable,
)
from factstore.query.language.parse_terms import (
    argument,
    binding,
    distinct,
    expected,
    is_source,
    is_variable,
    rule_argument,
    source,
    symbol,
    term,
    variable,
    variables_of,
)

Operands = tuple[Form, ...]


def clauses(forms: Operands, text: Text) -> tuple[Clause, ...]:
    """Each form as a clause."""
    return tuple(clause(form, text) for form in forms)


def clause(form: Form, text: Text) -> Clause:
    """One clause."""
    if form.kind == "vector" and form.items:
        return _call(form, text) if form.items[0].kind == "list" else _pattern(form, text)
    if form.kind == "list" and form.items:
        return _operation(form, text)
    raise expected("a clause: [?e :attr ?v], [(fn ?x) ?y], (not …), (or …) or (rule ?x)", form, text)


def _pattern(form: Form, text: Text) -> Pattern:
    named = source(form.items[0], text) if is_source(form.items[0]) else None
    items = form.items[1:] if named else form.items
    # Rows given as a source can be of any length; how long a datom is, ``compile`` knows.
    if not items or (len(items) > 5 and named is None):
        raise expected("a pattern of one to five terms: [?e :attr ?v ?tx ?op]", form, text)
    terms = tuple(term(item, text, place) for place, item in enumerate(items))
    return Pattern(named, terms, at=text.at(form))


def _call(form: Form, text: Text) -> Predicate | FunctionCall:
    called, *bound = form.items
    if len(bound) > 1:
        raise expected("one binding after a call: [(fn ?x) ?y]", bound[1], text)
    if not called.items or not symbol(called.items[0]) or is_source(called.items[0]):
        raise expected("a call: (fn ?x …)", called, text)
    head, *rest = called.items
    fn = variable(head, text) if is_variable(head) else symbol(head)
    args = tuple(argument(item, text, of_query=fn == "q") for item in rest)
    if bound:
        return FunctionCall(fn, args, binding(bound[0], text), at=text.at(form))
    return Predicate(fn, args, at=text.at(form))


def _operation(form: Form, text: Text) -> Clause:
    named = source(form.items[0], text) if is_source(form.items[0]) else None
    items = form.items[1:] if named else form.items
    if not items:
        raise expected("a rule, not, or, … after the source", form, text)
    head, *rest = items
    if not symbol(head) or is_variable(head) or symbol(head) in ("_", "%"):
        raise expected("not, or, optional or the name of a rule", head, text)
    if symbol(head) == "and":
        raise expected("and only as a branch of or: clauses beside each other are joined anyway", form, text)
    return _OPERATIONS.get(symbol(head), _rule_call)(form, named, tuple(rest), text)


def _rule_call(form: Form, named: SourceVar | None, rest: Operands, text: Text) -> RuleCall:
    if not rest:
        raise expected("at least one argument of a rule: (rule ?x)", form, text)
    name = symbol(form.items[1 if named else 0])
    return RuleCall(named, name, tuple(rule_argument(item, text) for item in rest), at=text.at(form))


def _not(form: Form, named: SourceVar | None, rest: Operands, text: Text) -> Not:
    if not rest:
        raise expected("at least one clause: (not clause …)", form, text)
    return Not(named, None, clauses(rest, text), at=text.at(form))


def _not_join(form: Form, named: SourceVar | None, rest: Operands, text: Text) -> Not:
    if len(rest) < 2 or rest[0].kind != "vector" or not rest[0].items:
        raise expected("(not-join [?x …] clause …)", form, text)
    joined = variables_of(rest[0].items, text, " in not-join")
    return Not(named, joined, clauses(rest[1:], text), at=text.at(form))


def _optional(form: Form, named: SourceVar | None, rest: Operands, text: Text) -> Optional:
    if not rest:
        raise expected("at least one clause: (optional clause …)", form, text)
    return Optional(clauses(rest, text), named, at=text.at(form))


def _or(form: Form, named: SourceVar | None, rest: Operands, text: Text) -> Or:
    if not rest:
        raise expected("at least one branch: (or clause …)", form, text)
    return Or(named, None, (), _branches(rest, text), at=text.at(form))


def _or_join(form: Form, named: SourceVar | None, rest: Operands, text: Text) -> Or:
    if len(rest) < 2 or rest[0].kind != "vector" or not rest[0].items:
        raise expected("(or-join [?x …] clause …)", form, text)
    required, rest_vars = required_first(rest[0].items, text, " in or-join")
    free = tuple(variable(item, text, " in or-join") for item in rest_vars)
    distinct(required + free, " in or-join")
    return Or(named, free, required, _branches(rest[1:], text), at=text.at(form))


def _branches(forms: Operands, text: Text) -> tuple[Clause | And, ...]:
    return tuple(_branch(form, text) for form in forms)


def _branch(form: Form, text: Text) -> Clause | And:
    if form.kind != "list" or not form.items or symbol(form.items[0]) != "and":
        return clause(form, text)
    if len(form.items) == 1:
        raise expected("at least one clause: (and clause …)", form, text)
    return And(clauses(form.items[1:], text), at=text.at(form))


def required_first(forms: Operands, text: Text, where: str) -> tuple[tuple[Variable, ...], Operands]:
    """The variables of a leading ``[?a ?b]``, which callers must have bound, and the forms after it."""
    if not forms or forms[0].kind != "vector":
        return (), forms
    if not forms[0].items:
        raise expected(f"at least one required variable{where}: [[?x] …]", forms[0], text)
    return variables_of(forms[0].items, text, where), forms[1:]


_Parser = Callable[[Form, SourceVar | None, Operands, Text], Clause]
_OPERATIONS: Final[dict[str, _Parser]] = {
    "not": _not,
    "not-join": _not_join,
    "or": _or,
    "or-join": _or_join,
    "optional": _optional,
}
RESERVED: Final = frozenset(_OPERATIONS) | {"and"}
"""Names that no rule can have."""
