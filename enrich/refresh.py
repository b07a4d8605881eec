"""From URIs to what their sources say now, in the store: one level, or level by level along the references."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

import msgspec

from enrich.draft import maps_of
from enrich.errors import EnrichError
from enrich.hydrate import hydrate
from enrich.lifecycle import Policy, standing
from enrich.normalize import references
from enrich.outcomes import Failed, Found, Gone, Outcome, Partial, Unchanged
from enrich.record import record
from enrich.sources import Sources
from factstore import Connection, Db


class Refreshed(msgspec.Struct, frozen=True):
    """What asking the sources about some URIs came to, after it was written."""

    outcomes: dict[str, Outcome] = {}
    unexpected: dict[str, list[str]] = {}
    """Ids that a source answered for without being asked, by source."""
    calls: dict[str, int] = {}
    """Calls of ``fetch``, by source."""
    datoms: int = 0
    deferred: tuple[str, ...] = ()
    """URIs that were discovered and not asked for, because the budget was spent."""

    @property
    def hydrated(self) -> list[str]:
        """The URIs whose entities now hold something else than before."""
        return [uri for uri, outcome in self.outcomes.items() if isinstance(outcome, Found | Partial)]

    @property
    def unchanged(self) -> list[str]:
        """The URIs whose sources said what they said before."""
        return [uri for uri, outcome in self.outcomes.items() if isinstance(outcome, Unchanged)]

    @property
    def gone(self) -> list[str]:
        """The URIs whose sources know them no more."""
        return [uri for uri, outcome in self.outcomes.items() if isinstance(outcome, Gone)]

    @property
    def failed(self) -> dict[str, EnrichError]:
        """The URIs that could not be fetched or understood, and why."""
        return {uri: outcome.error for uri, outcome in self.outcomes.items() if isinstance(outcome, Failed)}


def refresh(conn: Connection, sources: Sources, uris: Iterable[str], *, policy: Policy | None = None) -> Refreshed:
    """Fetches ``uris`` in batches, and commits each batch as one transaction that names its source.

    References to what is not known yet become unresolved entities; they are not fetched. What somebody else wrote
    between our question and our answer may be newer: then the source is asked again.
    """
    policy = policy or Policy()
    total, asked = Refreshed(), list(dict.fromkeys(uris))
    for left in reversed(range(_ROUNDS)):
        done, asked = _round(conn, sources, asked, policy, insists=not left)
        total = _sum(total, done)
        if not asked:
            break
    return total


_ROUNDS: Final = 4
"""How often at most an entity is asked for that others write at the same time; the last answer counts anyway."""


def _round(
    conn: Connection, sources: Sources, asked: list[str], policy: Policy, *, insists: bool
) -> tuple[Refreshed, list[str]]:
    """One question for each URI; what came of it, and the URIs that somebody else wrote meanwhile."""
    before = {} if insists else standing(conn.db(), asked)
    known = {uri: where.hash for uri, where in before.items() if where.hash is not None}
    outcomes: dict[str, Outcome] = {}
    overtaken: list[str] = []
    unexpected: dict[str, list[str]] = {}
    calls: Counter[str] = Counter()
    datoms = 0
    for answers in hydrate(sources, asked, known=known, workers=policy.workers):
        # Where no source was asked, none said anything.
        recorded = record(conn, answers.source if answers.calls else None, answers.outcomes, policy, before)
        overtaken += answers.outcomes.keys() - recorded.outcomes.keys()
        outcomes |= recorded.outcomes
        datoms += recorded.datoms
        calls[answers.source] += answers.calls
        if answers.unexpected:
            unexpected.setdefault(answers.source, []).extend(answers.unexpected)
    return Refreshed(outcomes, unexpected, dict(calls), datoms), sorted(overtaken)


def hydrate_levels(
    conn: Connection, sources: Sources, uris: Iterable[str], *, budget: int = 1000, policy: Policy | None = None
) -> Refreshed:
    """:func:`refresh` of ``uris``, then of the unresolved entities they turn out to refer to, and so on.

    Each level is one batch call per source and kind (times its batch size), each URI is asked for once, and at most
    ``budget`` URIs in all; those left over are in ``deferred``.
    """
    policy = policy or Policy()
    total = Refreshed()
    level = list(dict.fromkeys(uris))
    while level and len(total.outcomes) < budget:
        room = budget - len(total.outcomes)
        level, left = level[:room], level[room:]
        done = refresh(conn, sources, level, policy=policy)
        total = _sum(total, done)
        level = left + _discovered(conn.db(), sources, done, {*total.outcomes, *left}, policy)
    return msgspec.structs.replace(total, deferred=tuple(level))


def _discovered(db: Db, sources: Sources, done: Refreshed, seen: set[str], policy: Policy) -> list[str]:
    referred = [uri for outcome in done.outcomes.values() for uri in references(maps_of(outcome))]
    new = [uri for uri in dict.fromkeys(referred) if uri not in seen and sources.is_fetched(uri)]
    now = policy.now()
    return [uri for uri, where in standing(db, new).items() if where.is_due(now)]


def _sum(one: Refreshed, other: Refreshed) -> Refreshed:
    unexpected = {name: list(ids) for name, ids in one.unexpected.items()}
    for name, ids in other.unexpected.items():
        unexpected.setdefault(name, []).extend(ids)
    calls = {name: one.calls.get(name, 0) + other.calls.get(name, 0) for name in {**one.calls, **other.calls}}
    return Refreshed({**one.outcomes, **other.outcomes}, unexpected, calls, one.datoms + other.datoms)
