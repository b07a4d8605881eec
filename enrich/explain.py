"""Why an edge is there: the rule that gives it and the facts it follows from, each with who said it and when.

The rules are replayed with the head bound, as of the basis the edges reflect. The rules' text is stored
with them, so an edge of any time can be explained without the files of that time.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple

from enrich import drawing
from enrich.derivations import proofs
from enrich.edges import missing_edge, names, shown
from enrich.errors import EnrichError
from enrich.errors import shown as quoted
from enrich.program import Program
from enrich.proofs import Goal, Proof, Ways
from enrich.rules import RuleBook, edge
from enrich.stored import StoredRule, rules_of, state_of
from enrich.telling import Cited, Condition, Cut, Premise, Teller, Witness
from enrich.witnesses import Witnesses, one
from factstore import Db, Keyword, load_rules

DEPTH: Final = 16
"""Levels of rules in rules that a derivation shows, unless told otherwise."""


class Derivation:
    """Why one edge is there. ``str`` is a tree for people; see :meth:`to_mermaid` for a drawing."""

    def __init__(self, edge: _Edge, replay: _Replay, proof: Proof, depth: int) -> None:
        self._edge: Final = edge
        self._replay: Final = replay
        self._depth: Final = depth
        self.witness: Final[Witness] = replay.teller(depth).tell(proof)
        """The step that gives the edge, and all steps below it."""
        self.edge: Final = edge.id
        """The edge's entity."""
        self.relation: Final = edge.relation
        called = names(replay.db, [edge.start, edge.end])
        self.start: Final = shown(called, replay.db, edge.start)
        """From, by its URI if it has one."""
        self.end: Final = shown(called, replay.db, edge.end)
        """To, by its URI if it has one."""
        self.confidence: Final = edge.confidence
        self.derived_at: Final = edge.instant
        """When the edge was written."""
        self.basis: Final = replay.basis
        """The t as of which the rules were replayed."""

    @property
    def rule(self) -> Cited:
        """The rule that gives the edge."""
        return self.witness.rule

    @property
    def bindings(self) -> dict[str, Any]:
        """What the rule's variables stand for; an entity is its URI."""
        return self.witness.bindings

    @property
    def premises(self) -> tuple[Premise | Condition | Witness | Cut, ...]:
        """What the rule's clauses are met by, in their order."""
        return self.witness.premises

    @property
    def facts(self) -> list[Premise]:
        """The chain of base facts, each once."""
        return list(self.witness.facts())

    def all(self, limit: int = 100, depth: int = DEPTH) -> Iterator[Derivation]:
        """Every derivation by any rule of the relation, the shallowest first: at most ``limit``, found as asked for."""
        goals = [one(number, self._edge.pair) for number in self._replay.rules_of(self.relation)]
        itself = frozenset({Goal.of(edge(self.relation), self._edge.pair)})
        found = proofs(self._replay.ways, goals, itself, depth)
        for proof in itertools.islice(found, limit):
            yield Derivation(self._edge, self._replay, proof, depth)

    def to_mermaid(self) -> str:
        """A Mermaid flowchart: the facts as arrows between entities, the edge as a thick one."""
        return drawing.mermaid(self.witness, self.relation, self.start, self.end)

    def __str__(self) -> str:
        doc = f' "{self.rule.doc}"' if self.rule.doc else ""
        return "\n".join(
            [
                f"{self.start} -[{self.relation!r}]-> {self.end}",
                f"by {self.rule.name}, {self.rule.place}{doc}",
                f"confidence {self.confidence:g}, derived {self.derived_at:%Y-%m-%d %H:%M:%S}, as of t {self.basis}",
                *drawing.tree(self.witness),
            ]
        )

    def __repr__(self) -> str:
        return f"<Derivation {self.start} -[{self.relation}]-> {self.end} by {self.rule.name}>"


def why(
    db: Db, edge: Any, relation: str | None = None, to: Any = None, *, rules: Any = None, depth: int = DEPTH
) -> Derivation:
    """Why an edge is there: ``edge`` is its entity, or where it begins, with ``relation`` and ``to``.

    Entities are ids, idents, lookup refs or ``aip://`` URIs; a tuple ``(from, relation, to)`` will do as well.
    ``rules`` are the rule files, if at hand: with them, the places of all rules are known. Parts deeper than ``depth``
    rules in rules are marked as cut. :class:`~enrich.EnrichError` ``edge/missing`` if ``db`` has no such edge.
    """
    if relation is None and isinstance(edge, tuple) and len(edge) == 3:
        edge, relation, to = edge
    found = _by_id(db, edge) if relation is None else _by_ends(db, edge, relation, to)
    replay = _Replay(db, found, rules)
    return Derivation(found, replay, replay.proof(), depth)


class _Edge(NamedTuple):
    """An edge as it is stored."""

    id: int
    relation: Keyword
    start: int
    end: int
    rule: str
    confidence: float
    instant: datetime

    @property
    def pair(self) -> tuple[int, int]:
        return self.start, self.end


_EDGE: Final = """[:find [?relation ?from ?to ?rule ?confidence ?at]
                   :in $ ?edge
                   :where [?edge :edge/relation ?relation] [?edge :edge/from ?from] [?edge :edge/to ?to ?tx]
                          [?edge :edge/rule ?r] [?r :rule/name ?rule] [?edge :edge/confidence ?confidence]
                          [?tx :db/txInstant ?at]]"""


def _by_id(db: Db, ref: Any) -> _Edge:
    id = _entity(db, ref)
    row = db.q(_EDGE, id) if id is not None and "edge/key" in db.schema else None
    if row is None:
        raise missing_edge(f"that is the entity {quoted(ref)}", edge=ref)
    return _Edge(id or 0, *row)


def _by_ends(db: Db, start: Any, relation: str, end: Any) -> _Edge:
    name, pair = Keyword(relation), (_entity(db, start), _entity(db, end))
    query = "[:find ?e . :in $ ?r ?from ?to :where [?e :edge/relation ?r] [?e :edge/from ?from] [?e :edge/to ?to]]"
    found = None
    if None not in pair and "edge/key" in db.schema:
        found = db.q(query, name, *pair)
    if found is None:
        raise missing_edge(
            f"from {quoted(start)} by {name!r} to {quoted(end)}", start=start, relation=str(name), end=end
        )
    return _by_id(db, found)


def _entity(db: Db, ref: Any) -> int | None:
    if type(ref) is str and ref.startswith("aip://"):
        ref = ["entity/uri", ref]
    return db.entid(ref)


class _Replay:
    """The rules of an edge's relation, run again as of the basis that the stored edges reflect."""

    def __init__(self, db: Db, found: _Edge, rules: Any) -> None:
        state = state_of(db)
        self.basis: Final = db.basis_t if state is None else state.basis
        self.db: Final = db.as_of(self.basis)
        self._now: Final = db
        self._edge: Final = found
        self._stored: Final = rules_of(db)
        mine = [
            each for each in self._stored.values() if each.is_active and each.told["rule/relation"] == found.relation
        ]
        self.book: Final = _book(mine, rules)
        self._program: Final = Program.of(self.book)
        self.ways: Final = Ways(self.db, self._program)

    def teller(self, depth: int) -> Teller:
        """What tells proofs of this replay."""
        return Teller(
            self.db, self.book, {rule.told["rule/hash"]: _cited(rule) for rule in self._stored.values()}, depth
        )

    def rules_of(self, relation: str) -> list[int]:
        """The rules of a relation, by their places among the book's edge rules; that of the edge first."""
        numbers = [number for number, rule in enumerate(self.book.edges) if rule.relation == relation]
        return sorted(numbers, key=lambda number: self.book.edges[number].name != self._edge.rule)

    def proof(self) -> Proof:
        """The stored witness if it is there, else the first derivation."""
        found, witnesses = self._edge, Witnesses(self.db, self._program)
        rules = self.rules_of(found.relation)
        premises = set(self._now.q("[:find [?p ...] :in $ ?e :where [?e :edge/premise ?p]]", found.id))
        stored = witnesses.within(found.relation, dict.fromkeys([found.pair], (rules[0], premises)) if rules else {})
        if found.pair in stored:
            return stored[found.pair].proof
        given = witnesses.of(found.relation, {found.pair: rules}).get(found.pair)
        if given is None:
            raise EnrichError(
                f"the edge {found.id} is stored, but no rule gives it as of t {self.basis}", code="edge/unexplained"
            )
        return given.proof


def _book(stored: list[StoredRule], rules: Any) -> RuleBook:
    """The book at hand if it still says what the store's rules say, else the rules as they were stored."""
    if rules is not None:
        book = RuleBook.load(rules)
        if {each.name for each in stored} <= {rule.name for rule in book.edges}:
            return book
    texts = [str(rule) for each in stored for rule in load_rules(each.told["rule/text"])]
    return RuleBook(load_rules(f"[{' '.join(dict.fromkeys(texts))}]"))


def _cited(rule: StoredRule) -> Cited:
    told = rule.told
    return Cited(rule.name, told["rule/file"], told["rule/line"], told.get("rule/doc"), told["rule/hash"])
