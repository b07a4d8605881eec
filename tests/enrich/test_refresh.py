"""Parts that share a payload, and levels of references."""

from __future__ import annotations

from typing import Any

import enrich
from enrich import Failed, Gone, Policy, Sources, ref
from enrich.schema import GONE, HYDRATED
from factstore import Connection
from tests.enrich.fakes import Changed, Clock, Things
from tests.enrich.held import entity, said, state


class Boxes(Things):
    """Boxes with the items in them, which nobody can ask for."""

    kinds = ("box",)

    def uri(self, id: str) -> str:
        return enrich.uri("box", self.name, id)

    def box(self, id: str, *items: str) -> list[dict[str, Any]]:
        return [{"entity/uri": self.uri(id)}, *({"entity/uri": item(each), "thing/name": each} for each in items)]


def item(id: str) -> str:
    return enrich.uri("item", "shop", id)


def test_parts_come_and_go_with_the_payload_that_describes_them(conn: Connection, policy: Policy) -> None:
    shop = Boxes()
    shop.answers["1"] = shop.box("1", "x", "y")
    enrich.ingest(conn, [shop], [Changed("1")], policy=policy)
    assert (entity(conn, item("x"))["entity/part-of"], state(conn, item("x"))) == (shop.uri("1"), HYDRATED)
    shop.answers["1"] = shop.box("1", "y")
    enrich.ingest(conn, [shop], [Changed("1")], policy=policy)
    assert (said(conn, item("x")), state(conn, item("x"))) == ({}, GONE)
    assert (said(conn, item("y")), state(conn, item("y"))) == ({"thing/name": "y"}, HYDRATED)


def test_a_part_may_move(conn: Connection, policy: Policy) -> None:
    shop = Boxes()
    shop.answers |= {"1": shop.box("1", "x"), "2": shop.box("2")}
    enrich.ingest(conn, [shop], map(Changed, "12"), policy=policy)
    shop.answers |= {"1": shop.box("1"), "2": shop.box("2", "x")}
    enrich.ingest(conn, [shop], map(Changed, "12"), policy=policy)
    assert (entity(conn, item("x"))["entity/part-of"], state(conn, item("x"))) == (shop.uri("2"), HYDRATED)


def test_the_parts_of_what_is_gone_are_gone(conn: Connection, policy: Policy) -> None:
    shop = Boxes()
    for answer in (shop.box("1", "x"), Gone()):
        shop.answers["1"] = answer
        enrich.ingest(conn, [shop], [Changed("1")], policy=policy)
    assert (said(conn, item("x")), state(conn, item("x"))) == ({}, GONE)


def test_a_part_is_described_once(conn: Connection, policy: Policy) -> None:
    shop = Boxes()
    shop.answers |= {"1": shop.box("1", "x"), "2": shop.box("2", "x")}
    report = enrich.ingest(conn, [shop], map(Changed, "12"), policy=policy)
    assert (report.hydrated, report.failed[shop.uri("2")].code) == ([shop.uri("1")], "source/described-twice")


def chain(shop: Things, ids: str) -> None:
    """a needs b needs c …"""
    shop.answers |= {
        id: shop.thing(id, name=id, needs=[ref("thing", "shop", each) for each in after])
        for id, after in zip(ids, [*ids[1:], ""], strict=True)
    }


def test_levels_follow_references_one_call_each(conn: Connection, policy: Policy) -> None:
    shop = Things()
    chain(shop, "abcd")
    shop.answers["a"]["thing/needs"] += [ref("thing", "shop", "c"), ref("thing", "shop", "a")]
    result = enrich.hydrate_levels(conn, Sources([shop]), [shop.uri("a")], policy=policy)
    assert shop.asked == [["a"], ["b", "c"], ["d"]]
    assert (len(result.hydrated), result.deferred, result.calls) == (4, (), {"shop": 3})


def test_a_spent_budget_is_told_and_the_rest_is_due(conn: Connection, policy: Policy, clock: Clock) -> None:
    shop = Things()
    chain(shop, "abcd")
    result = enrich.hydrate_levels(conn, Sources([shop]), [shop.uri("a")], budget=2, policy=policy)
    assert (len(result.outcomes), result.deferred) == (2, (shop.uri("c"),))
    assert enrich.due(conn.db(), Sources([shop]), clock()) == [shop.uri("c")]


def test_levels_do_not_ask_again_for_what_failed_or_is_known(conn: Connection, policy: Policy) -> None:
    shop = Things()
    chain(shop, "abc")
    enrich.refresh(conn, Sources([shop]), [shop.uri("c")], policy=policy)
    shop.answers["b"] = OSError("down")
    result = enrich.hydrate_levels(conn, Sources([shop]), [shop.uri("a"), shop.uri("a")], policy=policy)
    assert shop.asked == [["c"], ["a"], ["b"]]
    assert isinstance(result.outcomes[shop.uri("b")], Failed)
