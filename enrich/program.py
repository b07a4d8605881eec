"""A rule book made ready to be run and to be proved: every derived relation a rule, every fact a variable.

* A pattern over a derived relation becomes a call of the rules that derive it, so that edges built on
  edges come out in one go, however they recurse.
* An ``or`` becomes a rule of its own, so that a body is a plain list and a proof says which branch held.
* In each body every base fact has variables for all its positions: one query gives rule, bindings and facts.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

import factstore
from enrich.clauses import (
    BLANK,
    NEGATIONS,
    READING,
    Clause,
    Term,
    attributes,
    exposed,
    function,
    is_blank,
    is_call,
    is_pattern,
    operator,
    parts,
    replaced,
    variables,
    without_source,
)
from enrich.plain import OR, Rewriting
from enrich.rules import EDGE, RuleBook, callee_of, edge
from factstore import Rule, Symbol, load_rules

ONE: Final = "rule*"
"""Begins the predicate of one edge rule alone: ``rule*3`` is the fourth of the book."""


class Step(msgspec.Struct, frozen=True):
    """One rule in its plain form, and the query that gives all ways in which it holds for some heads."""

    predicate: str
    number: int
    """Which of the book's rules it is, or is a part of."""
    required: int
    """How many of the head's arguments must be bound when the engine calls it."""
    head: tuple[Term, ...]
    body: tuple[Clause, ...]
    """As the engine runs it."""
    whole: tuple[Clause, ...]
    """The body with a variable for every blank, and for the transaction of every fact."""
    facts: tuple[tuple[Term, ...], ...]
    """Entity, attribute, value and transaction of each base fact it rests on."""
    calls: tuple[tuple[str, tuple[Term, ...]], ...]
    others: tuple[str, ...]
    """Negations, predicates and functions, as EDN."""
    given: tuple[Symbol, ...]
    """The head's variables: what the query takes, as tuples."""
    found: tuple[Symbol, ...]
    """What the query finds: the variables of head, facts and calls, and all the rule's own."""

    @property
    def is_branch(self) -> bool:
        """True for a branch of an ``or``, which is no rule of its own."""
        return self.predicate.startswith(OR)

    @property
    def query(self) -> str:
        """The query for the bindings of :attr:`found`; its input is the heads in question."""
        heads = f" :in $ [[{' '.join(self.given)}]]" if self.given else ""
        return f"[:find {' '.join(self.found)}{heads} :where {_written(self.whole)}]"

    @property
    def pairs(self) -> str:
        """The query for all heads that hold."""
        return f"[:find {' '.join(self.given)} :where {_written(self.body)}]"

    @property
    def rule(self) -> str:
        """The rule as the engine takes it."""
        required, rest = self.head[: self.required], self.head[self.required :]
        head = [f"[{_written(required)}]"] if required else []
        return f"[({' '.join([self.predicate, *head, _written(rest)]).rstrip()}) {_written(self.body)}]"


class Program:
    """The edge rules of a book and all they need, to be run on any db value.

    >>> book = RuleBook.load("[(edge :m/test ?m ?t) [?m :m/run ?r] (or [?r :r/test ?t] [?r :r/old-test ?t])]")
    >>> for step in Program.of(book).steps("edge*m/test"):
    ...     print(*map(factstore.edn.write, step.body))
    [?m :m/run ?r] (or*0 ?r ?t)
    """

    def __init__(self, book: RuleBook) -> None:
        self.book: Final = book
        self._derived: Final = frozenset(map(str, book.relations))
        self._fresh: Final = itertools.count()
        self._steps: Final[dict[str, list[Step]]] = {}
        for number in self._needed():
            self._add(number)
        steps = {step.number: step for name in book.relations for step in self.steps(edge(name))}
        hashes = {rule.hash: number for number, rule in enumerate(book.edges)}
        self._edge_numbers: Final = {place: hashes[book.hash_of(place)] for place in steps}
        self._edge_steps: Final = {self._edge_numbers[place]: steps[place] for place in sorted(steps, reverse=True)}
        self.rules: Final[tuple[Rule, ...]] = self._engine_rules()
        """What the engine needs beside the body of a step."""

    @staticmethod
    @functools.lru_cache(maxsize=64)
    def of(book: RuleBook) -> Program:
        """The program of a book; remembered."""
        return Program(book)

    def steps(self, predicate: str) -> list[Step]:
        """The steps that give a predicate, in the order of the book."""
        if predicate.startswith(ONE):
            return [self.edge_step(int(predicate.removeprefix(ONE)))]
        return self._steps.get(predicate, [])

    def edge_step(self, number: int) -> Step:
        """The step of an edge rule, by its place among the book's edge rules."""
        return self._edge_steps[number]

    def edge_number(self, step: Step) -> int | None:
        """The place among the book's edge rules of the rule a step comes from; None for any other rule."""
        return self._edge_numbers.get(step.number)

    def leans_on_itself(self, relation: str) -> bool:
        """True if an edge of the relation may rest on others of its kind."""
        return any(edge(relation) in self._reached(step) for step in self.steps(edge(relation)))

    def _reached(self, step: Step) -> set[str]:
        seen: set[str] = set()
        waiting = [step]
        while waiting:
            new = {name for name, _ in _calls(waiting.pop())} - seen
            seen |= new
            waiting += [each for name in new for each in self.steps(name)]
        return seen

    @functools.cached_property
    def reads(self) -> frozenset[str]:
        """All base attributes that any edge depends on."""
        return frozenset(name for steps in self._steps.values() for step in steps for name, _ in _reads(step))

    def reads_of(self, number: int) -> frozenset[str]:
        """The base attributes that an edge rule depends on."""
        return frozenset(name for name, _ in self._looked_at[number])

    def fragile(self, number: int) -> frozenset[str]:
        """The attributes an edge rule looks at through a negation: a fact that *comes* may break its reasons."""
        return frozenset(name for name, negated in self._looked_at[number] if negated)

    @functools.cached_property
    def _looked_at(self) -> dict[int, frozenset[tuple[str, bool]]]:
        return {number: frozenset(self._looks(step)) for number, step in self._edge_steps.items()}

    def _looks(self, start: Step) -> Iterator[tuple[str, bool]]:
        seen: set[tuple[str, bool]] = set()
        waiting = [(start, False)]
        while waiting:
            step, within = waiting.pop()
            yield from ((name, negated or within) for name, negated in _reads(step))
            for callee, negated in _calls(step):
                called = (callee, negated or within)
                if called not in seen:
                    seen.add(called)
                    waiting += [(each, called[1]) for each in self.steps(callee)]

    def _needed(self) -> list[int]:
        edges = [i for i, data in enumerate(self.book.data) if str(data[0][0]) == EDGE]
        return sorted({place for number in edges for place in self.book.needed_by(number)})

    def _add(self, number: int) -> None:
        head, *rest = self.book.data[number]
        body = [without_source(clause) for clause in rest if not isinstance(clause, Mapping)]
        args = head[2:] if str(head[0]) == EDGE else head[1:]
        required = args[0] if args and isinstance(args[0], list) else []
        names = (*required, *(args[1:] if required else args))
        self._make(number, callee_of(self.book.data[number]), len(required), names, body)

    def _make(self, number: int, predicate: str, required: int, head: tuple[Term, ...], body: Iterable[Clause]) -> None:
        rewriting = Rewriting(self._derived, self._fresh)
        clauses = tuple(rewriting.body(body))
        self._steps.setdefault(predicate, []).append(_step(predicate, number, required, head, clauses))
        for name, needed, names, branch in rewriting.branches:
            self._make(number, name, needed, names, branch)

    def _engine_rules(self) -> tuple[Rule, ...]:
        texts = [step.rule for steps in self._steps.values() for step in steps]
        return load_rules(f"[{' '.join(texts)}]")


def _step(predicate: str, number: int, required: int, head: tuple[Term, ...], body: tuple[Clause, ...]) -> Step:
    names = (Symbol(f"?*{place}") for place in itertools.count())
    whole = tuple(_whole(clause, names) for clause in body)
    facts = tuple(tuple(clause[:4]) for clause in whole if is_pattern(clause))
    calls = tuple((str(clause[0]), tuple(clause[1:])) for clause in whole if is_call(clause))
    others = tuple(factstore.edn.write(clause) for clause in body if operator(clause) in NEGATIONS or function(clause))
    given = tuple(variables(head))
    found = tuple(dict.fromkeys([*given, *exposed(whole)]))
    return Step(predicate, number, required, head, body, whole, facts, calls, others, given, found)


def _whole(clause: Clause, names: Iterator[Symbol]) -> Clause:
    """The clause with a name for all that a proof must tell."""
    if not is_pattern(clause) and not is_call(clause):
        return clause
    padded = [*clause, *[BLANK] * (4 - len(clause))] if is_pattern(clause) else clause
    return replaced(padded, lambda term: next(names) if is_blank(term) else term)


def _written(clauses: Iterable[Any]) -> str:
    return " ".join(map(factstore.edn.write, clauses))


def _reads(step: Step) -> Iterator[tuple[str, bool]]:
    """The base attributes a step looks at, and whether through a negation."""
    for clause, negated in parts(step.body):
        for name in attributes(clause):
            yield str(name), negated or function(clause) in READING


def _calls(step: Step) -> Iterator[tuple[str, bool]]:
    for clause, negated in parts(step.body):
        if is_call(clause):
            yield str(clause[0]), negated
