"""The hash of a rule: what it says counts, how it is written does not."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrich import RuleBook

RULE = '[(edge :n/far ?a ?b) {:doc "far"} [?a :n/next ?x] (up ?x ?b) (not [?x :n/blocked ?b]) [(not= ?a ?b)]]'
UP = "[(up ?a ?b) [?a :n/next ?b]]"


def hash_of(text: str) -> str:
    return RuleBook.load(text).hash


@pytest.mark.parametrize(
    "same",
    [
        RULE.replace("?a", "?from").replace("?x", "?a"),
        RULE.replace("far", "somewhere else", 2).replace(":n/somewhere else", ":n/far"),
        RULE.replace("[?a :n/next ?x] (up ?x ?b)", "(up ?x ?b)\n ; a comment\n [$ ?a :n/next ?x]"),
        RULE.replace('{:doc "far"}', '{:confidence 1.0 :owner "ana" :tags ["x"]}'),
    ],
)
def test_names_order_and_comments_do_not_count(same: str) -> None:
    assert same != RULE
    assert hash_of(same + UP.replace("?a", "?one")) == hash_of(RULE + UP)


@pytest.mark.parametrize(
    "other",
    [
        RULE.replace("(up ?x ?b)", "(up ?b ?x)"),
        RULE.replace("?a ?b) {", "?b ?a) {"),
        RULE.replace("(not [?x :n/blocked ?b])", "(not [?a :n/blocked ?b])"),
        RULE.replace("(not [?x :n/blocked ?b])", "[?x :n/blocked ?b]"),
        RULE.replace("{:doc", "{:confidence 0.5 :doc"),
        RULE.replace("(edge :n/far", "(edge :n/peer"),
    ],
)
def test_what_is_said_counts(other: str) -> None:
    assert other != RULE
    assert hash_of(other + UP) != hash_of(RULE + UP)


def test_the_rules_it_depends_on_count_and_no_others() -> None:
    other = UP.replace(":n/next", ":n/peer")
    assert hash_of(RULE + other) != hash_of(RULE + UP)
    assert hash_of(RULE + UP + "[(unused ?a) [?a :n/good true]]") == hash_of(RULE + UP)


def test_a_derived_relation_is_a_dependency() -> None:
    built = "[(edge :n/owned ?a ?b) [?a :n/far ?b]]"
    one, other = (RuleBook.load(built + FAR) for FAR in ("[(edge :n/far ?a ?b) [?a :n/next ?b]]", RULE + UP))
    assert one.edges[0].hash != other.edges[0].hash


def test_variables_that_look_alike_are_told_apart() -> None:
    """A cycle of six and two of three have the same clauses seen from each variable."""
    six = [f"[?x{i} :n/next ?x{(i + 1) % 6}]" for i in range(6)]
    threes = [f"[?x{i} :n/next ?x{i // 3 * 3 + (i + 1) % 3}]" for i in range(6)]
    head = "(edge :n/far ?x0 ?x1)"
    assert hash_of(f"[{head} {' '.join(six)}]") != hash_of(f"[{head} {' '.join(threes)}]")


@given(st.integers(0, 2**32), st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=7))
def test_any_renaming_and_shuffling_keeps_the_hash(seed: int, edges: list[tuple[int, int]]) -> None:
    used = sorted(set(itertools.chain(*edges)))
    dice = random.Random(seed)
    names = dice.sample([f"?v{n}" for n in range(20)], len(used))
    new = dict(zip(used, names, strict=True))

    def text(name: dict[int, str], order: list[tuple[int, int]]) -> str:
        ends = f"{name[edges[0][0]]} {name[edges[-1][1]]}"
        if edges[0][0] == edges[-1][1]:
            ends = f"{name[edges[0][0]]} ?end"
            order = [*order, (edges[0][0], -1)]
        named = name | {-1: "?end"}
        return f"[(edge :n/far {ends}) {' '.join(f'[{named[a]} :n/next {named[b]}]' for a, b in order)}]"

    plain = text({n: f"?x{n}" for n in used}, edges)
    assert hash_of(text(new, dice.sample(edges, len(edges)))) == hash_of(plain)
