"""Row by row or by columns: the same answers and the same errors, in every view; and when which one answers."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from factstore import Db, QueryError
from tests.query.drawn import Drawn, DrawnRules, store
from tests.query.test_model import bag

RANDOM = st.integers(0, 2**32).map(Random)
CASES = settings().max_examples
DECLINED = "query/not-by-rows"


def answered(db: Db, engine: str, query: str, *inputs: Any, **more: Any) -> Any:
    """The rows of a query as a bag, or the code of its error."""
    try:
        found = db.q(query, *inputs, engine=engine, **more)
    except QueryError as error:
        return error.code
    return bag(found)


def agree(db: Db, query: str, *inputs: Any, **more: Any) -> bool:
    """Whether it was answered row by row; both engines must agree if so."""
    by_rows = answered(db, "rows", query, *inputs, **more)
    if by_rows == DECLINED:
        return False
    columns = answered(db, "columns", query, *inputs, **more)
    # Rows one engine never sees, because it took others away first, may be of the wrong type.
    assert columns in (by_rows, "query/type-mismatch"), (query, inputs, more)
    return not isinstance(by_rows, str)


def shares(found: Counter[bool]) -> float:
    return found[True] / max(found.total(), 1)


def test_queries() -> None:
    """Queries of every clause kind; many of them are for few rows."""
    seen: Counter[bool] = Counter()

    @given(RANDOM)
    @settings(max_examples=CASES)
    def run(r: Random) -> None:
        drawn = store(r)
        for _ in range(8):
            seen[agree(drawn.db, Drawn(r, drawn).query())] += 1

    run()
    assert shares(seen) > 0.3


def test_inputs() -> None:
    seen: Counter[bool] = Counter()

    @given(RANDOM)
    @settings(max_examples=CASES)
    def run(r: Random) -> None:
        drawn = store(r)
        for _ in range(8):
            query, inputs = Drawn(r, drawn).query_with_inputs()
            seen[agree(drawn.db, query, *inputs)] += 1

    run()
    assert shares(seen) > 0.3


def test_rules() -> None:
    """Rules of any recursion, with any mix of bound and free arguments."""
    seen: Counter[bool] = Counter()

    @given(RANDOM)
    @settings(max_examples=2 * CASES)
    def run(r: Random) -> None:
        drawn = store(r)
        rules = DrawnRules(r, drawn)
        text = rules.text()
        for _ in range(4):
            seen[agree(drawn.db, rules.query(), rules=text)] += 1

    run()
    assert shares(seen) > 0.3


@given(RANDOM)
@settings(max_examples=CASES)
def test_views(r: Random) -> None:
    drawn = store(r, transactions=3)
    t = r.randint(1, drawn.db.basis_t)
    more = drawn.db.with_([["db/add", e, "a/name", f"m{e}"] for e in drawn.ids() if e % 2]).db_after
    odd = drawn.db.filter(lambda _, datom: datom.e % 2 == 1 or datom.a == "a/name")
    for db in (drawn.db.as_of(t), drawn.db.since(t), drawn.db.as_of(t).since(t - 1), odd, more):
        for _ in range(2):
            agree(db, Drawn(r, drawn, without=["lookup refs"]).query())
