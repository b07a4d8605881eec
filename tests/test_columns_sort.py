"""Sorts of whole columns agree with numpy's own, whatever the width of the values and the order they come in."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from factstore.columns import member, unique
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
