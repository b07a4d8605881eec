"""What of an attribute may change and what never, and that all views have one schema: the newest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import factstore
from factstore import Connection, FactstoreError, Keyword
from tests.tx.tx_store import attribute

SCHEMA = [
    attribute("p/name", "string"),
    attribute("p/email", "string", unique="identity"),
    attribute("p/tag", "string", many=True),
    attribute("p/friend", "ref"),
    attribute("p/key", "tuple", tupleAttrs=["p/name", "p/email"]),
    attribute("p/pair", "tuple", tupleTypes=["db.type/long", "db.type/long"]),
    attribute("p/path", "tuple", tupleType="db.type/long"),
]


@pytest.fixture
def conn() -> Iterator[Connection]:
    with factstore.connect("memory:") as opened:
        opened.transact(SCHEMA)
        opened.transact([{"db/id": "ann", "p/name": "Ann", "p/email": "a@a", "p/tag": ["x"]}])
        yield opened


def changed(conn: Connection, name: str, **properties: Any) -> Any:
    """The attribute after its properties were set."""
    conn.transact([{"db/id": name, **{f"db/{key}": value for key, value in properties.items()}}])
    return conn.schema.attribute(name)


def refused(conn: Connection, *forms: Any) -> FactstoreError:
    before = conn.schema
    with pytest.raises(FactstoreError) as caught:
        conn.transact(list(forms))
    assert list(conn.schema) == list(before)
    return caught.value


@pytest.mark.parametrize(
    ("name", "property", "value", "field", "expected"),
    [
        ("p/name", "cardinality", "db.cardinality/many", "many", None),
        ("p/tag", "cardinality", "db.cardinality/one", "many", False),
        ("p/friend", "isComponent", True, "component", True),
        ("p/name", "noHistory", True, "no_history", True),
        ("p/name", "index", True, "indexed", True),
        ("p/name", "unique", "db.unique/value", "unique", "value"),
        ("p/email", "unique", "db.unique/value", "unique", "value"),
        ("p/name", "doc", "what one is called", "doc", "what one is called"),
        ("p/key", "doc", "both", "doc", "both"),
        ("p/key", "unique", "db.unique/identity", "unique", "identity"),
    ],
)
def test_these_may_change(  # noqa: PLR0917
    conn: Connection, name: str, property: str, value: Any, field: str, expected: Any
) -> None:
    if expected is None:  # a part of a composite tuple has one value
        assert refused(conn, {"db/id": name, f"db/{property}": value}).code == "schema/invalid"
        return
    assert getattr(changed(conn, name, **{property: value}), field) == expected


@pytest.mark.parametrize(
    ("property", "field", "value"),
    [
        ("unique", "unique", "db.unique/value"),
        ("isComponent", "component", True),
        ("noHistory", "no_history", True),
        ("index", "indexed", True),
        ("doc", "doc", "somebody"),
    ],
)
def test_what_may_be_said_may_be_taken_back(conn: Connection, property: str, field: str, value: Any) -> None:
    before = getattr(conn.schema.attribute("p/friend"), field)
    assert getattr(changed(conn, "p/friend", **{property: value}), field) != before
    conn.transact([["db/retract", "p/friend", f"db/{property}"]])
    assert getattr(conn.schema.attribute("p/friend"), field) == before


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (
            {"db/id": "p/name", "db/valueType": "db.type/long"},
            "its :db/valueType from :db.type/string to :db.type/long",
        ),
        ({"db/id": "p/key", "db/tupleAttrs": ["p/email", "p/name"]}, "its :db/tupleAttrs from (:p/name, :p/email)"),
        (["db/retract", "p/key", "db/tupleAttrs"], "its :db/tupleAttrs from (:p/name, :p/email) to none"),
        ({"db/id": "p/pair", "db/tupleTypes": ["db.type/long"]}, "its :db/tupleTypes from"),
        ({"db/id": "p/path", "db/tupleType": "db.type/string"}, "its :db/tupleType from :db.type/long"),
        (["db/retractEntity", "p/name"], ":p/name may not lose its :db/valueType"),
        (["db/retract", "p/name", "db/valueType"], ":p/name may not lose its :db/valueType"),
    ],
)
def test_these_never_change(conn: Connection, form: Any, said: str) -> None:
    error = refused(conn, form)
    assert error.code == "schema/immutable"
    assert said in error.message


@pytest.mark.parametrize("property", ["cardinality", "ident"])
def test_an_attribute_is_not_left_incomplete(conn: Connection, property: str) -> None:
    assert refused(conn, ["db/retract", "p/name", f"db/{property}"]).code == "schema/incomplete"


def test_an_old_name_goes_on_resolving_until_another_takes_it(conn: Connection) -> None:
    id = conn.schema.attribute("p/name").id
    conn.transact([{"db/id": "p/name", "db/ident": "p/called"}])
    assert [conn.schema.attribute(name).ident for name in ("p/name", "p/called")] == ["p/called", "p/called"]
    conn.transact([attribute("p/name", "long")])
    assert conn.schema.attribute("p/called").id == id
    assert conn.schema.attribute("p/name").type == factstore.ValueType.LONG
    conn.transact([{"p/email": "a@a", "p/name": 7, "p/called": "Bea"}])
    assert conn.db().pull("[:p/name :p/called :p/key]", ["p/email", "a@a"]) == {
        "p/name": 7,
        "p/called": "Bea",
        "p/key": ("Bea", "a@a"),
    }


def test_a_name_that_was_taken_is_the_takers_after_reopening() -> None:
    with factstore.connect("memory:renamed-attributes") as conn:
        conn.transact([*SCHEMA, {"db/id": "new", "db/ident": "color/red"}])
        conn.transact([{"db/id": "p/name", "db/ident": "p/called"}])
        conn.transact([attribute("p/name", "long")])
        with factstore.connect("memory:renamed-attributes") as again:
            assert list(again.schema) == list(conn.schema)
            assert again.schema.attribute("p/key").parts == conn.schema.attribute("p/key").parts
            assert again.schema.entid("p/name") == conn.schema.entid("p/name")


def test_all_views_have_the_newest_schema(conn: Connection) -> None:
    then = conn.db().basis_t
    conn.transact([{"db/id": "p/name", "db/ident": "p/called"}, attribute("p/new", "long")])
    conn.transact([{"p/email": "a@a", "p/called": "Bea", "p/new": 1}])
    names = "[:find [?n ...] :where [_ :p/called ?n]]"
    db = conn.db()
    assert db.as_of(then).q(names) == ["Ann"]
    assert db.since(then).q(names) == ["Bea"]
    assert set(db.history().q(names)) == {"Ann", "Bea"}
    assert db.as_of(then).q("[:find [?n ...] :where [_ :p/new ?n]]") == []
    assert db.as_of(then).pull("[:p/called]", ["p/email", "a@a"]) == {"p/called": "Ann"}
    assert {str(datom.a) for datom in db.as_of(then).datoms("p/called")} == {"p/called"}


def test_the_past_keeps_both_values_of_what_has_become_single(conn: Connection) -> None:
    conn.transact([{"p/email": "a@a", "p/tag": ["y"]}])
    two = conn.db().basis_t
    assert refused(conn, ["db/add", "p/tag", "db/cardinality", "db.cardinality/one"]).code == "schema/contradicted"
    conn.transact([["db/retract", ["p/email", "a@a"], "p/tag", "x"]])
    changed(conn, "p/tag", cardinality="db.cardinality/one")
    tags = "[:find [?t ...] :where [_ :p/tag ?t]]"
    assert (set(conn.db().as_of(two).q(tags)), conn.db().q(tags)) == ({"x", "y"}, ["y"])


def test_what_is_no_longer_unique_is_no_longer_looked_up(conn: Connection) -> None:
    conn.transact([["db/retract", "p/email", "db/unique"]])
    conn.transact([{"p/email": "a@a"}])
    with pytest.raises(FactstoreError, match="not unique"):
        conn.db().as_of(2).entid(["p/email", "a@a"])
    error = refused(conn, ["db/add", "p/email", "db/unique", "db.unique/value"])
    assert "it has two entities with 'a@a'" in error.message


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        (attribute("a/b", "strng"), "db.type/strng"),
        (attribute("a/b", "long", isComponent=True), "only refs can be components"),
        (attribute("a/b", "long", isComponent="yes"), "isComponent"),
        (attribute("a/b", "tuple", tupleAttrs=["p/tag", "p/name"]), ":p/tag, which has many values"),
        (attribute("a/b", "tuple", tupleAttrs=["p/key", "p/name"]), ":p/key, which is a tuple"),
        (attribute("a/b", "tuple", tupleAttrs=["no/such"]), ":no/such, which is not an attribute"),
        (attribute("a/b", "tuple", tupleAttrs=[]), "tuple of nothing"),
        (attribute("a/b", "tuple", tupleTypes=[]), "tuple of nothing"),
        (attribute("a/b", "tuple", tupleAttrs="p/name"), "expected a tuple"),
        (attribute("a/b", "tuple", tupleAttrs=["p/name"], many=True), "many values"),
        (attribute("a/b", "long", tupleAttrs=["p/name"]), "is of type :db.type/long"),
        (attribute("a/b", "tuple", tupleTypes=["db.type/tuple"]), "no tuple"),
        (attribute("a/b", "tuple", tupleType="db.type/long", tupleTypes=["db.type/long"]), "says twice"),
        ({"db/ident": "a/b", "db.attr/preds": "f"}, "expected an attribute"),
        ({"db/ident": 7}, "not a keyword"),
    ],
)
def test_a_definition_that_cannot_be_is_refused(conn: Connection, definition: Any, said: str) -> None:
    assert said in refused(conn, definition).message


def test_enums_are_idents(conn: Connection) -> None:
    conn.transact([{"db/id": "red", "db/ident": "color/red"}, {"p/email": "b@b", "p/friend": "red"}])
    red = conn.db().entid(":color/red")
    found = conn.db().pull("[{:p/friend [:db/ident]}]", ["p/email", "b@b"])
    assert found == {"p/friend": {"db/ident": Keyword("color/red")}}
    conn.transact([{"db/id": "color/red", "db/ident": "color/crimson"}])
    assert conn.db().entid("color/red") == conn.db().entid("color/crimson") == red
