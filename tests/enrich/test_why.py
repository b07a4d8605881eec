"""Why an edge is there: the rule, the facts in order, their transactions; and all other reasons."""

from __future__ import annotations

import itertools

import pytest

from enrich import Cut, Derivation, EnrichError, Enrichment, Premise, Witness, why
from tests.enrich.graph_store import RULES, graph, pairs

REACH = "[(reach ?a ?b) [?a :n/next ?b]] [(reach ?a ?b) [?a :n/next ?x] (reach ?x ?b)]"
FAR = f'{REACH} [(edge :n/far ?a ?b) {{:doc "leads there"}} [?a :n/good true] (reach ?a ?b) (not [?a :n/blocked ?b])]'


def chain(rules: str = FAR, nodes: int = 5) -> tuple[Enrichment, list[int]]:
    """Nodes in a row, the first of them good."""
    catalog, ids = graph(rules, nodes=range(nodes))
    hops = [["db/add", one, "n/next", two] for one, two in itertools.pairwise(ids)]
    catalog.conn.transact([{"db/id": "db/current-tx", "tx/source": "hand"}, *hops, ["db/add", ids[0], "n/good", True]])
    catalog.cycle()
    return catalog, ids


def test_a_derivation_names_the_rule_and_the_facts_in_order() -> None:
    catalog, (a, b, c, *_) = chain()
    told = catalog.why(a, "n/far", c)
    assert (told.rule.doc, told.rule.place, told.confidence) == ("leads there", "<rules>:1", 1.0)
    assert [(fact.e, fact.a, fact.v) for fact in told.facts] == [
        (a, "n/good", True),
        (a, "n/next", b),
        (b, "n/next", c),
    ]
    assert told.bindings == {"?a": f"#{a}", "?b": f"#{c}"}


def test_a_fact_has_its_transaction_instant_and_source() -> None:
    catalog, (a, b, *_) = chain()
    fact = catalog.why(a, "n/far", b).facts[-1]
    (commit,) = catalog.conn.log(fact.t - 1, fact.t)
    assert (fact.tx, fact.instant, fact.source) == (commit.tx, commit.instant, "hand")


def test_helper_rules_are_steps_of_their_own() -> None:
    catalog, (a, _, c, *_) = chain()
    good, reach, condition = catalog.why(a, "n/far", c).premises
    assert isinstance(good, Premise)
    assert isinstance(reach, Witness)
    assert (reach.head, reach.rule.name) == (f"(reach {a} {c})", "reach")
    assert str(condition) == "(not [?a :n/blocked ?b])"
    assert isinstance(reach.premises[1], Witness)


def test_text_is_a_tree() -> None:
    catalog, (a, _, c, *_) = chain()
    lines = str(catalog.why(a, "n/far", c)).split("\n")
    assert lines[0] == f"#{a} -[:n/far]-> #{c}"
    assert [line.split("  ")[0] for line in lines[3:6]] == [
        f"├─ [#{a} :n/good true]",
        f"├─ (reach {a} {c})",
        "│",
    ]
    assert lines[-1] == "└─ (not [?a :n/blocked ?b])"


def test_a_drawing_has_an_arrow_for_each_fact_and_a_thick_one() -> None:
    catalog, (a, _, c, *_) = chain()
    drawing = catalog.why(a, "n/far", c).to_mermaid().split("\n")
    assert drawing[0] == "flowchart LR"
    assert sum(" --> " in line for line in drawing) == 3
    assert [line for line in drawing if "==>" in line] == ['    n0 == ":n/far" ==> n3']


def test_labels_cannot_break_out_of_a_drawing() -> None:
    catalog, (a, b, *_) = graph("[(edge :n/far ?a ?b) [?a :n/next ?b] [?a :n/name ?name]]")
    catalog.conn.transact([["db/add", a, "n/next", b], ["db/add", a, "n/name", 'x"]; click n0 "javascript:1']])
    catalog.cycle()
    assert '"]; click' not in catalog.why(a, "n/far", b).to_mermaid()


@pytest.mark.parametrize("way", ["entity", "key", "ends", "tuple", "lookup"])
def test_an_edge_may_be_named_in_many_ways(way: str) -> None:
    catalog, (a, b, *_) = chain()
    db, key = catalog.conn.db(), f"n/far {a} {b}"
    named = {
        "entity": (db.entid(["edge/key", key]),),
        "key": (["edge/key", key],),
        "ends": (a, ":n/far", b),
        "tuple": ((a, "n/far", b),),
        "lookup": (["n/name", "node 0"], "n/far", ["n/name", "node 1"]),
    }
    assert why(db, *named[way]).edge == db.entid(["edge/key", key])


def test_an_edge_that_is_not_there_is_said_so() -> None:
    catalog, (a, b, *_) = chain()
    for missing in [(b, "n/far", a), (a, "n/owned", b), ("aip://model/registry/x", "n/far", b), (a,), (10**6,)]:
        with pytest.raises(EnrichError, match="there is no edge") as caught:
            catalog.why(*missing)
        assert caught.value.code == "edge/missing"


def test_before_the_first_cycle_there_is_no_edge() -> None:
    catalog, (a, b, *_) = graph(FAR)
    with pytest.raises(EnrichError) as caught:
        catalog.why(a, "n/far", b)
    assert caught.value.code == "edge/missing"


def test_the_past_is_explained_by_the_rules_of_its_time() -> None:
    catalog, (a, b, *_) = chain()
    then = catalog.conn.db()
    catalog.conn.transact([["db/retract", a, "n/next", b]])
    Enrichment(catalog.conn, rules="[(edge :n/far ?a ?b) [?b :n/next ?a]]").cycle()
    told = why(catalog.conn.db().as_of(then.basis_t), a, "n/far", b)
    assert told.rule.doc == "leads there"
    assert [fact.text for fact in told.facts] == [f"[#{a} :n/good true]", f"[#{a} :n/next #{b}]"]


def test_what_happened_after_the_basis_is_not_mixed_in() -> None:
    catalog, (a, b, c, *_) = chain()
    catalog.conn.transact([["db/retract", a, "n/next", b], ["db/add", a, "n/next", c]])
    assert [fact.v for fact in catalog.why(a, "n/far", c).facts] == [True, b, c]


def test_all_derivations_come_shallow_first_and_each_once() -> None:
    catalog, (a, b, c, d, e) = chain()
    catalog.conn.transact([["db/add", a, "n/next", c], ["db/add", b, "n/next", d], ["db/add", e, "n/next", a]])
    catalog.cycle()
    ways = [tuple(fact.v for fact in told.facts[1:]) for told in catalog.why(a, "n/far", d).all()]
    assert set(ways) == {(b, c, d), (c, d), (b, d)}
    assert [len(way) for way in ways] == [2, 2, 3]


def test_no_derivation_goes_in_circles() -> None:
    """In a ring every node is reached in infinitely many ways, and in one that repeats no goal."""
    catalog, (a, b, c, _, e) = chain()
    catalog.conn.transact([["db/add", e, "n/next", a]])
    catalog.cycle()
    told = list(catalog.why(a, "n/far", c).all(depth=30))
    assert [[fact.v for fact in each.facts] for each in told] == [[True, b, c]]


def test_all_is_bounded_and_lazy() -> None:
    catalog, ids = graph(FAR, nodes=range(8))
    every = [["db/add", one, "n/next", two] for one in ids for two in ids if one != two]
    catalog.conn.transact([*every, ["db/add", ids[0], "n/good", True]])
    catalog.cycle()
    told = catalog.why(ids[0], "n/far", ids[1])
    assert len(list(told.all(limit=25))) == 25
    assert isinstance(next(told.all()), Derivation)


def test_all_asks_every_rule_the_stored_one_first() -> None:
    rules = '[(edge :n/far ?a ?b) {:doc "next"} [?a :n/next ?b]] [(edge :n/far ?a ?b) {:doc "owner"} [?a :n/owner ?b]]'
    catalog, (a, b, *_) = graph(rules)
    catalog.conn.transact([["db/add", a, "n/owner", b]])
    catalog.cycle()
    catalog.conn.transact([["db/add", a, "n/next", b]])
    catalog.cycle()
    assert [told.rule.doc for told in catalog.why(a, "n/far", b).all()] == ["owner", "next"]


def test_what_lies_too_deep_is_marked() -> None:
    catalog, ids = chain(nodes=30)
    told = catalog.why(ids[0], "n/far", ids[-1])
    cut = [line for line in str(told).split("\n") if "deeper" in line]
    assert len(cut) == 1
    assert len(why(catalog.conn.db(), ids[0], "n/far", ids[-1], depth=40).facts) == 30
    shallow = why(catalog.conn.db(), ids[0], "n/far", ids[-1], depth=1)
    assert [part for part in shallow.premises if isinstance(part, Cut)] == [Cut(f"(reach {ids[0]} {ids[-1]})", 29)]


def test_branches_of_an_or_are_no_steps() -> None:
    catalog, (a, b, *_) = graph("[(edge :n/far ?a ?b) [?a :n/good true] (or [?a :n/next ?b] [?a :n/owner ?b])]")
    catalog.conn.transact([["db/add", a, "n/owner", b], ["db/add", a, "n/good", True]])
    catalog.cycle()
    assert [type(part).__name__ for part in catalog.why(a, "n/far", b).premises] == ["Premise", "Premise"]


def test_an_edge_built_on_an_edge_tells_that_one_too() -> None:
    catalog, (a, b, c, *_) = graph(RULES)
    catalog.conn.transact([["db/add", a, "n/next", b], ["db/add", b, "n/good", True], ["db/add", b, "n/owner", c]])
    catalog.cycle()
    far, owned, _ = catalog.why(a, "n/contact", c).premises
    assert isinstance(far, Witness)
    assert isinstance(owned, Witness)
    assert (far.head, far.rule.doc) == (f"[{a} :n/far {b}]", "leads to something good")
    assert pairs(catalog.conn.db(), "n/contact") == {(a, c)}
