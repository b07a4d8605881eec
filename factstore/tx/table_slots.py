"""Slots in the order of a table's cells, whatever the order in which these are looked at."""

from __future__ import annotations

from array import array
from typing import Any, Final

import numpy as np

from factstore.columns import Ints, Mask, ints
from factstore.columns_order import order_within
from factstore.schema import Schema
from factstore.tx.forms import Forms
from factstore.tx.slots import Lookup, Slots, Sought

_DENSE: Final = 4


class CellSlots(Slots):
    """Slots whose ``form`` is the first cell they are met in; rows come before columns."""

    def __init__(self, forms: Forms, schema: Schema, tx: int, sought: Sought) -> None:
        super().__init__(forms, schema, tx, sought)
        self.form: array[int] = array("q")
        self._clock = 0
        self._moment = array("q")
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
        order = order_within(*(np.frombuffer(column, dtype=np.int64) for column in (self.form, self._moment)))
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        return place

    def new_each(self, forms: Ints) -> Ints:
        """A new node for each of ``forms``."""
        first = len(self.given)
        self.given += [None] * len(forms)
        self.form.frombytes(forms.tobytes())
        self._moment.frombytes(bytes(8 * len(forms)))
        return -np.arange(first + 1, first + 1 + len(forms), dtype=np.int64)

    def tempid_each(self, tempids: Ints, forms: Ints, first: Ints) -> Ints:
        """The node of each of distinct tempids, of which the cell is known where it is met first, and which is.

        Several may be met in one cell, so ``first`` has the order.
        """
        numbers = -tempids
        if int(numbers.max()) >= len(self._numbered):
            self._widen(int(numbers.max()) + 1, len(tempids))
        found = self._of_numbers(numbers)
        strangers = np.flatnonzero(found == 0)
        if len(strangers):
            strangers = strangers[np.argsort(first[strangers])]
            found[strangers] = self._learn(tempids[strangers], forms[strangers])
        self._meet_each(found, forms, first)
        return found

    def _widen(self, width: int, asked: int) -> None:
        if width <= _DENSE * max(asked, len(self._numbered)):
            self._numbered = np.concatenate((self._numbered, np.zeros(width - len(self._numbered), dtype=np.int64)))

    def _of_numbers(self, numbers: Ints) -> Ints:
        inside = self._inside(numbers)
        return np.where(inside, self._numbered[np.where(inside, numbers, 0)], 0)

    def _inside(self, numbers: Ints) -> Mask:
        # The least of all has no positive counterpart, and stays what it is.
        return np.asarray((numbers > 0) & (numbers < len(self._numbered)))

    def _learn(self, tempids: Ints, forms: Ints) -> Ints:
        """The nodes of tempids that are not numbered; they may have been met in a cell of their own."""
        given, first = tempids.tolist(), len(self.given)
        if self.tempids:
            which = [n for n, tempid in enumerate(given) if tempid not in self.tempids]
            names, forms = list(map(given.__getitem__, which)), forms[which]
        else:
            names = given
        self.tempids.update(zip(names, range(-first - 1, -first - 1 - len(names), -1), strict=True))
        self.given += names
        self.form.frombytes(forms.tobytes())
        self._moment.frombytes(np.arange(self._clock + 1, self._clock + 1 + len(names)).tobytes())
        self._clock += len(names)
        nodes = ints(list(map(self.tempids.__getitem__, given)))
        inside = self._inside(-tempids)
        self._numbered[-tempids[inside]] = nodes[inside]
        return nodes

    def _meet_each(self, nodes: Ints, forms: Ints, first: Ints) -> None:
        at = np.flatnonzero(nodes < 0)
        own = np.frombuffer(self.form, dtype=np.int64)
        at = at[forms[at] < own[~nodes[at]]]
        at = at[np.argsort(first[at])]
        own[~nodes[at]] = forms[at]
        np.frombuffer(self._moment, dtype=np.int64)[~nodes[at]] = self._clock + 1 + np.arange(len(at))
        self._clock += len(at)
