"""Ways from entities to entities along indexes: what clauses come to that only lead from one variable to another.

``[?a :edge ?b]`` is a hop, several such in a row are a chain, an ``or`` of them is either, and a pattern
that only asks whether an entity has an attribute lets some through. Walks (:mod:`factstore.query.rules.walk`)
take them without a join: a hop gives, for an array of codes, the codes that they lead to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from factstore.columns import EMPTY, Ints, unique
from factstore.index import AttributeIndex
from factstore.query.columnar.patterns import AttributeStep
from factstore.query.columnar.relation import REF, same_kind
from factstore.query.columnar.steps import Step
from factstore.query.language.ast import Blank, Clause, Or, Pattern, Variable
from factstore.query.language.scope import spoken


class Hop(Protocol):
    """A way from codes of one kind to codes of another."""

    @property
    def kinds(self) -> tuple[int, int]:
        """The kinds of the codes it starts from, and of those it leads to."""

    def pairs(self, codes: Ints) -> tuple[Ints, Ints]:
        """Where each code leads: (its position, what it leads to)."""

    def reached(self, codes: Ints) -> Ints:
        """What the codes lead to, in no order, some of it perhaps more than once."""

    def one(self, code: int) -> Sequence[int]:
        """What one code leads to."""


class Along(NamedTuple):
    """From entities to the values of an attribute, or from values back to entities."""

    facts: AttributeIndex
    back: bool
    kinds: tuple[int, int]

    def pairs(self, codes: Ints) -> tuple[Ints, Ints]:
        row, found = self.facts.by_value(codes) if self.back else self.facts.by_entity(codes)
        return row, found.e if self.back else found.v

    def reached(self, codes: Ints) -> Ints:
        return self.pairs(codes)[1]

    def one(self, code: int) -> Sequence[int]:
        return self.facts.holders_of(code) if self.back else self.facts.values_of(code)


class Having(NamedTuple):
    """Lets entities through that have an attribute, or have a value of it."""

    facts: AttributeIndex
    value: int | None
    kinds: tuple[int, int] = (REF, REF)

    def pairs(self, codes: Ints) -> tuple[Ints, Ints]:
        if self.value is None:
            held = self.facts.has_entities(codes)
        else:
            held = self.facts.find(codes, np.full(len(codes), self.value, dtype=np.int64))[0]
        row = np.flatnonzero(held)
        return row, codes[row]

    def reached(self, codes: Ints) -> Ints:
        return self.pairs(codes)[1]

    def one(self, code: int) -> Sequence[int]:
        has = self.facts.values_of(code) if self.value is None else self.facts.holds(code, self.value)
        return [code] if has else []


class Chain(NamedTuple):
    """One hop after the other."""

    hops: Sequence[Hop]
    kinds: tuple[int, int]

    def pairs(self, codes: Ints) -> tuple[Ints, Ints]:
        row, codes = self.hops[0].pairs(codes)
        for hop in self.hops[1:]:
            at, codes = hop.pairs(codes)
            row = row[at]
        return row, codes

    def reached(self, codes: Ints) -> Ints:
        codes = self.hops[0].reached(codes)
        for hop in self.hops[1:]:
            codes = hop.reached(unique(codes))
        return codes

    def one(self, code: int) -> Sequence[int]:
        codes: Sequence[int] = [code]
        for hop in self.hops:
            codes = [end for each in codes for end in hop.one(each)]
        return codes


class Either(NamedTuple):
    """Several hops between the same ends."""

    hops: Sequence[Hop]
    kinds: tuple[int, int]

    def pairs(self, codes: Ints) -> tuple[Ints, Ints]:
        row, ends = zip(*(hop.pairs(codes) for hop in self.hops), strict=True)
        return np.concatenate(row), np.concatenate(ends)

    def reached(self, codes: Ints) -> Ints:
        return np.concatenate([hop.reached(codes) for hop in self.hops]) if self.hops else EMPTY

    def one(self, code: int) -> Sequence[int]:
        return [end for hop in self.hops for end in hop.one(code)]


Compiled = Callable[[Clause, frozenset[str]], Step]


def hop_of(clauses: Sequence[Clause], start: str, end: str, step: Compiled) -> Hop | None:
    """The hop that clauses come to between two variables; None if they do more, or other things.

    ``step`` compiles a pattern, given what is bound before it.
    """
    hops: list[Hop] = []
    pending = list(clauses)
    here = start
    while pending:
        touching = [clause for clause in pending if here in spoken((clause,))]
        tests = [clause for clause in touching if len(spoken((clause,))) == 1]
        if not tests and (len(touching) > 1 or here == end):
            return None
        if not touching:
            return None
        clause = (tests or touching)[0]
        there = here if tests else next(iter(spoken((clause,)) - {here}))
        hop = _hop(clause, here, there, step)
        if hop is None or (hops and not same_kind(hops[-1].kinds[1], hop.kinds[0])):
            return None
        hops.append(hop)
        pending = [other for other in pending if other is not clause]
        here = there
    if here != end or start == end or not hops:
        return None
    return hops[0] if len(hops) == 1 else Chain(hops, (hops[0].kinds[0], hops[-1].kinds[1]))


def _hop(clause: Clause, here: str, there: str, step: Compiled) -> Hop | None:
    if len(spoken((clause,))) > 2:
        return None
    if isinstance(clause, Pattern):
        return _along(step(clause, frozenset((here,))), clause, here, there)
    if isinstance(clause, Or) and clause.source is None and here != there:
        return _either(clause, here, there, step)
    return None


def _either(clause: Or, here: str, there: str, step: Compiled) -> Hop | None:
    hops: list[Hop] = []
    for body in clause.bodies:
        hop = hop_of(body, here, there, step)
        if hop is None or not all(map(same_kind, hop.kinds, (hops or [hop])[0].kinds)):
            return None
        hops.append(hop)
    return Either(hops, hops[0].kinds)


def _along(step: Step, clause: Pattern, here: str, there: str) -> Hop | None:
    plain = step.plain if isinstance(step, AttributeStep) else None
    if plain is None:
        return None
    index, kind, value = plain
    e, v = clause.terms[0], clause.terms[2] if len(clause.terms) > 2 else Blank()
    if here == there:
        return Having(index, value) if isinstance(e, Variable) and not isinstance(v, Variable) else None
    if value is not None or not isinstance(e, Variable) or not isinstance(v, Variable) or e == v:
        return None
    return Along(index, False, (REF, kind)) if e.name == here else Along(index, True, (kind, REF))
