"""Pull and entities through a connection: what they cost in statements, and what makes two of them equal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from factstore import Connection, Entity, EntityError, SchemaError, connect
from tests import pg
from tests.tx.tx_store import attribute

SCHEMA = [
    attribute("p/name", "string", unique="identity"),
    attribute("p/age", "long"),
    attribute("p/friend", "ref", many=True),
    attribute("p/home", "ref", isComponent=True),
    attribute("p/street", "string"),
]


def people(count: int) -> list[dict[str, Any]]:
    """Everybody knows three others, and lives somewhere."""
    return [
        {
            "db/id": f"p{n}",
            "p/name": f"name {n}",
            "p/age": n,
            "p/friend": [f"p{(n * step + 1) % count}" for step in (3, 7, 13)],
            "p/home": {"p/street": f"street {n}"},
        }
        for n in range(count)
    ]


@pytest.fixture
def conn() -> Connection:
    found = connect("memory:")
    found.transact(SCHEMA)
    found.transact(people(5))
    return found


@pytest.fixture(scope="module")
def store() -> Iterator[tuple[str, str, list[int]]]:
    """A store on PostgreSQL that any number of cold connections may read: DSN, schema, people."""
    with pg.server() as dsn:
        if dsn is None:
            pytest.skip("there is no PostgreSQL here")
        schema = pg.fresh_schema()
        with connect(dsn, schema=schema) as conn:
            conn.transact(SCHEMA)
            tempids = conn.transact(people(6_000)).tempids
            yield dsn, schema, [tempids[f"p{n}"] for n in range(6_000)]


@contextmanager
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every statement that is sent to PostgreSQL inside the block."""
    sent: list[str] = []
    execute = psycopg.Cursor.execute

    def counted(cursor: Any, query: Any, *args: Any, **options: Any) -> Any:
        sent.append(str(query))
        return execute(cursor, query, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", counted)
        yield sent


PATTERNS = [
    '["p/name" "p/age"]',
    '["p/name" {"p/friend" ["p/name" {"p/friend" ["p/age"]}]}]',
    '["p/name" {"p/_friend" ["p/name"]}]',
    '["p/name" {"p/friend" 2}]',
    "[*]",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_pulling_many_sends_as_many_statements_as_pulling_few(store, monkeypatch, pattern: str) -> None:
    dsn, schema, everyone = store
    counts = []
    for size in (2, 50, 2_000, 6_000):
        with connect(dsn, schema=schema) as conn:
            db = conn.db()
            with statements(monkeypatch) as sent:
                assert len(db.pull_many(pattern, everyone[:size])) == size
            counts.append(len(sent))
    # Of few the facts are looked up; of many, sooner or later, whole attributes are loaded. Neither grows.
    assert counts[0] == counts[1]
    assert max(counts[2:]) <= 12


def test_touching_an_entity_sends_a_statement_a_level(store, monkeypatch) -> None:
    dsn, schema, everyone = store
    with connect(dsn, schema=schema) as conn:
        entity = conn.db().entity(everyone[0])
        assert entity is not None
        with statements(monkeypatch) as sent:
            entity.touch()
            assert entity["p/home"]["p/street"] == "street 0"
        assert len(sent) <= 6


def test_siblings_are_read_in_one_go(store, monkeypatch) -> None:
    dsn, schema, everyone = store
    with connect(dsn, schema=schema) as conn:
        known = conn.db().entity(everyone[1])
        assert known is not None
        with statements(monkeypatch) as few:
            friends = known["p/friend"]
            assert {friend["p/age"] for friend in friends} == {4, 8, 14}
        assert len(few) <= 2


def test_the_last_spec_of_an_attribute_is_the_one_that_counts(conn: Connection) -> None:
    ann = ["p/name", "name 1"]
    assert conn.db().pull('["p/age" ["p/age" :as "old"]]', ann) == {"old": 1}
    assert conn.db().pull('[["p/age" :as "old"] "p/age"]', ann) == {"p/age": 1}
    assert conn.db().pull('[{"p/home" ["p/street"]} "p/age" {"p/home" [:db/id]}]', ann).keys() == {"p/home", "p/age"}


def test_entities_are_equal_if_they_show_the_same_of_the_same(conn: Connection) -> None:
    ann = ["p/name", "name 1"]
    one, other = conn.db().entity(ann), conn.db().entity(ann)
    assert one == other
    assert len({one, other}) == 1
    assert conn.db().as_of(2).entity(ann) == conn.db().as_of(2).entity(ann)
    assert conn.db().entity(["p/name", "name 2"]) != one
    assert conn.db().since(1).entity(one.id) != one
    assert conn.db().with_([]).db_after.entity(ann) != one
    conn.transact([["db/add", ann, "p/age", 50]])
    assert conn.db().entity(ann) != one


def test_an_entity_is_a_mapping(conn: Connection) -> None:
    entity = conn.db().entity(["p/name", "name 1"])
    assert entity is not None
    assert list(entity) == ["p/age", "p/friend", "p/home", "p/name"] == [name for name, _ in entity.items()]
    assert ("p/age" in entity, "p/street" in entity, "p/_friend" in entity) == (True, False, True)
    assert (entity.get("p/age"), entity.get("p/street"), entity.get(":p/street", "none")) == (1, None, "none")
    assert (len(entity), entity[":p/name"], entity["db/id"]) == (4, "name 1", entity.id)
    with pytest.raises(SchemaError):
        entity["p/nmae"]


def test_an_entity_is_what_its_view_shows(conn: Connection) -> None:
    ann = conn.db().entid_strict(["p/name", "name 1"])
    conn.transact([["db/add", ann, "p/age", 50]])
    db = conn.db()
    views = {
        "now": db,
        "before": db.as_of(2),
        "since": db.since(2),
        "filtered": db.filter(lambda _, datom: datom.a != "p/age"),
        "supposed": db.with_([["db/add", ann, "p/age", 60]]).db_after,
    }
    ages = {name: view.entity(ann).get("p/age") for name, view in views.items() if view.entity(ann)}
    assert ages == {"now": 50, "before": 1, "since": 50, "filtered": None, "supposed": 60}
    assert isinstance(views["before"].entity(ann)["p/home"], Entity)
    with pytest.raises(EntityError, match="history"):
        db.history().entity(ann)


def test_an_entity_goes_on_in_its_own_view(conn: Connection) -> None:
    ann = conn.db().entid_strict(["p/name", "name 1"])
    before = conn.db().entity(ann)
    assert before is not None
    conn.transact([["db/retractEntity", before["p/home"].id]])
    assert before["p/home"]["p/street"] == "street 1"
    assert "p/home" not in conn.db().entity(ann)


def test_a_retracted_entity_is_referred_to_no_more(conn: Connection) -> None:
    db = conn.db()
    friend = db.entid_strict(["p/name", "name 4"])
    after = db.with_([["db/retractEntity", friend]]).db_after
    assert after.entity(friend) is None
    assert all(friend not in {f.id for f in entity.get("p/friend", ())} for entity in _all(after))
    assert after.pull('["p/_friend"]', friend) is None


def test_a_dangling_ref_is_an_empty_entity(conn: Connection) -> None:
    ann = ["p/name", "name 1"]
    home = conn.db().entity(ann)["p/home"].id
    conn.transact([["db/retract", home, "p/street"]])
    db = conn.db()
    assert dict(db.entity(ann)["p/home"]) == {}
    assert db.entity(ann).touch()["p/home"].id == home
    assert db.pull('[{"p/home" ["p/street"]}]', ann) is None
    assert db.pull('["p/home"]', ann) == {"p/home": {"db/id": home}}


def _all(db: Any) -> list[Entity]:
    return [db.entity(datom.e) for datom in db.datoms("p/name")]


def test_a_walk_from_entity_to_entity_ends_up_in_memory(store, monkeypatch) -> None:
    dsn, schema, everyone = store
    with connect(dsn, schema=schema) as conn:
        db = conn.db()
        with statements(monkeypatch) as sent:
            for id in everyone:
                person = db.entity(id)
                assert person is not None
                assert len(person) == 4
        # Few of them ask the store: by then asking has cost about as much as loading 24,000 facts does.
        assert len(sent) < 200
        with statements(monkeypatch) as sent:
            friends = db.entity(everyone[0])["p/friend"]
            assert {friend["p/home"]["p/street"] for friend in friends} == {"street 1"}
            assert db.pull("[*]", everyone[1])["p/age"] == 1
            assert len(list(db.datoms("eavt", everyone[2]))) == 6
        # What is asked for is what values mean, not what holds.
        assert not [statement for statement in sent if "facts" in statement]


def test_a_few_entities_do_not_load_the_store(store, monkeypatch) -> None:
    dsn, schema, everyone = store
    with connect(dsn, schema=schema) as conn:
        db = conn.db()
        for id in everyone[:10]:
            assert db.entity(id)["p/age"] is not None
        assert not db.holds(db.schema.attribute("p/age"))


@pytest.mark.parametrize("view", ["now", "as_of", "with", "since", "filter"])
def test_entities_in_memory_are_as_in_the_store(view: str) -> None:
    conn = connect("memory:")
    conn.transact(SCHEMA)
    conn.transact(people(40))
    views = {
        "now": lambda db: db,
        "as_of": lambda db: db.as_of(2),
        "with": lambda db: db.with_([{"db/id": ["p/name", "name 3"], "p/age": 99}]).db_after,
        "since": lambda db: db.since(1),
        "filter": lambda db: db.filter(lambda _, datom: datom.a != "p/age"),
    }
    conn.transact([{"db/id": ["p/name", "name 1"], "p/age": 77, "p/friend": ["p/name", "name 0"]}])
    cold, warm = views[view](conn.db()), views[view](conn.db())
    for each in warm.schema:
        warm.index(each)
    for n in range(40):
        one, other = cold.entity(["p/name", f"name {n}"]), warm.entity(["p/name", f"name {n}"])
        assert one is not None
        assert other is not None
        assert {name: _plain(value) for name, value in one.items()} == {
            name: _plain(value) for name, value in other.items()
        }
        assert _plain(one["p/_friend"]) == _plain(other["p/_friend"])
        assert cold.pull("[*]", one.id) == warm.pull("[*]", one.id)


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return frozenset(map(_plain, value))
    return value.id if isinstance(value, Entity) else value
