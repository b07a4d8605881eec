"""A proof as people read it: rules with their places, facts with URIs, transactions, instants and sources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from enrich.causes import value_text
from enrich.clauses import is_call, is_pattern
from enrich.edges import names, shown
from enrich.program import Step
from enrich.proofs import Fact, Goal, Proof, steps_of
from enrich.rules import EDGE, RuleBook
from factstore import Db, Keyword


class Premise(msgspec.Struct, frozen=True):
    """One base fact of a derivation: the datom, its transaction, when that was, and which source said it."""

    e: int
    a: Keyword
    v: Any
    tx: int
    t: int
    instant: datetime
    source: str | None
    subject: str
    """The entity, by its URI if it has one."""
    object: str
    """The value as text; an entity by its URI if it has one."""
    is_ref: bool

    @property
    def text(self) -> str:
        """``[e a v]`` with URIs."""
        return f"[{self.subject} :{self.a!s} {self.object}]"

    def __str__(self) -> str:
        said = f"{self.source}, " if self.source else ""
        return f"{self.text}  ({said}t {self.t}, {self.instant:%Y-%m-%d %H:%M:%S})"


class Condition(msgspec.Struct, frozen=True):
    """A negation, predicate or function that holds; no one fact says so."""

    text: str

    def __str__(self) -> str:
        return self.text


class Cut(msgspec.Struct, frozen=True):
    """Stands for a part of a derivation that lies deeper than was asked for."""

    head: str
    facts: int
    """The base facts below it."""

    def __str__(self) -> str:
        return f"{self.head}  … {self.facts} facts deeper: ask with a larger depth"


class Cited(msgspec.Struct, frozen=True):
    """The rule that a step of a derivation follows."""

    name: str
    file: str
    line: int
    doc: str | None
    hash: str | None
    """None for a rule that is only a name to reuse."""

    @property
    def place(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.line}"


class Witness(msgspec.Struct, frozen=True):
    """One step of a derivation: what it gives, by which rule, with which bindings, from what."""

    head: str
    rule: Cited
    bindings: dict[str, Any]
    """Values of the rule's variables; an entity is its URI."""
    premises: tuple[Premise | Condition | Witness | Cut, ...]

    def facts(self) -> Iterator[Premise]:
        """All base facts below, in the order of the rules' clauses, each once."""
        seen: set[tuple[int, Keyword, str]] = set()
        waiting: list[Any] = [self]
        while waiting:
            each = waiting.pop()
            if isinstance(each, Witness):
                waiting += reversed(each.premises)
            elif isinstance(each, Premise) and (key := (each.e, each.a, each.text)) not in seen:
                seen.add(key)
                yield each


class Teller:
    """Tells proofs over one db value; what a proof names is looked up in a few queries."""

    def __init__(self, db: Db, book: RuleBook, cited: Mapping[str, Cited], depth: int) -> None:
        self._db: Final = db
        self._book: Final = book
        self._cited_rules: Final = cited
        """What the store has of edge rules, by hash: where they stood at that time."""
        self._depth: Final = depth
        self._names: dict[int, str] = {}
        self._transactions: dict[int, tuple[datetime, str | None]] = {}

    def tell(self, proof: Proof) -> Witness:
        """A proof for people, cut where it is deeper than asked."""
        steps = list(steps_of(proof))
        facts = [fact for each in steps for fact in each.way.facts]
        values = [value for each in steps for value in each.way.bindings.values() if type(value) is int]
        self._names = names(self._db, [*(fact.e for fact in facts), *values])
        self._transactions = _transactions(self._db, {fact.tx for fact in facts})
        return self._told(proof, self._depth)

    def _told(self, proof: Proof, depth: int) -> Witness:
        way = proof.way
        premises = tuple(self._premises(proof, depth))
        bindings = {
            str(name): self._value(value, self._is_entity(way.step, name))
            for name, value in way.bindings.items()
            if not name.startswith("?*")
        }
        return Witness(self._head(proof.goal, way.step), self._cited(way.step), bindings, premises)

    def _premises(self, proof: Proof, depth: int) -> Iterator[Premise | Condition | Witness | Cut]:
        """The parts of a proof in the order of the body's clauses."""
        facts, parts = iter(proof.way.facts), iter(proof.parts)
        conditions = iter(proof.way.step.others)
        for clause in proof.way.step.whole:
            if is_pattern(clause):
                yield self._premise(next(facts))
            elif is_call(clause):
                yield from self._part(next(parts), depth)
            else:
                yield Condition(next(conditions))

    def _part(self, proof: Proof, depth: int) -> Iterator[Premise | Condition | Witness | Cut]:
        if proof.way.step.is_branch:
            # The branch of an `or` is no step of its own to people.
            yield from self._premises(proof, depth)
        elif depth <= 1:
            count = len({fact for each in steps_of(proof) for fact in each.way.facts})
            yield Cut(self._head(proof.goal, proof.way.step), count)
        else:
            yield self._told(proof, depth - 1)

    def _premise(self, fact: Fact) -> Premise:
        known = self._db.schema.get(fact.a)
        is_ref = known is not None and known.is_ref
        value = self._entity(fact.v) if is_ref else value_text(fact.v)
        instant, source = self._transactions[fact.tx]
        t = self._db.t_of(fact.tx)
        return Premise(*fact, t, instant, source, self._entity(fact.e), value, is_ref)

    def _entity(self, entity: int) -> str:
        return shown(self._names, self._db, entity)

    def _value(self, value: Any, is_entity: bool) -> Any:
        return self._entity(value) if is_entity and type(value) is int else value

    def _is_entity(self, step: Step, name: str) -> bool:
        """Whether a variable stands for entities: the subject of a fact, the value of a ref, or what has a URI."""
        for e, a, v, _ in step.facts:
            known = self._db.schema.get(a)
            if name == e or (name == v and known is not None and known.is_ref):
                return True
        return any(name in args for _, args in step.calls)

    def _head(self, goal: Goal, step: Step) -> str:
        shown_args = [self._argument(value) for value in goal.args]
        name = step.predicate
        if name.startswith(f"{EDGE}*"):
            return f"[{shown_args[0]} :{name.removeprefix(f'{EDGE}*')} {shown_args[1]}]"
        return f"({' '.join([name, *shown_args])})"

    def _argument(self, value: Any) -> str:
        if type(value) is int and value in self._names:
            return self._names[value]
        return value_text(value)

    def _cited(self, step: Step) -> Cited:
        rule, hash = self._book.rules[step.number], None
        if rule.head.name == EDGE:
            hash = self._book.hash_of(step.number)
        if hash is not None and hash in self._cited_rules:
            return self._cited_rules[hash]
        at: Any = rule.at
        doc = (rule.metadata or {}).get(Keyword("doc"))
        return Cited(rule.head.name, self._book.file_of(step.number), at.line if at else 1, doc, hash)


def _transactions(db: Db, txs: Iterable[int]) -> dict[int, tuple[datetime, str | None]]:
    wanted = list(txs)
    if not wanted:
        return {}
    instants = db.q("[:find ?tx ?at :in $ [?tx ...] :where [?tx :db/txInstant ?at]]", wanted)
    sources: dict[int, str] = {}
    if "tx/source" in db.schema:
        sources = dict(db.q("[:find ?tx ?source :in $ [?tx ...] :where [?tx :tx/source ?source]]", wanted))
    return {tx: (at, sources.get(tx)) for tx, at in instants}
