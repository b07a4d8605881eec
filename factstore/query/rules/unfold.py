"""Calls of rules that do not recurse, turned into the bodies they stand for.

A call of such a rule is an ``or-join`` of its bodies over the call's variables, the rule's own variables
renamed. So it runs on the bindings at hand, as if it had been written there, and needs no table of
answers: recursive rules keep tables for their recursion only.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from typing import Final

from msgspec.structs import replace

from factstore.query.language.ast import (
    And,
    BindScalar,
    Blank,
    Clause,
    Constant,
    FunctionCall,
    Not,
    Optional,
    Or,
    Predicate,
    Rule,
    RuleCall,
    Term,
    Variable,
    variables,
    walk,
)
from factstore.query.language.ast_terms import BindCollection, BindRelation, BindTuple
from factstore.query.language.scope import given, spoken
from factstore.query.rules.renaming import Terms, renamed
from factstore.values import Keyword

_LARGEST: Final = 64
"""Clauses that one call may be turned into; rules that call each other twice a level grow fast."""

_REMEMBERED: Final = 4096


class Unfolded(Or, frozen=True):
    """An ``or-join`` that a call became; it is shown as the call."""

    shown: str

    def __str__(self) -> str:
        return self.shown


class Unfolder:
    """Unfolds calls of the rules in ``bodies``, whose own calls are unfolded already."""

    def __init__(self) -> None:
        self.bodies: dict[str, Sequence[Rule]] = {}
        self._fresh = itertools.count()
        self._known: dict[int, tuple[RuleCall, Unfolded | None]] = {}

    def call(self, call: RuleCall) -> Clause:
        """What a call stands for, or the call itself; remembered, for parsed queries are too."""
        known = self._known.get(id(call))
        if known is None or known[0] is not call:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[id(call)] = call, self._call(call)
        return known[1] or call

    def clauses(self, clauses: Sequence[Clause]) -> tuple[Clause, ...]:
        """The clauses with every call that can be unfolded, however deep, in its unfolded form."""
        return tuple(self._clause(clause) for clause in clauses)

    def _clause(self, clause: Clause) -> Clause:
        if isinstance(clause, RuleCall):
            return self.call(clause)
        if isinstance(clause, Not | Optional):
            return replace(clause, clauses=self.clauses(clause.clauses))
        return replace(clause, branches=tuple(map(self._branch, clause.branches))) if isinstance(clause, Or) else clause

    def _branch(self, branch: Clause | And) -> Clause | And:
        if isinstance(branch, And):
            return replace(branch, clauses=self.clauses(branch.clauses))
        return self._clause(branch)

    def _call(self, call: RuleCall) -> Unfolded | None:
        rules = self.bodies.get(call.name, ())
        names = variables(call.args)
        if not names or not rules or _size(rules) > _LARGEST:
            return None
        bodies = [self._body(rule, call) for rule in rules]
        branches = [branch for body in bodies for branch in body or ()]
        if not branches or any(body is None for body in bodies):
            return None
        required = tuple(variables(call.args[: len(rules[0].head.required)]).values())
        free = tuple(each for each in names.values() if each not in required)
        return Unfolded(
            source=call.source, vars=free, required=required, branches=tuple(branches), shown=str(call), at=call.at
        )

    def _body(self, rule: Rule, call: RuleCall) -> list[And] | None:
        """The branch a rule makes of a call: none if a constant differs; None if it cannot be written so."""
        terms = Terms(self._fresh)
        before: list[Clause] = []
        for asked, own in zip(call.args, rule.head.args, strict=True):
            if isinstance(own, Variable):
                terms[own.name] = terms[own.name] if isinstance(asked, Blank) else asked
            elif isinstance(asked, Variable):
                before.append(FunctionCall(fn="ground", args=(own,), binding=BindScalar(variable=asked), at=call.at))
            elif isinstance(asked, Constant) and asked != own:
                return []
        constants = {name: term for name, term in terms.items() if isinstance(term, Constant)}
        lost = constants.keys() & _assigned(rule.clauses) or _negated_alone(rule, constants.keys())
        if lost or _seen_by_functions(rule.clauses, constants):
            return None
        return [And(clauses=(*before, *renamed(rule.clauses, terms)), at=rule.at)]


def _size(rules: Sequence[Rule]) -> int:
    return sum(not isinstance(node, Term | And) for rule in rules for node in walk(rule.clauses))


def _assigned(clauses: Sequence[Clause]) -> set[str]:
    """The variables that stand where a constant cannot: in bindings, in lists of variables, as functions."""
    found: dict[str, Variable] = {}
    for node in walk(clauses):
        if isinstance(node, BindScalar | BindTuple | BindCollection | BindRelation):
            found |= variables(node)
        elif isinstance(node, Not):
            found |= variables(node.vars)
        elif isinstance(node, Or):
            found |= variables(node.vars, node.required)
        elif isinstance(getattr(node, "fn", None), Variable):
            found |= variables(getattr(node, "fn", ()))
    return set(found)


def _negated_alone(rule: Rule, constants: Set[str]) -> bool:
    """True if a ``not`` could be left without a variable of those around it, once these have become constants."""
    around = given(rule.clauses) | frozenset(variables(rule.head.args))
    for node in walk(rule.clauses):
        if isinstance(node, Not) and spoken((node,)) & constants:
            shared = spoken((node,)) & around
            if shared <= constants or not any(node is clause for clause in rule.clauses):
                return True
    return False


def _seen_by_functions(clauses: Sequence[Clause], terms: Mapping[str, Constant]) -> bool:
    """True if a function is given what may name an entity: of a call it sees the id, of a constant the name."""
    names = {name for name, term in terms.items() if isinstance(term.value, list | Keyword)}
    calls = [node for node in walk(clauses) if isinstance(node, Predicate | FunctionCall)] if names else []
    return any(names & variables(call.args).keys() for call in calls)


def unfolded(rules: Mapping[str, Sequence[Rule]], calls: Callable[[Rule], Iterator[str]]) -> Unfolder:
    """The unfolder of a rule set; ``calls`` gives the names a rule calls."""
    called = {name: {other for rule in group for other in calls(rule)} for name, group in rules.items()}
    unfolder = Unfolder()
    for name in _callees_first(called):
        if name not in reached(name, called):
            unfolder.bodies[name] = [replace(rule, clauses=unfolder.clauses(rule.clauses)) for rule in rules[name]]
    return unfolder


def reached(name: str, called: Mapping[str, set[str]]) -> set[str]:
    """The names that a name calls, directly or not."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        new = called[waiting.pop()] - found
        found |= new
        waiting += new
    return found


def _callees_first(called: Mapping[str, set[str]]) -> list[str]:
    return sorted(called, key=lambda name: len(reached(name, called)))
