"""Sorts of whole columns agree with numpy's own, whatever the width of the values and the order they come in."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factstore.columns import distinct_rows, member, spans, unique
from factstore.columns_sort import argsort, sort


@given(st.integers(0, 2**32), st.sampled_from([0, 3, 16, 17, 33, 47, 62]), st.sampled_from([0, 5, 300, 2000]))
def test_columns_are_sorted_as_numpy_sorts_them(seed: int, bits: int, size: int) -> None:
    r = Random(seed)
    values = np.array([r.getrandbits(bits) - 2 ** (bits - 1 if bits else 0) for _ in range(size)], dtype=np.int64)
    if r.random() < 0.5:
        values = np.sort(values >> 2) + np.array([r.randrange(4) for _ in range(size)], dtype=np.int64)
    assert argsort(values).tolist() == np.argsort(values, kind="stable").tolist()
    assert sort(values).tolist() == sorted(values.tolist())
    assert unique(values).tolist() == sorted(set(values.tolist()))
    some = unique(values[:: r.randint(1, 9)])
    asked = np.concatenate((values, values - 1, values + 2**40, [-(2**63), 2**63 - 1]))
    assert member(asked, some).tolist() == [each in set(some.tolist()) for each in asked.tolist()]


@pytest.mark.parametrize("size", [0, 1, 300])
def test_values_at_both_ends_of_the_range_are_sorted(size: int) -> None:
    values = np.array([2**63 - 1, -(2**63), 0] * size, dtype=np.int64)
    assert argsort(values).tolist() == np.argsort(values, kind="stable").tolist()
    assert unique(values).tolist() == sorted({*values.tolist()})


@given(st.integers(0, 2**32), st.lists(st.sampled_from([0, 1, 5, 20, 31, 63]), min_size=1, max_size=4))
def test_rows_are_told_apart_as_tuples_are(seed: int, bits: list[int]) -> None:
    r = Random(seed)
    lows = [r.choice([0, -(2**62), -5, 2**62 - 1]) for _ in bits]
    size = r.randint(0, 40)
    made = [[low + r.getrandbits(min(width, 62)) for _ in range(size)] for low, width in zip(lows, bits, strict=True)]
    some = [r.randrange(size) for _ in range(2 * size)] if size else []
    columns = [np.array([column[at] for at in some], dtype=np.int64) for column in made]
    found = [column.tolist() for column in distinct_rows(columns)]
    assert list(zip(*found, strict=True)) == sorted({*zip(*(column.tolist() for column in columns), strict=True)})


@pytest.mark.parametrize("bits", [0, 7, 16, 30, 47, 60])
def test_many_values_in_no_order_are_sorted(bits: int) -> None:
    values = np.random.default_rng(bits).integers(-(2**bits), 2**bits, 5000)
    assert sort(values).tolist() == sorted(values.tolist())


@pytest.mark.parametrize("low", [0, -7, 2**62])
def test_rows_that_lie_close_together_are_told_apart_by_flags(low: int) -> None:
    draw = np.random.default_rng(1)
    columns = [draw.integers(low, low + width, 4000) for width in (9, 1, 30)]
    rows = {*zip(*(column.tolist() for column in columns), strict=True)}
    assert list(zip(*(column.tolist() for column in distinct_rows(columns)), strict=True)) == sorted(rows)


@pytest.mark.parametrize("most", [1, 2, 5, 40])
def test_many_ranges_are_expanded_as_one_by_one(most: int) -> None:
    draw = np.random.default_rng(most)
    lo = draw.integers(0, 10**6, 5000)
    hi = lo + draw.integers(0, most + 1, 5000)
    rows, at = spans(lo, hi)
    expected = [
        (row, place) for row, (a, b) in enumerate(zip(lo.tolist(), hi.tolist(), strict=True)) for place in range(a, b)
    ]
    assert list(zip(rows.tolist(), at.tolist(), strict=True)) == expected
