"""Indexes: every lookup agrees with a plain set of facts, however the facts came about."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factstore import index as indexing
from factstore.columns import EMPTY, Ints, Rows, ints, pack, rank, spans
from factstore.index import AttributeIndex
from factstore.index_pairs import Pairs

Facts = dict[tuple[int, int], int]

ids = st.one_of(st.integers(0, 8), st.integers(10**12, 10**12 + 4))
values = st.one_of(st.integers(-3, 5), st.sampled_from([-(2**63) + 1, 2**62]))
commits = st.lists(st.lists(st.tuples(ids, values), max_size=8), min_size=1, max_size=8)


def rows_of(facts: Facts) -> Rows:
    e, v, tx = ([e for e, _ in facts], [v for _, v in facts], list(facts.values()))
    return Rows(ints(e), ints(v), ints(tx))


def toggled(index: AttributeIndex, held: Facts, pairs: list[tuple[int, int]], tx: int) -> tuple[AttributeIndex, Facts]:
    """A commit that asserts what is absent and retracts what is there."""
    wanted = dict.fromkeys(pairs)
    gone = {pair: held[pair] for pair in wanted if pair in held}
    come = {pair: tx for pair in wanted if pair not in held}
    after = {pair: at for pair, at in held.items() if pair not in gone} | come
    return index.advance(rows_of(come), rows_of(gone)), after


def as_facts(rows: Rows) -> Facts:
    return {(e, v): tx for e, v, tx in zip(rows.e.tolist(), rows.v.tolist(), rows.tx.tolist(), strict=True)}


@settings(max_examples=200)
@given(commits)
def test_an_index_agrees_with_a_set_after_any_commits(history: list[list[tuple[int, int]]]) -> None:
    index, held = AttributeIndex.of(rows_of({})), {}
    for tx, pairs in enumerate(history):
        index, held = toggled(index, held, pairs, tx)
    check(index, held)


@pytest.mark.parametrize("seed", range(3))
def test_an_index_agrees_with_a_set_when_its_tail_is_merged(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "_TAIL_MIN", 5)
    random = np.random.default_rng(seed)
    index, held = AttributeIndex.of(rows_of({})), {}
    for tx in range(40):
        pairs = [(int(e), int(v)) for e, v in random.integers(0, 6, (6, 2))]
        index, held = toggled(index, held, pairs, tx)
        check(index, held)


def check(index: AttributeIndex, held: Facts) -> None:
    asked = [*range(-1, 10), 10**12, -(2**63), 2**63 - 1]
    assert index.has_entities(ints(asked)).tolist() == [any(e == key for e, _ in held) for key in asked]
    assert index.has_values(ints(asked)).tolist() == [any(v == key for _, v in held) for key in asked]
    assert len(index) == len(held)
    assert list(as_facts(index.scan()).items()) == sorted(held.items())
    asked = sorted({e for e, _ in held} | {3, 99})
    row, found = index.by_entity(ints(asked))
    assert as_facts(found) == held
    assert [asked[i] for i in row.tolist()] == found.e.tolist()
    wanted = sorted({v for _, v in held} | {2, 77})
    row, found = index.by_value(ints(wanted))
    assert as_facts(found) == held
    assert [wanted[i] for i in row.tolist()] == found.v.tolist()
    check_pairs(index, held)
    assert as_facts(index.between(-1, 4)) == {pair: tx for pair, tx in held.items() if -1 <= pair[1] <= 4}
    assert index.count_between(None, None) >= len(held)


def check_pairs(index: AttributeIndex, held: Facts) -> None:
    pairs = [*held, (1, 1), (0, 0), (99, 1)]
    found, tx = index.find(ints([e for e, _ in pairs]), ints([v for _, v in pairs]))
    assert found.tolist() == [pair in held for pair in pairs]
    assert tx.tolist() == [held.get(pair, -1) for pair in pairs]


def test_a_commit_leaves_the_index_before_it_as_it_was() -> None:
    before = AttributeIndex.of(rows_of({(1, 7): 0}))
    before.advance(rows_of({(1, 8): 1}), rows_of({(1, 7): 0}))
    assert as_facts(before.scan()) == {(1, 7): 0}


@given(st.lists(st.tuples(st.integers(-5, 5), st.sampled_from([-(2**62), 0, 2**62])), max_size=30))
def test_ranks_are_equal_where_rows_are_and_keep_their_order(rows: list[tuple[int, int]]) -> None:
    columns: list[Ints] = [ints([row[0] for row in rows]), ints([row[1] for row in rows])]
    ranks = rank(columns).tolist()
    for one, first in zip(rows, ranks, strict=True):
        for other, second in zip(rows, ranks, strict=True):
            assert (one < other, one == other) == (first < second, first == second)


def test_packing_refuses_what_does_not_fit() -> None:
    assert pack([ints([0, 2**62]), ints([0, 2**62])]) is None


def test_empty_ranges_expand_to_nothing() -> None:
    row, at = spans(ints([4, 7]), ints([4, 8]))
    assert (row.tolist(), at.tolist()) == ([1], [7])
    assert len(spans(EMPTY, EMPTY)[0]) == 0


@given(commits, st.booleans())
def test_an_index_answers_the_same_before_and_after_its_tail_is_merged(log, early: bool) -> None:
    held: Facts = {}
    index = AttributeIndex.of(rows_of(held))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(indexing, "_MERGED_AFTER", 0 if early else 10**6)
        for tx, pairs in enumerate(log):
            index, held = toggled(index, held, pairs, tx)
            e, v = (ints([pair[place] for pair in {*pairs, *held}]) for place in (0, 1))
            assert index.has(e, v).tolist() == [pair in held for pair in zip(e.tolist(), v.tolist(), strict=True)]
            entities, with_value = {e for e, _ in held}, {v for _, v in held}
            assert index.any_in(index.ranges_of_entities(e)).tolist() == [each in entities for each in e.tolist()]
            assert index.any_in(index.ranges_of_values(v)).tolist() == [each in with_value for each in v.tolist()]
            assert not index.is_single or len(entities) == len(held)
            assert not index.is_unique or len(with_value) == len(held)
            assert as_facts(index.scan()) == held


@given(st.sets(st.tuples(st.integers(-3, 3), st.integers(-3, 3)), max_size=30))
def test_a_table_of_pairs_finds_each_where_it_is(pairs: set[tuple[int, int]]) -> None:
    one, other = (np.asarray([pair[place] for pair in pairs], dtype=np.int64) for place in (0, 1))
    table = Pairs(one, other)
    asked = np.repeat(np.arange(-4, 5), 9), np.tile(np.arange(-4, 5), 9)
    places = {pair: at for at, pair in enumerate(pairs)}
    expected = [places.get((a, b), -1) for a, b in zip(*map(np.ndarray.tolist, asked), strict=True)]
    assert table.find(*asked).tolist() == expected
