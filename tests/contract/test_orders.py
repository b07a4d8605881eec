"""The four orders, through every view, against sorted sets of tuples."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factstore import Connection, Datom, Db, FactstoreError, Keyword
from factstore.columns import LogRows
from factstore.datom import TX0
from factstore.log import Log, MemoryLog, values_in
from factstore.postgres import PostgresLog
from tests import pg

VALUES: dict[str, list[Any]] = {
    "o/text": ["", "a", "B", "aa", "é", "\U0001f600", "\uffff", "z\0"],
    "o/tag": [Keyword("b/a"), Keyword("a.b/c"), Keyword("a/b"), Keyword("z")],
    "o/long": [-(2**63), -1, 0, 7, 2**63 - 1],
    "o/score": [-1e300, -1.5, 0.0, 2.5],
    "o/uuid": [UUID(int=1), UUID(int=2**127), UUID(int=2**64)],
    "o/big": [10**30, -(10**30), 5],
    "o/ok": [False, True],
    "o/pair": [("b", 1), ("a", None), ("a", 5), (None, 3), ("a", -1)],
}
TYPES = {
    "o/text": "string",
    "o/tag": "keyword",
    "o/long": "long",
    "o/score": "double",
    "o/uuid": "uuid",
    "o/big": "bigint",
    "o/ok": "boolean",
    "o/pair": "tuple",
    "o/ref": "ref",
    "o/one": "ref",
}
INDEXED = {"o/text", "o/tag", "o/pair", "o/ref", "o/big"}
ENTITIES = 6


def _definition(name: str, type: str) -> dict[str, Any]:
    many = "db.cardinality/one" if name in ("o/one", "o/score") else "db.cardinality/many"
    more: dict[str, Any] = {"db/index": True} if name in INDEXED else {}
    if type == "tuple":
        many = "db.cardinality/one"
        more["db/tupleTypes"] = ("db.type/string", "db.type/long")
    return {"db/ident": name, "db/valueType": f"db.type/{type}", "db/cardinality": many, **more}


class Told(NamedTuple):
    """A store, and every operation in its log."""

    conn: Connection
    entities: list[int]
    operations: list[Datom]


def _told(log: Log) -> Told:
    conn, draw = Connection(log), random.Random(7)
    conn.transact([_definition(name, type) for name, type in TYPES.items()])
    made = conn.transact([{"db/id": str(n), "db/ident": f"e/{n}"} for n in range(ENTITIES)])
    entities = [made.tempids[str(n)] for n in range(ENTITIES)]
    for _ in range(12):
        wanted = {(draw.choice(entities), name): name for name in draw.sample(sorted(TYPES), 6)}
        held = [list(d[:3]) for name in TYPES for d in conn.db().datoms(name)]
        gone = [each for each in draw.sample(held, min(3, len(held))) if tuple(each[:2]) not in wanted]
        said = [["db/add", *key, draw.choice(VALUES.get(name, entities))] for key, name in wanted.items()]
        conn.transact([*said, *(["db/retract", *each] for each in gone)])
    return Told(conn, entities, _operations(log, conn.db()))


def _operations(log: Log, db: Db) -> list[Datom]:
    rows: LogRows = log.read(-1)
    columns = (rows.e.tolist(), rows.a.tolist(), values_in(rows, log.dictionary), rows.tx.tolist(), rows.added.tolist())
    return [Datom(e, db.schema.attribute(a).ident, *rest) for e, a, *rest in zip(*columns, strict=True)]


@pytest.fixture(scope="module", params=["memory", "postgres"])
def told(request: pytest.FixtureRequest) -> Iterator[Told]:
    if request.param == "memory":
        yield _told(MemoryLog())
        return
    dsn, schema = request.getfixturevalue("servers").dsn("embedded"), pg.fresh_schema()
    log = PostgresLog(dsn, schema)
    yield _told(log)
    log.close()
    pg.drop_schema(dsn, schema)


class Seen(NamedTuple):
    """A view, and what it must show."""

    db: Db
    operations: list[Datom]
    as_of: int | None = None
    since: int = -1
    history: bool = False
    passes: tuple[Callable[[Datom], bool], ...] = ()

    def shown(self) -> list[Datom]:
        last = self.db.basis_t if self.as_of is None else self.as_of
        told = [d for d in self.operations if d.tx <= TX0 + last]
        if not self.history:
            held: dict[Any, Datom] = {}
            for d in sorted(told, key=lambda d: (d.tx, d.added)):
                key = (d.e, d.a, type(d.v), d.v)
                held.pop(key, None)
                if d.added:
                    held[key] = d
            told = list(held.values())
        return [d for d in told if d.tx > TX0 + self.since and all(passes(d) for passes in self.passes)]


STEPS = ["as_of", "since", "history", "even", "assertions", "with"]


def viewed(told: Told, steps: list[tuple[str, int]]) -> Seen:
    seen = Seen(told.conn.db(), told.operations)
    for step, t in steps:
        if step == "as_of":
            seen = seen._replace(db=seen.db.as_of(t), as_of=t if seen.as_of is None else min(t, seen.as_of))
        elif step == "since":
            seen = seen._replace(db=seen.db.since(t), since=max(t, seen.since))
        elif step == "history":
            seen = seen._replace(db=seen.db.history(), history=True)
        elif step == "with":
            seen = _speculated(seen, told.entities, t)
        else:
            passes = _even if step == "even" else _added
            seen = seen._replace(
                db=seen.db.filter(lambda _, d, passes=passes: passes(d)), passes=(*seen.passes, passes)
            )
    return seen


def _even(datom: Datom) -> bool:
    return datom.e % 2 == 0 or datom.a == "db/ident"


def _added(datom: Datom) -> bool:
    return datom.added or datom.a == "o/text"


def _speculated(seen: Seen, entities: list[int], t: int) -> Seen:
    if seen.as_of is not None and seen.as_of < 2:
        return seen  # there are no entities yet
    data: list[Any] = [
        {"db/id": entities[t % ENTITIES], "o/text": f"new {t}", "o/ref": entities[0], "o/score": float(t)},
        {"db/id": "new", "o/tag": Keyword("m/m"), "o/ref": entities[t % 2]},
    ]
    below = seen.operations if seen.as_of is None else [d for d in seen.operations if d.tx <= TX0 + seen.as_of]
    report = seen.db.with_(data)
    return seen._replace(db=report.db_after, operations=[*below, *report.datoms], as_of=None)


def _value_key(value: Any) -> Any:
    return [(item is not None, item) for item in value] if isinstance(value, tuple) else value


def key(db: Db, index: str, datom: Datom) -> tuple[Any, ...]:
    columns = {"e": datom.e, "a": db.schema.attribute(datom.a).id, "v": _value_key(datom.v), "t": datom.tx}
    return tuple(columns[letter] for letter in index)


def in_index(db: Db, index: str, datom: Datom) -> bool:
    attribute = db.schema.attribute(datom.a)
    return {"avet": attribute.by_value, "vaet": attribute.is_ref}.get(index, True)


cases = st.tuples(
    st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 16)), max_size=3),
    st.sampled_from(["eavt", "aevt", "avet", "vaet"]),
    st.integers(0, 4),
    st.randoms(use_true_random=False),
)


@given(cases)
@settings(max_examples=80)
def test_orders_agree_with_sorted_sets_in_every_view(told: Told, case: Any) -> None:
    steps, index, depth, draw = case
    seen = viewed(told, steps)
    db = seen.db
    every = [d for d in seen.shown() if in_index(db, index, d)]
    every.sort(key=lambda d: (key(db, index, d), not d.added))
    # A place that something was at once, whether or not this view shows it.
    known = draw.choice([d for d in seen.operations if in_index(db, index, d)])
    letters = {"e": known.e, "a": known.a, "v": known.v, "t": known.tx}
    components = [letters[letter] for letter in index[:depth]]
    place = key(db, index, known)[:depth]
    assert list(db.datoms(index, *components)) == [d for d in every if key(db, index, d)[:depth] == place]
    assert list(db.seek_datoms(index, *components)) == [d for d in every if key(db, index, d)[:depth] >= place]
    back = [d for d in reversed(every) if key(db, index, d)[:depth] <= place]
    assert list(db.rseek_datoms(index, *components)) == back


@given(st.sampled_from(sorted(INDEXED - {"o/ref"})), st.data())
@settings(max_examples=40)
def test_a_range_is_from_its_start_and_below_its_end(told: Told, name: str, data: Any) -> None:
    seen = viewed(told, data.draw(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 16)), max_size=2)))
    ends = st.none() | st.sampled_from(VALUES[name])
    start, end = data.draw(ends), data.draw(ends)
    wanted = [d for d in seen.shown() if d.a == name]
    wanted = [d for d in wanted if start is None or _value_key(d.v) >= _value_key(start)]
    wanted = [d for d in wanted if end is None or _value_key(d.v) < _value_key(end)]
    wanted.sort(key=lambda d: (_value_key(d.v), d.e, d.tx, not d.added))
    assert list(seen.db.index_range(name, start, end)) == wanted


def test_a_range_may_begin_and_end_at_values_nobody_has(told: Told) -> None:
    db = told.conn.db()
    found = [d.v for d in db.index_range("o/text", "a", "b")]
    assert found == sorted(v for v in (d.v for d in db.datoms("o/text")) if "a" <= v < "b")


def test_the_instant_of_a_transaction_is_a_place(told: Told) -> None:
    db = told.conn.db()
    first = db.index_range("db/txInstant", datetime(2000, 1, 1, tzinfo=UTC))[0]
    assert (first.e, db.datoms("eavt", first.e, "db/txInstant", first.v, first.v)[0]) == (TX0 + 1, first)


def test_a_speculation_ends_lives_in_every_order(told: Told) -> None:
    held = next(d for d in told.conn.db().datoms("o/ref"))
    report = told.conn.db().with_([["db/retract", held.e, "o/ref", held.v]])
    db, gone = report.db_after.history(), held._replace(tx=report.tx, added=False)
    assert db.datoms("eavt", held.e, "o/ref", held.v)[-2:] == [held, gone]
    assert db.datoms("vaet", held.v, "o/ref", held.e)[-2:] == [held, gone]
    assert held not in report.db_after.datoms("vaet", held.v)


def test_an_entity_is_read_without_loading_its_attributes(told: Told) -> None:
    conn = Connection(told.conn._log)
    db = conn.db()
    assert len(db.datoms("eavt", told.entities[0])) > 3
    assert len(db.history().datoms("eavt", told.entities[0])) > 3
    assert sum(len(db.datoms("vaet", e)) for e in told.entities) > 0
    assert db.seek_datoms("eavt", told.entities[0])[0].e == told.entities[0]
    assert not any(db.holds(attribute) for attribute in db.schema)


@pytest.mark.parametrize(
    ("index", "components", "code"),
    [
        ("veat", (), "db/no-such-index"),
        ("eavt", (1, None, 2), "db/bad-components"),
        ("eavt", (1, "db/ident", "x", 1, 5), "db/bad-components"),
        ("avet", ("o/long", 7), "db/not-indexed"),
        ("vaet", (256, "o/long"), "db/not-indexed"),
        ("eavt", ("e/none",), "entity/missing"),
        ("aevt", ("o/none",), "schema/unknown-attribute"),
        ("avet", ("o/text", 5), "value/wrong-type"),
        ("eavt", (1, "db/ident", "x", "yesterday"), "db/no-such-time"),
    ],
)
def test_what_is_no_place_is_refused_before_anything_is_read(
    told: Told, index: str, components: Any, code: str
) -> None:
    with pytest.raises(FactstoreError) as caught:
        told.conn.db().seek_datoms(index, *components)
    assert caught.value.code == code


def test_the_name_of_an_attribute_stands_for_its_order(told: Told) -> None:
    db = told.conn.db()
    e = db.datoms("o/ref")[0].v
    assert db.datoms("o/ref", e=e) == db.datoms("aevt", "o/ref", e) == db.datoms("o/ref", e)
    assert [d.v for d in db.datoms("o/ref", v=e)] == [e] * len(db.datoms("vaet", e, "o/ref"))
    assert db.datoms("o/ref", v=e)
    assert db.datoms(":eavt", e) == db.datoms("eavt", e)


def test_a_sequence_of_datoms_is_read_as_far_as_it_is_looked_at(told: Told) -> None:
    datoms, every = told.conn.db().datoms("eavt"), list(told.conn.db().datoms("eavt"))
    assert (len(datoms), datoms[3], datoms[-1], datoms[2:9:3]) == (len(every), every[3], every[-1], every[2:9:3])
    assert (datoms[-3:], list(reversed(datoms))) == (every[-3:], every[::-1])
    with pytest.raises(IndexError):
        datoms[len(every)]


@pytest.mark.parametrize("reverse", [False, True])
def test_an_index_is_pulled_along_one_attribute(told: Told, reverse: bool) -> None:
    db = told.conn.db()
    walk = db.rseek_datoms if reverse else db.seek_datoms
    entities = [d.e for d in walk("avet", "o/text", "aa") if d.a == "o/text"]
    along = [e for n, e in enumerate(entities) if n == 0 or entities[n - 1] != e]
    found = db.index_pull("avet", "[:db/id]", ["o/text", "aa"], reverse=reverse, offset=1, limit=3)
    assert [one["db/id"] for one in found] == along[1:4]


def test_an_index_pull_is_of_a_state_and_begins_in_an_attribute(told: Told) -> None:
    for db, start in ((told.conn.db().history(), ["o/text"]), (told.conn.db(), []), (told.conn.db(), "o/text")):
        with pytest.raises(FactstoreError):
            db.index_pull("avet", "[*]", start)
