"""Entity kinds as msgspec structs: read, written and read back."""

import enum
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

import msgspec
import pytest

import factstore
from factstore import (
    URI,
    Attr,
    Connection,
    FactstoreError,
    Keyword,
    Ref,
    SchemaError,
    Symbol,
    attrs_of,
    entity_map,
    pattern_of,
    struct_of,
)


class Color(enum.Enum):
    RED = 1
    DARK_BLUE = "sea/deep-blue"


class Address(msgspec.Struct):
    street: str


class Team(msgspec.Struct):
    name: Annotated[str, Attr(unique="identity")]


class Person(msgspec.Struct, kw_only=True):
    id: Annotated[int | None, Attr(ident="db/id")] = None
    email: Annotated[str, Attr(unique="identity", preds=["app/mail?"]), msgspec.Meta(description="the address")]
    first_name: str
    age: int | None = None
    tags: set[Keyword] = set()
    notes: Annotated[list[str], Attr(no_history=True, index=True)] = []
    home: Annotated[Address | None, Attr(component=True)] = None
    team: Team | None = None
    boss: "Person | None" = None
    color: Color | None = None
    likes: frozenset[Color] = frozenset()
    status: Literal["active", "gone"] = "active"
    point: tuple[int, float] | None = None
    path: tuple[Ref, ...] | None = None
    size: Annotated[int, Attr(type="bigint")] = 0
    sponsor: Ref | None = None


class Employee(Person, kw_only=True):
    __namespace__: ClassVar[str] = "acme.staff"
    badge: Annotated[int, Attr(unique="value", ident="badge/number")]
    class_: str | None = None


class Every(msgspec.Struct):
    a: float
    b: bool
    c: datetime
    d: UUID
    e: Decimal
    f: bytes
    g: Symbol
    h: URI


@pytest.fixture
def conn() -> Iterator[Connection]:
    with factstore.connect("memory:", functions={"app/mail?": lambda text: "@" in text}) as opened:
        opened.ensure_schema(attrs_of(Employee, Every))
        yield opened


def said(name: str) -> dict[str, Any]:
    found = {str(each[Keyword("db/ident")]): each for each in attrs_of(Employee, Every)}
    return {str(key): value for key, value in found[name].items()}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "person/email",
            {"db/valueType": "db.type/string", "db/unique": "db.unique/identity", "db/doc": "the address"},
        ),
        ("person/email", {"db.attr/preds": ["app/mail?"], "db/cardinality": "db.cardinality/one"}),
        ("person/first-name", {"db/valueType": "db.type/string"}),
        ("person/age", {"db/valueType": "db.type/long", "db/cardinality": "db.cardinality/one"}),
        ("person/tags", {"db/valueType": "db.type/keyword", "db/cardinality": "db.cardinality/many"}),
        ("person/notes", {"db/noHistory": True, "db/index": True, "db/cardinality": "db.cardinality/many"}),
        ("person/home", {"db/valueType": "db.type/ref", "db/isComponent": True}),
        ("person/boss", {"db/valueType": "db.type/ref"}),
        ("person/color", {"db/valueType": "db.type/ref", "db/cardinality": "db.cardinality/one"}),
        ("person/likes", {"db/valueType": "db.type/ref", "db/cardinality": "db.cardinality/many"}),
        ("person/status", {"db/valueType": "db.type/ref"}),
        ("person/point", {"db/tupleTypes": ["db.type/long", "db.type/double"]}),
        ("person/path", {"db/valueType": "db.type/tuple", "db/tupleType": "db.type/ref"}),
        ("person/size", {"db/valueType": "db.type/bigint"}),
        ("person/sponsor", {"db/valueType": "db.type/ref"}),
        ("team/name", {"db/unique": "db.unique/identity"}),
        ("address/street", {"db/valueType": "db.type/string"}),
        ("badge/number", {"db/unique": "db.unique/value"}),
        ("acme.staff/class", {"db/valueType": "db.type/string"}),
        *((f"color/{name}", {}) for name in ("red",)),
        ("sea/deep-blue", {"db/ident": "sea/deep-blue"}),
        ("person.status/gone", {"db/ident": "person.status/gone"}),
    ],
)
def test_a_field_is_an_attribute(name: str, expected: dict[str, Any]) -> None:
    assert said(name).items() >= expected.items()


def test_the_id_is_no_attribute_and_kinds_that_are_referred_to_come_along() -> None:
    idents = [str(each[Keyword("db/ident")]) for each in attrs_of(Person)]
    assert "db/id" not in idents
    assert {"team/name", "address/street"} <= set(idents)
    assert len(idents) == len(set(idents))


@pytest.mark.parametrize(
    "annotation",
    [object, dict[str, int], list[list[int]], int | str, tuple[object, ...], list, Any, Literal[1, 2], Team | int,
     list[int | None], Annotated[int, Attr(type="nothing")]],
)  # fmt: skip
def test_what_has_no_value_type_is_refused_by_field(annotation: Any) -> None:
    bad = msgspec.defstruct("Bad", [("good", int), ("field", annotation)])
    with pytest.raises(SchemaError, match=r"Bad\.field") as caught:
        attrs_of(bad)
    assert caught.value.code == "schema/bad-struct"


def test_what_is_no_struct_class_is_refused() -> None:
    for wrong in (17, int, Team("x")):
        with pytest.raises(SchemaError, match="no msgspec"):
            attrs_of(wrong)  # type: ignore[arg-type]


def test_two_kinds_that_define_a_name_differently_are_refused() -> None:
    other = msgspec.defstruct("Team", [("name", int)])
    with pytest.raises(SchemaError) as caught:
        attrs_of(Team, other)
    assert caught.value.code == "schema/twice"


def test_the_schema_of_structs_is_brought_to_a_store_once(conn: Connection) -> None:
    assert list(conn.ensure_schema(attrs_of(Employee, Every))) == []


ANN = Employee(
    email="ann@x", first_name="Ann", age=40, tags={Keyword("a/b"), Keyword("c")}, notes=["n"], home=Address("Elm"),
    team=Team("search"), color=Color.RED, likes=frozenset({Color.RED, Color.DARK_BLUE}), status="gone",
    point=(1, 2.5), size=2**80, badge=7,
)  # fmt: skip


def test_an_instance_is_a_form_of_a_transaction_and_comes_back_from_a_pull(conn: Connection) -> None:
    boss = Employee(email="bo@x", first_name="Bo", badge=1, team=Team("search"))
    conn.transact([msgspec.structs.replace(ANN, boss=boss), {"db/id": "x", "person/email": "c@x", "person/_boss": []}])
    db = conn.db()
    pulled = db.pull(pattern_of(Employee), ["person/email", "ann@x"])
    assert pulled is not None
    found = struct_of(Employee, pulled)
    assert found.boss == Person(
        id=db.entid(["person/email", "bo@x"]), email="bo@x", first_name="Bo", team=Team("search")
    )
    assert msgspec.structs.replace(found, id=None, boss=None) == ANN
    assert found.id == db.entid(["person/email", "ann@x"])


def test_an_instance_that_was_pulled_writes_nothing_again(conn: Connection) -> None:
    conn.transact([ANN])
    pulled = conn.db().pull(pattern_of(Employee), ["person/email", "ann@x"])
    report = conn.transact([msgspec.structs.replace(struct_of(Employee, pulled or {}), home=None)])
    assert [str(datom.a) for datom in report.datoms] == ["db/txInstant"]


def test_instances_stand_wherever_a_map_may(conn: Connection) -> None:
    forms = [
        {"person/email": "m@x", "person/boss": ANN},
        {"db/id": ["team/name", "search"], "person/_team": [Person(email="r@x", first_name="R")]},
    ]
    conn.transact([Team("search")])
    conn.transact(forms)
    boss = '[:find ?name . :where [?e :person/email "m@x"] [?e :person/boss ?b] [?b :person/first-name ?name]]'
    assert conn.db().q(boss) == "Ann"
    assert set(
        conn.db().q('[:find [?m ...] :where [?t :team/name "search"] [?p :person/team ?t] [?p :person/email ?m]]')
    ) == {"ann@x", "r@x"}
    assert conn.db().with_([ANN]).tempids


def test_an_instance_as_a_map(conn: Connection) -> None:
    assert entity_map(
        Person(email="a@x", first_name="A", team=Team("t"), color=Color.DARK_BLUE, sponsor=["db/ident", "x"])
    ) == {
        "person/email": "a@x",
        "person/first-name": "A",
        "person/tags": [],
        "person/notes": [],
        "person/team": {"team/name": "t"},
        "person/color": Keyword("sea/deep-blue"),
        "person/likes": [],
        "person/status": Keyword("person.status/active"),
        "person/size": 0,
        "person/sponsor": ["db/ident", "x"],
    }


def test_all_scalars_come_back_as_they_went(conn: Connection) -> None:
    every = Every(
        1.5, True, datetime(2024, 1, 1, tzinfo=UTC), UUID(int=7), Decimal("1.5"), b"\x00", Symbol("a/b"), URI("x:y")
    )
    conn.transact([every])
    [pulled] = conn.db().q("[:find [(pull ?e pattern) ...] :in $ pattern :where [?e :every/a]]", pattern_of(Every))
    assert struct_of(Every, pulled) == every


def test_wrong_values_and_failed_predicates_are_told_as_of_any_form(conn: Connection) -> None:
    wrong: Any = "old"
    for instance, code in (
        (Person(email="a@x", first_name="A", age=wrong), "value/wrong-type"),
        (Person(email="ax", first_name="A"), "tx/attribute-predicate"),
        (Person(email="a@x", first_name="A", boss=Person(email="bx", first_name="B")), "tx/attribute-predicate"),
    ):
        with pytest.raises(FactstoreError) as caught:
            conn.transact([instance])
        assert caught.value.code == code


def test_an_instance_that_contains_itself_is_refused(conn: Connection) -> None:
    loop = Person(email="l@x", first_name="L")
    loop.boss = loop
    for attempt in (lambda: entity_map(loop), lambda: conn.transact([loop])):
        with pytest.raises(FactstoreError, match="nested more than 100"):
            attempt()


def test_what_lacks_a_field_is_no_instance() -> None:
    with pytest.raises(SchemaError) as caught:
        struct_of(Team, {"db/id": 7})
    assert (caught.value.code, caught.value.data["attribute"]) == ("schema/not-whole", "team/name")


def test_of_several_kinds_the_one_that_is_whole_is_made() -> None:
    owner = msgspec.defstruct("Owner", [("of", Team | Address)])
    assert struct_of(owner, {"owner/of": {"address/street": "Elm"}}) == owner(Address("Elm"))
    assert pattern_of(owner) == [{"owner/of": ["team/name", "address/street"]}]


def test_kinds_that_go_round_have_no_pattern() -> None:
    with pytest.raises(SchemaError, match="A → B → A"):
        pattern_of(A)


class A(msgspec.Struct):
    b: "B"


class B(msgspec.Struct):
    a: A
