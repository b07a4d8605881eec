"""Tables against the maps their rows stand for: the same datoms, or the same refusal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from factstore.errors import FactstoreError
from factstore.tx import Load, read_table, speculate
from tests.tx.tx_store import Store, changed, person

Columns = dict[str, list[Any]]
Outcome = tuple[str, ...] | tuple[list[tuple[int, str, Any, bool]], dict[Any, int]]

KNOWN = [person("k", name="known", email="k0", badge=1, alias=["p"]), person(name="other", email="k1")]
MAY = datetime(2024, 5, 1, tzinfo=UTC)
LOOKUP = ["person/email", "k0"]
CELLS: dict[str, list[Any]] = {
    "db/id": ["a", "b", -1, "K", "K", LOOKUP, ("person/email", "e1"), ":no/ident"],
    "person/name": ["x", "y", "known"] * 4 + [7, ["x"]],
    "person/email": ["k0", "e1", "e2", "e3", "e4"],
    "person/badge": [1, 2, 3, 4, 5],
    "person/age": [1, 2, 3] * 4 + [2**63, 1.0, True],
    "person/score": [1.5, 2, -0.0] * 4 + [math.nan, 2**53 + 1],
    "person/admin": [True, False, True, False, 1],
    "person/born": [MAY, MAY.astimezone(timezone(timedelta(hours=2))), MAY, MAY.replace(tzinfo=None)],
    "person/alias": ["p", "q", ["p", "q"], ["q", "r"], {"q"}, (), ["p", 1], [None]],
    "person/friend": ["a", -1, "K", LOOKUP, ["a", -1], ["K", "b"], [LOOKUP, "a"], {"person/email": "e1"}, ["a", None]],
    "person/boss": ["a", "b", -1, "K", LOOKUP, {"person/email": "e9", "person/name": "boss"}, ["a"], True],
    "person/desk": ["a", "K", LOOKUP],
    "person/part": [{"home/street": "S"}, [{"home/street": "S"}, "a"]],
    "person/_boss": ["a", ["a", "K"], LOOKUP],
    "person/point": [(1, "a"), [2, "b"], (1,), "p"],
    "reg/course": ["c", "d"],
    "reg/year": [1, 2],
}


def cell(name: str) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), st.sampled_from(CELLS[name]), st.sampled_from(CELLS[name]))


@st.composite
def tables(draw: st.DrawFn) -> Columns:
    height = draw(st.integers(0, 4))
    names = draw(st.lists(st.sampled_from(list(CELLS)), unique=True, max_size=5))
    return {name: draw(st.lists(cell(name), min_size=height, max_size=height)) for name in names}


def maps(columns: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    """What the rows of a table stand for."""
    rows = zip(*columns.values(), strict=True)
    return [{name: v for name, v in zip(columns, row, strict=True) if v is not None} for row in rows]


def known() -> Store:
    store = Store()
    store.transact(KNOWN)
    return store


DB = known().db
ID = DB.entid(LOOKUP)


def outcome(data: Any) -> Outcome:
    """What would change, or why nothing may."""
    try:
        report = speculate(DB, data, now=MAY)
    except FactstoreError as error:
        return (error.code,)
    return changed(report), dict(report.tempids)


def with_ids(columns: Columns) -> Columns:
    """``"K"`` where the id of the known entity is meant."""
    return {name: [_with_id(value) for value in column] for name, column in columns.items()}


def _with_id(value: Any) -> Any:
    return [_with_id(item) for item in value] if isinstance(value, list) else ID if value == "K" else value


@settings(max_examples=400)
@given(tables().map(with_ids))
def test_a_table_means_the_maps_its_rows_stand_for(columns: Columns) -> None:
    assert outcome(Load(read_table(columns))) == outcome(maps(columns))
