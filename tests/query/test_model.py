"""The engine gives what a naive evaluator gives, for random queries over random data."""

from __future__ import annotations

import math
from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factstore import Db, QueryError
from tests.model.naive import Naive, NotYet, typed
from tests.query.drawn import Drawn, store

RANDOM = st.randoms(use_true_random=False)
REFUSED = {"query/unbound", "query/or-branches", "query/syntax"}


def bag(rows: Any) -> Counter[Any]:
    """Rows in no order; doubles that were summed in another order are equal still."""
    return Counter(tuple(typed(float(f"{v:.9g}") if isinstance(v, float) else v) for v in row) for row in rows)


def check(db: Db, naive: Naive, query: str, rules: str | None = None) -> bool:
    """Whether the query was answered, and then as the naive evaluator does."""
    try:
        found = db.q(query, rules=rules)
    except QueryError as error:
        if error.code not in REFUSED:
            raise
        if error.code == "query/unbound":
            refused(naive, query)
        return False
    assert bag(found) == bag(naive.q(query)), query
    return True
