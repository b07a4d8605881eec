"""Schemas from text, files and data, and stores that are brought to them; in memory and in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import factstore
from factstore import Connection, EdnError, FactstoreError, Keyword, SchemaError, load_schema
from tests import pg

PEOPLE = """
;; who signs in
{:db/ident :p/email :db/valueType :db.type/string :db/cardinality :db.cardinality/one
 :db/unique :db.unique/identity :db/doc "the address"}
{:db/ident :p/tag :db/valueType :db.type/keyword :db/cardinality :db.cardinality/many}
{:db/ident :p/age :db/valueType :db.type/long :db/cardinality :db.cardinality/one :db.attr/preds [app/age?]}
{:db/ident :p/key :db/valueType :db.type/tuple :db/cardinality :db.cardinality/one :db/tupleAttrs [:p/email :p/age]}
{:db/ident :p/guard :db.entity/attrs [:p/email :p/age] :db.entity/preds app/adult?}
{:db/ident :color/red}
"""


def one(properties: str, ident: str = ":a/b", type: str = "long") -> str:
    return f"{{:db/ident {ident} :db/valueType :db.type/{type} :db/cardinality :db.cardinality/one {properties}}}"


@pytest.fixture(params=["memory", "postgres"])
def conn(request: pytest.FixtureRequest) -> Iterator[Connection]:
    functions: dict[str, Callable[..., Any]] = {
        "app/age?": lambda age: age >= 0,
        "app/adult?": lambda db, e: db.pull("[:p/age]", e)["p/age"] >= 18,
    }
    if request.param == "memory":
        yield factstore.connect("memory:", functions=functions)
        return
    found, schema = request.getfixturevalue("dsn"), pg.fresh_schema()
    with factstore.connect(found, schema=schema, functions=functions) as opened:
        yield opened
    pg.drop_schema(found, schema)


def test_text_is_one_vector_or_one_map_after_the_other() -> None:
    assert load_schema(f"[{PEOPLE}]") == load_schema(PEOPLE)
    assert [str(each[Keyword("db/ident")]) for each in load_schema(PEOPLE)][-1] == "color/red"


def test_a_folder_is_read_whole_and_in_order(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "b.edn").write_text(one("", ":b/b"))
    (tmp_path / "deep" / "a.edn").write_text(one("", ":d/a"))
    (tmp_path / "a.edn").write_text(one("", ":a/a"))
    (tmp_path / "notes.txt").write_text("no schema")
    assert [each["db/ident"] for each in load_schema(tmp_path)] == ["a/a", "b/b", "d/a"]  # type: ignore[index]
    assert load_schema(str(tmp_path / "a.edn")) == load_schema(one("", ":a/a"))


def test_data_is_read_as_text_is() -> None:
    data = {"db/ident": ":a/b", "db/valueType": "db.type/long", ":db/cardinality": "db.cardinality/one"}
    assert load_schema([data]) == load_schema(one(""))
    assert load_schema(load_schema(PEOPLE)) == load_schema(PEOPLE)


@pytest.mark.parametrize(
    ("text", "code", "line", "column", "said"),
    [
        ("\n{:db/ident :a/b :db/indx true}", "schema/unknown-property", 2, 17, "did you mean :db/index?"),
        ("{:db/ident :a/b :my/own 1}", "schema/unknown-property", 1, 17, ":my/own is no property"),
        (one(":db/index 1"), "schema/bad-property", 1, 91, "1 (int) is not a boolean"),
        ("{:db/ident :a/b :db/valueType :db.type/strng}", "schema/bad-property", 1, 31, "did you mean :db.type/string"),
        (one(":db/unique :db.type/long"), "schema/bad-property", 1, 92, "expected one of :db.unique/identity"),
        (one(":db/doc :text"), "schema/bad-property", 1, 89, "is not a string"),
        (one(":db.attr/preds [17]"), "schema/bad-property", 1, 96, "is not a symbol"),
        (one(":db/tupleAttrs :a/b"), "schema/bad-property", 1, 96, "expected a tuple"),
        ("{:db/valueType :db.type/long}", "schema/incomplete", 1, 1, "without :db/ident"),
        ("{:db/ident :a/b :db/valueType :db.type/long}", "schema/incomplete", 1, 1, "has no db/cardinality"),
        ("{:db/ident :a/b :db/index true}", "schema/incomplete", 1, 1, "has no db/valueType"),
        (one(":db/isComponent true"), "schema/invalid", 1, 1, "only refs can be components"),
        (one(":db/tupleType :db.type/long"), "schema/invalid", 1, 1, "is of type :db.type/long"),
        (f"{one('')}\n {one('')}", "schema/twice", 2, 2, ":a/b is defined twice, first at <schema>:1:1"),
        ("[[:db/add 1 :db/doc 2]]", "schema/not-a-map", 1, 2, "is no map"),
        ("[{:db/ident :a/b", "edn/syntax", 1, 2, "ends before"),
        ("{:db/ident :a/b :db/ident :a/c}", "edn/duplicate", 1, 17, "stands here twice"),
    ],
)
def test_a_mistake_is_shown_where_it_stands(text: str, code: str, line: int, column: int, said: str) -> None:
    with pytest.raises((SchemaError, EdnError)) as caught:
        load_schema(text)
    assert (caught.value.code, caught.value.data["line"], caught.value.data["column"]) == (code, line, column)
    assert said in caught.value.message
    assert f"{' ' * min(column - 1, 60)}^" in caught.value.message


def test_a_mistake_in_a_file_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "people.edn").write_text("\n\n  {:db/ident 7}")
    with pytest.raises(SchemaError, match=r"people\.edn:3:14"):
        load_schema(tmp_path)


@pytest.mark.parametrize("source", ["no/such/file.edn", 17, [17], None])
def test_what_is_no_schema_is_refused(source: Any) -> None:
    with pytest.raises(SchemaError) as caught:
        load_schema(source)
    assert caught.value.code in ("schema/no-file", "schema/not-a-map")


def test_a_store_is_brought_to_a_schema_and_stays_there(conn: Connection) -> None:
    changes = conn.ensure_schema(PEOPLE)
    assert changes.report is not None
    assert [str(change) for change in changes if change.ident == "p/tag"] == [
        ":p/tag :db/ident none → :p/tag",
        ":p/tag :db/valueType none → :db.type/keyword",
        ":p/tag :db/cardinality none → :db.cardinality/many",
    ]
    assert load_schema(conn.schema.to_edn()) == conn.schema.to_data()
    t = conn.db().basis_t
    for again in (PEOPLE, conn.schema.to_data(), conn.schema.to_edn()):
        assert (list(conn.ensure_schema(again)), conn.db().basis_t) == ([], t)
    assert conn.db().with_([{"db/id": "x", "p/email": "a", "p/age": 20, "db/ensure": "p/guard"}]).tempids["x"]


def test_a_dry_run_tells_and_writes_nothing(conn: Connection) -> None:
    conn.ensure_schema(PEOPLE)
    t = conn.db().basis_t
    changed = PEOPLE.replace(':db/doc "the address"', ':db/doc "where mail goes" :db/noHistory true')
    changes = conn.ensure_schema(
        changed.replace(":p/guard :db.entity/attrs [:p/email :p/age]", ":p/guard"), dry_run=True
    )
    assert set(map(str, changes)) == {
        ":p/email :db/noHistory none → True",
        ":p/email :db/doc 'the address' → 'where mail goes'",
        ":p/guard :db.entity/attrs :p/age → none",
        ":p/guard :db.entity/attrs :p/email → none",
    }
    assert (changes.report, conn.db().basis_t) == (None, t)
    assert repr(changes) == "<SchemaChanges 4>"


def test_what_a_definition_no_longer_says_is_taken_back_but_its_doc(conn: Connection) -> None:
    conn.ensure_schema(PEOPLE)
    conn.transact([{"db/id": "p/tag", "db/derivedBy": "a/program"}])
    kept = one("", ":p/email", "string") + one("", ":p/age").replace("one ", "one :db.attr/preds [app/other?] ")
    assert {(str(change.ident), str(change.property), change.old) for change in conn.ensure_schema(kept)} == {
        ("p/email", "db/unique", "db.unique/identity"),
        ("p/age", "db.attr/preds", "app/age?"),
        ("p/age", "db.attr/preds", None),
    }
    assert conn.schema.attribute("p/email").doc == "the address"
    conn.ensure_schema("{:db/ident :p/tag :db/valueType :db.type/keyword :db/cardinality :db.cardinality/many}")
    assert conn.schema.attribute("p/tag").derived_by == "a/program"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (one("", ":p/tag"), "schema/immutable"),
        (one("", ":p/key", "tuple"), "schema/immutable"),
        (one(":db/tupleAttrs [:p/age :p/email]", ":p/key", "tuple"), "schema/immutable"),
        (one("", ":p/tag", "keyword"), "schema/contradicted"),
        (one(":db/unique :db.unique/value", ":p/age"), "schema/contradicted"),
        (one(":db/tupleAttrs [:p/nothing]", ":p/more", "tuple"), "schema/invalid"),
        (one("", ":p/old"), "schema/renamed"),
    ],
)
def test_what_may_not_change_is_refused_by_the_dry_run_as_well(conn: Connection, text: str, code: str) -> None:
    conn.ensure_schema(PEOPLE + one("", ":p/old"))
    conn.transact([{"db/id": "p/old", "db/ident": "p/new"}])
    conn.transact([{"p/email": "a", "p/age": 1, "p/tag": ["x", "y"]}, {"p/email": "b", "p/age": 1}])
    t = conn.db().basis_t
    for dry_run in (True, False):
        with pytest.raises(FactstoreError) as caught:
            conn.ensure_schema(text + one("", ":a/fine"), dry_run=dry_run)
        assert caught.value.code == code
    assert conn.db().basis_t == t


def test_a_composite_is_the_same_whatever_its_parts_are_called_now(conn: Connection) -> None:
    conn.ensure_schema(PEOPLE)
    conn.transact([{"db/id": "p/age", "db/ident": "p/years"}])
    assert conn.schema.to_data()[1]["db/tupleAttrs"] == ["p/email", "p/years"]  # type: ignore[index]
    assert list(conn.ensure_schema(conn.schema.to_data())) == []


def test_predicates_specs_and_tuples_hold_in_every_store(conn: Connection) -> None:
    conn.ensure_schema(
        PEOPLE + one(":db/unique :db.unique/identity :db/tupleAttrs [:p/age :p/email]", ":p/id", "tuple")
    )
    e = conn.transact([{"db/id": "x", "p/email": "a", "p/age": 20, "db/ensure": "p/guard"}]).tempids["x"]
    again = conn.transact([{"db/id": "y", "p/id": [20, "a"], "p/tag": ["new"]}])
    assert (again.tempids["y"], conn.db().entid(["p/id", [20, "a"]])) == (e, e)
    for forms, code in (
        ([{"p/age": -1}], "tx/attribute-predicate"),
        ([{"db/id": e, "p/age": 3, "db/ensure": "p/guard"}], "tx/ensure-failed"),
        ([{"p/email": "b", "db/ensure": "p/guard"}], "tx/ensure-failed"),
        ([{"db/id": e, "p/key": ["a", 21]}], "tx/composite-tuple"),
    ):
        with pytest.raises(FactstoreError) as caught:
            conn.transact(forms)
        assert caught.value.code == code
    assert conn.db().pull("[*]", e) == {
        "db/id": e, "p/email": "a", "p/age": 20, "p/tag": [Keyword("new")], "p/key": ("a", 20), "p/id": (20, "a"),
    }  # fmt: skip


def test_a_new_composite_is_filled_in_in_every_store(conn: Connection) -> None:
    conn.ensure_schema(one("", ":a/x") + one("", ":a/y"))
    e = conn.transact([{"db/id": "e", "a/x": 1, "a/y": 2}, {"a/x": 3}]).tempids["e"]
    conn.ensure_schema(one(":db/unique :db.unique/value :db/tupleAttrs [:a/x :a/y]", ":a/xy", "tuple"))
    assert set(conn.db().q("[:find [?xy ...] :where [_ :a/xy ?xy]]")) == {(1, 2), (3, None)}
    assert conn.db().entid(["a/xy", [1, 2]]) == e
    with pytest.raises(FactstoreError, match="unique-conflict"):
        conn.transact([{"a/x": 1, "a/y": 2}])


def test_the_schema_shows_as_a_table(conn: Connection) -> None:
    conn.ensure_schema(PEOPLE.replace("the address", "where <mail> goes"))
    text = str(conn.schema)
    assert ":p/email   string                    one          unique identity     where <mail> goes" in text
    assert ":p/key     tuple of :p/email :p/age  one" in text
    assert ":p/guard  :p/age :p/email  app/adult?" in text
    assert "idents\n:color/red" in text
    assert ":db/doc" not in text
    assert ":db/doc" in conn.schema.to_text(builtin=True)
    assert "where &lt;mail&gt; goes" in conn.schema._repr_html_()
    assert "<mail>" not in conn.schema._repr_html_()
    assert repr(conn.schema) == f"<Schema {len(conn.schema)} attributes>"


def test_empty_text_defines_nothing_wherever_the_program_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "schema.edn").write_text(PEOPLE)
    monkeypatch.chdir(tmp_path)
    assert load_schema("") == load_schema(" \n") == []
