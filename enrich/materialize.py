"""Which edges come, go and change: the rules run over a db value, and compared with what is stored. Pure.

Every edge rule is one query for all its pairs, whole columns at a time. Only what differs is looked at
one by one: new edges get a witness, and an edge that stays keeps its own for as long as that holds.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from enrich.causes import Causes
from enrich.pairs import Pair, Pairs
from enrich.program import Program
from enrich.rules import EdgeRule, RuleBook
from enrich.stored import Edges, Ints, State, StoredRule, Window, column, edges_of, facts_of, rules_of, state_of
from enrich.witnesses import Witness, Witnesses
from factstore import Db, Keyword, LogRows


class Added(msgspec.Struct, frozen=True):
    """An edge that holds and is not stored."""

    relation: Keyword
    start: int
    end: int
    rule: EdgeRule
    premises: frozenset[int]
    confidence: float


class Changed(msgspec.Struct, frozen=True):
    """An edge that still holds, for another reason."""

    edge: int
    relation: Keyword
    start: int
    end: int
    rule: EdgeRule
    premises: frozenset[int]
    before: frozenset[int]
    """The premises that are stored."""
    confidence: float
    cause: str


class Retracted(msgspec.Struct, frozen=True):
    """An edge that is stored and does not hold."""

    edge: int
    """-1 for a derived fact without an edge beside it."""
    relation: Keyword
    start: int
    end: int
    rule: str | None
    cause: str


class Diff(msgspec.Struct, frozen=True):
    """What would make the stored edges those of the rules at ``basis``."""

    basis: int
    before: State | None
    rules: tuple[EdgeRule, ...]
    hash: str
    added: tuple[Added, ...] = ()
    retracted: tuple[Retracted, ...] = ()
    changed: tuple[Changed, ...] = ()
    repaired: tuple[tuple[Keyword, int, int], ...] = ()
    """Derived facts that are missing beside their edge."""
    stored: dict[str, StoredRule] = {}
    examined: bool = True
    """False where nothing happened that an edge could depend on: then nothing was computed."""

    def __str__(self) -> str:
        return f"{len(self.added)} edges to add, {len(self.retracted)} to retract, {len(self.changed)} to change"


def plan(db: Db, book: RuleBook, log: LogRows | None = None) -> Diff:
    """The difference between the edges that ``book`` gives at ``db`` and those that are stored.

    ``log`` is what happened after the stored basis; without it the witness of every edge is checked.
    ``book`` must have been checked.
    """
    state, stored = state_of(db), rules_of(db)
    known = Diff(db.basis_t, state, book.edges, book.hash, stored=stored)
    program = Program.of(book)
    relations = tuple(dict.fromkeys([*book.relations, *_stored_relations(db, state)]))
    window = None if log is None else Window(db, log, program.reads, relations)
    if state is not None and state.rules == book.hash and window is not None and window.is_quiet:
        return msgspec.structs.replace(known, examined=False)
    planner = _Planner(db, program, stored, window)
    parts = [planner.relation(relation) for relation in relations]
    return msgspec.structs.replace(
        known,
        added=tuple(each for part in parts for each in part.added),
        retracted=tuple(each for part in parts for each in part.retracted),
        changed=tuple(each for part in parts for each in part.changed),
        repaired=tuple(each for part in parts for each in part.repaired),
    )


class _Part(NamedTuple):
    added: list[Added]
    retracted: list[Retracted]
    changed: list[Changed]
    repaired: list[tuple[Keyword, int, int]]


class _Held(NamedTuple):
    """A stored edge that is looked at closely."""

    id: int
    pair: Pair
    rule: int
    premises: frozenset[int]
    confidence: float | None
    whole: bool


class _Planner:
    def __init__(self, db: Db, program: Program, stored: dict[str, StoredRule], window: Window | None) -> None:
        self.db = db
        self.program = program
        self.window = window
        self.witnesses = Witnesses(db, program)
        self.lost = {} if window is None else window.lost_refs("edge/premise")
        """Premises that ended by themselves, because the entity was retracted."""
        self.rule_names = {rule.id: name for name, rule in stored.items()}
        self.causes = Causes(db, window, {rule.name for rule in program.book.edges})
        places = {rule.name: number for number, rule in enumerate(program.book.edges)}
        self.numbers = {rule.id: places[name] for name, rule in stored.items() if name in places}

    def relation(self, relation: Keyword) -> _Part:
        found = {
            number: self._pairs(number)
            for number, rule in enumerate(self.program.book.edges)
            if rule.relation == relation
        }
        stored, facts = edges_of(self.db, relation), facts_of(self.db, relation)
        pairs = Pairs(found, stored.start, stored.end, facts)
        keys = pairs.keys(np.stack((stored.start, stored.end), axis=1))
        holds = np.isin(keys, pairs.all)
        held, fact_keys = keys[holds], pairs.keys(facts)
        new = np.setdiff1d(pairs.all, held)
        kept = _taken(stored, holds)
        stray = np.setdiff1d(fact_keys, np.concatenate((pairs.all, keys)))
        return _Part(
            self._added(relation, pairs, new.tolist()),
            self._retracted(relation, _taken(stored, ~holds), [pairs.pair(key) for key in stray.tolist()]),
            self._changed(relation, pairs, kept, held),
            [(relation, *pairs.pair(key)) for key in np.setdiff1d(held, fact_keys).tolist()],
        )

    def _pairs(self, number: int) -> Ints:
        step = self.program.edge_step(number)
        found = self.db.q(step.pairs, rules=self.program.rules, timeout=math.inf)
        return np.stack([column(found, name.removeprefix("?")) for name in step.head], axis=1)

    def _added(self, relation: Keyword, pairs: Pairs, keys: Sequence[int]) -> list[Added]:
        found = self.witnesses.of(relation, {pairs.pair(key): pairs.rules(key) for key in keys})
        return [Added(relation, *pair, each.rule, each.premises, each.confidence) for pair, each in found.items()]

    def _retracted(self, relation: Keyword, edges: Edges, strays: Iterable[Pair]) -> list[Retracted]:
        premises = self._premises(edges.id.tolist())
        gone = [Retracted(-1, relation, *pair, None, "no edge stands beside it") for pair in strays]
        for edge, start, end, rule, _ in zip(*(part.tolist() for part in edges), strict=True):
            cause = self._cause(edge, rule, {*premises[edge], start, end})
            gone.append(Retracted(edge, relation, start, end, self.rule_names.get(rule), cause))
        return gone

    def _cause(self, edge: int, rule: int, entities: set[int]) -> str:
        number = self.numbers.get(rule)
        reads = frozenset() if number is None else self.program.reads_of(number)
        fragile = frozenset() if number is None else self.program.fragile(number)
        return self.causes.of(entities | self.lost.get(edge, set()), self.rule_names.get(rule), reads, fragile)

    def _changed(self, relation: Keyword, pairs: Pairs, edges: Edges, keys: Ints) -> list[Changed]:
        suspects = np.flatnonzero(self._suspects(pairs, edges, keys))
        held = self._held(_taken(edges, suspects))
        rules = {each.pair: pairs.rules(key) for each, key in zip(held, keys[suspects].tolist(), strict=True)}
        standing = self._standing(relation, held, rules)
        open_ = {each.pair: self._candidates(each, rules[each.pair]) for each in held if each.id not in standing}
        found = self.witnesses.of(relation, open_)
        return [
            self._change(relation, each, found[each.pair])
            for each in held
            if each.pair in found and not self._is_told(each, found[each.pair])
        ]

    def _held(self, edges: Edges) -> list[_Held]:
        ids = edges.id.tolist()
        premises = self._premises(ids)
        sure = dict(self.db.q("[:find ?e ?c :in $ [?e ...] :where [?e :edge/confidence ?c]]", ids)) if ids else {}
        rows = zip(*(part.tolist() for part in edges), strict=True)
        return [
            _Held(id, (start, end), rule, premises[id], sure.get(id), whole) for id, start, end, rule, whole in rows
        ]

    def _candidates(self, held: _Held, rules: list[int]) -> list[int]:
        own = self.numbers.get(held.rule)
        return [number for number in rules if number == own] + [number for number in rules if number != own]

    def _standing(self, relation: Keyword, held: Sequence[_Held], rules: dict[Pair, list[int]]) -> set[int]:
        """The edges whose very witness still holds."""
        own = {each.pair: (self.numbers.get(each.rule, -1), each.premises) for each in held}
        asked = {pair: (rule, premises) for pair, (rule, premises) in own.items() if rule in rules[pair]}
        found = self.witnesses.within(relation, asked)
        return {each.id for each in held if each.pair in found and self._is_told(each, found[each.pair])}

    def _is_told(self, held: _Held, witness: Witness) -> bool:
        same = self.rule_names.get(held.rule) == witness.rule.name and held.premises == witness.premises
        return held.whole and same and held.confidence == witness.confidence

    def _change(self, relation: Keyword, held: _Held, witness: Witness) -> Changed:
        cause = self._cause(held.id, held.rule, {*held.premises, *held.pair})
        return Changed(
            held.id,
            relation,
            *held.pair,
            rule=witness.rule,
            premises=witness.premises,
            before=held.premises,
            confidence=witness.confidence,
            cause=cause,
        )

    def _suspects(self, pairs: Pairs, edges: Edges, keys: Ints) -> Any:
        """The edges whose witness may not hold any more."""
        if self.window is None:
            return np.ones(len(keys), dtype=np.bool_)
        numbers = np.asarray([self.numbers.get(rule, -1) for rule in edges.rule.tolist()], dtype=np.int64)
        suspects = numbers < 0
        for number, given in pairs.by_rule.items():
            mine = numbers == number
            # What a lookup ref names may have changed, and no premise is about that.
            suspects |= mine & ~np.isin(keys, given)
            if self.window.came(self.program.fragile(number)):
                suspects |= mine
        touched = self._leaning_on(self.window.touched()) | self.lost.keys()
        return suspects | np.isin(edges.id, np.asarray(sorted(touched), dtype=np.int64))

    def _leaning_on(self, entities: Collection[int]) -> set[int]:
        if not entities:
            return set()
        query = "[:find [?edge ...] :in $ [?e ...] :where [?edge :edge/premise ?e]]"
        return set(self.db.q(query, list(entities)))

    def _premises(self, edges: Sequence[int]) -> dict[int, frozenset[int]]:
        found: dict[int, set[int]] = {edge: set() for edge in edges}
        if edges:
            for edge, entity in self.db.q("[:find ?e ?p :in $ [?e ...] :where [?e :edge/premise ?p]]", list(edges)):
                found[edge].add(entity)
        return {edge: frozenset(each) for edge, each in found.items()}


def _stored_relations(db: Db, state: State | None) -> list[Keyword]:
    if state is None:
        return []
    return sorted(db.q("[:find [?r ...] :where [_ :edge/relation ?r]]"))


def _taken(edges: Edges, which: Any) -> Edges:
    return Edges(*(part[which] for part in edges))
