"""The engine gives what a naive evaluator gives, for random queries over random data, in every view."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from factstore import Datom, Db, QueryError
from factstore.datom import TX0
from factstore.query.language.ast import FindRelation, FindScalar, FindTuple, Query
from factstore.query.language.parse import parse_query
from tests.model.naive import Naive, NotYet, typed
from tests.query.drawn import VALUES, Drawn, DrawnRules, store_of

RANDOM = st.integers(0, 2**32).map(Random)
"""A seed: what is drawn from it cannot be shrunk, but costs a tenth of what Hypothesis takes to draw it."""
CASES = settings().max_examples // 2
"""Cases drawn for each test, with several queries over each."""


def bag(rows: Any) -> Counter[Any]:
    """Rows in no order; a double is equal to the same sum in another order."""
    return Counter(map(_rounded, rows))


def _rounded(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(map(_rounded, value))
    return typed(float(f"{value:.9g}") if isinstance(value, float) else value)


def agree(query: str, found: Any, naive: Naive, inputs: tuple[Any, ...]) -> bool:
    """Whether the engine found what the oracle does; of one row or value, only whether it is among them."""
    parsed = parse_query(query)
    if not isinstance(parsed.find, FindScalar | FindTuple):
        expected = naive.q(query, *inputs)
        return [*map(_rounded, found)] == [*map(_rounded, expected)] if parsed.order_by else bag(found) == bag(expected)
    every = bag(naive.q(replace(parsed, find=FindRelation(parsed.find.elements)), *inputs))
    row = (found,) if isinstance(parsed.find, FindScalar) else found
    return _rounded(row) in every or (found is None and not every)


def check(db: Db, facts: Collection[Datom], query: str, *inputs: Any, rules: str = "[]", **more: Any) -> None:
    """Raises unless the engine answers, or refuses, as the naive evaluator does.

    ``more`` are further sources by name: for the engine, and the same for the oracle.
    """
    naive = Naive(facts, db.schema, rules, **{name: both[1] for name, both in more.items()})
    try:
        found = db.q(query, *(both[0] for both in more.values()), *inputs, rules=rules)
    except QueryError as error:
        if error.code == "query/unbound":
            with pytest.raises(NotYet):
                naive.q(query, *inputs)
        elif error.code == "query/type-mismatch":
            with pytest.raises(TypeError):
                naive.q(query, *inputs)
        elif error.code not in ("query/or-branches", "query/syntax"):
            raise
        return
    # Rows of which the engine sees nothing, because it took others away first, may be of the wrong type.
    with suppress(TypeError):
        assert agree(query, found, naive, inputs), query


@given(RANDOM)
@settings(max_examples=CASES)
def test_queries(r: Random) -> None:
    drawn = store_of(r)
    facts = drawn.held()
    for _ in range(6):
        check(drawn.db, facts, Drawn(r, drawn).query())


@given(RANDOM)
@settings(max_examples=CASES)
def test_inputs(r: Random) -> None:
    drawn = store_of(r)
    facts = drawn.held()
    for _ in range(4):
        query, inputs = Drawn(r, drawn, without=["lookup refs"]).query_with_inputs()
        check(drawn.db, facts, query, *inputs)


@given(RANDOM)
@settings(max_examples=CASES)
def test_rules(r: Random) -> None:
    drawn = store_of(r)
    rules = DrawnRules(r, drawn)
    text, facts = rules.text(), drawn.refs()
    for _ in range(4):
        check(drawn.db, facts, rules.query(), rules=text)


@given(RANDOM)
@settings(max_examples=CASES // 2)
def test_views_of_time(r: Random) -> None:
    drawn = store_of(r, transactions=3)
    now = drawn.db.basis_t
    t = r.randint(1, now)
    since = {datom for datom in drawn.held() if datom.tx > TX0 + t}
    for _ in range(3):
        check(drawn.db.as_of(t), drawn.held(t), Drawn(r, drawn, without=["lookup refs"]).query())
        check(drawn.db.since(t), since, Drawn(r, drawn, without=["lookup refs"]).query())


@given(RANDOM)
@settings(max_examples=CASES // 2)
def test_history(r: Random) -> None:
    drawn = store_of(r, transactions=3)
    t = r.randint(1, drawn.db.basis_t)
    until = {datom for datom in drawn.datoms if datom.tx <= TX0 + t}
    for _ in range(3):
        query = Drawn(r, drawn, without=["lookup refs", "functions"]).query()
        check(drawn.db.history(), set(drawn.datoms), query)
        check(drawn.db.as_of(t).history(), until, query)


@given(RANDOM)
@settings(max_examples=CASES // 4)
def test_a_filtered_and_a_speculative_view(r: Random) -> None:
    drawn = store_of(r)
    kept = {datom for datom in drawn.held() if datom.e % 2 or datom.a == "a/name"}
    report = drawn.db.with_([["db/add", e, "a/name", f"m{e}"] for e in drawn.ids() if e % 2])
    after = {d for d in drawn.held() if (d.e, d.a, d.v, False) not in {(o.e, o.a, o.v, o.added) for o in report.datoms}}
    after |= {datom for datom in report.datoms if datom.added}
    for _ in range(2):
        query = Drawn(r, drawn, without=["lookup refs"]).query()
        check(drawn.db.filter(lambda _, datom: datom.e % 2 == 1 or datom.a == "a/name"), kept, query)
        check(report.db_after, after, query)


@given(RANDOM)
@settings(max_examples=CASES)
def test_several_sources(r: Random) -> None:
    """A database, another of its views, and rows of a list, with rules that are called on either."""
    drawn = store_of(r, transactions=2)
    t = r.randint(2, drawn.db.basis_t)
    other = r.choice([(drawn.db.as_of(t), drawn.held(t)), (drawn.db.history(), set(drawn.datoms))])
    rows = [(r.choice(drawn.ids()), r.choice(VALUES["long"]), r.choice(VALUES["string"]), 7) for _ in range(4)]
    rows += [row[:2] for row in rows[:1]]
    without = ["lookup refs", *(["functions"] if len(other[1]) == len(drawn.datoms) else [])]
    one, *_, last = [f":{attr.name}" for attr in drawn.attrs if attr.type == "ref"] * 2
    rules = f"""[[(leads ?x ?y) [?x {one} ?y]] [(leads ?x ?y) [?x {one} ?z] (leads ?z ?y)]
                 [(near ?x ?y) [?x {last} ?y]] [(near ?x ?y) [?y {last} ?x] (not [?x {one}])]
                 [(even ?x) [?x :a/name "n0"]] [(even ?y) [?x {one} ?y] (odd ?x)]
                 [(odd ?y) [?x {last} ?y] (even ?x)]]"""
    callable = [("leads", 2), ("near", 2), ("even", 1), ("odd", 1)]
    for _ in range(4):
        query = Drawn(r, drawn, without=without, sources=["$", "$2", "$c"], rules=callable).query()
        check(drawn.db, drawn.held(), query, rules=rules, **{"2": other, "c": (rows, rows)})


@given(RANDOM)
@settings(max_examples=CASES)
def test_the_order_of_clauses_means_nothing(r: Random) -> None:
    drawn = store_of(r)
    rules = DrawnRules(r, drawn)
    text = rules.text()
    for query in (Drawn(r, drawn).query(), Drawn(r, drawn).query(), rules.query()):
        try:
            parsed = parse_query(query)
        except QueryError:
            continue
        if isinstance(parsed.find, FindScalar | FindTuple):
            continue
        shuffled = replace(parsed, where=tuple(r.sample(parsed.where, len(parsed.where))))
        one, other = answer(drawn.db, parsed, text), answer(drawn.db, shuffled, text)
        # Which rows a function sees depends on the order, and a value of the wrong type is seen or is not.
        assert one == other or "query/type-mismatch" in (one, other), (query, str(shuffled))


def answer(db: Db, query: Query, rules: str) -> Any:
    """What is found; True if the query is refused, whichever of its errors is told."""
    try:
        return bag(db.q(query, rules=rules))
    except QueryError as error:
        return error.code in ("query/unbound", "query/or-branches", "query/syntax") or error.code


@given(RANDOM)
@settings(max_examples=CASES)
def test_a_lookup_ref_as_input_means_the_entity(r: Random) -> None:
    drawn = store_of(r)
    query, inputs = Drawn(r, drawn, without=["lookup refs", "equal refs"]).query_with_inputs()
    shown = re.sub(r":find .*? :in", ":find (count ?r0) (count-distinct ?r0) :in", query)
    names = {e: ("a/name", f"n{n}") for n, e in enumerate(drawn.ids())}
    named = [_named(value, names) for value in inputs]
    with suppress(QueryError):
        assert drawn.db.q(shown, *named) == drawn.db.q(shown, *inputs), query


def _named(value: Any, names: dict[int, Any]) -> Any:
    """The same input with lookup refs for ids."""
    if isinstance(value, list | tuple):
        return [_named(each, names) for each in value]
    if isinstance(value, dict):
        return [(_named(key, names), each) for key, each in value.items()]
    return names.get(value, value)
