"""Which rule gives an edge, and from what: one witness for each of many pairs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from enrich.pairs import Pair
from enrich.program import ONE, Program
from enrich.proofs import Goal, Proof, Search, Ways, premises, steps_of, together
from enrich.rules import EdgeRule, edge
from factstore import Db


class Witness(msgspec.Struct, frozen=True):
    """The rule that gives an edge, the entities its facts are about, and how sure it is."""

    rule: EdgeRule
    premises: frozenset[int]
    confidence: float
    proof: Proof


class Witnesses:
    """The search for witnesses of one program in one db value; what it looked up is remembered."""

    def __init__(self, db: Db, program: Program) -> None:
        self._program: Final = program
        self._ways: Final = Ways(db, program)
        self._search: Final = Search(self._ways)

    def of(self, relation: str, candidates: Mapping[Pair, Sequence[int]]) -> dict[Pair, Witness]:
        """A witness of each pair by the first of its candidate rules that has one, places in the book's edge rules.

        A rule that gives a pair only by way of that pair itself gives no witness.
        """
        chosen: dict[Pair, Proof] = {}
        for turn in range(max(map(len, candidates.values()), default=0)):
            asked = {
                pair: one(rules[turn], pair)
                for pair, rules in candidates.items()
                if pair not in chosen and turn < len(rules)
            }
            proofs = self._search.prove(asked.values())
            found = ((pair, proofs.get(goal)) for pair, goal in asked.items())
            chosen |= {pair: proof for pair, proof in found if proof and not self._leans_on(proof, relation, pair)}
        left = {pair: Goal.of(edge(relation), pair) for pair in candidates if pair not in chosen}
        proofs = self._search.prove(left.values())
        chosen |= {pair: proofs[goal] for pair, goal in left.items() if goal in proofs}
        return {pair: self._witness(proof) for pair, proof in chosen.items()}

    def within(self, relation: str, asked: Mapping[Pair, tuple[int, Collection[int]]]) -> dict[Pair, Witness]:
        """For each pair a witness by one rule, from facts about given entities only, if there is one."""
        goals = {pair: one(rule, pair) for pair, (rule, _) in asked.items()}
        searches = {pair: Search(self._ways, within=entities) for pair, (_, entities) in asked.items()}
        together((searches[pair].levels([goal]) for pair, goal in goals.items()), self._ways)
        proofs = {pair: searches[pair].proved.get(goal) for pair, goal in goals.items()}
        return {
            pair: self._witness(proof)
            for pair, proof in proofs.items()
            if proof is not None and not self._leans_on(proof, relation, pair)
        }

    def _witness(self, proof: Proof) -> Witness:
        number = self._program.edge_number(proof.way.step)
        assert number is not None
        # An edge built on edges is no surer than they are.
        confidence = min(self._confidences(steps_of(proof)))
        return Witness(self._program.book.edges[number], premises(proof), confidence, proof)

    def _confidences(self, proofs: Iterable[Proof]) -> list[float]:
        return [self._program.book.confidence_of(each.way.step.number) for each in proofs]

    def _leans_on(self, proof: Proof, relation: str, pair: Pair) -> bool:
        if not self._program.leans_on_itself(relation):
            return False
        itself = Goal.of(edge(relation), pair)
        return any(each.goal == itself for each in steps_of(proof))


def one(rule: int, pair: Pair) -> Goal:
    """The goal that one edge rule alone gives a pair."""
    return Goal.of(f"{ONE}{rule}", pair)
