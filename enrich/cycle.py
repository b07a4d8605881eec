"""One enrichment cycle: find candidates, hydrate them, maintain the edges, mark what is enriched.

Each step commits for itself and is found to be done or undone by looking at the store, so a cycle that
is killed anywhere is finished by the next. Where nothing has happened, nothing is written.
"""

from __future__ import annotations

import time
from typing import Any, Final, NamedTuple

from enrich import edges
from enrich.errors import EnrichError
from enrich.lifecycle import Policy, due
from enrich.materialize import Diff, plan
from enrich.refresh import Refreshed, hydrate_levels
from enrich.report import CycleReport
from enrich.report import Plan as Told
from enrich.rule_checks import check
from enrich.rules import RuleBook
from enrich.schema import ENRICHED, HYDRATED
from enrich.sources import Sources
from enrich.stored import state_of
from enrich.transaction import forms, own
from factstore import Connection, Db

BUDGET: Final = 1000
"""The most entities that one cycle fetches, unless told otherwise."""
_RETRIES: Final = 5
"""How often a derivation is planned anew because somebody else derived meanwhile."""


class Derived(NamedTuple):
    """What a derivation planned from, what it wrote, and how many datoms that took."""

    db: Db
    diff: Diff
    datoms: int


def cycle(
    conn: Connection,
    sources: Sources,
    book: RuleBook,
    *,
    policy: Policy | None = None,
    budget: int = BUDGET,
) -> CycleReport:
    """One cycle; see the module. Fetches at most ``budget`` entities, those they refer to included.

    Failures of sources are in the report. Raises :class:`~factstore.QueryError` and :class:`~enrich.EnrichError` for
    rules that do not fit the schema, before anything is fetched.
    """
    began, policy = time.perf_counter(), policy or Policy()
    edges.install(conn)
    check(conn.db(), book)
    number = _number(conn.db())
    candidates = due(conn.db(), sources, policy.now())
    fetched = hydrate_levels(conn, sources, candidates, budget=budget, policy=policy) if candidates else Refreshed()
    derived = derive(conn, book, number)
    enriched, marked = mark(conn, derived.db, policy, number)
    told = Told.of(derived.db, derived.diff)
    return CycleReport(
        number,
        len(candidates),
        tuple(fetched.hydrated),
        fetched.failed,
        told.added,
        told.retracted,
        told.changed,
        enriched,
        fetched.datoms + derived.datoms + marked,
        time.perf_counter() - began,
    )


def derive(conn: Connection, book: RuleBook, number: int) -> Derived:
    """Brings the edges in line with the facts and the rules, in one transaction.

    It is planned without a lock, and committed only if nobody derived meanwhile; else planned anew.
    """
    claimed = edges.claim(conn, book)
    for left in reversed(range(_RETRIES)):
        db = conn.db()
        state = state_of(db)
        diff = plan(db, book, None if state is None else conn.log_range(state.basis, db.basis_t))
        try:
            return Derived(db, diff, claimed + _written(conn, forms(diff, number)))
        except EnrichError as error:
            if error.code != "enrich/conflict" or not left:
                raise
    raise AssertionError("the last try returns or raises")


def mark(conn: Connection, db: Db, policy: Policy, number: int) -> tuple[int, int]:
    """Marks as enriched what was hydrated in ``db``, the value the edges were derived from: entities and datoms.

    What was fetched again since then is left for the next cycle.
    """
    waiting = dict(db.q(_HYDRATED, HYDRATED))
    if not waiting:
        return 0, 0
    marking = [["db/fn", _marks, waiting, policy.now()]]
    return len(waiting), _written(conn, [*own(number), *marking])


_HYDRATED: Final = "[:find ?e ?at :in $ ?state :where [?e :entity/state ?state] [?e :entity/hydrated-at ?at]]"


def _marks(db: Db, waiting: dict[int, Any], now: Any) -> list[Any]:
    current = dict(db.q(_HYDRATED, HYDRATED))
    same = [entity for entity, at in waiting.items() if current.get(entity) == at]
    return [{"db/id": entity, "entity/state": ENRICHED, "entity/enriched-at": now} for entity in same]


def _written(conn: Connection, data: list[Any]) -> int:
    return len(conn.transact(data).datoms) if data else 0


def _number(db: Db) -> int:
    found: int | None = db.q("[:find (max ?n) . :where [_ :tx/cycle ?n]]")
    return 1 if found is None else found + 1
