"""Row by row as by columns, for random queries over random data, in every view."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from factstore import Db, QueryError, Result
from tests.query.drawn import Drawn, DrawnRules, store_of
from tests.query.test_model import bag

RANDOM = st.integers(0, 2**32).map(Random)
CASES = max(settings().max_examples // 4, 5)


def answered(db: Db, engine: str, query: str, *inputs: Any, **more: Any) -> Any:
    """The rows of a query as a bag, its one row or value, or the code of its error."""
    try:
        found = db.q(query, *inputs, engine=engine, **more)
    except QueryError as error:
        return error.code
    return bag(found) if isinstance(found, Result) else bag([found])


def agree(db: Db, query: str, *inputs: Any, **more: Any) -> str:
    """How it was answered: both ways alike, by columns alone, or not at all."""
    columns = answered(db, "columns", query, *inputs, **more)
    rows = answered(db, "rows", query, *inputs, **more)
    if rows == "query/not-by-rows":
        return "columns"
    # Rows that one engine never sees, because it took others away first, may be of the wrong type.
    assert columns in (rows, "query/type-mismatch"), (query, inputs, more)
    return "error" if isinstance(rows, str) else "both"


def most_are_answered(seen: Counter[str]) -> None:
    """Raises unless what agrees is much of what could be asked."""
    assert seen["both"] > 0.25 * (seen["both"] + seen["columns"]), seen


def test_queries() -> None:
    seen: Counter[str] = Counter()

    @given(RANDOM)
    @settings(max_examples=CASES)
    def run(r: Random) -> None:
        drawn = store_of(r)
        seen.update(agree(drawn.db, Drawn(r, drawn).query()) for _ in range(12))

    run()
    most_are_answered(seen)


def test_inputs() -> None:
    seen: Counter[str] = Counter()

    @given(RANDOM)
    @settings(max_examples=CASES)
    def run(r: Random) -> None:
        drawn = store_of(r)
        for _ in range(12):
            query, inputs = Drawn(r, drawn).query_with_inputs()
            seen[agree(drawn.db, query, *inputs)] += 1

    run()
    most_are_answered(seen)


def test_rules() -> None:
    """Rules of any recursion, with any mix of bound and free arguments."""
    seen: Counter[str] = Counter()

    @given(RANDOM)
    @settings(max_examples=CASES)
    def run(r: Random) -> None:
        drawn = store_of(r)
        for _ in range(2):
            rules = DrawnRules(r, drawn)
            text = rules.text()
            seen.update(agree(drawn.db, rules.query(), rules=text) for _ in range(4))

    run()
    most_are_answered(seen)


@given(RANDOM)
@settings(max_examples=CASES)
def test_views(r: Random) -> None:
    drawn = store_of(r, transactions=3)
    t = r.randint(1, drawn.db.basis_t)
    more = drawn.db.with_([["db/add", e, "a/name", f"m{e}"] for e in drawn.ids() if e % 2]).db_after
    odd = drawn.db.filter(lambda _, datom: datom.e % 2 == 1 or datom.a == "a/name")
    for db in (drawn.db.as_of(t), drawn.db.since(t), drawn.db.as_of(t).since(t - 1), odd, more):
        for _ in range(2):
            agree(db, Drawn(r, drawn, without=["lookup refs"]).query())
