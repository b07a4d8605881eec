"""Which kind of value each variable of a conjunction has, told from the schema before anything runs.

Row by row a variable is one Python int per row, and two of them are equal where the values are: so it must
be of one kind (:mod:`factstore.query.columnar.relation`). Where the clauses do not say of which, or say two, the query
is declined.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final

from factstore.query.columnar.relation import REF, same_kind
from factstore.query.functions.builtin import plain_name
from factstore.query.language.ast import (
    And,
    Argument,
    BindScalar,
    Clause,
    Constant,
    FunctionCall,
    Not,
    Optional,
    Or,
    Pattern,
    Rule,
    RuleCall,
    SourceVar,
    Term,
    Variable,
)
from factstore.query.language.scope import NONE, Scope, spoken
from factstore.query.rows.conjunction import Declined
from factstore.query.rules.ruleset import RuleSet
from factstore.schema import Attribute, Schema
from factstore.values import ValueType, type_of

_LONG: Final = int(ValueType.LONG)
_STRING: Final = int(ValueType.STRING)
_SAME: Final = frozenset(("+", "-", "*", "inc", "dec", "abs", "max", "min", "quot", "rem", "mod", "identity", "ground"))
"""Functions whose result is of the kind of their arguments, if those are all of one; what is not, is declined."""
_GIVES: Final[Mapping[str, int]] = {
    **dict.fromkeys(("str", "subs", "upper-case", "lower-case", "trim", "replace"), _STRING),
    "count": _LONG,
}


class Kinds(dict[str, int]):
    """Kinds by variable. Those ``named`` are inputs that may name an entity where an id is meant."""

    named: Scope = NONE

    def note(self, name: str, kind: int | None) -> None:
        """Takes in that a variable is of a kind; :class:`Declined` if it is of another too."""
        if kind is not None and not same_kind(self.setdefault(name, kind), kind):
            raise Declined

    def of(self, arg: Argument | Term) -> int | None:
        """The kind of a variable or of a constant, None where it is not known."""
        if isinstance(arg, Variable):
            return self.get(arg.name)
        return constant_kind(arg.value) if isinstance(arg, Constant) else None

    def within(self, names: Iterable[str]) -> Kinds:
        """The kinds of some variables."""
        found = Kinds((name, self[name]) for name in names if name in self)
        found.named = self.named & found.keys()
        return found


def constant_kind(value: object) -> int | None:
    """The kind of a value, None if it has none, or is a name or a collection."""
    vt = type_of(value)
    return None if vt is None or vt is ValueType.TUPLE else int(vt)


class Inference:
    """Finds the kinds that clauses give their variables, and rules their arguments."""

    def __init__(self, schema: Schema, rules: RuleSet) -> None:
        self._schema, self._rules = schema, rules
        self._args: dict[str, list[int | None]] = {name: [None] * rules.arity(name) for name in rules.names}
        self._settle()

    def attribute(self, node: Pattern) -> Attribute:
        """The attribute of a pattern, if it is a constant."""
        term = node.terms[1] if len(node.terms) > 1 else None
        if not isinstance(term, Constant) or not isinstance(term.value, str):
            raise Declined
        return self.named(term)

    def named(self, term: Constant) -> Attribute:
        """The attribute of a name."""
        found = self._schema.get(term.value)
        if found is None:
            raise Declined
        return found

    def note(self, clauses: Sequence[Clause | And], kinds: Kinds) -> None:
        """Takes into ``kinds`` what clauses say, until they say no more."""
        before = -1
        while before != len(kinds):
            before = len(kinds)
            for clause in clauses:
                self._clause(clause, kinds)

    def _clause(self, clause: Clause | And, kinds: Kinds) -> None:
        match clause:
            case Pattern(terms=terms):
                attribute = self.attribute(clause)
                for place in (0, 3):
                    self._entity(terms[place] if place < len(terms) else None, kinds)
                if len(terms) > 2 and attribute.is_ref:
                    self._entity(terms[2], kinds)
                elif len(terms) > 2 and isinstance(terms[2], Variable):
                    kinds.note(terms[2].name, int(attribute.type))
            case FunctionCall(binding=BindScalar(variable=variable)):
                kinds.note(variable.name, self.result(clause, kinds))
            case RuleCall():
                for arg, kind in zip(clause.args, self.arguments(clause.name), strict=True):
                    if isinstance(arg, Variable):
                        kinds.note(arg.name, kind)
            case Not() | Optional():
                self._inside(clause, clause.clauses, kinds)
            case Or():
                for body in clause.bodies:
                    self._inside(clause, body, kinds)

    def _entity(self, term: Term | None, kinds: Kinds) -> None:
        if isinstance(term, Variable) and term.name not in kinds.named:
            kinds.note(term.name, REF)

    def _inside(self, clause: Clause, clauses: Sequence[Clause], kinds: Kinds) -> None:
        names = spoken((clause,))
        inner = kinds.within(names)
        self.note(clauses, inner)
        for name in names & inner.keys():
            kinds.note(name, inner[name])

    def result(self, node: FunctionCall, kinds: Kinds) -> int | None:
        """The kind of what a function gives, None where it is not known (yet)."""
        name = plain_name(node.fn) if isinstance(node.fn, str) else ""
        if name == "get-else":
            attribute = node.args[2] if isinstance(node.args[0], SourceVar) else node.args[1]
            return int(self.named(attribute).type) if isinstance(attribute, Constant) else None
        if name in _GIVES:
            return _GIVES[name]
        found = [kinds.of(arg) for arg in node.args] if name in _SAME else []
        known = found[0] if found else None
        if known is None or any(kind is None or not same_kind(kind, known) for kind in found):
            return None
        return _LONG if known == REF else known

    def arguments(self, name: str) -> Sequence[int | None]:
        """The kinds of a rule's arguments, None where they are not known."""
        return self._args[name]

    def _settle(self) -> None:
        """Goes through all rules until they say no more."""
        before = None
        while before != str(self._args):
            before = str(self._args)
            for rule in self._rules:
                # What is not for this engine says nothing: that matters once it is called.
                with suppress(Declined):
                    self._rule(rule, self._args[rule.head.name])

    def _rule(self, rule: Rule, known: list[int | None]) -> None:
        names = [getattr(arg, "name", "") for arg in rule.head.args]
        kinds = Kinds()
        for name, kind in zip(names, known, strict=True):
            kinds.note(name, kind)
        self.note(rule.clauses, kinds)
        for place, name in enumerate(names):
            known[place] = kinds.get(name, known[place])
