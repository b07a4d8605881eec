"""Slots in the order of a table's cells, whatever the order in which these are looked at."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from factstore.columns import Ints, ints
from factstore.schema import Schema
from factstore.tx.forms import Forms
from factstore.tx.slots import Lookup, Slots, Sought

_DENSE: Final = 4


class CellSlots(Slots):
    """Slots whose ``form`` is the first cell they are met in; rows come before columns."""

    def __init__(self, forms: Forms, schema: Schema, tx: int, sought: Sought) -> None:
        super().__init__(forms, schema, tx, sought)
        self._clock = 0
        self._moment: list[int] = []
        """When each was met in that cell, which may name several."""
        self._numbered: Ints = np.zeros(1, dtype=np.int64)
        """The nodes of tempids that are numbers, by number, as far as they are dense; 0 for a stranger."""

    def new(self, given: str | int | Lookup | None, form: int) -> int:
        self._clock += 1
        self._moment.append(self._clock)
        return super().new(given, form)

    def node(self, ref: Any, form: int) -> int:
        node = super().node(ref, form)
        self.meet(node, form)
        return node

    def meet(self, node: int, form: int) -> None:
        """Takes note that a node is met in a cell."""
        if node < 0 and form < self.form[~node]:
            self._clock += 1
            self.form[~node] = form
            self._moment[~node] = self._clock

    def met(self) -> Ints:
        order = np.lexsort((ints(self._moment), ints(self.form)))
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        return place

    def new_each(self, forms: list[int]) -> Ints:
        """A new node for each of ``forms``."""
        first = len(self.given)
        self.given += [None] * len(forms)
        self.form += forms
        self._moment += [0] * len(forms)
        return -np.arange(first + 1, first + 1 + len(forms), dtype=np.int64)

    def tempid_each(self, tempids: Ints, forms: Ints) -> Ints:
        """The node of each of distinct tempids, and the cells they are first met in."""
        numbers = -tempids
        if int(numbers.max()) >= len(self._numbered):
            self._widen(int(numbers.max()) + 1, len(tempids))
        found = self._of_numbers(numbers)
        strangers = np.flatnonzero(found == 0)
        if len(strangers):
            strangers = strangers[np.argsort(forms[strangers])]
            found[strangers] = self._learn(tempids[strangers], forms[strangers])
        self.meet_each(found, forms)
        return found

    def _widen(self, width: int, asked: int) -> None:
        if width <= _DENSE * max(asked, len(self._numbered)):
            self._numbered = np.concatenate((self._numbered, np.zeros(width - len(self._numbered), dtype=np.int64)))

    def _of_numbers(self, numbers: Ints) -> Ints:
        inside = numbers < len(self._numbered)
        return np.where(inside, self._numbered[np.where(inside, numbers, 0)], 0)

    def _learn(self, tempids: Ints, forms: Ints) -> Ints:
        """The nodes of tempids that are not numbered; they may have been met in a cell of their own."""
        given = tempids.tolist()
        fresh = (
            [n for n, tempid in enumerate(given) if tempid not in self.tempids] if self.tempids else range(len(given))
        )
        first, size = len(self.given), len(fresh)
        names = list(map(given.__getitem__, fresh))
        self.tempids.update(zip(names, range(-first - 1, -first - 1 - size, -1), strict=True))
        self.given += names
        self.form += forms[fresh].tolist()
        self._moment += range(self._clock + 1, self._clock + 1 + size)
        self._clock += size
        nodes = ints(list(map(self.tempids.__getitem__, given)))
        inside = -tempids < len(self._numbered)
        self._numbered[-tempids[inside]] = nodes[inside]
        return nodes

    def meet_each(self, nodes: Ints, forms: Ints) -> None:
        """Takes note that each of ``nodes`` is met in the cell beside it."""
        at = np.flatnonzero(nodes < 0)
        slots = ~nodes[at]
        at = at[forms[at] < ints(self.form)[slots]]
        for slot, form in zip((~nodes[at]).tolist(), forms[at].tolist(), strict=True):
            self._clock += 1
            self.form[slot] = form
            self._moment[slot] = self._clock
