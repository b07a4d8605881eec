"""Edges come, go and change with their reasons, one scenario each."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from enrich import CycleReport, EnrichError, Enrichment
from enrich.edges import claim
from enrich.materialize import plan
from factstore import Connection, TransactionError
from tests.enrich.graph_store import RULES, expected, graph, pairs, reified, stored

NEXT = '[(edge :n/far ?a ?b) {:doc "next"} [?a :n/next ?b]]'
OWNER = '[(edge :n/far ?a ?b) {:doc "owner" :confidence 0.5} [?a :n/owner ?b]]'


def again(catalog: Enrichment, rules: str) -> Enrichment:
    """The same store under other rules."""
    return Enrichment(catalog.conn, rules=rules)


def edge(conn: Connection, relation: str, start: int, end: int) -> dict[str, Any]:
    """What is stored of an edge."""
    found = conn.db().pull(["*", {"edge/rule": ["rule/doc", "rule/file"]}], ["edge/key", f"{relation} {start} {end}"])
    return {str(name): value for name, value in found.items()}


def premises(conn: Connection, relation: str, start: int, end: int) -> set[int]:
    query = "[:find [?p ...] :in $ ?key :where [?e :edge/key ?key] [?e :edge/premise ?p]]"
    return set(conn.db().q(query, f"{relation} {start} {end}"))


def changes(report: CycleReport) -> tuple[int, int, int]:
    return len(report.added), len(report.retracted), len(report.changed)


def test_an_edge_is_a_fact_and_an_entity_with_its_reasons() -> None:
    catalog, (a, b, *_) = graph(NEXT)
    catalog.conn.transact([["db/add", a, "n/next", b]])
    catalog.cycle()
    assert pairs(catalog.conn.db(), "n/far") == {(a, b)}
    told = edge(catalog.conn, "n/far", a, b)
    assert told["edge/rule"] == {"rule/doc": "next", "rule/file": "<rules>"}
    assert (told["edge/confidence"], told["edge/relation"]) == (1.0, "n/far")
    assert premises(catalog.conn, "n/far", a, b) == {a}


def test_the_transaction_of_an_edge_says_cycle_basis_and_origin() -> None:
    catalog, (a, b, *_) = graph(NEXT)
    basis = catalog.conn.transact([["db/add", a, "n/next", b]]).t
    number = catalog.cycle().number
    query = "[:find [?o ?c ?b] :where [_ :n/far _ ?tx] [?tx :tx/origin ?o] [?tx :tx/cycle ?c] [?tx :tx/basis ?b]]"
    origin, cycle, told = catalog.conn.db().q(query)
    assert (origin, cycle) == ("enrich", number)
    # The relation is claimed between the fact and the derivation.
    assert basis <= told < catalog.conn.db().basis_t


@pytest.mark.parametrize("attribute", ["n/far", "edge/from", "rule/doc", "enrich/basis"])
def test_nobody_else_writes_what_is_derived(attribute: str) -> None:
    catalog, (a, b, *_) = graph(NEXT)
    catalog.cycle()
    value: Any = {"rule/doc": "x", "enrich/basis": 3}.get(attribute, b)
    with pytest.raises(TransactionError) as caught:
        catalog.conn.transact([["db/add", a, attribute, value]])
    assert caught.value.code == "tx/derived"


def test_edges_that_people_assert_are_not_touched() -> None:
    catalog, (a, b, *_) = graph(NEXT)
    catalog.conn.transact([["db/add", a, "n/peer", b], ["db/add", a, "n/next", b]])
    catalog.cycle()
    catalog.conn.transact([["db/retract", a, "n/next", b]])
    assert changes(catalog.cycle()) == (0, 1, 0)
    assert pairs(catalog.conn.db(), "n/peer") == {(a, b)}


def test_two_rules_for_one_edge_make_one_edge_by_the_first() -> None:
    catalog, (a, b, *_) = graph(NEXT + OWNER)
    catalog.conn.transact([["db/add", a, "n/owner", b], ["db/add", a, "n/next", b]])
    assert changes(catalog.cycle()) == (1, 0, 0)
    assert edge(catalog.conn, "n/far", a, b)["edge/rule"]["rule/doc"] == "next"


def test_an_edge_outlives_one_of_its_two_reasons() -> None:
    catalog, (a, b, *_) = graph(NEXT + OWNER)
    catalog.conn.transact([["db/add", a, "n/owner", b], ["db/add", a, "n/next", b]])
    catalog.cycle()
    before = edge(catalog.conn, "n/far", a, b)["db/id"]
    catalog.conn.transact([["db/retract", a, "n/next", b]])
    report = catalog.cycle()
    assert changes(report) == (0, 0, 1)
    assert f"[#{a} :n/next #{b}] was retracted" in (report.changed[0].cause or "")
    told = edge(catalog.conn, "n/far", a, b)
    assert (told["db/id"], told["edge/rule"]["rule/doc"], told["edge/confidence"]) == (before, "owner", 0.5)
    catalog.conn.transact([["db/retract", a, "n/owner", b]])
    assert changes(catalog.cycle()) == (0, 1, 0)


def test_an_edge_whose_reason_holds_is_not_touched_by_another_reason() -> None:
    catalog, (a, b, *_) = graph(NEXT + OWNER)
    catalog.conn.transact([["db/add", a, "n/owner", b]])
    catalog.cycle()
    catalog.conn.transact([["db/add", a, "n/next", b]])
    assert changes(catalog.cycle()) == (0, 0, 0)
    assert edge(catalog.conn, "n/far", a, b)["edge/rule"]["rule/doc"] == "owner"


def test_a_renamed_variable_or_file_writes_nothing_but_the_file(tmp_path: Any) -> None:
    catalog, (a, b, *_) = graph(NEXT)
    catalog.conn.transact([["db/add", a, "n/next", b]])
    catalog.cycle()
    (tmp_path / "renamed.edn").write_text(NEXT.replace("?a", "?origin"))
    renamed = Enrichment(catalog.conn, rules=tmp_path / "renamed.edn")
    report = renamed.cycle()
    assert changes(report) == (0, 0, 0)
    t = catalog.conn.db().basis_t
    (commit,) = catalog.conn.log(t - 1)
    assert {datom.a for datom in commit.datoms if datom.e != commit.tx} == {"rule/file"}
    assert renamed.cycle().datoms == 0


def test_an_edited_rule_swaps_its_edges() -> None:
    catalog, (a, b, c, *_) = graph(NEXT)
    catalog.conn.transact([["db/add", a, "n/next", b], ["db/add", b, "n/next", c], ["db/add", b, "n/good", True]])
    catalog.cycle()
    edited = again(catalog, NEXT.replace("[?a :n/next ?b]", "[?b :n/next ?a] [?a :n/good true]"))
    report = edited.cycle()
    assert changes(report) == (1, 2, 0)
    assert all("was edited or removed" in (each.cause or "") for each in report.retracted)
    assert pairs(catalog.conn.db(), "n/far") == {(b, a)}
    assert edited.cycle().datoms == 0


def test_an_edge_that_an_edited_rule_still_gives_stays_with_the_new_rule() -> None:
    catalog, (a, b, *_) = graph(NEXT)
    catalog.conn.transact([["db/add", a, "n/next", b], ["db/add", b, "n/good", True]])
    catalog.cycle()
    edited = again(catalog, NEXT.replace("[?a :n/next ?b]", "[?a :n/next ?b] [?b :n/good true]"))
    assert changes(edited.cycle()) == (0, 0, 1)
    assert premises(catalog.conn, "n/far", a, b) == {a, b}
    active = catalog.conn.db().q("[:find ?active (count ?r) :where [?r :rule/active ?active]]")
    assert active == {(True, 1), (False, 1)}


def test_removed_rules_take_their_edges_with_them() -> None:
    catalog, (a, b, *_) = graph(NEXT)
    catalog.conn.transact([["db/add", a, "n/next", b]])
    catalog.cycle()
    assert changes(again(catalog, "[]").cycle()) == (0, 1, 0)
    assert changes(again(catalog, NEXT).cycle()) == (1, 0, 0)


def test_a_fact_that_comes_may_break_a_witness_of_an_edge_that_stays() -> None:
    """`a` is far from `o` by two ways; a negation takes the one that is stored."""
    rules = "[(edge :n/far ?a ?o) [?a :n/next ?b] [?b :n/owner ?o] (not (closed ?b))] [(closed ?b) [?b :n/shy true]]"
    catalog, (a, b, c, o, _) = graph(rules)
    two = [["db/add", a, "n/next", b], ["db/add", a, "n/next", c], ["db/add", b, "n/owner", o]]
    catalog.conn.transact([*two, ["db/add", c, "n/owner", o]])
    catalog.cycle()
    (stored_way,) = premises(catalog.conn, "n/far", a, o) - {a}
    catalog.conn.transact([["db/add", stored_way, "n/shy", True]])
    report = catalog.cycle()
    assert changes(report) == (0, 0, 1)
    assert f"[#{stored_way} :n/shy true] was asserted" in (report.changed[0].cause or "")
    assert premises(catalog.conn, "n/far", a, o) == {a, b, c} - {stored_way}


def test_an_end_that_is_retracted_and_comes_back_within_a_window_is_mended() -> None:
    catalog, (a, b, *_) = graph(NEXT)
    catalog.conn.transact([["db/add", a, "n/next", b]])
    catalog.cycle()
    catalog.conn.transact([["db/retractEntity", b]])
    assert pairs(catalog.conn.db(), "n/far") == set()
    catalog.conn.transact([["db/add", a, "n/next", b]])
    catalog.cycle()
    assert pairs(catalog.conn.db(), "n/far") == reified(catalog.conn.db())["n/far"] == {(a, b)}
    assert catalog.cycle().datoms == 0


def test_a_premise_that_is_retracted_and_comes_back_is_mended() -> None:
    """`b` is joined by a value: no other premise loses a fact with it."""
    catalog, (a, b, o, *_) = graph("[(edge :n/far ?a ?o) [?a :n/good ?same] [?b :n/shy ?same] [?b :n/owner ?o]]")
    facts = [["db/add", b, "n/shy", True], ["db/add", b, "n/owner", o]]
    catalog.conn.transact([["db/add", a, "n/good", True], *facts])
    catalog.cycle()
    catalog.conn.transact([["db/retractEntity", b]])
    catalog.conn.transact(facts)
    assert changes(catalog.cycle()) == (0, 0, 1)
    assert premises(catalog.conn, "n/far", a, o) == {a, b}
    assert catalog.cycle().datoms == 0


@pytest.mark.parametrize("named", ['[:n/name "node 1"]', ":color/red"])
def test_what_a_name_in_a_rule_stands_for_may_change(named: str) -> None:
    """No premise of the edge is about the entity that loses its name."""
    catalog, (a, b, *_) = graph("[]")
    catalog.conn.transact([["db/add", b, "db/ident", "color/red"], ["db/add", a, "n/next", b]])
    by_name = f"[(edge :n/far ?a ?b) [?a :n/next {named}] [?a :n/next ?b]]"
    naming = again(catalog, by_name + OWNER)
    catalog.conn.transact([["db/add", a, "n/owner", b]])
    naming.cycle()
    catalog.conn.transact([["db/add", b, "n/name", "no node"], ["db/retract", b, "db/ident", "color/red"]])
    catalog.conn.transact([{"n/name": "node 1", "db/ident": "color/red"}])
    assert changes(naming.cycle()) == (0, 0, 1)
    assert edge(catalog.conn, "n/far", a, b)["edge/rule"]["rule/doc"] == "owner"


def test_an_end_that_is_retracted_takes_the_edge_along() -> None:
    catalog, (a, b, *_) = graph(NEXT)
    catalog.conn.transact([["db/add", a, "n/next", b]])
    catalog.cycle()
    catalog.conn.transact([["db/retractEntity", b]])
    report = catalog.cycle()
    assert changes(report) == (0, 1, 0)
    assert f"[#{a} :n/next #{b}] was retracted" in (report.retracted[0].cause or "")
    assert catalog.conn.db().q("[:find [?e ...] :where [?e :edge/key]]") == []


def test_a_fact_that_comes_back_within_a_window_changes_nothing() -> None:
    catalog, (a, b, *_) = graph(NEXT)
    catalog.conn.transact([["db/add", a, "n/next", b]])
    catalog.cycle()
    for name in ("db/retract", "db/add"):
        catalog.conn.transact([[name, a, "n/next", b]])
    assert changes(catalog.cycle()) == (0, 0, 0)
    assert catalog.cycle().datoms == 0


def test_an_edge_rests_on_itself_by_no_way() -> None:
    """Peers by symmetry come first among the rules, but what began it must be another."""
    catalog, (a, b, *_) = graph(RULES)
    catalog.conn.transact([["db/add", a, "n/next", b], ["db/add", b, "n/good", True], ["db/add", a, "n/good", True]])
    catalog.cycle()
    assert [fact.text for fact in catalog.why(a, "n/peer", b).facts] == [f"[#{a} :n/next #{b}]"]
    catalog.conn.transact([["db/retract", a, "n/next", b]])
    catalog.cycle()
    assert stored(catalog.conn.db())["n/peer"] == set()


def test_facts_of_no_rule_move_nothing() -> None:
    catalog, (a, b, *_) = graph(NEXT)
    catalog.conn.transact([["db/add", a, "n/next", b]])
    catalog.cycle()
    t = catalog.conn.transact([["db/add", a, "n/good", True]]).t
    assert catalog.cycle().datoms == 0
    assert catalog.conn.db().basis_t == t


def test_facts_that_change_no_edge_move_the_basis_alone() -> None:
    catalog, (a, b, *_) = graph(NEXT)
    catalog.cycle()
    both = [["db/add", a, "n/next", b]], [["db/retract", a, "n/next", b]]
    t = max(catalog.conn.transact(each).t for each in both)
    catalog.cycle()
    assert catalog.conn.db().q("[:find ?t . :where [?s :enrich/state] [?s :enrich/basis ?t]]") == t
    assert catalog.cycle().datoms == 0


def test_a_plan_writes_nothing_and_says_what_a_cycle_does() -> None:
    catalog, (a, b, *_) = graph(NEXT)
    catalog.conn.transact([["db/add", a, "n/next", b]])
    before = catalog.conn.db().basis_t
    planned = catalog.plan()
    assert catalog.conn.db().basis_t == before
    assert planned.added == catalog.cycle().added
    assert planned.counts() == {"n/far": (1, 0, 0)}
    assert str(planned).split("\n")[1] == f"  + #{a} -[n/far]-> #{b}"


def test_without_a_log_every_witness_is_checked() -> None:
    catalog, ids = graph(RULES)
    catalog.conn.transact([["db/add", one, "n/next", two] for one, two in itertools.pairwise(ids)])
    catalog.cycle()
    diff = plan(catalog.conn.db(), catalog.book)
    assert diff.examined
    assert (diff.added, diff.retracted, diff.changed, diff.repaired) == ((), (), (), ())


def test_a_fact_written_after_the_check_is_not_taken_for_derived() -> None:
    catalog, (a, b, *_) = graph(NEXT)
    catalog.conn.transact([["db/add", a, "n/far", b]])
    with pytest.raises(EnrichError) as caught:
        claim(catalog.conn, catalog.book)
    assert caught.value.code == "rule/relation-written"


def test_lookups_and_idents_may_stand_in_a_derived_pattern() -> None:
    rules = f'{NEXT} [(edge :n/owned ?a ?b) [[:n/name "node 0"] :n/far ?a] [?a :n/far ?b] [?b :n/far :color/red]]'
    catalog, (a, b, c, *_) = graph(NEXT)
    red = catalog.conn.transact([{"db/id": "red", "db/ident": "color/red"}]).tempids["red"]
    catalog.conn.transact([["db/add", start, "n/next", end] for start, end in [(a, b), (b, c), (c, red)]])
    looking = again(catalog, rules)
    looking.cycle()
    assert pairs(catalog.conn.db(), "n/owned") == {(b, c)}
    assert looking.why(b, "n/owned", c).confidence == 1.0


def test_an_edge_is_no_surer_than_the_edges_it_rests_on() -> None:
    catalog, (a, b, c, *_) = graph(OWNER + "[(edge :n/owned ?a ?c) {:confidence 0.9} [?a :n/far ?b] [?b :n/next ?c]]")
    catalog.conn.transact([["db/add", a, "n/owner", b], ["db/add", b, "n/next", c]])
    catalog.cycle()
    assert edge(catalog.conn, "n/owned", a, c)["edge/confidence"] == 0.5


def test_the_witness_is_the_one_with_the_fewest_levels() -> None:
    far = "[(reach ?a ?b) [?a :n/next ?x] (reach ?x ?b)] [(reach ?a ?b) [?a :n/next ?b]]"
    catalog, (a, b, c, d, _) = graph(f"{far} [(edge :n/far ?a ?b) (reach ?a ?b)]")
    catalog.conn.transact([["db/add", *hop] for hop in [(a, "n/next", b), (b, "n/next", c), (c, "n/next", d)]])
    catalog.conn.transact([["db/add", b, "n/next", d]])
    catalog.cycle()
    assert premises(catalog.conn, "n/far", a, d) == {a, b}


def test_a_long_chain_has_a_witness() -> None:
    far = "[(reach ?a ?b) [?a :n/next ?b]] [(reach ?a ?b) [?a :n/next ?x] (reach ?x ?b)]"
    catalog, ids = graph(
        f'{far} [(edge :n/far ?a ?b) [?a :n/name "node 0"] (reach ?a ?b) [?b :n/good true]]', nodes=range(60)
    )
    hops = [["db/add", one, "n/next", two] for one, two in itertools.pairwise(ids)]
    catalog.conn.transact([*hops, ["db/add", ids[-1], "n/good", True]])
    assert changes(catalog.cycle()) == (1, 0, 0)
    assert premises(catalog.conn, "n/far", ids[0], ids[-1]) == set(ids)


def test_many_edges_come_and_go_whole_columns_at_a_time() -> None:
    catalog, ids = graph(RULES, nodes=range(40))
    facts = [["db/add", one, "n/next", two] for one in ids[:20] for two in ids[20:]]
    catalog.conn.transact([*facts, *(["db/add", node, "n/good", True] for node in ids)])
    assert changes(catalog.cycle()) == (1200, 0, 0)
    assert stored(catalog.conn.db()) == expected(catalog.conn.db())
    catalog.conn.transact([["db/retract", ids[0], "n/next"]])
    assert changes(catalog.cycle()) == (0, 60, 0)
