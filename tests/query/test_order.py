"""The order in which clauses are written changes neither the answer nor the work."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

import pytest

import factstore
from factstore import Db
from factstore.query.language.parse import parse_query

SCHEMA = [
    ("release/artists", "ref", "many"),
    ("release/media", "ref", "many"),
    ("release/year", "long", "one"),
    ("release/name", "string", "one"),
    ("media/tracks", "ref", "many"),
    ("track/name", "string", "one"),
    ("track/artists", "ref", "many"),
    ("artist/name", "string", "one"),
    ("artist/country", "keyword", "one"),
]


@pytest.fixture(scope="module")
def music() -> Iterator[Db]:
    """Sixty artists, each with five releases of one medium and four tracks, some of which others play on."""
    with factstore.connect("memory:") as conn:
        conn.transact(
            [
                {"db/ident": name, "db/valueType": f"db.type/{kind}", "db/cardinality": f"db.cardinality/{many}"}
                for name, kind, many in SCHEMA
            ]
        )
        artists = [
            {"db/id": f"a{n}", "artist/name": f"artist {n}", "artist/country": factstore.Keyword(f"country/c{n % 3}")}
            for n in range(60)
        ]
        releases = [
            {
                "db/id": f"r{n}",
                "release/name": f"release {n}",
                "release/year": 1950 + n % 60,
                "release/artists": [f"a{n // 5}"],
                "release/media": [f"m{n}"],
            }
            for n in range(300)
        ]
        media = [{"db/id": f"m{n}", "media/tracks": [f"t{4 * n + k}" for k in range(4)]} for n in range(300)]
        tracks = [
            {
                "db/id": f"t{n}",
                "track/name": f"track {n % 50}",
                "track/artists": [f"a{n // 20}", f"a{(n * 7) % 60}"],
            }
            for n in range(1200)
        ]
        conn.transact([*artists, *releases, *media, *tracks])
        yield conn.db()


def work(db: Db, find: str, clauses: tuple[str, ...]) -> int:
    """The rows that went through all steps."""
    plan = db.explain(f"[:find {find} :where {' '.join(clauses)}]", analyze=True)
    return sum(line.rows_in + line.rows_out for line in plan.lines)


QUERIES = {
    "the tracks of an artist's early releases": (
        "?title ?album",
        '[?a :artist/name "artist 7"] [?t :track/artists ?a] [?t :track/name ?title] [?m :media/tracks ?t] '
        "[?r :release/media ?m] [?r :release/name ?album]",
    ),
    "who plays on the releases of one year": (
        "?name",
        "[?r :release/year 1957] [?r :release/media ?m] [?m :media/tracks ?t] [?t :track/artists ?a] "
        "[?a :artist/name ?name]",
    ),
    "who plays on releases of others, before a year": (
        "?a ?r",
        "[?r :release/year ?y] [(< ?y 1953)] [?r :release/artists ?own] [?r :release/media ?m] [?m :media/tracks ?t] "
        "[?t :track/artists ?a]",
    ),
    "collaborations across countries": (
        "?one ?other",
        "[?t :track/artists ?one] [?t :track/artists ?other] [?one :artist/country :country/c1] "
        '[?other :artist/name "artist 5"] (not [?other :artist/country :country/c1])',
    ),
}


@pytest.mark.parametrize("name", QUERIES)
def test_a_bad_order_costs_nothing(music: Db, name: str) -> None:
    find, text = QUERIES[name]
    clauses = [str(clause) for clause in parse_query(f"[:find {find} :where {text}]").where]
    every = list(permutations(clauses))
    orders = [*every[:: max(1, len(every) // 24)], tuple(reversed(clauses))]
    answers = [set(music.q(f"[:find {find} :where {' '.join(order)}]")) for order in orders]
    assert answers[0]
    assert all(answer == answers[0] for answer in answers)
    costs = [work(music, find, order) for order in orders]
    assert max(costs) <= 1.2 * min(costs), dict(zip(orders, costs, strict=True))


def test_what_is_never_asked_for_is_not_expanded(music: Db) -> None:
    plan = music.explain('[:find ?t :where [?t :track/name "track 3"] [?t :track/artists ?any]]', analyze=True)
    assert [line.rows_out for line in plan.lines] == [24, 24]


def test_a_step_reads_the_smaller_side_of_a_join_first(music: Db) -> None:
    text = '[:find ?a :where [?t :track/artists ?a] [?a :artist/country ?c] [?t :track/name "track 3"]]'
    assert music.explain(text, analyze=True).lines[0].clause == '[?t :track/name "track 3"]'
