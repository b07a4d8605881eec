"""An instant that a query is given is the moment, in whatever zone it is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

import factstore
from factstore import Db, InvalidValue

MOMENT = datetime(2020, 1, 1, 12, 0, 0, 1, tzinfo=UTC)
ELSEWHERE = MOMENT.astimezone(timezone(timedelta(hours=5, minutes=30)))


@pytest.fixture
def db() -> Db:
    conn = factstore.connect("memory:")
    attribute = {"db/valueType": "db.type/instant", "db/cardinality": "db.cardinality/one"}
    conn.transact([{"db/ident": "event/at", **attribute}])
    conn.transact([{"event/at": MOMENT}])
    return conn.db()


@pytest.mark.parametrize(
    "where",
    [
        "[_ :event/at ?at]",
        "[_ :event/at ?found] [(= ?found ?at)]",
        "[_ :event/at ?found] [(<= ?found ?at)] [(>= ?found ?at)]",
    ],
)
def test_a_zone_does_not_matter(db: Db, where: str) -> None:
    assert db.q(f"[:find ?at . :in $ ?at :where {where}]", ELSEWHERE) == MOMENT
    assert db.q(f"[:find [?at ...] :in $ [?at ...] :where {where}]", [MOMENT, ELSEWHERE]) == [MOMENT]


def test_no_zone_is_refused(db: Db) -> None:
    with pytest.raises(InvalidValue, match="expected a datetime with a time zone"):
        db.q("[:find ?at . :in $ ?at :where [_ :event/at ?at]]", MOMENT.replace(tzinfo=None))
