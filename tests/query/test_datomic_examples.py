"""The kinds of query that Datomic's documentation shows, over a record collection of our own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest

import factstore
from factstore import Db, Keyword, QueryError


class Example(NamedTuple):
    """A query as it is pasted, what it gives, and its inputs beside ``$``."""

    query: str
    expected: Any
    inputs: tuple[Any, ...] = ()


def attribute(ident: str, kind: str, many: bool = False, **more: Any) -> dict[str, Any]:
    cardinality = f"db.cardinality/{'many' if many else 'one'}"
    return {"db/ident": ident, "db/valueType": f"db.type/{kind}", "db/cardinality": cardinality, **more}


SCHEMA = [
    attribute("country/name", "string", **{"db/unique": "db.unique/value"}),
    attribute("artist/name", "string", **{"db/unique": "db.unique/identity"}),
    attribute("artist/country", "ref"),
    attribute("artist/startYear", "long"),
    attribute("artist/type", "ref"),
    attribute("release/name", "string"),
    attribute("release/artists", "ref", many=True),
    attribute("release/year", "long"),
    attribute("release/media", "ref", many=True, **{"db/isComponent": True}),
    attribute("medium/tracks", "ref", many=True, **{"db/isComponent": True}),
    attribute("track/name", "string"),
    attribute("track/artists", "ref", many=True),
    attribute("track/duration", "long"),
    attribute("track/position", "tuple", **{"db/tupleTypes": ["db.type/long", "db.type/long"]}),
]
IDENTS = [
    {"db/ident": "country/GB", "country/name": "United Kingdom"},
    {"db/ident": "country/DE", "country/name": "Germany"},
    {"db/ident": "artist.type/person"},
    {"db/ident": "artist.type/group"},
]
TRACKS = {"Rooftops": 180, "Low Tide": 240, "Harbour": 240, "Nachtzug": 300, "Rain Song": 120}
RECORDS: list[dict[str, Any]] = [
    {"db/id": "ada", "artist/name": "Ada Moss", "artist/country": "country/GB", "artist/startYear": 1966},
    {"db/id": "ada", "artist/type": "artist.type/person"},
    {"db/id": "ferry", "artist/name": "The Ferrymen", "artist/country": "country/GB", "artist/startYear": 1970},
    {"db/id": "ferry", "artist/type": "artist.type/group"},
    {"db/id": "zug", "artist/name": "Zugluft", "artist/country": "country/DE", "artist/type": "artist.type/group"},
    *(
        {
            "db/id": name,
            "track/name": name,
            "track/duration": seconds,
            "track/artists": artists,
            "track/position": [1, n],
        }
        for n, ((name, seconds), artists) in enumerate(
            zip(TRACKS.items(), [["ada"], ["ferry"], ["ada", "ferry"], ["zug"], ["ada"]], strict=True), start=1
        )
    ),
    {"db/id": "m1", "medium/tracks": ["Rooftops", "Low Tide", "Harbour"]},
    {"db/id": "m2", "medium/tracks": ["Nachtzug", "Rain Song"]},
    {"release/name": "Quayside", "release/year": 1971, "release/artists": ["ada", "ferry"], "release/media": ["m1"]},
    {"release/name": "Split", "release/year": 1979, "release/artists": ["ada", "zug"], "release/media": ["m2"]},
    {"release/name": "Unreleased", "release/artists": ["zug"]},
]


@pytest.fixture(scope="module")
def db() -> Db:
    conn = factstore.connect("memory:")
    correction = {"artist/name": "Ada Moss", "artist/startYear": 1965}
    for year, forms in enumerate([SCHEMA, IDENTS, RECORDS, [correction]], start=2018):
        conn.transact([*forms, {"db/id": "datomic.tx", "db/txInstant": datetime(year, 1, 1, tzinfo=UTC)}])
    return conn.db()


RULES = """[[(track-release ?t ?r) [?m :medium/tracks ?t] [?r :release/media ?m]]
            [(played-with ?a ?b) [?t :track/artists ?a] [?t :track/artists ?b] [(!= ?a ?b)]]
            [(played-with ?a ?b) [?r :release/artists ?a] [?r :release/artists ?b] [(!= ?a ?b)]]
            [(connected ?a ?b) (played-with ?a ?b)]
            [(connected ?a ?b) (played-with ?a ?x) (connected ?x ?b)]
            [(longer-than [?t] ?other) [?t :track/duration ?d] [?other :track/duration ?o] [(> ?d ?o)]]]"""
MONSTERS = [["Hydra", 9], ["Cerberus", 3], ["Orthrus", 2], ["Medusa", 1], ["Cyclops", 1], ["Chimera", 3]]
NAMES = "[:find ?name :in $ % :where [?a :artist/name ?name] "

EXAMPLES = {
    "who made the releases of a year": Example(
        "[:find ?release ?artist :where [?r :release/year 1971] [?r :release/name ?release]"
        " [?r :release/artists ?a] [?a :artist/name ?artist]]",
        {("Quayside", "Ada Moss"), ("Quayside", "The Ferrymen")},
    ),
    "blanks": Example("[:find ?x :where [_ :release/year ?x]]", {(1971,), (1979,)}),
    "a quoted query, commas and comments": Example(
        "'[:find ?name, ?year ; both\n :where [?r :release/name ?name] #_[?r :release/artists]"
        " [?r :release/year ?year]]",
        {("Quayside", 1971), ("Split", 1979)},
    ),
    "the map form": Example(
        "{:find [?name] :in [$ ?year] :where [[?r :release/year ?year] [?r :release/name ?name]]}",
        {("Split",)},
        (1979,),
    ),
    "an input": Example(
        "[:find ?y . :in $ ?n :where [?r :release/name ?n] [?r :release/year ?y]]", 1971, ("Quayside",)
    ),
    "a tuple as input": Example(
        "[:find ?release :in $ [?artist ?year] :where [?a :artist/name ?artist] [?r :release/artists ?a]"
        " [?r :release/year ?year] [?r :release/name ?release]]",
        {("Quayside",)},
        (["Ada Moss", 1971],),
    ),
    "a collection as input": Example(
        "[:find ?release :in $ [?artist ...] :where [?a :artist/name ?artist] [?r :release/artists ?a]"
        " [?r :release/name ?release]]",
        {("Quayside",), ("Split",), ("Unreleased",)},
        (["Zugluft", "The Ferrymen"],),
    ),
    "a relation as input": Example(
        "[:find ?release :in $ [[?artist ?year]] :where [?a :artist/name ?artist] [?r :release/artists ?a]"
        " [?r :release/year ?year] [?r :release/name ?release]]",
        {("Split",)},
        ([["Ada Moss", 1979], ["The Ferrymen", 1979]],),
    ),
    "an ident as input": Example(
        "[:find [?n ...] :in $ ?country :where [?a :artist/country ?country] [?a :artist/name ?n]]",
        {"Zugluft"},
        (Keyword("country/DE"),),
    ),
    "idents and lookup refs among the values": Example(
        "[:find [?n ...] :where [?a :artist/country :country/GB] [?a :artist/type :artist.type/group]"
        ' [?a :artist/name ?n] [?r :release/artists [:artist/name "Ada Moss"]] [?r :release/artists ?a]]',
        {"The Ferrymen"},
    ),
    "a country by its name, whichever is given": Example(
        "[:find [?n ...] :in $ [?c ...] :where [?a :artist/country ?c] [?a :artist/name ?n]]",
        {"Ada Moss", "The Ferrymen", "Zugluft"},
        ([Keyword("country/GB"), ["country/name", "Germany"]],),
    ),
    "a find spec of a collection": Example("[:find [?y ...] :where [_ :artist/startYear ?y]]", {1965, 1970}),
    "a find spec of a tuple": Example(
        '[:find [?y ?c] :where [?a :artist/name "The Ferrymen"] [?a :artist/startYear ?y]'
        " [?a :artist/country ?x] [?x :country/name ?c]]",
        (1970, "United Kingdom"),
    ),
    "a find spec of a scalar": Example('[:find ?y . :where [[:artist/name "Ada Moss"] :artist/startYear ?y]]', 1965),
    ":keys": Example(
        '[:find ?n ?y :keys artist start :where [?a :artist/name ?n] [?a :artist/startYear ?y] [(= ?n "Ada Moss")]]',
        [{"artist": "Ada Moss", "start": 1965}],
    ),
    ":strs of a tuple": Example(
        "[:find [?n ?y] :strs artist start :where [?a :artist/name ?n] [?a :artist/startYear ?y] [(< ?y 1970)]]",
        {"artist": "Ada Moss", "start": 1965},
    ),
    ":syms": Example(
        "[:find ?n :syms artist :where [?a :artist/country :country/DE] [?a :artist/name ?n]]", [{"artist": "Zugluft"}]
    ),
    "not": Example("[:find (count ?a) . :where [?a :artist/name] (not [?a :artist/country :country/GB])]", 1),
    "not of several clauses": Example(
        "[:find [?n ...] :where [?r :release/name ?n] (not [?r :release/artists ?a] [?a :artist/country :country/DE])]",
        {"Quayside"},
    ),
    "not-join": Example(
        "[:find [?n ...] :where [?a :artist/name ?n] (not-join [?a] [?r :release/artists ?a] [?r :release/year 1971])]",
        {"Zugluft"},
    ),
    "not-join of nothing else": Example(
        "[:find (count ?r) . :where [?r :release/name] (not-join [?r] [?r :release/year ?y] [(< 1975 ?y)])]", 2
    ),
    "or": Example(
        "[:find (count ?r) . :where [?r :release/name] (or [?r :release/year 1971] [?r :release/year 1979])]", 2
    ),
    "or with and": Example(
        "[:find [?n ...] :where [?a :artist/name ?n] (or [?a :artist/type :artist.type/group]"
        " (and [?a :artist/type :artist.type/person] [?a :artist/startYear 1965]))]",
        {"Ada Moss", "The Ferrymen", "Zugluft"},
    ),
    "or-join": Example(
        "[:find (count ?r) . :where [?r :release/name] (or-join [?r]"
        " (and [?r :release/artists ?a] [?a :artist/country :country/DE]) [?r :release/year 1971])]",
        3,
    ),
    "a predicate of two": Example(
        "[:find [?n ...] :where [?t :track/name ?n] [?t :track/duration ?d] [(<= 240 ?d)]]",
        {"Low Tide", "Harbour", "Nachtzug"},
    ),
    "a range": Example(
        "[:find [?n ...] :in $ ?lo ?hi :where [?t :track/name ?n] [?t :track/duration ?d] [(< ?lo ?d ?hi)]]",
        {"Rooftops"},
        (120, 240),
    ),
    "a string method of Java's": Example(
        '[:find [?n ...] :where [_ :track/name ?n] [(.startsWith ^String ?n "R")]]', {"Rooftops", "Rain Song"}
    ),
    "a function of Clojure's": Example(
        '[:find [?l ...] :where [?t :track/name "Low Tide"] [?t :track/artists ?a] [?a :artist/name ?n]'
        " [(clojure.string/lower-case ?n) ?l]]",
        {"the ferrymen"},
    ),
    "a regular expression": Example(
        r'[:find [?n ...] :where [_ :track/name ?n] [(re-find #"\s" ?n)]]', {"Low Tide", "Rain Song"}
    ),
    "arithmetic, and the quotient truncates": Example(
        "[:find ?min ?rest :where [?t :track/duration 300] [(quot 300 60) ?min] [(rem 300 7) ?rest]]", {(5, 6)}
    ),
    "seconds to minutes": Example(
        "[:find ?m . :in $ ?n :where [?t :track/name ?n] [?t :track/duration ?s] [(/ ?s 60) ?m]]", 4, ("Harbour",)
    ),
    "get-else": Example(
        '[:find ?n ?y :where [?a :artist/name ?n] [(get-else $ ?a :artist/startYear "N/A") ?y]]',
        {("Ada Moss", 1965), ("The Ferrymen", 1970), ("Zugluft", "N/A")},
    ),
    "get-some": Example(
        "[:find [?attr ?name] :in $ ?e :where [(get-some $ ?e :country/name :artist/name) [?attr ?name]]]",
        (Keyword("country/name"), "Germany"),
        (Keyword("country/DE"),),
    ),
    "get-some as one value": Example(
        "[:find ?found . :in $ ?e :where [(get-some $ ?e :country/name :artist/name) ?found]]",
        (Keyword("artist/name"), "Zugluft"),
        (["artist/name", "Zugluft"],),
    ),
    "missing?": Example(
        "[:find [?n ...] :where [?a :artist/name ?n] [(missing? $ ?a :artist/startYear)]]", {"Zugluft"}
    ),
    "ground": Example(
        "[:find [?n ...] :where [(ground [:country/GB :country/DE]) [?c ...]] [?a :artist/country ?x] [?x :db/ident ?c]"
        " [?a :artist/name ?n]]",
        {"Ada Moss", "The Ferrymen", "Zugluft"},
    ),
    "tuple": Example(
        "[:find ?t . :where [?r :release/year ?y] [?r :release/name ?n] [(tuple ?n ?y) ?t] [(= ?y 1979)]]",
        ("Split", 1979),
    ),
    "untuple": Example(
        '[:find [?disc ?at] :where [?t :track/name "Harbour"] [?t :track/position ?p] [(untuple ?p) [?disc ?at]]]',
        (1, 3),
    ),
    "a tuple as a value": Example("[:find ?n . :where [?t :track/position [1 4]] [?t :track/name ?n]]", "Nachtzug"),
    "a query in a query: the shortest track": Example(
        "[:find ?n ?d :where [(q [:find (min ?d) :where [_ :track/duration ?d]] $) [[?d]]]"
        " [?t :track/duration ?d] [?t :track/name ?n]]",
        {("Rain Song", 120)},
    ),
    "a quoted query in a query": Example(
        "[:find ?n . :where [(q '[:find (max ?d) . :where [_ :track/duration ?d]] $) ?d] [?t :track/duration ?d]"
        " [?t :track/name ?n]]",
        "Nachtzug",
    ),
    "heads of monsters, as a set": Example("[:find (sum ?heads) . :in [[_ ?heads]]]", 15, (MONSTERS,)),
    "heads of monsters, each counted": Example(
        "[:find (sum ?heads) . :with ?monster :in [[?monster ?heads]]]", 19, (MONSTERS,)
    ),
    "aggregates beside each other": Example(
        "[:find (min ?d) (max ?d) (sum ?d) (avg ?d) (median ?d) (count ?n) (count-distinct ?d) :with ?t"
        " :where [?t :track/duration ?d] [?t :track/name ?n]]",
        [(120, 300, 1080, 216.0, 240.0, 5, 4)],
    ),
    "variance and deviation": Example(
        "[:find (variance ?x) (stddev ?x) :with ?i :in [[?i ?x]]]", [(4.0, 2.0)], ([[1, 1], [2, 5]],)
    ),
    "the n smallest and largest": Example(
        "[:find (min 2 ?d) (max 2 ?d) :where [_ :track/duration ?d]]", [([120, 180], [240, 300])]
    ),
    "distinct": Example("[:find (distinct ?d) . :where [_ :track/duration ?d]]", frozenset({120, 180, 240, 300})),
    "grouped": Example(
        "[:find ?n (count ?t) :where [?t :track/artists ?a] [?a :artist/name ?n]]",
        {("Ada Moss", 3), ("The Ferrymen", 2), ("Zugluft", 1)},
    ),
    "grouped, with what is not shown": Example(
        "[:find ?year (median ?len) :with ?t :where [?t :track/name ?n] [(count ?n) ?len] [?m :medium/tracks ?t]"
        " [?r :release/media ?m] [?r :release/year ?year]]",
        {(1971, 8.0), (1979, 8.5)},
    ),
    "pull": Example(
        "[:find (pull ?r [:release/name {:release/artists [:artist/name]}]) :where [?r :release/year 1979]]",
        [({"release/name": "Split", "release/artists": [{"artist/name": "Ada Moss"}, {"artist/name": "Zugluft"}]},)],
    ),
    "pull with a pattern given": Example(
        "[:find [(pull ?r pattern) ...] :in $ pattern :where [?r :release/year 1971]]",
        [{"release/name": "Quayside"}],
        ([Keyword("release/name")],),
    ),
    "attributes of an entity": Example(
        '[:find [?ident ...] :where [?a :artist/name "Zugluft"] [?a ?attr] [?attr :db/ident ?ident]]',
        {"artist/name", "artist/country", "artist/type"},
    ),
    "an attribute given": Example(
        "[:find [?v ...] :in $ ?attr :where [_ ?attr ?v]]", {1971, 1979}, (Keyword("release/year"),)
    ),
    "a lookup ref beside an open attribute": Example(
        # The documentation advises against it: beside an open attribute a vector is a value like any other.
        '[:find [?ident ...] :where [?e ?attr [:artist/name "Zugluft"]] [?attr :db/ident ?ident]]',
        [],
    ),
    "who refers to an entity": Example(
        '[:find [?i ...] :where [?z :artist/name "Zugluft"] [?e ?attr ?z] [?attr :db/ident ?i]]',
        {"release/artists", "track/artists"},
    ),
    "the transaction and its time": Example(
        '[:find ?when . :where [?a :artist/name "Ada Moss"] [?a :artist/startYear _ ?tx] [?tx :db/txInstant ?when]]',
        datetime(2021, 1, 1, tzinfo=UTC),
    ),
    "instants compared": Example(
        '[:find (count ?a) . :where [?a :artist/name _ ?tx] [?tx :db/txInstant ?t] [(< ?t #inst "2020-06-01")]]', 3
    ),
    "rules": Example(
        "[:find [?n ...] :in $ % :where [?r :release/year 1971] (track-release ?t ?r) [?t :track/name ?n]]",
        {"Rooftops", "Low Tide", "Harbour"},
        (RULES,),
    ),
    "rules that are a union": Example(
        NAMES + '(played-with [:artist/name "Ada Moss"] ?a)]', {("The Ferrymen",), ("Zugluft",)}, (RULES,)
    ),
    "rules that recurse": Example(
        NAMES + '[?f :artist/name "The Ferrymen"] (connected ?f ?a) [(!= ?a ?f)]]',
        {("Ada Moss",), ("Zugluft",)},
        (RULES,),
    ),
    "a rule negated": Example(
        NAMES + '[?f :artist/name "The Ferrymen"] (not (played-with ?f ?a)) [(!= ?f ?a)]]', {("Zugluft",)}, (RULES,)
    ),
    "a rule with what must be bound": Example(
        '[:find [?n ...] :in $ % :where [?t :track/name "Rooftops"] (longer-than ?t ?o) [?o :track/name ?n]]',
        {"Rain Song"},
        (RULES,),
    ),
    "no database at all": Example("[:find [?x ...] :in [?x ...] :where [(odd? ?x)]]", {1, 3}, ([1, 2, 3],)),
    "two relations joined": Example(
        "[:find ?first ?height :in $a $b :where [$a ?last ?first ?email] [$b ?email ?height]]",
        {("Jane", 73)},
        ([["Doe", "John", "jd@x"], ["Doe", "Jane", "jane@x"]], [["jane@x", 73], ["someone@x", 70]]),
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_gives_its_rows(db: Db, name: str) -> None:
    example = EXAMPLES[name]
    assert db.q(example.query, *example.inputs) == example.expected


def test_sample_and_rand_draw_from_the_group(db: Db) -> None:
    (sampled,) = db.q("[:find [(sample 2 ?d)] :where [_ :track/duration ?d]]")
    (drawn,) = db.q("[:find [(rand 7 ?d)] :where [_ :track/duration ?d]]")
    assert len(set(sampled)) == 2
    assert len(drawn) == 7
    assert {*sampled, *drawn} <= set(TRACKS.values())


def test_a_history_tells_each_change(db: Db) -> None:
    query = """[:find ?year ?op ?when :in $ ?a
                :where [?a :artist/startYear ?year ?tx ?op] [?tx :db/txInstant ?when]]"""
    then, later = datetime(2020, 1, 1, tzinfo=UTC), datetime(2021, 1, 1, tzinfo=UTC)
    found = db.history().q(query, ["artist/name", "Ada Moss"])
    assert {row[:2] for row in found} == {(1966, True), (1966, False), (1965, True)}
    assert {row[2] for row in found} == {then, later}


def test_the_past_is_asked_with_the_same_query(db: Db) -> None:
    query = '[:find ?y . :where [[:artist/name "Ada Moss"] :artist/startYear ?y]]'
    assert db.as_of(datetime(2020, 6, 1, tzinfo=UTC)).q(query) == 1966
    assert db.q(query) == 1965


def test_what_changed_since_is_joined_with_the_whole(db: Db) -> None:
    query = "[:find [?n ...] :in $ $since :where [$ ?a :artist/name ?n] [$since ?a :artist/startYear]]"
    assert db.q(query, db.since(datetime(2020, 6, 1, tzinfo=UTC))) == ["Ada Moss"]


def test_a_required_variable_must_be_bound(db: Db) -> None:
    with pytest.raises(QueryError) as caught:
        db.q("[:find ?t ?o :in $ % :where (longer-than ?t ?o)]", RULES)
    assert caught.value.code == "query/unbound"


def test_an_aggregate_and_a_predicate_of_ones_own(db: Db) -> None:
    mode = {
        "my.stats/mode": lambda values: max(set(values), key=values.count),
        "my/long?": lambda seconds: seconds > 200,
    }
    query = "[:find (my.stats/mode ?d) . :with ?t :where [?t :track/duration ?d] [(my/long? ?d)]]"
    assert db.q(query, functions=mode) == 240
