"""Whether answers of peers are the same rows, whatever their order and however they come."""

from __future__ import annotations

from typing import Any

import numpy as np


def check(answers: dict[str, Any], question: str) -> int:
    """How many rows they all have; ``AssertionError`` where one has other rows than the first.

    >>> check({"one": [(1, 2), (3, 4)], "other": [np.array([3, 1]), np.array([4, 2])]}, "pairs")
    2
    """
    (first, expected), *others = ((name, _rows(answer)) for name, answer in answers.items())
    for name, found in others:
        same = np.array_equal(expected, found) if isinstance(expected, np.ndarray) else expected == found
        assert same, f"{question}: {first} has {len(expected):,} rows, {name} has {len(found):,}, and they differ"
    return len(expected)


def _rows(answer: Any) -> Any:
    """Rows in their order: an array of integers where all are, else a list of tuples."""
    answer = list(answer)
    if not answer:
        return []
    if isinstance(answer[0], np.ndarray):
        columns = np.stack([np.asarray(column, dtype=np.int64) for column in answer])
    else:
        rows = [tuple(row) if isinstance(row, tuple | list) else (row,) for row in answer]
        if not all(isinstance(value, int) for value in rows[0]):
            return sorted(rows)
        columns = np.asarray(rows, dtype=np.int64).T
    return columns[:, np.lexsort(columns[::-1])].T
