"""Writes what a batch came to: one transaction, and what the store refuses fails alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from enrich.draft import checked, draft
from enrich.errors import SourceError
from enrich.lifecycle import Policy, settled, standing
from enrich.outcomes import Failed, Outcome
from factstore import Connection, EntityError, InvalidValue, SchemaError, TransactionError

_REFUSED: Final = (TransactionError, SchemaError, InvalidValue, EntityError)


class Recorded(NamedTuple):
    """The outcomes as they were written, and how many datoms that took."""

    outcomes: dict[str, Outcome]
    datoms: int


def record(conn: Connection, source: str | None, outcomes: Mapping[str, Outcome], policy: Policy) -> Recorded:
    """Commits the outcomes of one batch of ``source``; None where nobody said anything, only failures are kept.

    One key's payload that the store refuses (an unknown attribute, a wrong type) becomes Failed with
    ``source/refused``; the others are written all the same. Errors of the log itself are raised.
    """
    db = conn.db()
    known = standing(db, outcomes)
    final = {uri: settled(outcome, known[uri], source or "") for uri, outcome in outcomes.items()}
    return _written(conn, source, checked(db, final), policy)


def _written(conn: Connection, source: str | None, outcomes: Mapping[str, Outcome], policy: Policy) -> Recorded:
    forms = draft(conn.db(), source, outcomes, policy.now(), policy)
    if not forms:
        return Recorded(dict(outcomes), 0)
    try:
        return Recorded(dict(outcomes), len(conn.transact(forms).datoms))
    except _REFUSED as error:
        if len(outcomes) > 1:
            return _halves(conn, source, outcomes, policy)
        ((uri, outcome),) = outcomes.items()
        if isinstance(outcome, Failed):
            # Bookkeeping alone was refused: there is nothing left that could be kept.
            raise
        refused = SourceError(
            f"what {source} says of {uri} is refused: {error}", code="source/refused", uri=uri, source=source
        )
        return _written(conn, source, {uri: Failed(refused)}, policy)


def _halves(conn: Connection, source: str | None, outcomes: Mapping[str, Outcome], policy: Policy) -> Recorded:
    items = list(outcomes.items())
    middle = len(items) // 2
    first = _written(conn, source, dict(items[:middle]), policy)
    second = _written(conn, source, dict(items[middle:]), policy)
    return Recorded({**first.outcomes, **second.outcomes}, first.datoms + second.datoms)
