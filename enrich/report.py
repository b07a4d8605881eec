"""What a cycle did, and how things stand, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from enrich.edges import names, shown
from enrich.errors import EnrichError
from enrich.materialize import Diff
from enrich.stored import State
from factstore import Db, Keyword


class EdgeChange(msgspec.Struct, frozen=True):
    """One edge that came, went or changed its reason; ends are URIs where they have one."""

    relation: Keyword
    start: str
    end: str
    rule: str | None
    """The rule that gives it now, or gave it."""
    cause: str | None = None
    """Why it went or changed."""

    def __str__(self) -> str:
        text = f"{self.start} -[{self.relation}]-> {self.end}"
        return f"{text}: {self.cause}" if self.cause else text


class Plan(msgspec.Struct, frozen=True):
    """What a cycle would do to the edges now; nothing was written.

    ``str`` shows a sample of each kind.
    """

    added: tuple[EdgeChange, ...] = ()
    retracted: tuple[EdgeChange, ...] = ()
    changed: tuple[EdgeChange, ...] = ()

    @classmethod
    def of(cls, db: Db, diff: Diff) -> Plan:
        """A diff for people."""
        every: list[Any] = [*diff.added, *diff.retracted, *diff.changed]
        called = names(db, [end for each in every for end in (each.start, each.end)])

        def told(each: Any, rule: str | None, cause: str | None) -> EdgeChange:
            ends = (shown(called, db, each.start), shown(called, db, each.end))
            return EdgeChange(each.relation, *ends, rule=rule, cause=cause)

        return cls(
            tuple(told(each, each.rule.name, None) for each in diff.added),
            tuple(told(each, each.rule, each.cause) for each in diff.retracted),
            tuple(told(each, each.rule.name, each.cause) for each in diff.changed),
        )

    def counts(self) -> dict[Keyword, tuple[int, int, int]]:
        """Edges to add, to retract and to change, by relation."""
        groups = (self.added, self.retracted, self.changed)
        relations = dict.fromkeys(each.relation for group in groups for each in group)
        return {name: _three(sum(each.relation == name for each in group) for group in groups) for name in relations}

    def __str__(self) -> str:
        lines = [f"{len(self.added)} edges to add, {len(self.retracted)} to retract, {len(self.changed)} to change"]
        for sign, group in (("+", self.added), ("-", self.retracted), ("~", self.changed)):
            lines += [f"  {sign} {each}" for each in group[:_SAMPLE]]
            lines += [f"  {sign} … and {len(group) - _SAMPLE} more"] if len(group) > _SAMPLE else []
        return "\n".join(lines)


class CycleReport(msgspec.Struct, frozen=True):
    """What one cycle did."""

    number: int
    candidates: int
    """Entities that were due to be fetched."""
    hydrated: tuple[str, ...]
    """URIs whose entities now hold something else."""
    failed: Mapping[str, EnrichError]
    added: tuple[EdgeChange, ...]
    retracted: tuple[EdgeChange, ...]
    changed: tuple[EdgeChange, ...]
    enriched: int
    """Entities that were hydrated and are enriched now."""
    datoms: int
    """Everything that was written, bookkeeping and transactions included."""
    seconds: float

    def __str__(self) -> str:
        edges = f"{len(self.added)} edges added, {len(self.retracted)} retracted, {len(self.changed)} changed"
        fetched = f"{self.candidates} candidates, {len(self.hydrated)} hydrated, {len(self.failed)} failed"
        lines = [f"cycle {self.number}: {fetched}; {edges}; {self.datoms} datoms in {self.seconds:.2f} s"]
        lines += [f"  ! {uri}: {error}" for uri, error in list(self.failed.items())[:_SAMPLE]]
        lines += [f"  - {each}" for each in self.retracted[:_SAMPLE]]
        return "\n".join(lines)


class Status(msgspec.Struct, frozen=True):
    """How things stand: entities by state, edges by relation, and how far behind the edges are."""

    entities: dict[str, int]
    edges: dict[str, int]
    basis: int | None
    """The t that the edges reflect; None before the first cycle."""
    head: int
    rules_changed: bool
    """True if the rule files say something else than the rules the stored edges follow."""

    @classmethod
    def of(cls, db: Db, state: State | None, hash: str) -> Status:
        """The status of a store whose rules have this hash."""
        entities = dict(db.q("[:find ?state (count ?e) :where [?e :entity/state ?state]]"))
        edges = dict(db.q("[:find ?r (count ?e) :where [?e :edge/relation ?r]]"))
        basis = None if state is None else state.basis
        changed = state is None or state.rules != hash
        return cls(_by_name(entities), _by_name(edges), basis, db.basis_t, changed)

    def __str__(self) -> str:
        entities = ", ".join(f"{count} {state}" for state, count in self.entities.items()) or "no entities"
        edges = ", ".join(f"{count} :{relation}" for relation, count in self.edges.items()) or "no edges"
        derived = "never derived" if self.basis is None else f"derived from t {self.basis}, head is t {self.head}"
        return f"{entities}; {edges}; {derived}{'; the rules have changed' if self.rules_changed else ''}"


_SAMPLE = 10
"""Lines of each kind that a text shows."""


def _three(counts: Any) -> tuple[int, int, int]:
    one, two, three = counts
    return one, two, three


def _by_name(counts: Mapping[Any, int]) -> dict[str, int]:
    return {str(name): counts[name] for name in sorted(counts)}
