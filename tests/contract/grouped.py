"""Random transactions for groups: upserts, replacements, retractions, functions, changes of schema, and mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from unittest.mock import patch

from hypothesis import strategies as st

from factstore import Connection, Db, FactstoreError, conn_commit
from factstore.conn_turns import Entry
from factstore.datom import TX0
from factstore.schema import Ids

KEYS = ("k0", "k1", "k2", "k3")
TEXTS = ("a", "b", "a long text")


def attribute(ident: str, type: str, cardinality: str = "one", **more: Any) -> dict[str, Any]:
    own = {"db/ident": ident, "db/valueType": f"db.type/{type}", "db/cardinality": f"db.cardinality/{cardinality}"}
    return own | {f"db/{name}": value for name, value in more.items()}


SCHEMA = [
    attribute("x/key", "string", unique="db.unique/identity"),
    attribute("x/badge", "long", unique="db.unique/value"),
    attribute("x/count", "long"),
    attribute("x/text", "string"),
    attribute("x/note", "string", noHistory=True),
    attribute("x/tag", "keyword", "many"),
    attribute("x/to", "ref", "many"),
    attribute("x/part", "ref", isComponent=True),
    attribute("x/pair", "tuple", tupleAttrs=["x/count", "x/text"], unique="db.unique/value"),
]


def bump(db: Db, key: str, by: int) -> list[Any]:
    """A counter: what it writes depends on all transactions before it."""
    entity = db.entid(["x/key", key])
    held = [] if entity is None else db.datoms("x/count", e=entity)
    return [{"x/key": key, "x/count": (held[0].v if held else 0) + by}]


def echo(db: Db, key: str) -> list[Any]:
    """Writes what history, text and the log's past say, through every road a function may read by."""
    texts = sorted(db.q("[:find [?t ...] :where [_ :x/text ?t]]"))
    ever = len(db.history().datoms("x/text"))
    before = len(db.as_of(max(0, db.basis_t - 1)).datoms("x/text"))
    after = len(db.with_([{"x/key": "made up", "x/text": "made up"}]).db_after.datoms("x/text"))
    return [{"x/key": key, "x/text": f"{texts} {ever} {before} {after}"}]


FUNCTIONS = {"bump": bump, "echo": echo}

_key = st.sampled_from(KEYS)
_ref = _key.map(lambda key: ["x/key", key])
_value = st.one_of(
    st.tuples(st.just("x/count"), st.integers(0, 3)),
    st.tuples(st.just("x/text"), st.sampled_from(TEXTS)),
    st.tuples(st.just("x/note"), st.sampled_from(TEXTS)),
    st.tuples(st.just("x/tag"), st.sampled_from(("t/a", "t/b"))),
    st.tuples(st.just("x/badge"), st.integers(1, 3)),
)
_form = st.one_of(
    st.builds(lambda key, *said: {"x/key": key, **dict(said)}, _key, _value, _value),
    st.builds(lambda key, other: {"x/key": key, "x/to": [{"x/key": other}]}, _key, _key),
    st.builds(lambda key, text: {"x/key": key, "x/part": {"x/text": text}}, _key, st.sampled_from(TEXTS)),
    st.builds(lambda ref, said: ["db/add", ref, *said], _ref, _value),
    st.builds(lambda ref, said: ["db/retract", ref, *said], _ref, _value),
    st.builds(lambda ref, said: ["db/retract", ref, said[0]], _ref, _value),
    st.builds(lambda ref: ["db/retractEntity", ref], _ref),
    st.builds(lambda ref, old, new: ["db/cas", ref, "x/count", old, new], _ref, st.integers(0, 2), st.integers(0, 2)),
    st.builds(lambda key, by: ["bump", key, by], _key, st.integers(1, 2)),
    st.builds(lambda key: ["echo", key], _key),
    st.builds(lambda key: {"x/key": key, "x/count": "no number"}, _key),
    st.sampled_from([["db/add", "x/text", "db/index", True], ["db/add", "x/text", "db/index", False]]),
    st.builds(lambda n: attribute(f"x/new{n}", "string"), st.integers(0, 1)),
    st.builds(lambda key, n: {"x/key": key, f"x/new{n}": "new"}, _key, st.integers(0, 1)),
)
groups = st.lists(st.lists(st.lists(_form, min_size=1, max_size=3), min_size=1, max_size=6), min_size=1, max_size=4)
"""Groups of transactions of forms."""


def commit(conn: Connection, group: Sequence[Any]) -> list[Any]:
    """Commits a group as one; what became of each."""
    # To be refused as a whole, and tried again one by one, would hide what is wrong with a group.
    with patch.object(conn_commit, "_failed", side_effect=AssertionError("a group was refused as a whole")):
        return commit_somehow(conn, group)


def commit_somehow(conn: Connection, group: Sequence[Any]) -> list[Any]:
    """The same where a group may fail."""
    entries = [Entry(data, conn._commit) for data in group]
    conn._commit(entries)
    return [outcome(entry) for entry in entries]


def outcome(entry: Entry) -> Any:
    """A report as plain data without its instant, or the text of an error."""
    try:
        report = entry.result()
    except FactstoreError as error:
        return str(error)
    datoms = [datom for datom in report.datoms if datom.a != "db/txInstant"]
    views = [sorted(db.datoms("x/text")) for db in (report.db_before, report.db_after)]
    return report.t, report.tempids, datoms, report.db_before.basis_t, report.db_after.basis_t, views


def log_of(conn: Connection) -> list[tuple[Any, ...]]:
    """The log, encoded, without instants; in order of t, and sorted within one."""
    rows = conn.log_range()
    columns = (rows.tx - TX0, rows.e, rows.a, rows.vt, rows.v, rows.added)
    return sorted(row for row in zip(*(column.tolist() for column in columns), strict=True) if row[2] != Ids.TX_INSTANT)


def lives_of(conn: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """The lives of all facts, by attribute."""
    db = conn.db()
    loaded = conn._log.load_intervals([a.id for a in db.schema if a.id != Ids.TX_INSTANT], db.basis_t)
    return {
        str(db.ident(a)): sorted(zip(*(column.tolist() for column in lives), strict=True))
        for a, lives in loaded.items()
    }


def instants_increase(conn: Connection) -> bool:
    """Whether each transaction has an instant after the one before."""
    instants = [commit.instant for commit in conn.log()]
    return instants == sorted(set(instants))
