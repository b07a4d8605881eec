"""Writes what a batch came to: one transaction, and what the store refuses fails alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from enrich.draft import Forms, checked, draft
from enrich.errors import SourceError
from enrich.lifecycle import Policy, Standing, settled, standing
from enrich.outcomes import Failed, Gone, Outcome
from enrich.said import said
from factstore import Connection, Db, EntityError, InvalidValue, SchemaError, TransactionError

_REFUSED: Final = (TransactionError, SchemaError, InvalidValue, EntityError)


class Recorded(NamedTuple):
    """The outcomes as they were written, and how many datoms that took."""

    outcomes: dict[str, Outcome]
    datoms: int


def record(
    conn: Connection,
    source: str | None,
    outcomes: Mapping[str, Outcome],
    policy: Policy,
    before: Mapping[str, Standing] | None = None,
) -> Recorded:
    """Commits the outcomes of one batch of ``source``; None where nobody said anything, only failures are kept.

    One key's payload that the store refuses (an unknown attribute, a wrong type) becomes Failed with
    ``source/refused``; the others are written all the same. Errors of the log itself are raised. ``before`` is how
    entities stood when the source was asked: those that hold another answer by now are left out.
    """
    return _written(conn, _Batch(source, outcomes, policy, before or {}))


class _Batch:
    """Outcomes on their way into the store."""

    def __init__(
        self, source: str | None, outcomes: Mapping[str, Outcome], policy: Policy, before: Mapping[str, Standing]
    ) -> None:
        self.source: Final = source
        self.outcomes: Final = outcomes
        self.final: dict[str, Outcome] = {}
        """As they are written; known once :meth:`forms` was called."""
        self._policy: Final = policy
        self._before: Final = before

    def forms(self, db: Db) -> Forms:
        """A transaction function: what to write, seen from a store that cannot move on before it is written."""
        known = standing(db, self.outcomes)
        current = {uri: each for uri, each in self.outcomes.items() if not self._is_overtaken(known[uri])}
        told = self._told(db, [known[uri].id for uri, each in current.items() if isinstance(each, Gone)])
        source = self.source or ""
        final = {uri: settled(each, known[uri], source, known[uri].id in told) for uri, each in current.items()}
        self.final = checked(db, final)
        return draft(db, self.source, self.final, self._policy.now(), self._policy)

    def with_outcomes(self, outcomes: Mapping[str, Outcome]) -> _Batch:
        """The same with other outcomes."""
        return _Batch(self.source, outcomes, self._policy, self._before)

    def _is_overtaken(self, now: Standing) -> bool:
        return now.uri in self._before and self._before[now.uri].answer != now.answer

    def _told(self, db: Db, entities: list[int | None]) -> set[int | None]:
        known = [entity for entity in entities if entity is not None]
        return set() if self.source is None else {fact.entity for fact in said(db, self.source, known)}


def _written(conn: Connection, batch: _Batch) -> Recorded:
    if not batch.outcomes:
        return Recorded({}, 0)
    try:
        datoms = len(conn.transact([["db/fn", batch.forms]]).datoms)
        return Recorded(batch.final, datoms)
    except _REFUSED as error:
        if len(batch.outcomes) > 1:
            return _halves(conn, batch)
        ((uri, outcome),) = batch.outcomes.items()
        if isinstance(outcome, Failed):
            # Bookkeeping alone was refused: there is nothing left that could be kept.
            raise
        source = batch.source
        refused = SourceError(
            f"what {source} says of {uri} is refused: {error}", code="source/refused", uri=uri, source=source
        )
        return _written(conn, batch.with_outcomes({uri: Failed(refused)}))


def _halves(conn: Connection, batch: _Batch) -> Recorded:
    items = list(batch.outcomes.items())
    middle = len(items) // 2
    first = _written(conn, batch.with_outcomes(dict(items[:middle])))
    second = _written(conn, batch.with_outcomes(dict(items[middle:])))
    return Recorded({**first.outcomes, **second.outcomes}, first.datoms + second.datoms)
