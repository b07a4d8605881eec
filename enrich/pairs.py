"""Pairs of entities as single numbers, so that sets of them are sorted arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from enrich.stored import Ints

Pair = tuple[int, int]
"""From and to, entity ids."""


class Pairs:
    """The pairs that each rule of one relation gives, as sorted keys.

    ``others`` are further pairs that keys will be asked of.

    >>> pairs = Pairs({0: np.array([[300, 412]]), 1: np.array([[300, 412], [301, 412]])})
    >>> [(pairs.pair(key), pairs.rules(key)) for key in pairs.all.tolist()]
    [((300, 412), [0, 1]), ((301, 412), [1])]
    """

    def __init__(self, found: Mapping[int, Ints], *others: Ints) -> None:
        ends = [np.zeros(0, dtype=np.int64), *(part.ravel() for part in (*found.values(), *others))]
        self._ids: Final = np.unique(np.concatenate(ends))
        self.by_rule: Final = {rule: np.unique(self.keys(pairs)) for rule, pairs in found.items()}
        self.all: Final = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *self.by_rule.values()]))

    def keys(self, pairs: Ints) -> Ints:
        """One number for each pair; the ids are ranked first, so that two fit into one."""
        ranks = np.searchsorted(self._ids, pairs)
        keys: Ints = ranks[:, 0] * np.int64(len(self._ids)) + ranks[:, 1]
        return keys

    def pair(self, key: int) -> Pair:
        """The pair of a key."""
        start, end = divmod(key, len(self._ids))
        return int(self._ids[start]), int(self._ids[end])

    def rules(self, key: int) -> list[int]:
        """The rules that give a pair, in the order of the book."""
        return [rule for rule, keys in self.by_rule.items() if _has(keys, key)]


def _has(keys: Ints, key: int) -> bool:
    place = int(np.searchsorted(keys, key))
    return place < len(keys) and int(keys[place]) == key
