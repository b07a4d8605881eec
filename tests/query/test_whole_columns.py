"""What is done to whole columns gives what Python gives, value by value: aggregates, functions, comparisons, order."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import numpy as np
import pytest

import factstore
from factstore import Db, Keyword, QueryError
from factstore.dictionary import Dictionary
from factstore.query.columnar import arithmetic, comparisons, patterns
from factstore.query.columnar.relation import Relation, Values
from factstore.query.functions.builtin import BUILTIN
from factstore.query.results.aggregate_columns import Grouped, by_column, least
from factstore.query.results.aggregates import _BY_VALUE
from factstore.query.results.grouping import grouped
from factstore.query.results.ordering import first_rows

EDGES = [2**63 - 1, -(2**63), 2**62, -(2**62), 2**53, 2**53 + 1, -(2**53), 2**31, 0, 1, -1, 3]
DOUBLES = [1.5, -2.25, 0.0, 1e300, math.inf, -math.inf, 3.0, 0.1]
DRAWN: dict[str, Callable[[Random], Any]] = {
    "small": lambda r: r.randint(-5, 5),
    "large": lambda r: r.choice(EDGES),
    "double": lambda r: r.choice(DOUBLES),
    "string": lambda r: r.choice("abcde"),
    "keyword": lambda r: Keyword(r.choice("abcde")),
    "boolean": lambda r: r.random() < 0.5,
    "tuple": lambda r: (r.randint(0, 1), r.choice([None, "x", "y"])),
}
NUMBERS = ["small", "large", "double"]
AGGREGATES = ["count", "count-distinct", "distinct", "sum", "avg", "min", "max", "median", "variance", "stddev"]


def same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return (math.isnan(one) and math.isnan(other)) or math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return type(one) is type(other) and bool(one == other)


@pytest.mark.parametrize("kind", DRAWN)
def test_aggregates_of_columns_are_those_of_values(kind: str) -> None:
    r, compared = Random(kind), 0
    for _ in range(150):
        values, size = Values(Dictionary()), r.randint(1, 12)
        keys, drawn = [r.choice([1, 2, 10**12]) for _ in range(size)], [DRAWN[kind](r) for _ in range(size)]
        rows = Relation({"?k": values.encode(keys), "?x": values.encode(drawn)})
        groups = grouped(rows, r.choice([[], ["?k"]]))
        order = range(size) if groups.order is None else groups.order.tolist()
        held = groups.split([drawn[place] for place in order])
        column = Grouped(rows["?x"], groups, values)
        for name in AGGREGATES:
            found = by_column(name, column)
            if found is not None:
                given = found if isinstance(found, list) else values.decode(found)
                for value, group in zip(given, held, strict=True):
                    assert same(value, by_value(name, group)), (name, group)
                    compared += 1
        for name in ("min", "max"):
            for value, group in zip(least(column, 2, largest=name == "max") or [], held, strict=True):
                assert value == _BY_VALUE[name](2, group)
    assert compared > 500


def by_value(name: str, group: Any) -> Any:
    """By Python, but for what its libraries refuse of infinities, or do more exactly than IEEE 754 would."""
    if isinstance(group[0], float) and name in ("sum", "avg", "median", "variance", "stddev"):
        return by_doubles(name, group)
    return _BY_VALUE[name](group)


def by_doubles(name: str, group: list[float]) -> float:
    total = 0.0
    for value in group:
        total += value
    mean = total / len(group)
    middle = sorted(group)[(len(group) - 1) // 2], sorted(group)[len(group) // 2]
    squares = 0.0
    for value in group:
        squares += (value - mean) * (value - mean)
    variance = squares / len(group)
    return {
        "sum": total,
        "avg": mean,
        "median": middle[0] if len(group) % 2 else (middle[0] + middle[1]) / 2,
        "variance": variance,
        "stddev": math.sqrt(variance),
    }[name]


@pytest.mark.parametrize("one", NUMBERS)
@pytest.mark.parametrize("other", NUMBERS)
def test_functions_of_columns_are_those_of_values(one: str, other: str) -> None:
    r, compared = Random(one + other), 0
    for _ in range(120):
        values, size = Values(Dictionary()), r.randint(1, 4)
        columns = [values.encode([DRAWN[kind](r) for _ in range(size)]) for kind in (one, other)]
        for args in (columns, columns[:1], [*columns, columns[0]]):
            rows = list(zip(*map(values.decode, args), strict=True))
            for name in ("+", "-", "*", "/", "quot", "rem", "mod", "inc", "dec", "abs", "max", "min"):
                found = arithmetic.function(name, args)
                for value, row in zip(values.decode(found) if found else [], rows, strict=bool(found)):
                    wanted = BUILTIN[name](*row)
                    assert type(value) is type(wanted), (name, row)
                    assert value == wanted, (name, row)
                    compared += 1
            for name in ("<", "<=", ">", ">=", "=", "!=", "not=", "==", "even?", "odd?", "zero?", "pos?", "neg?"):
                mask = comparisons.predicate(name, args, values)
                for held, row in zip([] if mask is None else mask.tolist(), rows, strict=mask is not None):
                    assert held == bool(BUILTIN[name](*row)), (name, row)
                    compared += 1
    assert compared > 500


@pytest.mark.parametrize("kind", ["string", "keyword", "tuple", "boolean"])
@pytest.mark.parametrize("constant", [False, True])
def test_comparisons_of_interned_values_are_those_of_values(kind: str, constant: bool) -> None:
    r = Random(kind)
    for _ in range(60):
        values, size = Values(Dictionary()), r.randint(1, 8)
        one = [DRAWN[kind](r) for _ in range(size)]
        other = [one[0]] * size if constant else [DRAWN[kind](r) for _ in range(size)]
        for name in ("<", "<=", ">", ">=", "=", "!="):
            for first, second in ((one, other), (other, one)):
                mask = comparisons.predicate(name, [values.encode(first), values.encode(second)], values)
                assert mask is not None
                for held, a, b in zip(mask.tolist(), first, second, strict=True):
                    wanted = a == b if name == "=" else a != b if name == "!=" else compare(name, a, b)
                    assert held == wanted, (name, a, b)


def compare(name: str, a: Any, b: Any) -> bool:
    if isinstance(a, tuple):
        a, b = (tuple((item is not None, item) for item in each) for each in (a, b))
    return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[name]


@pytest.fixture(scope="module")
def db() -> Db:
    return factstore.connect("memory:").db()


def test_sums_of_longs_never_wrap(db: Db) -> None:
    top = 2**63 - 1
    rows = [[1, top], [2, top], [3, -1]]
    assert db.q("[:find (sum ?x) (avg ?x) (max ?x) :with ?i :in [[?i ?x]]]", rows) == [
        (2 * top - 1, (2 * top - 1) / 3, top)
    ]
    assert db.q("[:find [?y ...] :in [?x ...] :where [(+ ?x ?x) ?y]]", [top, 1]) == {2 * top, 2}
    assert db.q("[:find [?y ...] :in [?x ...] :where [(* ?x ?x) ?y]]", [2**40]) == {2**80}
    assert db.q("[:find [?y ...] :in [?x ...] :where [(- ?x) ?y]]", [-(2**63)]) == {2**63}
    assert db.q("[:find [?y ...] :in [?x ...] :where [(abs ?x) ?y]]", [-(2**63)]) == {2**63}


def test_aggregates_of_large_numbers_and_decimals_are_exact(db: Db) -> None:
    large = [[1, 10**30], [2, Decimal("0.1")], [3, Decimal("1E+40")]]
    assert db.q("[:find (sum ?x) . :with ?i :in [[?i ?x]]]", large) == Decimal(
        "10000000001000000000000000000000000000000.1"
    )
    assert db.q("[:find (sum ?x) (variance ?x) :in [?x ...]]", [2**70, 2**70 + 2]) == [(2**71 + 2, 1.0)]


def test_several_aggregates_stand_side_by_side(db: Db) -> None:
    rows = [["a", 1, 2.5, "x"], ["a", 2, 0.5, "y"], ["b", 3, 1.0, "x"]]
    query = "[:find ?k (count ?n) (sum ?n) (max ?d) (min ?s) (distinct ?s) :in [[?k ?n ?d ?s]]]"
    assert db.q(query, rows) == {
        ("a", 2, 3, 2.5, "x", frozenset("xy")),
        ("b", 1, 3, 1.0, "x", frozenset("x")),
    }
    assert db.q("[:find (count ?n) :in [[?k ?n ?d ?s]]]", rows) == [(3,)]
    assert db.q(query, []) == []


def test_an_aggregate_of_ones_own_takes_a_list(db: Db) -> None:
    seen: list[Any] = []
    functions = {"mine": lambda group: seen.append(group) or len(group), "sum": lambda group: -sum(group)}
    rows = [["a", 1], ["a", 2], ["b", 3]]
    assert db.q("[:find ?k (mine ?n) :in [[?k ?n]]]", rows, functions=functions) == {("a", 2), ("b", 1)}
    assert sorted(map(sorted, seen)) == [[1, 2], [3]]
    assert db.q("[:find (sum ?n) . :in [[?k ?n]]]", rows, functions=functions) == -6


@pytest.mark.parametrize("call", ["(max 1000001 ?x)", "(min -1 ?x)", '(rand "2" ?x)', "(sample 1.5 ?x)"])
def test_a_count_of_values_is_a_whole_number(db: Db, call: str) -> None:
    with pytest.raises(QueryError, match="expected a whole number from 0") as caught:
        db.q(f"[:find {call} :in [?x ...]]", [1, 2])
    assert caught.value.code == "query/type-mismatch"
    assert db.q("[:find [(max 0 ?x) (min 0 ?x) (rand 0 ?x)] :in [?x ...]]", [1, 2]) == ([], [], [])


def test_a_builtin_is_called_once_for_each_distinct_argument(db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    seen = {"mine": lambda text: calls.append(text) or text.upper()}
    rows = [[n, "ab"[n % 2]] for n in range(1000)]
    assert len(db.q("[:find ?n ?u :in [[?n ?s]] :where [(mine ?s) ?u]]", rows, functions=seen)) == 1000
    assert sorted(calls) == ["a", "b"]
    assert db.q('[:find (count ?n) . :in [[?n ?s]] :where [(starts-with? ?s "a")]]', rows) == 500


@pytest.mark.parametrize("direction", ["", ":desc"])
@pytest.mark.parametrize("limit", [0, 1, 3, 50, 1000])
def test_a_page_is_the_part_of_the_whole_order(db: Db, direction: str, limit: int) -> None:
    r = Random(limit)
    rows = [[n, r.choice("abc"), r.randint(0, 9)] for n in range(400)]
    query = f"[:find ?s ?k ?n :in [[?n ?s ?k]] :order-by [?s {direction} ?k ?n :desc] :offset 5 :limit {limit}]"
    whole = sorted(((s, k, n) for n, s, k in rows), key=lambda row: (row[1], -row[2]))
    whole.sort(key=lambda row: row[0], reverse=bool(direction))
    assert db.q(query, rows).to_list() == whole[5 : 5 + limit]


@pytest.mark.parametrize("direction", ["", ":desc"])
def test_a_page_of_many_different_texts_is_the_part_of_their_order(db: Db, direction: str) -> None:
    texts = [f"t{n * 7919 % 4001}" for n in range(4000)]
    rows = [[n, texts[n // 2]] for n in range(8000)]
    query = f"[:find ?s ?n :in [[?n ?s]] :order-by [?s {direction} ?n :desc] :offset 1 :limit 5]"
    whole = sorted(((s, n) for n, s in rows), key=lambda row: -row[1])
    whole.sort(key=lambda row: row[0], reverse=bool(direction))
    assert db.q(query, rows).to_list() == whole[1:6]


def test_what_is_missing_comes_last_in_either_direction(db: Db) -> None:
    query = "[:find ?x ?d :where [(ground [1 2 3]) [?x ...]] (optional [(< ?x 3)] [(* ?x 7) ?d]) :order-by [?d {}]]"
    assert db.q(query.format("")).to_list() == [(1, 7), (2, 14), (3, None)]
    assert db.q(query.format(":desc")).to_list() == [(2, 14), (1, 7), (3, None)]


@pytest.mark.parametrize("values", [[1, "a"], [True, 1], ["a", Keyword("a")], [1.5, b"x"]])
def test_values_of_several_types_have_no_order(db: Db, values: list[Any]) -> None:
    with pytest.raises(QueryError, match=r"the values of \?x have no order between them") as caught:
        db.q("[:find ?x :in [?x ...] :order-by ?x]", values)
    assert caught.value.code == "query/type-mismatch"
    assert "^" in str(caught.value)
    assert db.q("[:find ?x :in [?x ...] :order-by ?x]", [2, 1.5, 1]).to_list() == [(1,), (1.5,), (2,)]


@pytest.mark.parametrize("many", [9, 300, 60_000])
@pytest.mark.parametrize("descending", [False, True])
def test_the_first_of_very_many_are_those_of_a_sort(many: int, descending: bool) -> None:
    draw = np.random.default_rng(many)
    first, second = draw.integers(0, many, 60_000), draw.integers(0, 9, 60_000)
    if descending:
        first = np.sort(first)[::-1]
    found = first_rows([first.__getitem__, second.__getitem__], len(first), 11)
    assert found.tolist() == np.lexsort((second, first))[:11].tolist()


@pytest.mark.parametrize("block", [1, 7, 2**17])
def test_two_hops_are_the_same_in_blocks_of_any_size(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "_WHOLE", 0)
    monkeypatch.setattr(patterns, "_BLOCK", block)
    r = Random(block)
    edges = {(r.randrange(20), r.randrange(20)) for _ in range(60)}
    gone = set(sorted(edges)[::5])
    with factstore.connect("memory:") as conn:
        conn.transact([{"db/ident": "to", "db/valueType": "db.type/ref", "db/cardinality": "db.cardinality/many"}])
        report = conn.transact([{"db/id": f"n{place}", "db/doc": "a node"} for place in range(20)])
        ids = [report.tempids[f"n{place}"] for place in range(20)]
        conn.transact([["db/add", ids[a], "to", ids[b]] for a, b in sorted(edges)])
        conn.transact([["db/retract", ids[a], "to", ids[b]] for a, b in sorted(gone)])
        left = {(ids[a], ids[b]) for a, b in edges - gone}
        expected = {(a, d) for a, b in left for c, d in left if b == c}
        assert set(conn.db().q("[:find ?a ?c :where [?a :to ?b] [?b :to ?c]]", engine="columns")) == expected
        assert set(conn.db().q("[:find ?a ?c :where [?b :to ?c] [?a :to ?b]]", engine="columns")) == expected
