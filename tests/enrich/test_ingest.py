"""From events to facts: what sources say is held, replaced and taken back, and nothing else is."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

import enrich
from enrich import Gone, Partial, Policy, Sources, ref
from enrich.schema import ENRICHED, FAILED, GONE, HYDRATED, UNRESOLVED
from factstore import Connection, Keyword
from tests.enrich.fakes import NOON, Changed, Clock, Things
from tests.enrich.held import entity, said, state


def test_what_the_source_says_is_held_with_who_said_it(conn: Connection, policy: Policy) -> None:
    shop = Things()
    shop.answers["a"] = shop.thing(
        "a", name="A", tag=["x", "y"], stage="new", made_at=NOON, needs=[ref("thing", "shop", "b")]
    )
    report = enrich.ingest(conn, [shop], [Changed("a")], policy=policy)
    assert (report.accepted, report.hydrated, report.failed, report.dead) == (1, [shop.uri("a")], {}, ())
    assert said(conn, shop.uri("a")) == {
        "thing/name": "A",
        "thing/tag": ["x", "y"],
        "thing/stage": Keyword("new"),
        "thing/made-at": NOON,
        "thing/needs": [shop.uri("b")],
    }
    assert list(conn.db().q('[:find ?s :where [_ :thing/name "A" ?tx] [?tx :tx/source ?s]]')) == [("shop",)]


def test_a_reference_to_the_unknown_dangles_and_is_not_fetched(conn: Connection, policy: Policy) -> None:
    shop = Things()
    shop.answers["a"] = shop.thing("a", maker=ref("person", "people", "ana"))
    enrich.ingest(conn, [shop], [Changed("a")], policy=policy)
    assert entity(conn, "aip://person/people/ana") == {
        "entity/uri": "aip://person/people/ana",
        "entity/kind": "person",
        "entity/source": "people",
        "entity/state": UNRESOLVED,
    }


def test_a_reference_to_the_known_changes_nothing_about_it(conn: Connection, policy: Policy) -> None:
    shop = Things()
    shop.answers |= {"a": shop.thing("a", name="A"), "b": shop.thing("b", needs=[ref("thing", "shop", "a")])}
    enrich.refresh(conn, Sources([shop]), [shop.uri("a")], policy=policy)
    before = entity(conn, shop.uri("a"))
    enrich.refresh(conn, Sources([shop]), [shop.uri("b")], policy=policy)
    assert entity(conn, shop.uri("a")) == before


def test_entities_of_one_batch_may_refer_to_each_other(conn: Connection, policy: Policy) -> None:
    shop = Things()
    shop.answers |= {id: shop.thing(id, needs=[ref("thing", "shop", other)]) for id, other in ("ab", "ba", "cc")}
    enrich.ingest(conn, [shop], map(Changed, "abc"), policy=policy)
    assert [said(conn, shop.uri(id))["thing/needs"] for id in "abc"] == [[shop.uri(id)] for id in "bac"]


def test_what_the_source_no_longer_says_is_taken_back(conn: Connection, policy: Policy) -> None:
    shop = Things()
    shop.answers["a"] = shop.thing("a", name="A", size=1, tag=["x", "y"], needs=[ref("thing", "shop", i) for i in "bc"])
    enrich.ingest(conn, [shop], [Changed("a")], policy=policy)
    shop.answers["a"] = shop.thing("a", name="B", tag=["y", "z"], needs=[ref("thing", "shop", "c")])
    report = enrich.ingest(conn, [shop], [Changed("a")], policy=policy)
    assert said(conn, shop.uri("a")) == {"thing/name": "B", "thing/tag": ["y", "z"], "thing/needs": [shop.uri("c")]}
    assert report.refreshed.datoms < 12


def test_what_people_said_stays(conn: Connection, policy: Policy) -> None:
    shop = Things()
    shop.answers["a"] = shop.thing("a", tag=["x"])
    enrich.ingest(conn, [shop], [Changed("a")], policy=policy)
    conn.transact([{"entity/uri": shop.uri("a"), "thing/tag": ["mine"], "thing/size": 3}])
    shop.answers["a"] = shop.thing("a", name="A")
    enrich.ingest(conn, [shop], [Changed("a")], policy=policy)
    assert said(conn, shop.uri("a")) == {"thing/name": "A", "thing/tag": ["mine"], "thing/size": 3}


def test_the_same_again_writes_only_the_time(conn: Connection, policy: Policy, clock: Clock) -> None:
    shop = Things()
    shop.answers["a"] = shop.thing("a", name="A")
    enrich.ingest(conn, [shop], [Changed("a")], policy=policy)
    before = entity(conn, shop.uri("a"))
    at = clock.later(5)
    report = enrich.ingest(conn, [shop], [Changed("a")], policy=policy)
    assert report.unchanged == [shop.uri("a")]
    assert entity(conn, shop.uri("a")) == before | {"entity/hydrated-at": at}


def test_an_enriched_entity_stays_so_only_while_unchanged(conn: Connection, policy: Policy) -> None:
    shop = Things()
    shop.answers["a"] = shop.thing("a", name="A")
    enrich.ingest(conn, [shop], [Changed("a")], policy=policy)
    conn.transact([{"entity/uri": shop.uri("a"), "entity/state": ENRICHED}])
    enrich.ingest(conn, [shop], [Changed("a")], policy=policy)
    assert state(conn, shop.uri("a")) == ENRICHED
    shop.answers["a"] = shop.thing("a", name="B")
    enrich.ingest(conn, [shop], [Changed("a")], policy=policy)
    assert state(conn, shop.uri("a")) == HYDRATED


def test_gone_keeps_the_name_and_what_others_said(conn: Connection, policy: Policy) -> None:
    shop = Things()
    shop.answers["a"] = shop.thing("a", name="A")
    enrich.ingest(conn, [shop], [Changed("a")], policy=policy)
    conn.transact([{"entity/uri": shop.uri("a"), "thing/tag": "mine"}])
    shop.answers["a"] = Gone()
    report = enrich.ingest(conn, [shop], [Changed("a")], policy=policy)
    assert (report.gone, state(conn, shop.uri("a"))) == ([shop.uri("a")], GONE)
    assert said(conn, shop.uri("a")) == {"thing/tag": ["mine"]}


def test_what_was_gone_can_come_back_as_it_was(conn: Connection, policy: Policy) -> None:
    shop = Things()
    for answer in (shop.thing("a", name="A"), Gone(), shop.thing("a", name="A")):
        shop.answers["a"] = answer
        enrich.ingest(conn, [shop], [Changed("a")], policy=policy)
    assert (state(conn, shop.uri("a")), said(conn, shop.uri("a"))) == (HYDRATED, {"thing/name": "A"})


def test_a_failure_takes_nothing_back(conn: Connection, policy: Policy) -> None:
    shop = Things()
    shop.answers["a"] = shop.thing("a", name="A")
    enrich.ingest(conn, [shop], [Changed("a")], policy=policy)
    shop.answers["a"] = TimeoutError("10 s")
    report = enrich.ingest(conn, [shop], [Changed("a")], policy=policy)
    assert report.failed[shop.uri("a")].code == "hydrate/timeout"
    assert said(conn, shop.uri("a")) == {"thing/name": "A"}
    assert enrich.standing(conn.db(), [shop.uri("a")])[shop.uri("a")].attempts == 1


def test_a_part_of_the_truth_is_only_added(conn: Connection, policy: Policy) -> None:
    shop = Things()
    shop.answers["a"] = shop.thing("a", name="A", tag=["x"])
    enrich.ingest(conn, [shop], [Changed("a")], policy=policy)
    shop.answers["a"] = Partial(shop.thing("a", size=2, tag=["y"]))
    enrich.ingest(conn, [shop], [Changed("a")], policy=policy)
    assert said(conn, shop.uri("a")) == {"thing/name": "A", "thing/size": 2, "thing/tag": ["x", "y"]}


def test_a_whole_answer_replaces_what_a_part_of_it_added(conn: Connection, policy: Policy) -> None:
    shop = Things()
    for answer in (shop.thing("a", tag=["x"]), Partial(shop.thing("a", tag=["y"])), shop.thing("a", tag=["x"])):
        shop.answers["a"] = answer
        enrich.ingest(conn, [shop], [Changed("a")], policy=policy)
    assert said(conn, shop.uri("a")) == {"thing/tag": ["x"]}


def test_what_only_a_part_was_known_of_can_be_gone_too(conn: Connection, policy: Policy) -> None:
    shop = Things()
    for answer in (Partial(shop.thing("a", tag=["y"])), Gone()):
        shop.answers["a"] = answer
        enrich.ingest(conn, [shop], [Changed("a")], policy=policy)
    assert (state(conn, shop.uri("a")), said(conn, shop.uri("a"))) == (GONE, {})


def test_an_event_may_come_before_its_source_knows(conn: Connection, policy: Policy, clock: Clock) -> None:
    shop = Things({"a": Gone()})
    report = enrich.ingest(conn, [shop], [Changed("a")], policy=policy)
    assert report.failed[shop.uri("a")].code == "hydrate/not-found"
    assert enrich.due(conn.db(), Sources([shop]), clock()) == []
    assert enrich.due(conn.db(), Sources([shop]), clock.later(60)) == [shop.uri("a")]
    shop.answers["a"] = shop.thing("a", name="A")
    enrich.refresh(conn, Sources([shop]), [shop.uri("a")], policy=policy)
    assert (state(conn, shop.uri("a")), said(conn, shop.uri("a"))) == (HYDRATED, {"thing/name": "A"})
    assert enrich.due(conn.db(), Sources([shop]), clock.later(10_000)) == []


def test_in_the_end_an_entity_is_left_alone_until_an_event(conn: Connection, policy: Policy, clock: Clock) -> None:
    shop = Things({"a": OSError("down")})
    for _ in range(3):
        enrich.refresh(conn, Sources([shop]), [shop.uri("a")], policy=policy)
    assert state(conn, shop.uri("a")) == FAILED
    assert enrich.due(conn.db(), Sources([shop]), clock.later(1_000_000)) == []
    shop.answers["a"] = shop.thing("a")
    enrich.ingest(conn, [shop], [Changed("a")], policy=policy)
    assert state(conn, shop.uri("a")) == HYDRATED


def test_a_source_that_is_down_harms_no_other(conn: Connection, policy: Policy) -> None:
    down, up = Things(ConnectionError("refused"), name="down"), Things(name="up")
    up.answers["a"] = up.thing("a", name="A")
    report = enrich.ingest(conn, [down, up], [Changed("a")], policy=policy)
    assert (report.hydrated, list(report.failed)) == ([up.uri("a")], [down.uri("a")])


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ({"size": "big"}, "source/refused"),
        ({"colour": "red"}, "source/refused"),
        ({"name": ["A", "B"]}, "source/refused"),
        ({"code": "taken"}, "source/refused"),
        ({"needs": "b"}, "source/bad-map"),
        ({"needs": 300}, "source/bad-map"),
        ({"size": ref("thing", "shop", "b")}, "source/bad-map"),
        ({"maker": Keyword("no/such")}, "source/refused"),
        ({"name": (["A"],)}, "source/bad-map"),
    ],
)
def test_what_the_store_refuses_fails_alone(conn: Connection, policy: Policy, bad: dict[str, Any], code: str) -> None:
    conn.transact([{"thing/code": "taken"}])
    shop = Things({"bad": Things().thing("bad", **bad)})
    shop.answers |= {id: shop.thing(id, name=id) for id in "abcde"}
    report = enrich.ingest(conn, [shop], map(Changed, ["a", "b", "bad", "c", "d", "e"]), policy=policy)
    assert {uri: error.code for uri, error in report.failed.items()} == {shop.uri("bad"): code}
    assert [said(conn, shop.uri(id)) for id in "abcde"] == [{"thing/name": id} for id in "abcde"]
    assert state(conn, shop.uri("bad")) == UNRESOLVED


def test_a_batch_is_one_transaction(conn: Connection, policy: Policy) -> None:
    shop = Things(size=4)
    shop.answers |= {str(id): shop.thing(str(id), size=id) for id in range(10)}
    before = conn.db().basis_t
    report = enrich.ingest(conn, [shop], [Changed(str(id)) for id in range(10)], policy=policy)
    assert conn.db().basis_t - before == 3 == report.refreshed.calls["shop"]


def test_doubled_shuffled_events_lead_to_the_same(conn: Connection, policy: Policy) -> None:
    shop = Things()
    shop.answers |= {id: shop.thing(id, name=id) for id in "ab"}
    lines = [b'{"event_type": "thing_changed", "id": "b"}', b"{", *[b'{"id": "a", "event_type": "thing_changed"}'] * 2]
    report = enrich.ingest(conn, [shop], lines, policy=policy)
    assert (report.accepted, report.duplicates, [dead.line for dead in report.dead]) == (2, 1, [2])
    assert shop.asked == [["b", "a"]]


def test_an_event_that_json_cannot_hold_stops_no_other(conn: Connection, policy: Policy) -> None:
    class Noted(msgspec.Struct, tag_field="event_type", tag="noted"):
        id: str
        note: str

    shop = Things()
    shop.events = (Changed, Noted)
    shop.answers |= {id: shop.thing(id, name=id) for id in "ab"}
    report = enrich.ingest(conn, [shop], [Noted("a", "\ud800"), Changed("b"), Noted("a", "\ud800")], policy=policy)
    assert (report.accepted, report.duplicates, report.hydrated) == (2, 1, [shop.uri("a"), shop.uri("b")])


def test_a_kind_nobody_answers_for_fails_by_itself(conn: Connection, policy: Policy) -> None:
    result = enrich.refresh(conn, Sources([]), ["aip://thing/nowhere/1"], policy=policy)
    assert result.failed["aip://thing/nowhere/1"].code == "hydrate/no-source"
    assert list(conn.db().q("[:find ?s :where [_ :tx/source ?s]]")) == []
