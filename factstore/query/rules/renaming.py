"""Clauses with other variables: those of a rule are its own, wherever its body comes to stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar

from msgspec.structs import replace

from factstore.query.language.ast import Clause, Constant, Node, Not, Or, Term, Variable
from factstore.query.language.scope import spoken

N = TypeVar("N")

_APART: Final = "·"
"""Stands between the name of a rule's own variable and its number."""


def as_written(name: str) -> str:
    """The name that a variable has in the text.

    >>> as_written("?x·3"), as_written("?x")
    ('?x', '?x')
    """
    return name.partition(_APART)[0]


class Terms(dict[str, Term]):
    """What takes the place of a variable: a term of the call, else a variable of its own."""

    def __init__(self, fresh: Iterator[int]) -> None:
        super().__init__()
        self.fresh = fresh

    def __missing__(self, name: str) -> Term:
        self[name] = Variable(name=f"{name}{_APART}{next(self.fresh)}")
        return self[name]

    def within(self, names: Iterable[str]) -> Terms:
        """The terms inside a ``not-join`` or ``or-join``, which share with those outside only what it lists."""
        inner = Terms(self.fresh)
        inner.update((name, self[name]) for name in names)
        return inner


def renamed(node: N, terms: Terms) -> N:
    """The node with other terms for its variables."""
    if isinstance(node, Variable):
        term = terms[node.name]
        return replace(term, at=node.at) if term.at is None else term  # type: ignore[return-value]
    if isinstance(node, tuple):
        return tuple(renamed(each, terms) for each in node)  # type: ignore[return-value]
    if isinstance(node, Not | Or) and node.vars is not None:
        terms = terms.within(spoken((node,)))
    if isinstance(node, Node) and not isinstance(node, Constant):
        fields = {name: renamed(getattr(node, name), terms) for name in node.__struct_fields__ if name != "at"}
        return replace(node, **fields)
    return node


def renamed_but(clauses: Sequence[Clause], names: Iterable[str], fresh: Iterator[int]) -> tuple[Clause, ...]:
    """The clauses with fresh names for all variables but some."""
    terms = Terms(fresh)
    terms.update((name, Variable(name=name)) for name in names)
    return renamed(tuple(clauses), terms)


def shape(node: Any, names: dict[str, int] | None = None) -> Any:
    """What is equal for nodes that differ only in the names of their variables.

    >>> from factstore.query.language.parse import parse_rules
    >>> one, other = parse_rules("[[(p ?a ?b) [?a :to ?b]] [(p ?x ?y) [?x :to ?y]]]")
    >>> shape(one) == shape(other)
    True
    """
    names = {} if names is None else names
    if isinstance(node, Variable):
        return (names.setdefault(node.name, len(names)),)
    if isinstance(node, tuple):
        return tuple(shape(item, names) for item in node)
    if isinstance(node, Node) and not isinstance(node, Constant):
        fields = (name for name in node.__struct_fields__ if name not in ("at", "shown"))
        return type(node).__name__, *(shape(getattr(node, name), names) for name in fields)
    return node
