"""How a peer's answer is read fastest: few rows as rows, many as columns, which become rows where those are wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from benchmarks.archive_graph.data import Ints
from benchmarks.measure import Call

_MANY: Final = 2000


def reader(
    first: Sequence[Any], as_columns: bool, rows: Callable[[], list[Any]], columns: Callable[[], Sequence[Ints]]
) -> Call:
    """Of the two ways of asking the one for an answer like ``first``; values where a row has but one.

    >>> reader([(1,), (2,)], False, lambda: [(1,), (2,)], lambda: [])()
    [1, 2]
    """
    single = len(first) > 0 and len(first[0]) == 1

    def few() -> list[Any]:
        return [row[0] for row in rows()] if single else rows()

    def many() -> list[Any]:
        lists = [column.tolist() for column in columns()]
        return lists[0] if single else list(zip(*lists, strict=True))

    if len(first) < _MANY:
        return few
    return columns if as_columns else many
