"""Taking facts out for good: gone from every view, every table and every process, and on record."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from factstore import Connection, Datom, FactstoreError, connect
from factstore.datom import TX0
from factstore.log import Log, MemoryLog
from factstore.postgres import PostgresLog
from tests import pg
from tests.contract import replay
from tests.contract.conftest import SYSTEM

START = datetime(2024, 1, 1, tzinfo=UTC)


def attribute(name: str, type: str, many: bool = False, **more: Any) -> dict[str, Any]:
    return {
        "db/ident": name,
        "db/valueType": f"db.type/{type}",
        "db/cardinality": f"db.cardinality/{'many' if many else 'one'}",
        **{f"db/{key}": value for key, value in more.items()},
    }


SCHEMA = [
    attribute("p/name", "string", unique="db.unique/identity"),
    attribute("p/mail", "string", many=True),
    attribute("p/pay", "long"),
    attribute("p/note", "string", noHistory=True),
    attribute("p/seen", "tuple", many=True, tupleTypes=("db.type/string", "db.type/long")),
    attribute("p/friend", "ref", many=True),
    attribute("p/mail+pay", "tuple", tupleAttrs=("p/name", "p/pay")),
    attribute("p/mood", "ref"),
]


def on(day: int) -> dict[str, Any]:
    return {"db/id": "db/current-tx", "db/txInstant": START + timedelta(days=day)}


@pytest.fixture
def conn(log: Log) -> Connection:
    """Ann and Bob at t = 2, Ann's changes at 3 and 4, Bob's at 5; t was on that day of January."""
    found = Connection(log)
    found.transact([*SCHEMA, on(1)])
    ann = {"p/name": "ann", "p/mail": ["ann@old", "shared@x"], "p/pay": 4711, "p/note": "note 1"}
    bob = {"p/name": "bob", "p/mail": "shared@x", "p/friend": [["p/name", "ann"]], "p/seen": [("ann@old", 1)]}
    found.transact([{**ann, "db/id": "ann", "p/seen": [("home", 7)]}, {**bob, "p/friend": ["ann"]}, on(2)])
    found.transact([["db/retract", ["p/name", "ann"], "p/mail", "ann@old"], {"p/name": "ann", "p/pay": 4712}, on(3)])
    found.transact([{"p/name": "ann", "p/mail": "ann@new", "p/note": "note 2"}, on(4)])
    found.transact([{"p/name": "bob", "p/pay": 1, "p/mood": {"db/ident": "mood/secret"}}, on(5)])
    return found


@pytest.fixture
def other(conn: Connection, log: Log) -> Iterator[Connection]:
    """A second process, as far as it holds anything of its own, that has loaded everything."""
    if isinstance(log, MemoryLog):
        other = Connection(log)
        everything(other)
        yield other
        return
    assert isinstance(log, PostgresLog)
    with connect(log.dsn, schema=log.channel.removesuffix("_commits")) as found:
        everything(found)
        yield found


def everything(conn: Connection) -> set[Datom]:
    """Every user's datom of history, by every way there is to it."""
    db = conn.db()
    found = {d for d in db.history().datoms("eavt") if d.a.startswith("p/") and d.tx > TX0 + 1}
    by_attribute = {d for a in db.schema if a.ident.startswith("p/") for d in db.history().datoms(a.ident)}
    now = {d for a in db.schema if a.ident.startswith("p/") for d in db.datoms(a.ident)}
    past = {d for t in range(db.basis_t) for d in db.as_of(t).datoms("p/mail")} if db.basis_t else set()
    logged = {d for commit in conn.log() for d in commit.datoms if d.a.startswith("p/")}
    assert found == by_attribute >= now
    # What noHistory forgets is in the log alone.
    assert {d for d in logged if d.a != "p/note"} >= {d for d in found if d.a != "p/note"}
    return found | past | logged


def entity(conn: Connection, name: str) -> int:
    found = conn.db().entid(["p/name", name])
    assert found is not None
    return found


def test_an_entity_goes_from_every_view_and_process(conn, other) -> None:
    ann, before = entity(conn, "ann"), everything(conn)
    excised = conn.excise(["p/name", "ann"])
    left = {d for d in before if d.e != ann}
    assert everything(conn) == everything(other) == left
    assert excised.datoms == len(before) - len(left) == 15
    assert (conn.db().entid(["p/name", "ann"]), other.db().entid(["p/name", "ann"])) == (None, None)
    assert (excised.report.t, conn.db().basis_t, other.db().basis_t) == (6, 6, 6)


def test_refs_to_an_entity_stay(conn) -> None:
    ann = entity(conn, "ann")
    conn.excise(ann)
    assert [d.e for d in conn.db().datoms("vaet", ann, "p/friend")] == [entity(conn, "bob")]


def test_only_some_attributes_of_an_entity_go(conn, other) -> None:
    ann, before = entity(conn, "ann"), everything(conn)
    conn.excise(ann, attrs=["p/pay"])
    # A composite tuple holds the values of its attributes.
    left = {d for d in before if d.e != ann or d.a not in ("p/pay", "p/mail+pay")}
    assert everything(conn) == everything(other) == left


def test_a_composite_goes_with_a_part_that_was_renamed(conn) -> None:
    conn.transact([{"db/id": "p/pay", "db/ident": "p/salary"}])
    ann = conn.db().entid_strict(["p/name", "ann"])
    conn.excise(ann, attrs=["p/salary"])
    assert list(conn.db().history().datoms("p/mail+pay", e=ann)) == []


@pytest.mark.parametrize("before", [4, TX0 + 4, START + timedelta(days=4), START + timedelta(days=3, hours=1)])
def test_only_what_was_asserted_before_a_time_goes(conn, other, before) -> None:
    ann, every = entity(conn, "ann"), everything(conn)
    conn.excise(ann, before=before)
    gone = {d[:3] for d in every if d.e == ann and d.added and d.tx < TX0 + 4}
    assert everything(conn) == everything(other) == {d for d in every if d[:3] not in gone}
    assert {d.v for d in conn.db().datoms("eavt", ann)} == {"ann@new", "note 2"}


def test_an_attribute_goes_from_all_entities(conn, other) -> None:
    before = everything(conn)
    conn.excise("p/mail")
    assert everything(conn) == everything(other) == {d for d in before if d.a != "p/mail"}
    assert conn.transact([{"p/name": "ann", "p/mail": "again@x"}]).db_after.datoms("p/mail")[0].v == "again@x"


def test_what_was_taken_out_is_on_record(conn) -> None:
    ann = entity(conn, "ann")
    conn.excise(ann, attrs=["p/mail", "p/pay"], before=4)
    conn.excise("p/note", before=START)
    found = conn.db().q("[:find ?e (pull ?x [:db.excise/attrs :db.excise/beforeT :db.excise/before]) ?t"
                        " :where [?x :db/excise ?e ?tx] [?tx :db/txInstant ?t]]")  # fmt: skip
    ids = {conn.schema.attribute(name).id for name in ("p/mail", "p/pay")}
    shown = {e: said for e, said, _ in found}
    assert {ref["db/id"] for ref in shown[ann]["db.excise/attrs"]} == ids
    assert (shown[ann]["db.excise/beforeT"], shown[conn.schema.attribute("p/note").id]) == (
        4,
        {"db.excise/before": START},
    )


def test_a_record_outlives_every_excision(conn) -> None:
    [first] = conn.excise(entity(conn, "ann")).report.db_after.datoms("db/excise")
    again = conn.excise(first.e, first.v, first.tx, attrs=["p/name"])
    assert again.datoms == 0
    assert first in conn.db().datoms("db/excise")


@pytest.mark.parametrize(
    ("targets", "options", "code"),
    [
        ((), {}, "tx/excise"),
        (("db/doc",), {}, "tx/excise"),
        (("db.type/string",), {}, "tx/excise"),
        ((TX0 + 2,), {}, "tx/excise"),
        ((["p/name", "ann"],), {"attrs": ["db/txInstant"]}, "tx/excise"),
        ((["p/name", "ann"],), {"attrs": ["db/excise"]}, "tx/excise"),
        ((["p/name", "ann"],), {"attrs": "p/mail"}, "tx/excise"),
        (("p/mail",), {"attrs": ["p/mail"]}, "tx/excise"),
        ((["p/name", "nobody"],), {}, "entity/missing"),
        ((["p/name", "ann"],), {"attrs": ["p/none"]}, "schema/unknown-attribute"),
        ((["p/name", "ann"],), {"before": "yesterday"}, "db/no-such-time"),
        ((10**9,), {}, "tx/unknown-entity"),
    ],
)
def test_what_may_not_be_taken_out_stays(conn, targets, options, code) -> None:
    before = everything(conn)
    with pytest.raises(FactstoreError) as caught:
        conn.excise(*targets, **options)
    assert caught.value.code == code
    assert (everything(conn), conn.db().basis_t) == (before, 5)


@pytest.mark.parametrize("write", ["transact", "with"])
def test_nobody_records_an_excision_that_was_none(conn, write) -> None:
    with pytest.raises(FactstoreError) as caught:
        (conn.transact if write == "transact" else conn.db().with_)([{"db/id": "x", "db/excise": entity(conn, "ann")}])
    assert caught.value.code == "tx/excise"


def test_an_author_goes_from_transactions_that_stay(conn) -> None:
    conn.transact([attribute("tx/author", "string")])
    t = conn.transact([{"db/id": "db/current-tx", "tx/author": "ann"}]).t
    assert conn.excise(TX0 + t, attrs=["tx/author"]).datoms == 1
    assert [(d.a, d.tx) for d in conn.db().datoms("eavt", TX0 + t)] == [("db/txInstant", TX0 + t)]


def test_a_name_that_was_an_ident_names_nothing(conn, other) -> None:
    assert other.db().entid("mood/secret") is not None
    conn.excise("mood/secret")
    assert (conn.db().entid("mood/secret"), other.db().entid("mood/secret")) == (None, None)
    assert other.schema.ident(entity(other, "bob")) is None


def test_a_value_that_was_taken_out_can_be_written_again_by_anyone(conn, other) -> None:
    conn.excise(entity(conn, "ann"))
    for n, writer in enumerate((other, conn)):
        report = writer.transact([{"db/id": "x", "p/mail": ["ann@new", "ann@old"], "p/pay": n}])
        assert {d.v for d in report.db_after.datoms("eavt", report.tempids["x"], "p/mail")} == {"ann@new", "ann@old"}
        assert everything(conn) == everything(other)


def test_listeners_see_the_excision_and_nothing_it_took(conn, other) -> None:
    ann = entity(conn, "ann")
    with other.listen(timeout=0) as reports, other.listen(after=0, timeout=0) as late:
        conn.excise(ann)
        conn.transact([{"p/name": "eve"}])
        first, second = list(reports)
        assert [d.a for d in first.datoms if d.e < TX0] == ["db/excise"]
        assert {d.v for d in second.db_after.datoms("p/name")} == {"bob", "eve"}
        assert ann not in {d.e for report in late for d in report.datoms}


def test_a_slow_listener_lets_go_of_what_it_has_read_ahead(conn, other) -> None:
    ann = entity(conn, "ann")
    reports = conn.listen(after=0, timeout=0)
    assert [next(reports).t, next(reports).t] == [1, 2]
    kept = conn.db().as_of(3)
    other.excise(ann)
    conn.db()
    rest = list(reports)
    assert [report.t for report in rest] == [3, 4, 5, 6]
    assert ann not in {d.e for report in rest for d in report.datoms}
    assert rest[0].db_before.datoms("eavt", ann) == kept.datoms("eavt", ann) == []


def test_an_older_value_shows_numbers_it_holds_and_no_word(conn) -> None:
    old = conn.db()
    assert (len(old.datoms("p/mail")), {d.v for d in old.datoms("p/pay")}) == (3, {4712, 1})
    conn.excise(entity(conn, "ann"))
    assert {d.v for d in old.datoms("p/pay")} == {4712, 1}
    with pytest.raises(FactstoreError) as caught:
        list(old.datoms("p/mail"))
    assert caught.value.code == "log/unknown-code"


def test_random_excisions_agree_with_sets(conn, other) -> None:
    draw = random.Random(3)
    names = ["p/mail", "p/pay", "p/seen", "p/friend"]
    made = conn.transact([{"db/id": str(n), "p/name": f"person {n}"} for n in range(4)])
    people = [made.tempids[str(n)] for n in range(4)]
    values: dict[str, list[Any]] = {"p/mail": ["a", "b", "c"], "p/pay": [1, 2], "p/seen": [("a", 1), ("b", None)]}
    for round in range(25):
        for writer in (conn, other):
            said = {(draw.choice(people), a): draw.choice(values.get(a, people)) for a in draw.sample(names, 2)}
            writer.transact([["db/add", *key, value] for key, value in said.items()])
            held = [d for name in names for d in writer.db().datoms(name)]
            writer.transact([["db/retract", *draw.choice(held)[:3]]])
        if round % 5 == 4:
            before, limit = everything(conn), draw.choice([None, draw.randint(6, conn.db().basis_t + 1)])
            targets = draw.choice([draw.sample(people, 2), ["p/mail"], ["p/pay", people[0]]])
            ids = {conn.db().entid(target) for target in targets}
            draw.choice((conn, other)).excise(*targets, before=limit)
            expected = spared(before, ids, {str(t) for t in targets}, limit)
            assert everything(conn) == everything(other) == expected
    if isinstance(conn._log, PostgresLog):
        conn.excise("p/note")  # whose lives only the log knows
        with psycopg.connect(conn._log.dsn) as session:
            replay.check(session, conn._log.channel.removesuffix("_commits"))


def spared(every: set[Datom], ids: set[Any], names: set[str], limit: int | None) -> set[Datom]:
    """What stays of a history: each retraction goes where the assertion before it goes."""
    composite = {"p/mail+pay"} if "p/pay" in names else set()
    began: dict[Any, int] = {}
    left = set()
    for d in sorted(every, key=lambda d: d.tx):
        if d.added:
            began[d[:3]] = d.tx
        meant = d.e in ids or str(d.a) in names | composite
        if not meant or (limit is not None and began[d[:3]] >= TX0 + limit):
            left.add(d)
    return left


# What follows is about PostgreSQL alone.


def texts(dsn: str, schema: str) -> str:
    """All that any table of the store, or the planner's statistics of it, says, as text."""
    with psycopg.connect(dsn) as session:
        tables = [row[0] for row in session.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = %s AND c.relkind = 'r'", [schema])]  # fmt: skip
        assert {"log", "dict", "facts_live", "facts_hist"} <= set(tables)
        said = [str(row[0]) for t in tables for row in session.execute(f'SELECT x::text FROM "{schema}"."{t}" x')]
        said += [str(row) for row in session.execute("SELECT * FROM pg_stats WHERE schemaname = %s", [schema])]
        return "\n".join(said)


@pytest.mark.parametrize("log", ["embedded", SYSTEM], indirect=True)
def test_a_value_is_in_no_table_and_no_statistic(conn, log) -> None:
    dsn = log.dsn
    schema = log.channel.removesuffix("_commits")
    with psycopg.connect(dsn, autocommit=True) as session:
        session.execute(log._sql["analyze"])
    secrets = ["ann@new", "note 1", "note 2", "4711", "4712", b"home".hex()]
    assert all(secret in texts(dsn, schema) for secret in secrets)
    conn.excise(["p/name", "ann"])
    left = texts(dsn, schema)
    assert [secret for secret in secrets if secret in left] == []
    # Another entity's, as a value and inside of a tuple.
    assert "shared@x" in left
    assert b"ann@old".hex() in left


@pytest.mark.parametrize("log", ["embedded", SYSTEM], indirect=True)
def test_the_log_is_append_only_again(conn, log) -> None:
    dsn = log.dsn
    conn.excise(entity(conn, "ann"))
    schema = log.channel.removesuffix("_commits")
    with psycopg.connect(dsn) as session, pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        session.execute(f'DELETE FROM "{schema}".log')


@pytest.mark.parametrize("log", ["embedded", SYSTEM], indirect=True)
def test_an_excision_that_breaks_leaves_everything(conn, log, monkeypatch) -> None:
    before = everything(conn)
    monkeypatch.setitem(log._sql, "excise_dict", "SELECT 1/0")
    with pytest.raises(FactstoreError):
        conn.excise(entity(conn, "ann"))
    assert (everything(conn), conn.db().basis_t) == (before, 5)
    assert conn.transact([{"p/name": "eve"}]).t == 6


@pytest.mark.parametrize("log", ["embedded", SYSTEM], indirect=True)
def test_who_does_not_own_the_store_cannot_excise(conn, log) -> None:
    dsn = log.dsn
    schema, role = log.channel.removesuffix("_commits"), f"{pg.fresh_schema()}_writer"
    with psycopg.connect(dsn, autocommit=True) as session:
        session.execute(f'CREATE ROLE "{role}"')
        session.execute(f'GRANT USAGE ON SCHEMA "{schema}" TO "{role}"')
        # Even a role that was given too much: only who owns the log can open it.
        session.execute(f'GRANT ALL ON ALL TABLES IN SCHEMA "{schema}" TO "{role}"')
    try:
        with connect(f"{dsn}{'&' if '?' in dsn else '?'}options=-crole%3D{role}", schema=schema) as writer:
            assert writer.transact([{"p/name": "eve"}]).t == 6
            with pytest.raises(FactstoreError) as caught:
                writer.excise(["p/name", "ann"])
            assert caught.value.code == "store/permission"
            assert writer.db().entid(["p/name", "ann"]) is not None
    finally:
        with psycopg.connect(dsn, autocommit=True) as session:
            session.execute(f'DROP OWNED BY "{role}"')
            session.execute(f'DROP ROLE "{role}"')
