"""Rule files: what they hold, and what they are refused for, with file, line and caret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import factstore
from enrich import EnrichError, RuleBook, check
from factstore import FactstoreError, QueryError
from tests.enrich.graph_store import SCHEMA, attribute, graph

FAR = "[(edge :n/far ?a ?b) [?a :n/next ?b]]"


def db(*more: Any) -> factstore.Db:
    conn = factstore.connect("memory:")
    conn.transact([*SCHEMA, attribute("n/seen", "instant", many=False, **{"db/noHistory": True}), *more])
    return conn.db()


def folder(root: Path, **files: str) -> Path:
    for name, text in files.items():
        (root / "rules" / f"{name}.edn").parent.mkdir(exist_ok=True)
        (root / "rules" / f"{name}.edn").write_text(text)
    return root / "rules"


def test_a_folder_is_one_book_in_the_order_of_its_files(tmp_path: Path) -> None:
    book = RuleBook.load(folder(tmp_path, b="\n\n" + FAR, a="[(up ?a ?b) [?a :n/next ?b]]"))
    assert [(rule.relation, rule.place) for rule in book.edges] == [("n/far", "rules/b.edn:3")]
    assert [rule.head.name for rule in book.rules] == ["up", "edge"]


def test_metadata_says_what_an_edge_means() -> None:
    notes = '{:doc "far away" :confidence 0.25 :owner "ana" :tags [:graph "hops"]}'
    (rule,) = RuleBook.load(f"[(edge :n/far ?a ?b) {notes} [?a :n/next ?b]]").edges
    assert (rule.doc, rule.confidence, rule.owner, rule.tags) == ("far away", 0.25, "ana", ("graph", "hops"))


def test_two_rules_that_say_the_same_are_one() -> None:
    book = RuleBook.load(FAR + "[(edge :n/far ?x ?y) [?x :n/next ?y]]")
    assert len(book.edges) == 1


def test_a_rule_carries_all_it_needs() -> None:
    up = "[(up ?a ?b) [?a :n/next ?b]]"
    book = RuleBook.load(f"{up} [(other ?a) [?a :n/good true]] [(edge :n/far ?a ?b) (up ?a ?b)]")
    assert book.edges[0].text.split("\n") == ["[(edge :n/far ?a ?b) (up ?a ?b)]", up]


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ("[(edge :n/far ?a) [?a :n/next ?b]]", "rule/head"),
        ('[(edge "n/far" ?a ?b) [?a :n/next ?b]]', "rule/head"),
        ("[(edge ?r ?a ?b) [?a :n/next ?b] [?r :n/good true]]", "rule/head"),
        ("[(edge :n/far ?a 7) [?a :n/next ?b]]", "rule/head"),
        ("[(edge [?r] ?a ?b) [?a :n/next ?b]]", "rule/head"),
        ("[(edge :n/far ?a ?b) {:confidence 2} [?a :n/next ?b]]", "rule/metadata"),
        ("[(edge :n/far ?a ?b) {:confidence true} [?a :n/next ?b]]", "rule/metadata"),
        ("[(edge :n/far ?a ?b) {:doc 3} [?a :n/next ?b]]", "rule/metadata"),
        ("[(edge :n/far ?a ?b) {:colour 3} [?a :n/next ?b]]", "rule/metadata"),
        ("[(edge*far ?a ?b) [?a :n/next ?b]]", "rule/reserved-name"),
    ],
)
def test_a_head_that_makes_no_edge_is_refused(rules: str, code: str) -> None:
    with pytest.raises(EnrichError) as caught:
        RuleBook.load("\n" + rules)
    assert (caught.value.code, caught.value.data["line"]) == (code, 2)
    assert "^" in caught.value.message


BODIES = [
    ("[?a :n/nxt ?b]", "query/unknown-attribute"),
    ("[?a :n/next ?c]", "query/unbound"),
    ("(up ?a ?b)", "query/unknown-rule"),
    ("[?a :n/next ?b] (not [?b :n/far ?a])", "query/unstratifiable"),
    ("[?a :n/next ?b] (flip ?a ?b)", "query/unstratifiable"),
    ("[?a ?attribute ?b]", "rule/any-attribute"),
    ("[?a _ ?b]", "rule/any-attribute"),
    ("[?a :n/next ?b] (optional [?a :n/good ?g])", "rule/optional"),
    ("[?a :n/next ?b] (edge ?any ?b ?a)", "rule/any-relation"),
    ("[?a :n/next ?b] [(rand) ?x] [(< 0.5 ?x)]", "rule/unsteady"),
    ("[?a :n/next ?b] [?a :n/seen ?at]", "rule/no-history"),
    ("[?a :n/far ?b ?tx]", "rule/derived-transaction"),
    ("[?a :n/next ?b] [(missing? $ ?a :n/far)]", "rule/derived-function"),
    ("[?a :n/name ?b]", "rule/not-an-entity"),
]


@pytest.mark.parametrize(("body", "code"), BODIES, ids=[body for body, _ in BODIES])
def test_a_body_no_edge_could_rest_on_is_refused(body: str, code: str, tmp_path: Path) -> None:
    flip = "[(flip ?a ?b) [?a :n/next ?b] (not [?a :n/owned ?b])]\n"
    rules = f"{flip}[(edge :n/owned ?a ?b) [?a :n/far ?b]]\n[(edge :n/far ?a ?b)\n {body}]"
    file = folder(tmp_path, a=rules) / "a.edn"
    with pytest.raises(FactstoreError) as caught:
        check(db(), RuleBook.load(file))
    assert caught.value.code == code
    assert str(file) in caught.value.message
    assert "^" in caught.value.message


@pytest.mark.parametrize(
    ("relation", "code"),
    [("n/fra", "rule/unknown-relation"), ("n/owner", "rule/relation-type"), ("n/name", "rule/relation-type")],
)
def test_a_relation_must_be_an_attribute_of_many_refs(relation: str, code: str) -> None:
    with pytest.raises(EnrichError) as caught:
        check(db(), RuleBook.load(f"[(edge :{relation} ?a ?b) [?a :n/next ?b]]"))
    assert (caught.value.code, caught.value.data["line"], caught.value.data["column"]) == (code, 1, 8)


def test_a_near_name_is_offered() -> None:
    with pytest.raises(EnrichError, match=r"did you mean :n/far"):
        check(db(), RuleBook.load("[(edge :n/fra ?a ?b) [?a :n/next ?b]]"))


def test_a_relation_that_people_write_is_refused() -> None:
    conn = factstore.connect("memory:")
    conn.transact(SCHEMA)
    written = conn.transact([{"db/id": "a", "n/name": "a", "n/far": "a"}]).db_after
    with pytest.raises(EnrichError, match=r":n/far has 1 facts written by others") as caught:
        check(written, RuleBook.load(FAR))
    assert caught.value.code == "rule/relation-written"


def test_a_relation_of_another_program_is_refused() -> None:
    other = db(attribute("n/elsewhere", **{"db/derivedBy": "somebody"}))
    with pytest.raises(EnrichError) as caught:
        check(other, RuleBook.load("[(edge :n/elsewhere ?a ?b) [?a :n/next ?b]]"))
    assert caught.value.code == "rule/relation-written"


@pytest.mark.parametrize(
    ("body", "code"),
    [("[?edge :edge/from ?a] [?edge :edge/to ?b]", "rule/own-output"), ("[?a :n/peer ?b]", "rule/not-derived-here")],
)
def test_rules_do_not_feed_on_what_is_derived_elsewhere(body: str, code: str) -> None:
    catalog, _ = graph("[(edge :n/peer ?a ?b) [?a :n/next ?b]]")
    catalog.cycle()
    with pytest.raises(EnrichError) as caught:
        check(catalog.conn.db(), RuleBook.load(f"[(edge :n/far ?a ?b) {body}]"))
    assert caught.value.code == code


def test_helpers_that_no_edge_needs_may_say_anything() -> None:
    assert len(check(db(), RuleBook.load(f"{FAR} [(all ?e ?v) [?e _ ?v] [?e :n/seen]]"))) == 2


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(EnrichError) as caught:
        RuleBook.load(tmp_path / "nowhere")
    assert caught.value.code == "rule/no-file"


def test_text_that_is_no_rule_is_a_syntax_error_with_its_file(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match=r"a\.edn:2:2"):
        RuleBook.load(folder(tmp_path, a="\n[?a :n/next ?b]"))
