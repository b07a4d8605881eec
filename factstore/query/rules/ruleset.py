"""Rule sets: what a call may name, checked whole, and made ready for evaluation.

A :class:`RuleSet` groups rules by name, checks arity, heads and stratification, and gives every ``or``
that calls a rule inside a rule body a name of its own, so that recursion only ever goes through rules.
"""

from __future__ import annotations

import difflib
import functools
import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from factstore import edn
from factstore.errors import QueryError
from factstore.query.language.ast import (
    And,
    Blank,
    Clause,
    Not,
    Optional,
    Or,
    Rule,
    RuleCall,
    Variable,
)
from factstore.query.language.scope import spoken
from factstore.query.rules.forms import calls_in, linearised, without_or_calls
from factstore.query.rules.unfold import reached, unfolded
from factstore.schema import Schema


class RuleSet:
    """Rules by name; immutable and checked.

    >>> from factstore.query.language.parse import parse_rules
    >>> rules = RuleSet.of(parse_rules("[[(anc ?a ?b) [?a :parent ?b]]]"))
    >>> rules.arity("anc"), rules.names
    (2, ('anc',))
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = _by_name(rules)
        self.sound: dict[str, Schema] = {}
        """The names whose bodies have been compiled, and for which schema."""
        for name in self._rules:
            self._check_heads(name)
        for rule in self:
            for call in calls_in(rule.clauses):
                self.check_call(call)
        self.strata: dict[str, int] = _strata(self._rules)
        self._unfolder = unfolded(self._rules, lambda rule: (call.name for call in calls_in(rule.clauses)))
        flat = [replace(rule, clauses=self._unfolder.clauses(rule.clauses)) for rule in self]
        fresh = itertools.count()
        self._rules = linearised(_by_name(made for rule in flat for made in without_or_calls(rule, fresh)))
        self._components = _components(self._rules)
        self.stopped: dict[Any, Any] = {}
        """Which calls cannot run, by what is bound of them, and what stops them; None for those that can."""
        self.walks: dict[Any, Any] = {}
        """What is known of goals over these rules whatever the data, kept by who has found it out."""

    @staticmethod
    @functools.lru_cache(maxsize=64)
    def of(rules: tuple[Rule, ...]) -> RuleSet:
        """The rule set of parsed rules; remembered."""
        return RuleSet(rules)

    def __iter__(self) -> Iterator[Rule]:
        return (rule for rules in self._rules.values() for rule in rules)

    def __len__(self) -> int:
        return sum(map(len, self._rules.values()))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._rules)

    def rules_of(self, name: str) -> Sequence[Rule]:
        """The rules of one name."""
        return self._rules[name]

    def component(self, name: str) -> Collection[str]:
        """The names that call each other in a circle with one name, itself among them."""
        return self._components[name]

    def unfold(self, clauses: Sequence[Clause]) -> Sequence[Clause]:
        """The clauses with what the calls among them stand for, where those do not recurse."""
        if not any(isinstance(clause, RuleCall) for clause in clauses):
            return clauses
        for clause in clauses:
            if isinstance(clause, RuleCall):
                self.check_call(clause)
        return [self._unfolder.call(clause) if isinstance(clause, RuleCall) else clause for clause in clauses]

    def arity(self, name: str) -> int:
        """How many arguments a call takes."""
        return len(self._rules[name][0].head.args)

    def required(self, name: str) -> int:
        """How many of the first arguments must be bound when it is called."""
        return len(self._rules[name][0].head.required)

    def check_call(self, call: RuleCall) -> None:
        """Refuses a call of a rule that is not there (``query/unknown-rule``), of another arity, or with ``_`` for
        an argument that must be bound."""
        if call.name not in self._rules:
            near = difflib.get_close_matches(call.name, self._rules, n=1)
            known = f"did you mean {near[0]}" if near else f"the rules are {', '.join(self._rules) or 'none'}"
            message = f"no rule {call.name}: {known}"
            raise edn.located(QueryError, message, call.at, code="query/unknown-rule", rule=call.name)
        if len(call.args) != self.arity(call.name):
            message = f"{call} has {len(call.args)} arguments: {call.name} takes {self.arity(call.name)}"
            raise edn.located(QueryError, message, call.at, code="query/arity", rule=call.name)
        if any(isinstance(arg, Blank) for arg in call.args[: self.required(call.name)]):
            message = f"{call} leaves a required argument open"
            raise edn.located(QueryError, message, call.at, code="query/unbound")

    def _check_heads(self, name: str) -> None:
        first, *others = self._rules[name]
        for rule in others:
            if len(rule.head.args) != len(first.head.args) or len(rule.head.required) != len(first.head.required):
                message = f"{rule.head} takes other arguments than {first.head}"
                raise edn.located(QueryError, message, rule.head.at, code="query/arity", rule=name)
        for rule in self._rules[name]:
            _check_bound(rule)


def _by_name(rules: Iterable[Rule]) -> dict[str, list[Rule]]:
    found: dict[str, list[Rule]] = {}
    for rule in rules:
        found.setdefault(rule.head.name, []).append(rule)
    return found


def _check_bound(rule: Rule) -> None:
    bodies = spoken(rule.clauses) | {variable.name for variable in rule.head.required}
    for arg in rule.head.args:
        if isinstance(arg, Variable) and arg.name not in bodies:
            raise unbound_in_head(rule, arg)


def unbound_in_head(rule: Rule, arg: Variable) -> QueryError:
    """The error that nothing binds ``arg`` of a rule's head."""
    message = f"{arg} stands in the head {rule.head}, but no clause of the body binds it"
    return edn.located(QueryError, message, arg.at, code="query/unbound", variable=arg.name)


def _components(rules: Mapping[str, Sequence[Rule]]) -> dict[str, frozenset[str]]:
    called = {name: {call.name for rule in group for call in calls_in(rule.clauses)} for name, group in rules.items()}
    below = {name: reached(name, called) for name in rules}
    return {name: frozenset((name, *(other for other in below[name] if name in below[other]))) for name in rules}


def _strata(rules: dict[str, list[Rule]]) -> dict[str, int]:
    """The stratum of each name; ``query/unstratifiable`` where recursion goes through negation.

    Strata rise along negation until nothing changes; one that passes the number of names is in a cycle.
    """
    needs = {name: [_dependencies(rule.clauses) for rule in group] for name, group in rules.items()}
    strata = dict.fromkeys(rules, 0)
    for _ in range(len(rules) * len(rules) + 1):
        changed = False
        for name, groups in needs.items():
            for call, negated in (found for group in groups for found in group):
                wanted = strata[call.name] + negated
                if wanted > len(rules):
                    message = f"{name} depends on the negation of itself through {call}"
                    raise edn.located(QueryError, message, call.at, code="query/unstratifiable", rule=name)
                if wanted > strata[name]:
                    strata[name] = wanted
                    changed = True
        if not changed:
            return strata
    return strata


def _dependencies(clauses: Sequence[Clause | And]) -> list[tuple[RuleCall, int]]:
    found: list[tuple[RuleCall, int]] = []
    for clause in clauses:
        if isinstance(clause, RuleCall):
            found.append((clause, 0))
        elif isinstance(clause, Not | Optional):
            found += [(call, 1) for call in calls_in(clause.clauses)]
        elif isinstance(clause, Or):
            found += _dependencies(clause.branches)
        elif isinstance(clause, And):
            found += _dependencies(clause.clauses)
    return found
