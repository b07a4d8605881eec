"""Rules as plain data, as :func:`factstore.edn.read` gives them: what stands where in a clause.

A vector (``list``) is a pattern ``[?e :a ?v]``, a predicate ``[(< ?x 3)]`` or a function ``[(+ ?x 1) ?y]``;
a list (``tuple``) is a call ``(upstream ?a ?b)`` or one of ``not not-join or or-join and optional``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from factstore import Keyword, Symbol

Clause = Any
"""One clause of a body."""
Term = Any
"""A variable, a blank or a constant."""

NEGATIONS: Final = frozenset(("not", "not-join"))
BRANCHINGS: Final = frozenset(("or", "or-join"))
CONNECTIVES: Final = NEGATIONS | BRANCHINGS | {"and", "optional"}
READING: Final = frozenset(("get-else", "get-some", "missing?"))
"""Functions that look into the database by attribute, and answer differently when a fact comes."""
BLANK: Final = Symbol("_")


def is_variable(term: Term) -> bool:
    """True for ``?x``."""
    return isinstance(term, Symbol) and term.startswith("?")


def is_blank(term: Term) -> bool:
    """True for ``_``."""
    return isinstance(term, Symbol) and term == "_"


def is_source(term: Term) -> bool:
    """True for ``$`` and ``$name``."""
    return isinstance(term, Symbol) and term.startswith("$")


def operator(clause: Clause) -> str | None:
    """The name a list begins with, None for a vector.

    >>> from factstore import edn
    >>> operator(edn.read("(upstream ?a ?b)")), operator(edn.read("[?a :b ?c]"))
    ('upstream', None)
    """
    return str(clause[0]) if isinstance(clause, tuple) and clause else None


def is_call(clause: Clause) -> bool:
    """True for the call of a rule."""
    name = operator(clause)
    return name is not None and name not in CONNECTIVES


def is_pattern(clause: Clause) -> bool:
    """True for ``[?e :a ?v]``."""
    return isinstance(clause, list) and not (clause and isinstance(clause[0], tuple))


def function(clause: Clause) -> str | None:
    """The name of the function or predicate a vector calls."""
    if isinstance(clause, list) and clause and isinstance(clause[0], tuple) and clause[0]:
        return str(clause[0][0])
    return None


def join_variables(clause: Clause) -> list[Term] | None:
    """The vector after ``not-join`` or ``or-join``, flattened; None elsewhere."""
    if operator(clause) not in ("not-join", "or-join"):
        return None
    return [name for term in clause[1] for name in (term if isinstance(term, list) else [term])]


def inner(clause: Clause) -> tuple[Clause, ...]:
    """The clauses inside a connective; none elsewhere."""
    name = operator(clause)
    if name not in CONNECTIVES:
        return ()
    return tuple(clause[2:] if name in ("not-join", "or-join") else clause[1:])


def without_source(clause: Clause) -> Clause:
    """The clause without the ``$`` that says what is understood anyway, at every depth.

    >>> from factstore import edn
    >>> without_source(edn.read("($ not [$ ?a :b ?c])"))
    (not, [?a, :b, ?c])
    """
    kind = type(clause)
    if kind not in (list, tuple) or not clause:
        return clause
    rest = clause[1:] if isinstance(clause[0], Symbol) and clause[0] == "$" else clause
    if kind is list:
        return list(rest)
    if str(rest[0]) not in CONNECTIVES:
        return tuple(rest)
    return (rest[0], *(without_source(each) for each in rest[1:]))


def terms(form: Any) -> Iterator[Term]:
    """Every symbol, keyword and constant in a form, from left to right."""
    if isinstance(form, list | tuple):
        for each in form:
            yield from terms(each)
    else:
        yield form


def variables(form: Any) -> list[Symbol]:
    """The variables in a form, each once, in order of appearance."""
    return list(dict.fromkeys(term for term in terms(form) if is_variable(term)))


def exposed(clauses: Iterable[Clause]) -> list[Symbol]:
    """The variables that clauses share with those beside them: all but what is local to a connective."""
    found: dict[Symbol, None] = {}
    for clause in clauses:
        declared = join_variables(clause)
        if operator(clause) in NEGATIONS:
            continue
        if declared is not None:
            found |= dict.fromkeys(name for name in declared if is_variable(name))
        elif inner(clause):
            found |= dict.fromkeys(exposed(inner(clause)))
        else:
            found |= dict.fromkeys(variables(clause))
    return list(found)


def replaced(form: Any, change: Callable[[Term], Term]) -> Any:
    """The form with ``change`` applied to every symbol, keyword and constant in it."""
    if isinstance(form, list):
        return [replaced(each, change) for each in form]
    if isinstance(form, tuple):
        return tuple(replaced(each, change) for each in form)
    return change(form)


def parts(clauses: Iterable[Clause], negated: bool = False) -> Iterator[tuple[Clause, bool]]:
    """The patterns, functions, predicates and calls in clauses at any depth, and whether each stands in a negation."""
    for clause in clauses:
        if inner(clause):
            yield from parts(inner(clause), negated or operator(clause) in {*NEGATIONS, "optional"})
        else:
            yield clause, negated


def attributes(clause: Clause) -> list[Keyword]:
    """The attributes that one pattern, function or predicate names.

    >>> from factstore import edn
    >>> attributes(edn.read("[?m :model/run ?r]")), attributes(edn.read("[(missing? $ ?m :model/run)]"))
    ([:model/run], [:model/run])
    """
    if is_pattern(clause):
        named = [clause[1]] if len(clause) > 1 and isinstance(clause[1], Keyword) else []
        # [?m :model/family [:entity/uri "…"]] reads entity/uri as well.
        looked = [term[0] for term in clause if isinstance(term, list) and term and isinstance(term[0], Keyword)]
        # An ident may be given to another entity.
        idents = [Keyword("db/ident") for term in (*clause[:1], *clause[2:3]) if isinstance(term, Keyword)]
        return named + looked + idents
    name = function(clause)
    if name not in READING:
        return []
    args = clause[0][1:]
    place = {"get-else": slice(2, 3), "missing?": slice(2, 3), "get-some": slice(2, None)}[name]
    return [term for term in args[place] if isinstance(term, Keyword)]
