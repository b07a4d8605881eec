"""The nodes of ``:where`` and of rules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

from factstore.query.language.ast_terms import (
    Argument,
    Binding,
    Constant,
    Node,
    RuleArgument,
    SourceVar,
    Term,
    Variable,
    each,
    spaced,
)

# Clauses; a source of None is that of the clause around, and ``$`` outermost


class Pattern(Node, frozen=True):
    """``[?e :attr ?v ?tx ?op]``, of which the tail may be left out."""

    source: SourceVar | None
    terms: tuple[Term, ...]

    def __str__(self) -> str:
        return f"[{spaced(self.source, *self.terms)}]"


class Predicate(Node, frozen=True):
    """``[(< ?x 3)]``; ``fn`` is a name, or a variable bound to a function."""

    fn: str | Variable
    args: tuple[Argument, ...]

    def __str__(self) -> str:
        return f"[({spaced(self.fn, *self.args)})]"


class FunctionCall(Node, frozen=True):
    """``[(+ ?x 1) ?y]``; ``fn`` is a name, or a variable bound to a function."""

    fn: str | Variable
    args: tuple[Argument, ...]
    binding: Binding

    def __str__(self) -> str:
        return f"[({spaced(self.fn, *self.args)}) {self.binding}]"


class Not(Node, frozen=True):
    """``(not clause+)``; with ``vars`` it is ``(not-join [var+] clause+)``."""

    source: SourceVar | None
    vars: tuple[Variable, ...] | None
    clauses: tuple[Clause, ...]

    def __str__(self) -> str:
        head = "not" if self.vars is None else f"not-join [{each(self.vars)}]"
        return f"({spaced(self.source, head, *self.clauses)})"


class And(Node, frozen=True):
    """``(and clause+)``: several clauses as one branch of an ``or``."""

    clauses: tuple[Clause, ...]

    def __str__(self) -> str:
        return f"(and {each(self.clauses)})"


class Or(Node, frozen=True):
    """``(or branch+)``; with ``vars`` it is ``(or-join [[required*] var*] branch+)``."""

    source: SourceVar | None
    vars: tuple[Variable, ...] | None
    required: tuple[Variable, ...]
    branches: tuple[Clause | And, ...]

    @property
    def bodies(self) -> list[tuple[Clause, ...]]:
        """The clauses of each branch."""
        return [branch.clauses if isinstance(branch, And) else (branch,) for branch in self.branches]

    def __str__(self) -> str:
        head = "or" if self.vars is None else f"or-join [{_with_required(self.required, self.vars)}]"
        return f"({spaced(self.source, head, *self.branches)})"


class Optional(Node, frozen=True):
    """``(optional clause+)``: rows without a match are kept, its own variables then being None."""

    clauses: tuple[Clause, ...]
    source: SourceVar | None = None

    def __str__(self) -> str:
        return f"({spaced(self.source, 'optional', *self.clauses)})"


class RuleCall(Node, frozen=True):
    """``(name ?x 3 _)``."""

    source: SourceVar | None
    name: str
    args: tuple[RuleArgument, ...]

    def __str__(self) -> str:
        return f"({spaced(self.source, self.name, *self.args)})"


Clause: TypeAlias = Pattern | Predicate | FunctionCall | Not | Or | Optional | RuleCall

# Rules


def _with_required(required: tuple[Variable, ...], rest: Iterable[object]) -> str:
    return spaced(f"[{each(required)}]" if required else None, *rest)


class RuleHead(Node, frozen=True):
    """``(name [?required*] ?x*)``; constants are allowed here, and refused by who has no use for them."""

    name: str
    required: tuple[Variable, ...]
    vars: tuple[Variable | Constant, ...]

    @property
    def args(self) -> tuple[Variable | Constant, ...]:
        """All arguments, as a call gives them: the required first."""
        return self.required + self.vars

    def __str__(self) -> str:
        return f"({spaced(self.name, _with_required(self.required, self.vars))})"


class Rule(Node, frozen=True):
    """``[(head) {metadata}? clause+]``."""

    head: RuleHead
    clauses: tuple[Clause, ...]
    notes: Constant | None = None

    @property
    def metadata(self) -> dict[str, Any] | None:
        """The map after the head, or None."""
        return None if self.notes is None else dict(self.notes.value)

    def __str__(self) -> str:
        return f"[{spaced(self.head, self.notes, *self.clauses)}]"
