"""How far the story of an entity has come, and what each outcome of a fetch does to it.

::

    unresolved ──Found──▶ hydrated ──a cycle──▶ enriched
        ▲                   ▲  ▲ └──────Gone──────┐ │
     referred to            │  └──Found, changed──┼─┘
                            └──────Found──────── gone

A failed fetch changes no state: it counts, and names the next try. After ``Retry.attempts`` of them
in a row the state is *failed*, and only a new event or a person asks again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from enrich.errors import HydrateError
from enrich.outcomes import Failed, Found, Gone, Outcome, Partial, Unchanged
from enrich.schema import ENRICHED, FAILED, GONE, HYDRATED, UNRESOLVED
from enrich.sources import Sources
from factstore import Db, Keyword

ERROR_KEPT = 1000
"""The most characters of an error that are stored with its entity."""


class Retry(msgspec.Struct, frozen=True):
    """When a fetch that failed is tried again; times in seconds.

    >>> [Retry(first=30, longest=100).delay(n, 0.0).total_seconds() for n in (1, 2, 3)]
    [30.0, 60.0, 100.0]
    """

    first: float = 30.0
    factor: float = 2.0
    longest: float = 3600.0
    jitter: float = 0.25
    """The largest share taken off a delay at random, so that many failures do not come back at once."""
    attempts: int = 10
    """Failures in a row after which an entity is left alone."""

    def delay(self, attempts: int, chance: float) -> timedelta:
        """The time from failure number ``attempts`` to the next try; ``chance`` is in [0, 1)."""
        # Beyond 64 doublings every schedule is at its longest, and a float at its end.
        seconds = min(self.longest, self.first * self.factor ** min(attempts - 1, 64))
        return timedelta(seconds=seconds * (1 - self.jitter * chance))


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Policy(msgspec.Struct, frozen=True):
    """How fetching is done: when to retry, how many batches at a time, the clock, and the dice."""

    retry: Retry = Retry()
    workers: int = 8
    now: Callable[[], datetime] = _utc_now
    chance: Callable[[], float] = random.random


class Standing(msgspec.Struct, frozen=True):
    """Where one entity stands in the store; ``id`` is None for one the store does not know."""

    uri: str
    id: int | None = None
    state: Keyword | None = None
    attempts: int = 0
    next_try: datetime | None = None
    last_error: str | None = None
    hydrated_at: datetime | None = None
    enriched_at: datetime | None = None
    hash: int | None = None

    @property
    def answer(self) -> tuple[datetime | None, int | None]:
        """Which answer of its source is held: differs as soon as anybody has written another."""
        return self.hydrated_at, self.hash

    def is_due(self, now: datetime) -> bool:
        """Whether it is to be fetched by a cycle at ``now``: unresolved or failed before, and its time has come."""
        if self.state == FAILED:
            return False
        return self.state == UNRESOLVED if self.next_try is None else self.next_try <= now


_FIELDS = {
    "entity/state": "state",
    "entity/attempts": "attempts",
    "entity/next-try": "next_try",
    "entity/last-error": "last_error",
    "entity/hydrated-at": "hydrated_at",
    "entity/enriched-at": "enriched_at",
    "entity/content-hash": "hash",
}
_BY_URI = "[:find ?uri ?e :in $ [?uri ...] :where [?e :entity/uri ?uri]]"
_UNRESOLVED = "[:find ?uri :in $ ?state :where [?e :entity/state ?state] [?e :entity/uri ?uri]]"
_WAITING = "[:find ?uri :in $ ?now :where [?e :entity/next-try ?at] [(<= ?at ?now)] [?e :entity/uri ?uri]]"


def standing(db: Db, uris: Iterable[str]) -> dict[str, Standing]:
    """Where each of ``uris`` stands, in their order."""
    wanted = list(dict.fromkeys(uris))
    ids = dict(db.q(_BY_URI, wanted)) if wanted else {}
    pulled = db.pull_many(list(_FIELDS), [ids[uri] for uri in wanted if uri in ids]) if ids else []
    found = dict(zip((uri for uri in wanted if uri in ids), pulled, strict=True))
    return {uri: _standing(uri, ids.get(uri), found.get(uri)) for uri in wanted}


def due(db: Db, sources: Sources, now: datetime) -> list[str]:
    """The URIs a cycle at ``now`` is to fetch, sorted: dangling or failed before, not too early, with a source."""
    candidates = {uri for (uri,) in db.q(_UNRESOLVED, UNRESOLVED)} | {uri for (uri,) in db.q(_WAITING, now)}
    fetched = sorted(uri for uri in candidates if sources.is_fetched(uri))
    return [uri for uri, where in standing(db, fetched).items() if where.is_due(now)]


def settled(outcome: Outcome, where: Standing, source: str, told: bool = False) -> Outcome:
    """The outcome in the light of what was known: nothing can be gone that never was here.

    A source that lags behind its events says "not found" of what it is about to know. ``told`` is true where
    facts of it are held already, if only a part of them.
    """
    if isinstance(outcome, Gone) and where.hydrated_at is None and not told:
        return Failed(HydrateError(f"{source} does not know {where.uri} yet", code="hydrate/not-found", uri=where.uri))
    return outcome


def bookkeeping(outcome: Outcome, where: Standing, now: datetime, policy: Policy) -> dict[str, Any]:
    """What an outcome does to the bookkeeping of its entity: attribute to value, None to retract it."""
    match outcome:
        case Found(hash=hash):
            return _answered(where) | {"entity/state": HYDRATED, "entity/hydrated-at": now, "entity/content-hash": hash}
        case Unchanged():
            state = where.state if where.state in {HYDRATED, ENRICHED} else HYDRATED
            return _answered(where) | {"entity/state": state, "entity/hydrated-at": now}
        case Gone():
            return _answered(where) | {"entity/state": GONE} | _without(where, "entity/content-hash")
        case Partial():
            changes = _tried(where, now, policy, now)
            # What is held is no longer what that hash is of: the next whole answer must replace it.
            return changes | _without(where, "entity/last-error", "entity/content-hash")
        case Failed(error=error):
            text = str(error)[:ERROR_KEPT]
            return (
                _tried(where, now, policy, _not_before(error.data, now))
                | _spent(where, policy)
                | {"entity/last-error": text}
            )


def _tried(where: Standing, now: datetime, policy: Policy, not_before: datetime) -> dict[str, Any]:
    attempts = where.attempts + 1
    next_try = max(now + policy.retry.delay(attempts, policy.chance()), not_before)
    state = where.state or UNRESOLVED
    return {"entity/state": state, "entity/attempts": attempts, "entity/next-try": next_try}


def _spent(where: Standing, policy: Policy) -> dict[str, Any]:
    if where.attempts + 1 < policy.retry.attempts:
        return {}
    return {"entity/state": FAILED, "entity/next-try": None}


def _not_before(data: Mapping[str, Any], now: datetime) -> datetime:
    # What a source asked for itself (Retry-After) counts, within a day.
    seconds = data.get("retry_after")
    # Anything may stand there: the error is of somebody else's making. NaN is not above zero.
    wait = min(seconds, 86400.0) if isinstance(seconds, int | float) and seconds > 0 else 0.0
    return now + timedelta(seconds=wait)


def _answered(where: Standing) -> dict[str, Any]:
    return _without(where, "entity/attempts", "entity/next-try", "entity/last-error")


def _without(where: Standing, *attributes: str) -> dict[str, Any]:
    return {attribute: None for attribute in attributes if getattr(where, _FIELDS[attribute]) not in (None, 0)}


def _standing(uri: str, id: int | None, pulled: Mapping[str, Any] | None) -> Standing:
    fields = {_FIELDS[str(name)]: value for name, value in (pulled or {}).items() if str(name) in _FIELDS}
    return Standing(uri, id, **fields)
