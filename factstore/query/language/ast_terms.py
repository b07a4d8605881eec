"""The small nodes: terms, inputs and bindings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import msgspec

from factstore import edn
from factstore.edn import Position
from factstore.values import Keyword


class Node(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """What all nodes share. A hash is kept: what is known of a node is looked up by it."""

    at: Position | None = None


def spaced(*parts: object) -> str:
    return " ".join(text for part in parts if part is not None and (text := str(part)))


def each(nodes: Iterable[object]) -> str:
    return " ".join(map(str, nodes))


# Terms


class Variable(Node, frozen=True):
    """``?x``."""

    name: str

    def __str__(self) -> str:
        return self.name


class Blank(Node, frozen=True):
    """``_``: anything, and each one by itself."""

    def __str__(self) -> str:
        return "_"


class Constant(Node, frozen=True, eq=False):
    """A value as :func:`factstore.edn.read` gives it. ``1``, ``1.0`` and ``true`` are not equal."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and self._key() == other._key()

    def __ne__(self, other: object) -> bool:
        return not self == other  # a struct's own != does not ask ==

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[type, Any]:
        # Inside collections Python would take 1 for True; their text tells them apart.
        kind = type(self.value)
        return kind, str(self) if kind in (list, tuple, dict, frozenset) else self.value

    def __str__(self) -> str:
        return edn.write(self.value)


class SourceVar(Node, frozen=True):
    """``$`` or ``$name``: a database or a relation given as input."""

    name: str = "$"

    def __str__(self) -> str:
        return self.name


class RulesVar(Node, frozen=True):
    """``%``: the rules given as input."""

    def __str__(self) -> str:
        return "%"


class PatternVar(Node, frozen=True):
    """A plain symbol: a pull pattern given as input."""

    name: str

    def __str__(self) -> str:
        return self.name


class LookupRef(Node, frozen=True):
    """``[:person/email "a@b"]`` where an entity or a value stands.

    In value position it is this only if the attribute is a ref; else it is a tuple of two.
    """

    attr: Keyword
    value: Constant

    @property
    def constant(self) -> Constant:
        """The same vector as a constant."""
        return Constant([self.attr, self.value.value], at=self.at)

    def __str__(self) -> str:
        return f"[{self.attr!r} {self.value}]"


Term: TypeAlias = Variable | Blank | Constant | LookupRef
Argument: TypeAlias = Variable | Constant | SourceVar | RulesVar
RuleArgument: TypeAlias = Variable | Blank | Constant

# Bindings


class BindIgnore(Node, frozen=True):
    """``_``: the value is not wanted."""

    def __str__(self) -> str:
        return "_"


class BindScalar(Node, frozen=True):
    """``?x``: the whole value."""

    variable: Variable

    def __str__(self) -> str:
        return str(self.variable)


class BindTuple(Node, frozen=True):
    """``[?x ?y]``: the parts of one tuple."""

    items: tuple[Binding, ...]

    def __str__(self) -> str:
        return f"[{each(self.items)}]"


class BindCollection(Node, frozen=True):
    """``[?x ...]``: each of a collection."""

    item: Binding

    def __str__(self) -> str:
        return f"[{self.item} ...]"


class BindRelation(Node, frozen=True):
    """``[[?x ?y]]``: the parts of each tuple of a collection."""

    items: tuple[Binding, ...]

    def __str__(self) -> str:
        return f"[[{each(self.items)}]]"


Binding: TypeAlias = BindIgnore | BindScalar | BindTuple | BindCollection | BindRelation
Input: TypeAlias = SourceVar | RulesVar | PatternVar | Binding
