"""Row by row or by columns: which of the two answers, and that nobody can tell."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

import factstore
from factstore import Connection, Db, QueryError
from factstore.query.language.parse import parse_query
from factstore.query.rows.engine import Known


def attribute(name: str, kind: str, **more: str) -> dict[str, str]:
    one = {"db/ident": name, "db/valueType": f"db.type/{kind}", "db/cardinality": "db.cardinality/one"}
    return {**one, **{f"db/{key}": value for key, value in more.items()}}


SCHEMA = [
    attribute("p/key", "string", unique="db.unique/identity"),
    attribute("p/name", "string"),
    attribute("p/nick", "string"),
    attribute("p/age", "long"),
    attribute("p/height", "double"),
    attribute("p/boss", "ref"),
    attribute("p/friend", "ref", cardinality="db.cardinality/many"),
]
ANC = "[[(anc ?a ?b) [?a :p/boss ?b]] [(anc ?a ?b) [?a :p/boss ?c] (anc ?c ?b)]]"
PEOPLE = 30


def person(n: int) -> dict[str, Any]:
    friends = [f"p{(n * 7 + step) % PEOPLE}" for step in (1, 2)]
    found = {"db/id": f"p{n}", "p/key": f"k{n}", "p/name": f"n{n % 3}", "p/age": n, "p/height": n / 2}
    nick = {"p/nick": f"x{n}"} if n % 2 else {}
    return {**found, **nick, "p/friend": friends, **({"p/boss": f"p{n // 3}"} if n else {})}


@pytest.fixture(scope="module")
def conn() -> Iterator[Connection]:
    conn = factstore.connect("memory:")
    conn.transact(SCHEMA)
    conn.transact([person(n) for n in range(PEOPLE)])
    yield conn
    conn.close()


@pytest.fixture(scope="module")
def db(conn: Connection) -> Db:
    return conn.db()


def entity(db: Db, n: int) -> int:
    found = db.entid(["p/key", f"k{n}"])
    assert found is not None
    return found


BY_ROWS = [
    "[:find ?b :in $ ?a :where [?a :p/friend ?b]]",
    "[:find ?n . :in $ ?a :where [?a :p/name ?n]]",
    "[:find [?n ?g] :in $ ?a :where [?a :p/name ?n] [?a :p/age ?g]]",
    "[:find [?n ...] :in $ ?a :where [?a :p/friend ?b] [?b :p/friend ?c] [?c :p/friend ?d] [?d :p/name ?n]]",
    "[:find ?a ?b :in $ ?a :where [?b :p/friend ?a]]",
    "[:find ?b ?tx :in $ ?a :where [?a :p/friend ?b ?tx] [?tx :db/txInstant _]]",
    "[:find ?b :in $ ?a :where [?a :p/friend ?b] (not [?b :p/nick _])]",
    "[:find ?b :in $ ?a :where [?a :p/friend ?b] (not-join [?b] [?b :p/boss ?a] [?a :p/nick _])]",
    "[:find ?b ?n :in $ ?a :where [?a :p/friend ?b] (or [?b :p/nick ?n] [?b :p/name ?n])]",
    "[:find ?b ?n :in $ ?a :where (or-join [?a ?b] [?a :p/boss ?b] (and [?a :p/boss ?x] [?x :p/boss ?b]))"
    " [?b :p/name ?n]]",
    "[:find ?b ?n :in $ ?a :where [?a :p/friend ?b] (optional [?b :p/nick ?n])]",
    '[:find ?b ?n :in $ ?a :where [?a :p/friend ?b] [(get-else $ ?b :p/nick "-") ?n]]',
    "[:find ?b :in $ ?a :where [?a :p/friend ?b] [(missing? $ ?b :p/nick)]]",
    "[:find ?g ?h :in $ ?a :where [?a :p/friend ?b] [?b :p/age ?g] [?b :p/height ?h] [(> ?g 3)] [(< ?h 13.0)]]",
    "[:find ?s ?g1 :in $ ?a :where [?a :p/name ?n] [?a :p/age ?g] [(str ?n ?g) ?s] [(+ ?g 1) ?g1]]",
    "[:find (count ?c) (sum ?g) :in $ ?a :where [?a :p/friend ?b] [?b :p/friend ?c] [?c :p/age ?g]]",
    "[:find ?n (max ?g) :with ?c :in $ ?a :where [?a :p/friend ?b] [?b :p/friend ?c] [?c :p/age ?g] [?c :p/name ?n]]",
    "[:find ?c ?g :in $ ?a :where [?a :p/friend ?b] [?b :p/friend ?c] [?c :p/age ?g] :order-by [?g :desc]]",
    "[:find (pull ?b [:p/name {:p/boss [:p/name]}]) ?b :in $ ?a :where [?a :p/friend ?b]]",
    "[:find ?n ?g :keys name age :in $ ?a :where [?a :p/name ?n] [?a :p/age ?g]]",
]


def both(db: Db, query: str, *inputs: Any, **more: Any) -> tuple[Any, Any]:
    """What the two engines answer; by columns first, which loads what either needs."""
    columns = db.q(query, *inputs, engine="columns", **more)
    return db.q(query, *inputs, engine="rows", **more), columns


@pytest.mark.parametrize("query", BY_ROWS)
def test_small_queries_are_answered_row_by_row(db: Db, query: str) -> None:
    for n in (0, 4, 11):
        rows, columns = both(db, query, entity(db, n))
        assert rows == columns
        assert type(rows) is type(columns)


def test_an_answer_is_of_the_same_columns(db: Db) -> None:
    query = "[:find ?b ?n ?g ?h :in $ ?a :where [?a :p/friend ?b] [?b :p/name ?n] [?b :p/age ?g] [?b :p/height ?h]]"
    rows, columns = both(db, query, entity(db, 3))
    for (name, one), (other_name, other) in zip(rows.to_numpy().items(), columns.to_numpy().items(), strict=True):
        assert (name, one.dtype) == (other_name, other.dtype)
        assert sorted(one.tolist()) == sorted(other.tolist())


def test_the_same_rows_come_in_the_same_order(db: Db) -> None:
    query = "[:find ?b ?n :in $ ?a :where [?b :p/friend ?a] (optional [?b :p/nick ?n])]"
    orders = {str(db.q(query, entity(db, 1), engine="rows").to_list()) for _ in range(3)}
    assert len(orders) == 1


@pytest.mark.parametrize("name", ["a key that is not there", 12])
def test_inputs_name_entities_by_lookup_ref_and_ident(db: Db, name: Any) -> None:
    query = "[:find ?a ?n :in $ ?a :where [?a :p/friend ?b] [?b :p/name ?n]]"
    rows, columns = both(db, query, ["p/key", f"k{name}"])
    assert rows == columns
    assert rows or name != 12
    doc = both(db, "[:find ?d . :in $ ?a :where [?a :db/doc ?d]]", factstore.Keyword("db/doc"))
    assert doc[0] == doc[1]


def test_inputs_of_many_rows(db: Db) -> None:
    """A collection, a tuple and a relation, joined with each other and with facts."""
    ids = [entity(db, n) for n in range(6)]
    query = "[:find ?a ?b ?m :in $ [?a ...] [[?b ?m]] :where [?a :p/friend ?b]]"
    rows, columns = both(db, query, ids, [(e, f"m{e}") for e in ids])
    assert rows == columns != []


def test_a_value_the_store_does_not_know(db: Db) -> None:
    query = "[:find ?x ?y :in $ ?x :where [?e :p/age 3] [?e :p/name ?n] [(str ?x ?n) ?y]]"
    rows, columns = both(db, query, "nowhere in the store")
    assert rows == columns == [("nowhere in the store", "nowhere in the storen0")]


RECURSIVE = {
    "right": ANC,
    "left": "[[(anc ?a ?b) [?a :p/boss ?b]] [(anc ?a ?b) (anc ?a ?c) [?c :p/boss ?b]]]",
    "non-linear": "[[(anc ?a ?b) [?a :p/boss ?b]] [(anc ?a ?b) (anc ?a ?c) (anc ?c ?b)]]",
    "mutual": "[[(anc ?a ?b) [?a :p/boss ?b]] [(anc ?a ?b) (odd ?a ?b)]"
    " [(odd ?a ?b) [?a :p/boss ?c] (anc ?c ?b)] [(odd ?a ?b) (anc ?a ?c) (odd ?c ?b)]]",
    "cyclic": "[[(anc ?a ?b) [?a :p/friend ?b]] [(anc ?a ?b) [?a :p/friend ?c] (anc ?c ?b)]]",
    "negating": "[[(up ?a ?b) [?a :p/boss ?b]] [(up ?a ?b) (up ?a ?c) [?c :p/boss ?b]]"
    " [(anc ?a ?b) [?a :p/friend ?b] (not (up ?b ?a))]"
    " [(anc ?a ?b) (anc ?a ?c) [?c :p/friend ?b] (not (up ?b ?c) [?b :p/nick _])]]",
}


CALLS = ["(anc ?a ?b)", "(anc ?b ?a)", "(anc ?b _) [?b :p/boss ?a]", "[?a :p/boss ?b] (anc ?b ?b)"]


@pytest.mark.parametrize("kind", RECURSIVE)
@pytest.mark.parametrize(
    "call", ["(anc ?a ?b)", "(anc ?b ?a)", "(anc ?b _) [?b :p/boss ?a]", "[?a :p/boss ?b] (anc ?b ?b)"]
)
def test_recursion(db: Db, kind: str, call: str) -> None:
    for n in (0, 5, 29):
        rows, columns = both(db, f"[:find ?b :in $ % ?a :where {call} [?b :p/age]]", RECURSIVE[kind], entity(db, n))
        assert rows == columns


def test_a_query_that_touches_much_is_for_columns() -> None:
    """The same query is answered either way, as the data has it; a hub shows as soon as it is looked up."""
    conn = factstore.connect("memory:")
    conn.transact(SCHEMA)
    many = [{"db/id": f"p{n}", "p/name": "many", "p/friend": ["hub"] if n < 2000 else []} for n in range(2001)]
    ids = conn.transact([*many, {"db/id": "hub", "p/name": "one", "p/friend": ["p2000"]}]).tempids
    db = conn.db()
    query = "[:find ?n ?b :in $ ?a :where [?a :p/name ?n] [?b :p/friend ?a]]"
    assert db.q(query, ids["p2000"], engine="rows") == [("many", ids["hub"])]
    with pytest.raises(QueryError) as caught:
        db.q(query, ids["hub"], engine="rows")
    assert caught.value.code == "query/not-by-rows"
    for _ in range(8):
        assert len(db.q(query, ids["hub"])) == 2000
        assert len(db.q(query, ids["p2000"])) == 1
    closure = "[[(to ?a ?b) [?a :p/friend ?b]] [(to ?a ?b) [?a :p/friend ?c] (to ?c ?b)]]"
    for _ in range(3):
        assert len(db.q("[:find ?a ?b :in $ % :where (to ?a ?b)]", closure)) == 4001


def test_what_is_declined_is_left_alone_for_longer_each_time() -> None:
    known = Known(parse_query("[:find ?e :where [?e :a]]"))
    waits = []
    for _ in range(12):
        known.decline()
        waits.append(known.waits)
    assert waits[:4] == [1, 3, 7, 15]
    assert max(waits) == 1023
    known.succeed()
    known.succeed()
    known.decline()
    assert known.waits == 511


ERRORS: list[tuple[str, tuple[Any, ...]]] = [
    ("[:find ?b :in $ ?a :where [?a :p/fiend ?b]]", (1,)),
    ("[:find ?b :in $ ?a :where [?a :p/friend ?b] [(> ?c 1)]]", (1,)),
    ("[:find ?b :in $ ?a :where [?a :p/friend ?b]]", ()),
    ("[:find ?b :in $ ?a :where [?a :p/friend ?b]]", (1, 2)),
    ("[:find ?b :in $ ?a :where [?a :p/friend ?b]]", (None,)),
    ('[:find ?b :where [[:p/key "none"] :p/friend ?b]]', ()),
    ("[:find ?b :in $ ?a :where [?a :p/friend ?b] [(nofn ?b)]]", (1,)),
    ("[:find ?n :in $ ?k :where [?a :p/key ?k] [?a :p/name ?n] [(< ?n 3)]]", ("k4",)),
    ("[:find ?m :in $ ?k :where [?a :p/key ?k] [?a :p/age ?n] [(/ ?n 0) ?m]]", ("k4",)),
    ("[:find ?m :in $ ?k :where [?a :p/key ?k] [?a :p/name ?n] [(+ ?n 1) ?m]]", ("k4",)),
    ("[:find ?b :in $ [?a ...] :where [?a :p/friend ?b]]", (5,)),
    ("[:find ?b :in $ % ?a :where (anc ?a)]", (ANC, 1)),
    ("[:find ?b :in $ % ?a :where (nca ?a ?b)]", (ANC, 1)),
    ("[:find ?b :in $ % ?a :where (anc ?a ?b)]", ("[[(anc ?a ?b) [?a :p/boss ?c]]]", 1)),
    ("[:find ?b :in $ % ?a :where (r ?a ?b)]", ("[[(r ?a ?b) [?a :p/boss ?b] (not (r ?b ?a))]]", 1)),
    (
        "[:find (max ?n) :in $ ?k :where [?a :p/key ?k] [?a :p/boss ?b] [?b :p/name ?n] :order-by [(max ?n) :up]]",
        ("k4",),
    ),
]


@pytest.mark.parametrize(("query", "inputs"), ERRORS)
def test_errors_are_the_same(db: Db, query: str, inputs: tuple[Any, ...]) -> None:
    """Whichever engine is asked, and however often."""
    with pytest.raises(factstore.FactstoreError) as columns:
        db.q(query, *inputs, engine="columns")
    for _ in range(4):
        with pytest.raises(type(columns.value)) as found:
            db.q(query, *inputs)
        assert str(found.value) == str(columns.value)
        assert found.value.code == columns.value.code


def test_an_engine_that_is_none(db: Db) -> None:
    with pytest.raises(QueryError, match="'row' is no engine: expected one of 'auto', 'columns', 'rows'"):
        db.q("[:find ?e :where [?e :p/age 1]]", engine="row")


@pytest.mark.parametrize(
    ("bound", "code"), [({"timeout": 1e-9}, "query/timeout"), ({"max_rows": 1}, "query/too-large")]
)
def test_bounds_hold(db: Db, bound: dict[str, Any], code: str) -> None:
    query = "[:find ?b :in $ ?a :where [?a :p/friend ?b]]"
    for _ in range(3):
        with pytest.raises(QueryError) as caught:
            db.q(query, entity(db, 1), **bound)
        assert caught.value.code == code


def test_a_registered_function_is_called_by_columns(db: Db) -> None:
    """Also where it has the name of one that is built in."""
    query = "[:find ?m :in $ ?a :where [?a :p/age ?g] [(inc ?g) ?m]]"
    assert [db.q(query, entity(db, 4)) for _ in range(3)] == [[(5,)]] * 3
    assert db.q(query, entity(db, 4), functions={"inc": lambda x: x + 100}) == [(104,)]
    assert db.q(query, entity(db, 4)) == [(5,)]


def test_a_schema_change_makes_another_program() -> None:
    """An attribute renamed, made to have many values, and the old name given to another."""
    conn = factstore.connect("memory:")
    conn.transact(SCHEMA)
    e = conn.transact([{"db/id": "e", "p/name": "ann", "p/nick": "an"}]).tempids["e"]
    query = "[:find ?n :in $ ?e :where [?e :p/nick ?n]]"
    before = conn.db()
    assert [before.q(query, e) for _ in range(3)] == [[("an",)]] * 3
    conn.transact([{"db/id": "p/nick", "db/cardinality": "db.cardinality/many"}])
    conn.transact([["db/add", e, "p/nick", "annie"]])
    assert [conn.db().q(query, e) for _ in range(3)] == [{("an",), ("annie",)}] * 3
    conn.transact([["db/add", "p/nick", "db/ident", "p/nicks"]])
    conn.transact([attribute("p/nick", "long")])
    conn.transact([["db/add", e, "p/nick", 7]])
    assert [conn.db().q(query, e) for _ in range(3)] == [[(7,)]] * 3
    assert before.q(query, e) == [("an",)]
    assert before.q(query, e, engine="rows") == [("an",)]


def test_every_view_is_its_own(db: Db) -> None:
    query = "[:find ?n :in $ ?e :where [?e :p/name ?n]]"
    e = entity(db, 4)
    changed = db.with_([["db/add", e, "p/name", "new"]]).db_after
    dbs = {"n1": db, "new": changed, "none": db.filter(lambda _, datom: datom.a != "p/name")}
    for name, view in dbs.items():
        rows, columns = both(view, query, e)
        assert rows == columns == ([] if name == "none" else [(name,)])
    assert both(db.since(db.basis_t), query, e) == ([], [])
    assert both(db.as_of(1), query, e) == ([], [])
    for _ in range(3):
        assert changed.history().q(query, e) == {("n1",), ("new",)}


def test_what_died_since_the_last_merge_is_not_found() -> None:
    """An index with a tail and with dead facts, looked up by entity and by value."""
    conn = factstore.connect("memory:")
    conn.transact(SCHEMA)
    ids = conn.transact([person(n) for n in range(PEOPLE)]).tempids
    conn.db().q("[:find ?a ?b :where [?a :p/friend ?b]]")
    e, friends = ids["p3"], conn.db().q("[:find [?b ...] :in $ ?a :where [?a :p/friend ?b]]", ids["p3"]).to_list()
    conn.transact([["db/retract", e, "p/friend", friends[0]], ["db/add", e, "p/friend", e]])
    for query, expected in (
        ("[:find [?b ...] :in $ ?a :where [?a :p/friend ?b]]", {friends[1], e}),
        ("[:find [?b ...] :in $ ?a :where [?b :p/friend ?a] [?b :p/friend ?b]]", {e}),
    ):
        rows, columns = both(conn.db(), query, e)
        assert rows == columns == expected
    assert e not in both(conn.db(), "[:find [?b ...] :in $ ?a :where [?b :p/friend ?a]]", friends[0])[0].to_list()


def test_explain_says_so(db: Db) -> None:
    query = "[:find ?b :in $ ?a :where [?a :p/friend ?b]]"
    plan = db.explain(query, entity(db, 1), analyze=True)
    assert plan.by_rows
    assert "without columns" in str(plan)
    assert not db.explain("[:find ?a ?b :where [?a ?x ?b]]", analyze=True).by_rows


def test_threads_share_programs(db: Db) -> None:
    """Many threads ask the same new queries at once, of rules too."""
    queries = [
        ("[:find ?n :in $ % ?a :where (anc ?a ?b) [?b :p/friend ?c] [?c :p/name ?n] (not (anc ?c ?b))]", ANC),
        ("[:find ?c :in $ % ?a :where (anc ?a ?b) (or [?b :p/friend ?c] (anc ?b ?c))]", RECURSIVE["non-linear"]),
    ]
    expected = [[db.q(q, rules, entity(db, n), engine="columns") for q, rules in queries] for n in range(PEOPLE)]
    wrong: list[Any] = []
    ready = threading.Barrier(6)

    def ask(first: int) -> None:
        ready.wait()
        for n in [*range(first, PEOPLE), *range(first)]:
            found = [db.q(q, rules, entity(db, n)) for q, rules in queries]
            if found != expected[n]:
                wrong.append((n, found))

    threads = [threading.Thread(target=ask, args=(5 * n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_known_queries_are_bounded() -> None:
    """What is known of queries is kept with the schema, the newest few hundred of them."""
    db = factstore.connect("memory:").db()
    for n in range(700):
        db.q(f"[:find ?e :where [?e :db/ident :nothing/n{n}]]")
    assert len(db.schema.memo["query/rows"]) <= 512
