"""The nodes of a parsed query: what was written, nothing looked up, nothing checked against a schema.

Each node has ``at``, where it was written, which takes no part in ``==``; ``str`` gives EDN text
that parses to an equal node. Names keep the sign they are written with: ``?x``, ``$src``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

from factstore.pull_pattern import PullPattern
from factstore.query.language.ast_clauses import (
    And,
    Clause,
    FunctionCall,
    Not,
    Optional,
    Or,
    Pattern,
    Predicate,
    Rule,
    RuleCall,
    RuleHead,
)
from factstore.query.language.ast_terms import (
    Argument,
    BindCollection,
    BindIgnore,
    Binding,
    BindRelation,
    BindScalar,
    BindTuple,
    Blank,
    Constant,
    Input,
    LookupRef,
    Node,
    PatternVar,
    RuleArgument,
    RulesVar,
    SourceVar,
    Term,
    Variable,
    each,
    spaced,
)

__all__ = [
    "Aggregate",
    "And",
    "Argument",
    "BindCollection",
    "BindIgnore",
    "BindRelation",
    "BindScalar",
    "BindTuple",
    "Binding",
    "Blank",
    "Clause",
    "Constant",
    "Find",
    "FindCollection",
    "FindElement",
    "FindRelation",
    "FindScalar",
    "FindTuple",
    "FunctionCall",
    "Input",
    "Keys",
    "LookupRef",
    "Node",
    "Not",
    "Optional",
    "Or",
    "Order",
    "Pattern",
    "PatternVar",
    "Predicate",
    "PullExpr",
    "Query",
    "Rule",
    "RuleArgument",
    "RuleCall",
    "RuleHead",
    "RulesVar",
    "SourceVar",
    "Term",
    "Variable",
    "variables",
    "walk",
]


class Aggregate(Node, frozen=True):
    """``(max 3 ?x)``; with a variable for ``fn`` it is ``(aggregate ?fn ?x)``."""

    fn: str | Variable
    args: tuple[Argument, ...]

    def __str__(self) -> str:
        head = f"aggregate {self.fn}" if isinstance(self.fn, Variable) else self.fn
        return f"({spaced(head, *self.args)})"


class PullExpr(Node, frozen=True):
    """``(pull $src ?e [:attr])``; the pattern may be an input instead."""

    source: SourceVar | None
    variable: Variable
    pattern: PullPattern | PatternVar | Variable

    def __str__(self) -> str:
        return f"({spaced('pull', self.source, self.variable, self.pattern)})"


FindElement: TypeAlias = Variable | Aggregate | PullExpr


class FindRelation(Node, frozen=True):
    """``?x ?y``: a set of tuples."""

    elements: tuple[FindElement, ...]

    def __str__(self) -> str:
        return each(self.elements)


class FindCollection(Node, frozen=True):
    """``[?x ...]``: each value."""

    element: FindElement

    @property
    def elements(self) -> tuple[FindElement, ...]:
        return (self.element,)

    def __str__(self) -> str:
        return f"[{self.element} ...]"


class FindTuple(Node, frozen=True):
    """``[?x ?y]``: one tuple."""

    elements: tuple[FindElement, ...]

    def __str__(self) -> str:
        return f"[{each(self.elements)}]"


class FindScalar(Node, frozen=True):
    """``?x .``: one value."""

    element: FindElement

    @property
    def elements(self) -> tuple[FindElement, ...]:
        return (self.element,)

    def __str__(self) -> str:
        return f"{self.element} ."


Find: TypeAlias = FindRelation | FindCollection | FindTuple | FindScalar


class Keys(Node, frozen=True):
    """``:keys a b``: names that make each tuple a map.

    ``names`` are :class:`Keyword`, ``str`` or :class:`Symbol`, as ``kind`` says.
    """

    kind: Literal["keys", "strs", "syms"]
    names: tuple[str, ...]

    def __str__(self) -> str:
        return f":{self.kind} {each(str.__str__(name) for name in self.names)}"


class Order(Node, frozen=True):
    """One item of ``:order-by``: an element of the find clause, and its place there from 0."""

    element: Variable | Aggregate
    index: int
    descending: bool = False

    def __str__(self) -> str:
        return f"{self.element} :desc" if self.descending else str(self.element)


class Query(Node, frozen=True, eq=False):
    """A whole query. ``text`` is what it was parsed from, and takes no part in ``==``.

    ``timeout`` is in milliseconds, ``limit``, ``offset`` and ``max_rows`` count rows of the result.
    """

    find: Find
    with_: tuple[Variable, ...] = ()
    inputs: tuple[Input, ...] = (SourceVar("$"),)
    where: tuple[Clause, ...] = ()
    keys: Keys | None = None
    order_by: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0
    timeout: int | None = None
    max_rows: int | None = None
    text: str = ""

    def _key(self) -> tuple[Any, ...]:
        return tuple(getattr(self, field) for field in self.__struct_fields__ if field not in ("text", "at"))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Query) and self._key() == other._key()

    def __ne__(self, other: object) -> bool:
        return not self == other  # a struct's own != does not ask ==

    def __hash__(self) -> int:
        return hash(self._key())

    def __str__(self) -> str:
        return f"[{' '.join(self._sections())}]"

    def _sections(self) -> Iterator[str]:
        yield f":find {self.find}"
        if self.keys is not None:
            yield str(self.keys)
        for name, nodes in (("with", self.with_), ("in", self.inputs), ("where", self.where)):
            if nodes or name == "in":
                yield f":{name} {each(nodes)}".rstrip()
        if self.order_by:
            yield f":order-by [{each(self.order_by)}]"
        for name, count in (("limit", self.limit), ("offset", self.offset or None)):
            if count is not None:
                yield f":{name} {count}"
        for name, bound in (("timeout", self.timeout), ("max-rows", self.max_rows)):
            if bound is not None:
                yield f":{name} {bound}"


def walk(*nodes: Any) -> Iterator[Node]:
    """Every node in ``nodes`` and below, from the outside in; constants are not entered.

    >>> [str(node) for node in walk(Pattern(None, (Variable("?e"), Constant(3))))]
    ['[?e 3]', '?e', '3']
    """
    waiting = list(reversed(nodes))
    while waiting:
        node = waiting.pop()
        if isinstance(node, Node):
            yield node
            waiting.extend(getattr(node, field) for field in reversed(node.__struct_fields__))
        elif isinstance(node, tuple | list):
            waiting.extend(reversed(node))


def variables(*nodes: Any) -> dict[str, Variable]:
    """The variables in ``nodes`` by name, each where it stands first.

    >>> list(variables(Not(None, None, (Pattern(None, (Variable("?e"),)),))))
    ['?e']
    """
    found: dict[str, Variable] = {}
    for node in walk(*nodes):
        if isinstance(node, Variable):
            found.setdefault(node.name, node)
    return found
