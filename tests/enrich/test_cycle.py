"""A cycle: what it fetches, derives and marks; killed anywhere, the next one finishes its work."""

from __future__ import annotations

import sys
import threading
from typing import Any

import pytest

from enrich import EnrichError, Enrichment, Gone, Policy, RuleBook, ref
from enrich.materialize import plan
from enrich.transaction import forms
from factstore import Connection, QueryError
from tests.enrich.fakes import Clock, Things
from tests.enrich.graph_store import attribute, pairs
from tests.enrich.held import state

RULES = """
[(needs ?a ?b) [?a :thing/needs ?b]]
[(needs ?a ?b) [?a :thing/needs ?x] (needs ?x ?b)]
[(edge :thing/made-with ?a ?maker) {:doc "whose work it needs"} (needs ?a ?b) [?b :thing/maker ?maker]]
"""
STEPS = ["hydrate_levels", "derive", "mark"]


@pytest.fixture
def shop() -> Things:
    """A table needs a board, the board needs a tree; ana makes boards, bo grows trees."""
    shop = Things()
    shop.answers = {
        "table": shop.thing("table", name="table", needs=[ref("thing", "shop", "board")]),
        "board": shop.thing(
            "board", name="board", needs=[ref("thing", "shop", "tree")], maker=ref("thing", "shop", "ana")
        ),
        "tree": shop.thing("tree", name="tree", maker=ref("thing", "shop", "bo")),
        "ana": shop.thing("ana", name="ana"),
        "bo": shop.thing("bo", name="bo"),
    }
    return shop


@pytest.fixture
def catalog(conn: Connection, shop: Things, policy: Policy) -> Enrichment:
    conn.transact([attribute("thing/made-with")])
    return Enrichment(conn, [shop], RULES, policy=policy)


def hear(catalog: Enrichment, *ids: str) -> None:
    catalog.ingest([{"event_type": "thing_changed", "id": id} for id in ids])


def edges(conn: Connection) -> set[tuple[str, str]]:
    """The derived facts, by the last parts of their URIs."""
    uris = dict(conn.db().q("[:find ?e ?uri :where [?e :entity/uri ?uri]]"))
    found = pairs(conn.db(), "thing/made-with")
    return {(uris[start].rpartition("/")[2], uris[end].rpartition("/")[2]) for start, end in found}


ALL = {("table", "ana"), ("table", "bo"), ("board", "bo")}


def test_a_cycle_fetches_what_was_only_referred_to_and_derives(catalog: Enrichment, shop: Things) -> None:
    hear(catalog, "table")
    report = catalog.cycle()
    assert (report.candidates, len(report.hydrated), report.failed) == (1, 4, {})
    assert edges(catalog.conn) == ALL
    assert shop.asked == [["table"], ["board"], ["tree", "ana"], ["bo"]]


def test_what_was_hydrated_is_enriched_after_a_cycle(catalog: Enrichment, shop: Things, clock: Clock) -> None:
    hear(catalog, "table")
    assert state(catalog.conn, shop.uri("table")) == "hydrated"
    assert catalog.cycle().enriched == 5
    assert state(catalog.conn, shop.uri("table")) == state(catalog.conn, shop.uri("bo")) == "enriched"
    at = "[:find ?at . :in $ ?uri :where [?e :entity/uri ?uri] [?e :entity/enriched-at ?at]]"
    assert catalog.conn.db().q(at, shop.uri("bo")) == clock.now


def test_a_second_cycle_writes_nothing(catalog: Enrichment) -> None:
    hear(catalog, "table")
    assert catalog.cycle().datoms > 0
    t = catalog.conn.db().basis_t
    report = catalog.cycle()
    assert (report.candidates, report.datoms, catalog.conn.db().basis_t) == (0, 0, t)


def test_the_report_counts_every_datom(catalog: Enrichment) -> None:
    hear(catalog, "table")
    t = catalog.conn.db().basis_t
    assert catalog.cycle().datoms == len(catalog.conn.log_range(t).e)


def test_an_edge_goes_when_its_source_takes_its_word_back(catalog: Enrichment, shop: Things) -> None:
    hear(catalog, "table")
    catalog.cycle()
    before = catalog.conn.db()
    shop.answers["board"] = shop.thing("board", name="board", maker=ref("thing", "shop", "ana"))
    hear(catalog, "board")
    report = catalog.cycle()
    assert edges(catalog.conn) == {("table", "ana")}
    cause = f"shop no longer says [{shop.uri('board')} :thing/needs {shop.uri('tree')}]"
    assert [(each.cause or "").startswith(cause) for each in report.retracted] == [True, True]
    assert len(pairs(before, "thing/made-with")) == 3
    causes = catalog.conn.db().q("[:find [?cause ...] :where [?tx :tx/cause ?cause]]")
    assert [text.startswith(cause) for text in causes] == [True]


def test_what_is_gone_takes_its_edges_along(catalog: Enrichment, shop: Things) -> None:
    hear(catalog, "table")
    catalog.cycle()
    shop.answers["board"] = Gone()
    hear(catalog, "board")
    catalog.cycle()
    assert edges(catalog.conn) == set()


def test_a_source_that_fails_takes_no_edge_away(catalog: Enrichment, shop: Things, clock: Clock) -> None:
    hear(catalog, "table")
    catalog.cycle()
    answers, shop.answers = shop.answers, ConnectionError("down")
    hear(catalog, "table", "board")
    report = catalog.cycle()
    assert (report.added, report.retracted, edges(catalog.conn)) == ((), (), ALL)
    shop.answers = answers
    clock.later(60)
    assert catalog.cycle().candidates == 2
    assert edges(catalog.conn) == ALL
    assert catalog.cycle().datoms == 0


def test_a_failure_is_in_the_report_and_tried_again(catalog: Enrichment, shop: Things, clock: Clock) -> None:
    hear(catalog, "table")
    tree = shop.answers.pop("tree")
    report = catalog.cycle()
    assert list(report.failed) == [shop.uri("tree")]
    assert "hydrate/no-answer" in str(report)
    assert catalog.cycle().datoms == 0
    shop.answers["tree"] = tree
    clock.later(60)
    assert len(catalog.cycle().added) == 2
    assert edges(catalog.conn) == ALL


def test_a_budget_leaves_the_rest_for_the_next_cycle(conn: Connection, shop: Things, policy: Policy) -> None:
    conn.transact([attribute("thing/made-with")])
    catalog = Enrichment(conn, [shop], RULES, policy=policy, budget=1)
    hear(catalog, "table")
    assert [len(catalog.cycle().hydrated) for _ in range(5)] == [1, 1, 1, 1, 0]
    assert edges(conn) == ALL


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_cycle_killed_at_any_step_is_finished_by_the_next(
    catalog: Enrichment, monkeypatch: pytest.MonkeyPatch, step: str, when: str
) -> None:
    hear(catalog, "table")
    module: Any = sys.modules["enrich.cycle"]  # enrich.cycle itself is the function
    done = getattr(module, step)

    def killed(*args: Any, **named: Any) -> Any:
        if when == "after":
            done(*args, **named)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(module, step, killed)
        with pytest.raises(KeyboardInterrupt):
            catalog.cycle()
    catalog.cycle()
    assert edges(catalog.conn) == ALL
    states = catalog.conn.db().q("[:find ?state (count ?e) :where [?e :entity/state ?state]]")
    assert states == {("enriched", 5)}
    assert catalog.cycle().datoms == 0


def test_a_plan_from_an_old_state_is_not_committed(catalog: Enrichment) -> None:
    hear(catalog, "table", "board", "tree", "ana", "bo")
    stale = forms(plan(catalog.conn.db(), catalog.book), 1)
    catalog.cycle()
    with pytest.raises(EnrichError, match="derived by somebody else meanwhile") as caught:
        catalog.conn.transact(stale)
    assert caught.value.code == "enrich/conflict"
    assert edges(catalog.conn) == ALL


def test_two_cycles_at_a_time_derive_each_edge_once(catalog: Enrichment) -> None:
    hear(catalog, "table", "board", "tree", "ana", "bo")
    threads = [threading.Thread(target=catalog.cycle) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert edges(catalog.conn) == ALL
    assert len(catalog.conn.db().q("[:find [?e ...] :where [?e :edge/key]]")) == 3
    assert catalog.cycle().datoms == 0


def test_what_is_fetched_again_while_edges_are_derived_stays_hydrated(
    catalog: Enrichment, shop: Things, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    hear(catalog, "table")
    module: Any = sys.modules["enrich.cycle"]  # enrich.cycle itself is the function
    derive = module.derive

    def and_then_an_event(*args: Any) -> Any:
        derived = derive(*args)
        clock.later(1)
        shop.answers["bo"] = shop.thing("bo", name="bob")
        hear(catalog, "bo")
        return derived

    with monkeypatch.context() as patched:
        patched.setattr(module, "derive", and_then_an_event)
        catalog.cycle()
    assert state(catalog.conn, shop.uri("bo")) == "hydrated"
    assert state(catalog.conn, shop.uri("ana")) == "enriched"


def test_rules_that_do_not_fit_are_refused_before_anything_is_written(conn: Connection) -> None:
    with pytest.raises(QueryError):
        Enrichment(conn, rules="[(edge :thing/needs ?a ?b) [?a :thing/nedes ?b]]")
    with pytest.raises(EnrichError):
        Enrichment(conn, rules="[(edge :thing/maker ?a ?b) [?a :thing/needs ?b]]")


def test_without_rules_a_cycle_only_hydrates(conn: Connection, shop: Things) -> None:
    catalog = Enrichment(conn, [shop])
    hear(catalog, "table")
    assert catalog.cycle().enriched == 5
    assert catalog.cycle().datoms == 0
    assert len(RuleBook([]).edges) == 0


def test_the_status_tells_how_things_stand(catalog: Enrichment) -> None:
    assert catalog.status().basis is None
    hear(catalog, "table")
    assert catalog.status().entities == {"hydrated": 1, "unresolved": 1}
    catalog.cycle()
    status = catalog.status()
    assert (status.entities, status.edges) == ({"enriched": 5}, {"thing/made-with": 3})
    assert not status.rules_changed
    assert str(status).startswith("5 enriched; 3 :thing/made-with; derived from t ")
