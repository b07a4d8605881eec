"""Proofs: for each goal one well-founded way in which it holds, the shallowest first, for many goals at once.

A *goal* is a rule's head with all arguments bound; a *way* is one set of bindings of one rule that gives
it, with the facts it rests on and the goals it needs in turn. Ways are asked for level by level, one
query for each rule and level however many goals there are. A goal is proved by a way all of whose goals
were proved before it, so no proof leans on itself; and what is proved first is proved with the fewest levels.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from enrich.clauses import Term, is_variable
from enrich.program import Program, Step
from factstore import Db, Keyword, Symbol


class Goal(NamedTuple):
    """The head of a rule, every argument bound."""

    predicate: str
    args: tuple[Any, ...]
    kinds: tuple[type, ...]
    """``1``, ``1.0`` and ``True`` are three values, and one key of a dict."""

    @classmethod
    def of(cls, predicate: str, args: Iterable[Any]) -> Goal:
        """The goal of a predicate and its arguments."""
        args = tuple(args)
        return cls(predicate, args, tuple(map(type, args)))


class Fact(NamedTuple):
    """One base fact and the transaction that asserted it."""

    e: int
    a: Keyword
    v: Any
    tx: int


class Way(NamedTuple):
    """One way in which a goal holds."""

    step: Step
    bindings: dict[Symbol, Any]
    facts: tuple[Fact, ...]
    goals: tuple[Goal, ...]


class Proof(NamedTuple):
    """A way, and a proof of each goal it needs; ``height`` counts the levels."""

    goal: Goal
    way: Way
    parts: tuple[Proof, ...]
    height: int


class Ways:
    """The ways in which goals hold in one db value; asked for in batches, and remembered.

    >>> import factstore
    >>> from enrich.rules import RuleBook
    >>> program = Program.of(RuleBook.load("[(edge :a/named ?e ?a) [?e :db/ident :db/doc] [?a :db/ident :db/ident]]"))
    >>> ways = Ways(factstore.connect("memory:").db(), program)
    >>> goal = Goal.of("edge*a/named", [8, 1])
    >>> ways.look([goal])
    >>> [len(way.facts) for way in ways.of(goal)]
    [2]
    """

    def __init__(self, db: Db, program: Program) -> None:
        self.db: Final = db
        self.program: Final = program
        self._known: Final[dict[Goal, list[Way]]] = {}

    def of(self, goal: Goal) -> list[Way]:
        """All ways of a goal, in the order of the rules."""
        if goal not in self._known:
            self.look([goal])
        return self._known[goal]

    def look(self, goals: Iterable[Goal]) -> None:
        """Finds the ways of those goals that are not known yet, together."""
        wanted: dict[str, list[Goal]] = {}
        for goal in dict.fromkeys(goals):
            if goal not in self._known:
                self._known[goal] = []
                wanted.setdefault(goal.predicate, []).append(goal)
        for predicate, group in wanted.items():
            for step in self.program.steps(predicate):
                self._find(step, predicate, group)

    def _find(self, step: Step, predicate: str, goals: list[Goal]) -> None:
        fitting = [goal for goal in goals if _fits(step.head, goal)]
        if not fitting:
            return
        places = [step.head.index(name) for name in step.given]
        heads = [tuple(goal.args[place] for place in places) for goal in fitting]
        asked = self.db.q(step.query, *([heads] if heads[0] else []), rules=self.program.rules)
        found: dict[Goal, list[Way]] = {}
        for row in asked.to_list():
            bindings = dict(zip(step.found, row, strict=True))
            goal = Goal.of(predicate, (_value(term, bindings) for term in step.head))
            found.setdefault(goal, []).append(self._way(step, bindings))
        for goal, ways in found.items():
            if goal in self._known:
                self._known[goal] += sorted(ways, key=_order) if len(ways) > 1 else ways

    def _way(self, step: Step, bindings: dict[Symbol, Any]) -> Way:
        facts = tuple(self._fact(terms, bindings) for terms in step.facts)
        goals = tuple(Goal.of(name, (_value(term, bindings) for term in args)) for name, args in step.calls)
        return Way(step, bindings, facts, goals)

    def _fact(self, terms: tuple[Term, ...], bindings: dict[Symbol, Any]) -> Fact:
        e, a, v, tx = (_value(term, bindings) for term in terms)
        # An entity may be named by an ident or a lookup ref, as the subject of a fact and as its value.
        if not isinstance(e, int):
            e = self.db.entid_strict(e)
        known = self.db.schema.get(a)
        if known is not None and known.is_ref and not isinstance(v, int):
            v = self.db.entid_strict(v)
        return Fact(e, Keyword(a), v, tx)


def _fits(head: tuple[Term, ...], goal: Goal) -> bool:
    return all(
        is_variable(term) or (type(term) is type(value) and term == value)
        for term, value in zip(head, goal.args, strict=True)
    )


def _value(term: Term, bindings: dict[Symbol, Any]) -> Any:
    return bindings[term] if is_variable(term) else term


def _order(way: Way) -> Any:
    return [fact[:2] for fact in way.facts], repr(way.facts), repr(way.goals)


class Search:
    """The search for proofs of some goals; with ``within``, only of facts about these entities."""

    def __init__(self, ways: Ways, within: Collection[int] | None = None) -> None:
        self._ways: Final = ways
        self._within: Final = within
        self.proved: Final[dict[Goal, Proof]] = {}
        self._choices: Final[dict[Goal, list[Way]]] = {}
        self._dependents: Final[dict[Goal, list[Goal]]] = {}

    def prove(self, goals: Iterable[Goal]) -> dict[Goal, Proof]:
        """A proof of each goal that has one."""
        goals = list(dict.fromkeys(goals))
        together([self.levels(goals)], self._ways)
        return {goal: self.proved[goal] for goal in goals if goal in self.proved}

    def levels(self, goals: Sequence[Goal]) -> Iterator[list[Goal]]:
        """The search level by level: gives the goals whose ways it needs next, and goes on when they are known."""
        frontier = [goal for goal in goals if goal not in self._choices]
        while frontier:
            yield frontier
            for goal in frontier:
                self._add(goal)
            self._conclude(frontier)
            frontier = self._needed(goal for goal in goals if goal not in self.proved)

    def _add(self, goal: Goal) -> None:
        ways = self._ways.of(goal)
        if self._within is not None:
            ways = [way for way in ways if all(fact.e in self._within for fact in way.facts)]
        self._choices[goal] = ways
        for needed in {needed for way in ways for needed in way.goals}:
            self._dependents.setdefault(needed, []).append(goal)

    def _conclude(self, goals: Iterable[Goal]) -> None:
        """Proves what can be proved now, in rounds: each rests only on what earlier rounds proved."""
        waiting: Collection[Goal] = list(goals)
        while waiting:
            proofs = [proof for goal in waiting if (proof := self._best(goal)) is not None]
            self.proved.update((proof.goal, proof) for proof in proofs)
            dependents = (goal for proof in proofs for goal in self._dependents.get(proof.goal, ()))
            waiting = dict.fromkeys(goal for goal in dependents if goal not in self.proved)

    def _best(self, goal: Goal) -> Proof | None:
        best: Proof | None = None
        for way in self._choices[goal]:
            parts = tuple(self.proved[needed] for needed in way.goals if needed in self.proved)
            height = 1 + max((part.height for part in parts), default=0)
            if len(parts) == len(way.goals) and (best is None or height < best.height):
                best = Proof(goal, way, parts, height)
        return best

    def _needed(self, goals: Iterable[Goal]) -> list[Goal]:
        """The goals not looked at yet that unproved ones lean on."""
        waiting = list(goals)
        seen = dict.fromkeys(waiting)
        new: list[Goal] = []
        while waiting:
            goal = waiting.pop()
            if goal not in self._choices:
                new.append(goal)
                continue
            for way in self._choices[goal]:
                for needed in way.goals:
                    if needed not in self.proved and needed not in seen:
                        seen[needed] = None
                        waiting.append(needed)
        return new


def together(searches: Iterable[Iterator[list[Goal]]], ways: Ways) -> None:
    """Runs the :meth:`~Search.levels` of many searches side by side, so that they share their queries."""
    running = list(searches)
    while running:
        wanted = [(search, next(search, None)) for search in running]
        ways.look(goal for _, frontier in wanted for goal in frontier or ())
        running = [search for search, frontier in wanted if frontier]


def steps_of(proof: Proof) -> Iterator[Proof]:
    """A proof and all proofs in it, each once."""
    waiting, seen = [proof], {proof.goal}
    while waiting:
        each = waiting.pop()
        yield each
        new = [part for part in each.parts if part.goal not in seen]
        seen.update(part.goal for part in new)
        waiting += new


def premises(proof: Proof) -> frozenset[int]:
    """The entities that the facts of a proof are about."""
    return frozenset(fact.e for each in steps_of(proof) for fact in each.way.facts)
