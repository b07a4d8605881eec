"""What an owner, a writer and a reader may do, with real roles of a real server."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from typing import NamedTuple

import psycopg
import pytest

import factstore
from factstore import Connection, LogError, StoreError, connect
from factstore.postgres.statements import named
from tests import pg

_NUMBERS = itertools.count()
SCHEMA = [
    {"db/ident": "user/name", "db/valueType": "db.type/string", "db/cardinality": "db.cardinality/one",
     "db/unique": "db.unique/identity"},
    {"db/ident": "user/age", "db/valueType": "db.type/long", "db/cardinality": "db.cardinality/one"},
]  # fmt: skip
AGES = "[:find ?name ?age :where [?e :user/name ?name] [?e :user/age ?age]]"


class Roles(NamedTuple):
    """The addresses of one store for each of three roles, none of them a superuser, and the store's schema."""

    owner: str
    writer: str
    reader: str
    schema: str
    names: tuple[str, str, str]


@pytest.fixture
def roles(dsn: str) -> Iterator[Roles]:
    n = f"{os.getpid()}_{next(_NUMBERS)}"
    # A name that must be quoted: rights for another role, or SQL, would come of it otherwise.
    names = (f"owner_{n}", f'Writer "{n}"', f"reader {n}; -- ")
    with psycopg.connect(dsn, autocommit=True) as admin:
        for name in names:
            admin.execute(f"CREATE ROLE {quoted(name)} LOGIN")
        database = admin.execute("SELECT current_database()").fetchone()[0]
        admin.execute(f"GRANT CREATE ON DATABASE {database} TO {quoted(names[0])}")
        schema = pg.fresh_schema()
        yield Roles(*(psycopg.conninfo.make_conninfo(dsn, user=name) for name in names), schema, names)
        for name in names:
            admin.execute(f"DROP OWNED BY {quoted(name)} CASCADE; DROP ROLE {quoted(name)}")


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def opened(address: str, roles: Roles, **options: object) -> Connection:
    # An address in libpq's other form: connect takes URIs.
    parts = psycopg.conninfo.conninfo_to_dict(address)
    from urllib.parse import quote

    return connect(f"postgresql:///{parts.pop('dbname')}?" + "&".join(f"{k}={quote(str(v))}" for k, v in parts.items()),
                   schema=roles.schema, **options)  # fmt: skip


@pytest.fixture
def owner(roles: Roles) -> Iterator[Connection]:
    with opened(roles.owner, roles) as conn:
        conn.transact(SCHEMA)
        conn.grant(writer=roles.names[1], reader=roles.names[2])
        yield conn


def refused(code: str, call, *arguments: object, **options: object) -> str:
    with pytest.raises(StoreError) as caught:
        call(*arguments, **options)
    assert caught.value.code == code
    assert "\n" not in caught.value.message
    return caught.value.message


def test_a_writer_does_all_that_transactions_do(owner, roles) -> None:
    with opened(roles.writer, roles) as writer:
        writer.transact([{"user/name": "ann", "user/age": 1}, {"user/name": "bob", "user/age": 2}])
        writer.transact([{"user/name": "ann", "user/age": 3}, ["db/retractEntity", ["user/name", "bob"]]])
        writer.transact([["db/add", "user/age", "db/index", True]])  # rewrites a flag on facts that hold and that ended
        writer.transact([{"db/ident": "user/nick", "db/valueType": "db.type/string",
                          "db/cardinality": "db.cardinality/many", "db/doc": "what friends say"}])  # fmt: skip
        assert writer.db().q(AGES) == owner.db().q(AGES) == [("ann", 3)]
        assert writer.db().as_of(2).q(AGES) == [("ann", 1), ("bob", 2)]


def test_statistics_are_made_although_the_writer_owns_nothing(owner, roles, dsn) -> None:
    with opened(roles.writer, roles) as writer:
        writer.transact([{"user/name": f"u{n}", "user/age": n} for n in range(1500)])
    with psycopg.connect(dsn) as admin:
        rows = f"SELECT reltuples FROM pg_class WHERE oid = '\"{roles.schema}\".facts_live'::regclass"
        assert admin.execute(rows).fetchone()[0] > 3000


def test_a_reader_asks_everything_and_writes_nothing(owner, roles) -> None:
    owner.transact([{"user/name": "ann", "user/age": 1}])
    owner.transact([{"user/name": "ann", "user/age": 2}])
    with opened(roles.reader, roles) as reader:
        assert (reader.db().q(AGES), reader.db().as_of(2).q(AGES)) == ([("ann", 2)], [("ann", 1)])
        assert [d.v for d in reader.db().history().datoms("user/age") if d.added] == [1, 2]
        assert len(list(reader.log())) == 3
        assert reader.db().with_([{"user/name": "x"}]).db_after.entid(["user/name", "x"]) is not None
        assert "permission denied for table root" in refused("store/permission", reader.transact, [{"user/name": "x"}])
        owner.transact([{"user/name": "cleo", "user/age": 3}])
        assert len(reader.db().q(AGES)) == 2


def test_people_read_the_view(owner, roles) -> None:
    owner.transact([{"user/name": "ann", "user/age": 1}])
    with psycopg.connect(roles.reader) as session:
        rows = session.execute(
            f"SELECT a, v FROM \"{roles.schema}\".datoms WHERE a LIKE 'user/%' ORDER BY a"
        ).fetchall()
    assert rows == [("user/age", "1"), ("user/name", "ann")]


FORBIDDEN = [
    "UPDATE {s}.log SET e = 1",
    "DELETE FROM {s}.log",
    "TRUNCATE {s}.log",
    "ALTER TABLE {s}.log DISABLE TRIGGER log_append_only",
    "DROP TRIGGER log_append_only ON {s}.log",
    "CREATE OR REPLACE FUNCTION {s}.append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "SET session_replication_role = replica",
    "UPDATE {s}.root SET version = 1",
    "UPDATE {s}.root SET writes_from = 9",
    "DELETE FROM {s}.root",
    "INSERT INTO {s}.root VALUES (2, 0, 0, 0, 1, 1, 1)",
    "UPDATE {s}.dict SET txt = 'x'",
    "DELETE FROM {s}.dict",
    "UPDATE {s}.facts SET v = 1",
    "UPDATE {s}.facts_live SET tx_from = 1",
    "DELETE FROM {s}.facts_hist",
    "TRUNCATE {s}.facts_live",
    "CREATE TABLE {s}.mine ()",
    "CREATE FUNCTION {s}.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "DROP TABLE {s}.facts_hist",
    "ALTER TABLE {s}.root ADD COLUMN x int",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_a_writer_cannot_change_what_was_said(owner, roles, statement) -> None:
    with psycopg.connect(roles.writer, autocommit=True) as session, pytest.raises(psycopg.errors.InsufficientPrivilege):
        session.execute(statement.replace("{s}", f'"{roles.schema}"'))


@pytest.mark.parametrize("what", ["SELECT {s}.refresh_statistics()", "INSERT INTO {s}.log SELECT * FROM {s}.log"])
def test_a_reader_cannot_do_what_a_writer_may(owner, roles, what) -> None:
    with psycopg.connect(roles.reader, autocommit=True) as session, pytest.raises(psycopg.errors.InsufficientPrivilege):
        session.execute(what.replace("{s}", f'"{roles.schema}"'))


def test_no_function_looks_along_the_callers_search_path(owner, roles) -> None:
    """A role that may make functions somewhere must not have them run with another's rights."""
    with psycopg.connect(roles.owner) as session:
        rows = session.execute(
            "SELECT proname, coalesce(proconfig, '{}'), prosqlbody IS NOT NULL, prosecdef FROM pg_proc "
            "WHERE pronamespace = %s::regnamespace", (f'"{roles.schema}"',)
        ).fetchall()  # fmt: skip
    fixed = {name for name, config, parsed, _ in rows if parsed or "search_path=pg_catalog, pg_temp" in config}
    assert fixed == {name for name, *_ in rows}
    assert [name for name, _, _, definer in rows if definer] == ["refresh_statistics"]


HIJACK = """
CREATE FUNCTION public.none(int2, int4) RETURNS int4 LANGUAGE sql AS 'SELECT 0';
CREATE OPERATOR public.& (FUNCTION = public.none, LEFTARG = int2, RIGHTARG = int4)
"""


def test_somebody_elses_operators_are_not_run(owner, roles, dsn) -> None:
    """pg_catalog has no & for an int2 and an int4; one in public fits better than those that it has."""
    with psycopg.connect(dsn, autocommit=True) as admin, opened(roles.writer, roles) as writer:
        ann = writer.transact([{"db/id": "ann", "user/name": "ann"}]).tempids["ann"]
        admin.execute(HIJACK)
        try:
            with opened(roles.writer, roles) as fresh:
                assert fresh.transact([{"db/id": "same", "user/name": "ann"}]).tempids["same"] == ann
        finally:
            admin.execute("DROP FUNCTION public.none CASCADE")


def test_every_table_and_function_is_spoken_of(owner, roles) -> None:
    """What the layout has and grants.sql does not name, a writer cannot use; append_only is its trigger's alone."""
    said = "\n".join(named("grants.sql", roles.schema).values())
    with psycopg.connect(roles.owner) as session:
        tables = session.execute(
            "SELECT relname FROM pg_class WHERE relkind NOT IN ('i', 'I') AND relnamespace = %s::regnamespace",
            (f'"{roles.schema}"',),
        ).fetchall()
        functions = session.execute(
            "SELECT proname FROM pg_proc WHERE pronamespace = %s::regnamespace", (f'"{roles.schema}"',)
        )
        names = {name for (name,) in [*tables, *functions]}
    assert {name for name in names if f'"{roles.schema}".{name}' not in said} == {"append_only"}


def test_a_writer_that_becomes_a_reader_writes_no_more(owner, roles) -> None:
    with opened(roles.writer, roles) as conn:
        conn.transact([{"user/name": "ann"}])
        owner.grant(reader=roles.names[1])
        refused("store/permission", conn.transact, [{"user/name": "bob"}])
        assert conn.db().entid(["user/name", "ann"]) is not None
        owner.revoke(roles.names[1])
        refused("store/permission", conn.db)
    refused("store/permission", opened, roles.writer, roles)


def test_only_the_owner_gives_rights(owner, roles) -> None:
    with opened(roles.writer, roles) as writer:
        refused("store/permission", writer.grant, reader=roles.names[2])


@pytest.mark.parametrize("name", ["nobody here", "", "x" * 64, "a\0b", None, 7])
def test_a_role_that_cannot_be_is_named(owner, name) -> None:
    assert repr(name) in refused("store/bad-role", owner.grant, reader=[name]).replace('"nobody here"', "'nobody here'")


def test_an_owner_keeps_its_rights(owner, roles) -> None:
    assert "owns the store" in refused("store/bad-role", owner.grant, reader=roles.names[0])
    assert "as a writer and as a reader" in refused("store/bad-role", owner.grant, reader="x", writer=["x"])
    owner.transact([{"user/name": "still"}])


def test_the_printed_rights_are_those_given(roles) -> None:
    with opened(roles.owner, roles) as conn:
        conn.transact(SCHEMA)
    with psycopg.connect(roles.owner) as session:
        session.execute(factstore.grants(roles.schema, writer=[roles.names[1]], reader=roles.names[2]))
    with opened(roles.writer, roles) as writer, opened(roles.reader, roles) as reader:
        writer.transact([{"user/name": "ann", "user/age": 1}])
        assert reader.db().q(AGES) == [("ann", 1)]
        refused("store/permission", reader.transact, [])


def test_only_who_may_create_makes_a_store(roles) -> None:
    assert "permission denied for database" in refused("store/permission", opened, roles.writer, roles)


def test_read_only_writes_nothing_whatever_the_role_may(owner, roles) -> None:
    with opened(roles.owner, roles, read_only=True) as conn:
        assert "read-only" in refused("store/permission", conn.transact, [{"user/name": "x"}])
        assert conn.db().basis_t == 1
    other = roles._replace(schema=pg.fresh_schema())
    refused("store/not-a-store", opened, roles.owner, other, read_only=True)
    with opened(roles.owner, other) as conn:
        assert conn.db().basis_t == 0


def test_read_only_makes_no_directory(tmp_path) -> None:
    refused("store/not-a-store", connect, tmp_path / "none", read_only=True)
    assert not (tmp_path / "none").exists()


def test_a_store_in_memory_is_read_only_too_and_has_no_roles() -> None:
    with connect("memory:roles") as conn:
        conn.transact(SCHEMA)
        refused("store/no-roles", conn.grant, reader="x")
    with connect("memory:roles", read_only=True) as conn:
        assert "user/age" in conn.schema
        refused("store/permission", conn.transact, [])
        refused("store/no-roles", conn.revoke, "x")


def test_a_standby_is_read_and_refuses_to_write(owner, roles, dsn) -> None:
    """What a hot standby does: it answers, and every transaction of it is read-only."""
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute(f"ALTER ROLE {quoted(roles.names[1])} SET default_transaction_read_only = on")
    with opened(roles.writer, roles) as standby:
        assert standby.db().basis_t == 1
        with pytest.raises((StoreError, LogError)) as caught:
            standby.transact([{"user/name": "x"}])
    assert caught.value.code == "store/permission"
