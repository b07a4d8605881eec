"""A query is data, and may be anybody's: it ends in bounded time and memory, and says which bound it met."""

from __future__ import annotations

import json
import math
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factstore import Db, FactstoreError, Keyword, QueryError, Symbol
from factstore.query.columnar.limits import Limits
from factstore.query.functions.builtin import BUILTIN
from factstore.query.functions.regex import _BUDGET, ways_of
from tests.query import hostile
from tests.query.hostile import QUERIES

ROOT = Path(__file__).resolve().parents[2]
_SLOWEST = 20.0
"""Seconds for one query on a busy machine; each of them takes less than one on a quiet one."""


@pytest.mark.slow
def test_hostile_queries_end_with_their_code_in_bounded_time_and_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.query.hostile"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, tuple[str | None, float]] = json.loads(done.stdout)
    assert {name: code for name, (code, _) in found.items()} == {each.name: each.code for each in QUERIES}
    assert {name for name, (_, seconds) in found.items() if seconds > _SLOWEST} == set()


@pytest.fixture(scope="module")
def db() -> Db:
    return hostile.store()


def test_bounds_hold_without_being_asked_for() -> None:
    limits = Limits()
    with pytest.raises(QueryError, match="50,000,001 rows"):
        limits.check(50_000_001)
    with pytest.raises(QueryError, match="bytes: expected at most"):
        limits.check(40_000_000, 100)
    assert limits._deadline < math.inf


def test_bounds_are_set_for_one_query(db: Db) -> None:
    pairs = "[:find ?x ?y :where [?x :n/n] [?y :n/n]]"
    for options, code in (
        ({"max_rows": 1000}, "query/too-large"),
        ({"max_memory": 1000}, "query/too-large"),
        ({"timeout": 0.0}, "query/timeout"),
    ):
        with pytest.raises(QueryError) as caught:
            db.q(pairs, **options)
        assert caught.value.code == code
    assert len(db.q("[:find ?x :where [?x :n/n]]", timeout=math.inf)) == 2000


def test_bounds_of_a_db_value_hold_for_what_is_made_of_it(db: Db) -> None:
    within = db.bounded(max_rows=1000, timeout=60)
    views = [within.as_of(within.basis_t), within.history(), within.with_([]).db_after, within.bounded(max_rows=10**6)]
    for view in (within, *views):
        with pytest.raises(QueryError, match="at most 1,000"):
            view.q("[:find ?x :where [?x :n/n]]", max_rows=10**6)
    assert len(db.q("[:find ?x :where [?x :n/n]]")) == 2000


def test_a_slow_function_meets_the_time_between_two_calls(db: Db) -> None:
    def slow(x: int) -> int:
        time.sleep(0.002)
        return x

    started = time.perf_counter()
    with pytest.raises(QueryError) as caught:
        db.q("[:find ?y :where [_ :n/n ?x] [(slow ?x) ?y]]", functions={"slow": slow}, timeout=0.1)
    assert caught.value.code == "query/timeout"
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize(
    "call",
    [
        '(+ "a" 1)',
        "(- true 1)",
        '(* 2 "a")',
        "(/ true 2)",
        '(inc "a")',
        "(abs true)",
        '(mod "%s" 1)',
        "(even? true)",
        "(upper-case 1)",
        '(starts-with? "a" 1)',
        '(subs "abc" "a")',
        "(count 3)",
        '(max 1 "a")',
        "(keyword 1)",
    ],
)
def test_a_function_of_other_types_is_a_mismatch(db: Db, call: str) -> None:
    with pytest.raises(QueryError) as caught:
        db.q(f"[:find ?x :where [{call} ?x]]")
    assert caught.value.code == "query/type-mismatch"


SAFE = [
    ("a+b", "aab"),
    ("^[a-z]+@[a-z.]+$", "ann@example.org"),
    (r"\d{4}-\d\d-\d\d", "on 2020-01-02"),
    ("(ab|cd)+", "abcdab"),
    (r"(\w+) (\w+)", "ann lee"),
    ("colou?r", "color"),
    (".*x.*", "axb"),
    ("(?i)ANN", "ann"),
    (r"(?:a{2})+b", "aaaab"),
]
UNSAFE = ["(a+)+", "(a*)*", "(a|a)*", "(a|ab)*c", "(a?)*", "(a{1,2})*b", r"(\w+\s?)*x", "((ab)*)*"]


@pytest.mark.parametrize(("pattern", "text"), SAFE)
def test_a_plain_regex_runs(pattern: str, text: str) -> None:
    match = re.search(pattern, text)
    assert match is not None
    found = BUILTIN["re-find"](pattern, text)
    assert found == ((match[0], *match.groups()) if match.groups() else match[0])


@pytest.mark.parametrize("pattern", UNSAFE)
def test_a_regex_that_may_take_for_ever_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="in several ways"):
        BUILTIN["re-find"](pattern, "a" * 40)


@settings(max_examples=150, deadline=None)
@given(st.text("ab()|*+?[]{},12.\\d^$", max_size=14), st.text("ab1", max_size=60))
def test_no_regex_takes_long(pattern: str, text: str) -> None:
    """Whatever is let through has an end: the ways that were counted are no fewer than it needs."""
    started = time.perf_counter()
    try:
        BUILTIN["re-find"](pattern, text + "!")
    except (ValueError, TypeError):
        return
    assert time.perf_counter() - started < 5
    assert ways_of(re.compile(pattern), whole=False)(len(text) + 1) <= _BUDGET


WORDS = re.findall(
    r"\S+",
    """[ ] ( ) { } :find :where :in :with ?x ?y $ % _ ... . :n/n :n/s not or and or-join not-join optional str count
    pull * < 1 1.5 "a" nil true #inst #{ \\a 1e999M aggregate q get-else missing? ground ^ ' ; 99999999999999999999""",
)
VALID = [
    "[:find ?x ?n :in $ ?n :where [?x :n/n ?n] [?x :n/s ?s] (not [?x :n/n 3]) [(str ?s ?n) ?t]]",
    "[:find (count ?x) . :in $ [?n ...] :where (or [?x :n/n ?n] (and [?x :n/s ?s] [(count ?s) ?n]))]",
    "[:find (pull ?x [:n/n {:n/n [*]}]) :where [?x :n/n 3] [(get-else $ ?x :n/s 1) ?y] :order-by [?x] :limit 3]",
    "{:find [[?x ...]] :in [$ [[?a ?b]]] :where [[?x :n/n ?a] (or-join [[?a] ?b] [(inc ?a) ?b])] :timeout 100}",
]
PARTS = re.compile(r'"[^"]*"|[\[\](){}]|[^\s\[\](){}"]+')


def mutated(r: random.Random) -> str:
    """A query that was one once, with some of its words changed for others."""
    words = PARTS.findall(r.choice(VALID))
    for _ in range(r.randint(1, 4)):
        place = r.randrange(len(words))
        act = r.randrange(4)
        if act == 0:
            words[place] = r.choice(WORDS)
        elif act == 1:
            words.insert(place, r.choice(WORDS))
        elif act == 2 and len(words) > 1:
            del words[place]
        else:
            other = r.randrange(len(words))
            words[place], words[other] = words[other], words[place]
    return " ".join(words)


def drawn_data(r: random.Random, depth: int = 0) -> Any:
    """Something that is hardly a query."""
    leaves: list[Any] = [
        Keyword("find"),
        Keyword("where"),
        Keyword("n/n"),
        Symbol("?x"),
        Symbol("$"),
        1,
        1.5,
        "a",
        None,
        True,
        ...,
    ]
    if depth > 3 or r.random() < 0.4:
        return r.choice([*leaves, object(), b"a", float("nan")])
    items = [drawn_data(r, depth + 1) for _ in range(r.randint(0, 4))]
    return r.choice([list, tuple])(items)


def random_words(r: random.Random) -> str:
    """Words of the language, in no order."""
    return " ".join(r.choices(WORDS, k=r.randint(1, 25)))


GARBAGE: list[Callable[[random.Random], Any]] = [mutated, random_words, drawn_data]


@settings(max_examples=300, deadline=None)
@given(st.randoms(use_true_random=False))
def test_garbage_is_refused_and_nothing_else_happens(db: Db, r: random.Random) -> None:
    query: Any = r.choice(GARBAGE)(r)
    inputs = [r.choice([1, "a", [1, 2], [(1, 2)], None, {"a": 1}, db, 2.5]) for _ in range(r.choice([0, 1, 1, 1, 2]))]
    rules = None if r.random() < 0.7 else mutated(r)
    started = time.perf_counter()
    try:
        db.q(query, *inputs, rules=rules, timeout=2)
        db.explain(query, *inputs, rules=rules, timeout=2)
    except FactstoreError as error:
        assert "/" in error.code  # noqa: PT017
    assert time.perf_counter() - started < 10
