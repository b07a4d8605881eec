"""Data patterns row by row: lookups of single entities and values in the index of an attribute."""

from __future__ import annotations

from collections.abc import Callable

from factstore.query.rows.conjunction import (
    FILTER,
    LOOKUP,
    SCAN,
    Act,
    Declined,
    Layout,
    Lookup,
    Row,
    Rows,
    Run,
    projecting,
    taking,
)
from factstore.schema import Attribute


class PatternStep:
    """``[?e :attr ?v]``: its entity and its value are names, or None for a blank."""

    needs: frozenset[str] = frozenset()

    def __init__(self, attribute: Attribute, e: str | None, v: str | None) -> None:
        self._attribute = attribute
        self._e, self._v = e, v
        self.names = frozenset(name for name in (e, v) if name is not None)

    def rank(self, bound: frozenset[str]) -> int:
        if self.names <= bound and self.names:
            return FILTER
        return SCAN if self.names.isdisjoint(bound) else LOOKUP

    def count(self, layout: Layout) -> Callable[[Row, Run], int]:
        attribute, by_value = self._attribute, self._e not in layout
        key = self._v if by_value else self._e
        if key not in layout:
            return lambda row, run: len(run.index(attribute))
        at = layout.index(key)
        return lambda row, run: run.counts(attribute, by_value)(row[at])

    def act(self, layout: Layout, out: Layout) -> Act:
        e, v = self._e, self._v
        if e in layout and v in layout:
            return projecting(self._held(layout.index(e), layout.index(v)), layout, out)
        if e in layout:
            return self._looked_up(layout, out, layout.index(e), v, by_value=False)
        if v in layout:
            return self._looked_up(layout, out, layout.index(v), e, by_value=True)
        return self._scan(layout, out)

    def _looked_up(self, layout: Layout, out: Layout, at: int, new: str | None, by_value: bool) -> Act:
        look = self._holders if by_value else self._values
        if new is None:
            return projecting(_having(look, at), layout, out)
        if out == (new,):
            return _only(look, at)
        full = (*layout, new)
        return projecting(_extended(look, at), full, out)

    def _values(self, run: Run) -> Lookup:
        return run.values_of(self._attribute)

    def _holders(self, run: Run) -> Lookup:
        return run.holders_of(self._attribute)

    def _held(self, e: int, v: int) -> Act:
        def act(rows: Rows, run: Run) -> Rows:
            values_of = run.values_of(self._attribute)
            return [row for row in rows if row[v] in values_of(row[e])]

        return act

    def _scan(self, layout: Layout, out: Layout) -> Act:
        named = [(name, at) for at, name in enumerate((self._e, self._v)) if name is not None]
        if self._e == self._v:
            named = named[:1]
        take, both = taking([at for _, at in named]), self._e == self._v and self._e is not None

        def act(rows: Rows, run: Run) -> Rows:
            index = run.index(self._attribute)
            if len(index) * len(rows) > run.left:
                raise Declined
            facts = index.scan()
            pairs = zip(facts.e.tolist(), facts.v.tolist(), strict=True)
            found = {take(pair) for pair in pairs if not both or pair[0] == pair[1]}
            return [row + more for row in rows for more in found]

        return projecting(act, (*layout, *(name for name, _ in named)), out)


class TxStep:
    """The ``?tx`` of ``[?e :attr ?v ?tx]``, whose other terms have been found before."""

    def __init__(self, attribute: Attribute, e: str, v: str, tx: str) -> None:
        self._attribute, self._e, self._v, self._tx = attribute, e, v, tx
        self.needs = frozenset((e, v))
        self.names = self.needs | {tx}

    def rank(self, bound: frozenset[str]) -> int:
        return FILTER

    def count(self, layout: Layout) -> None:
        return None

    def act(self, layout: Layout, out: Layout) -> Act:
        e, v = layout.index(self._e), layout.index(self._v)
        at = layout.index(self._tx) if self._tx in layout else -1

        def act(rows: Rows, run: Run) -> Rows:
            tx_of = run.index(self._attribute).tx_of
            found = [(row, tx) for row in rows if (tx := tx_of(row[e], row[v])) >= 0]
            return [row for row, tx in found if row[at] == tx] if at >= 0 else [(*row, tx) for row, tx in found]

        return projecting(act, layout if at >= 0 else (*layout, self._tx), out)


def _having(look: Callable[[Run], Lookup], at: int) -> Act:
    def act(rows: Rows, run: Run) -> Rows:
        found = look(run)
        return [row for row in rows if found(row[at])]

    return act


def _only(look: Callable[[Run], Lookup], at: int) -> Act:
    """Rows of what is found alone."""

    def act(rows: Rows, run: Run) -> Rows:
        each, found = look(run), set[int]()
        for row in rows:
            found.update(each(row[at]))
            if len(found) > run.left:
                raise Declined
        return list(zip(found, strict=True))

    return act


def _extended(look: Callable[[Run], Lookup], at: int) -> Act:
    """The rows with what is found after them."""

    def act(rows: Rows, run: Run) -> Rows:
        each, found = look(run), list[Row]()
        for row in rows:
            for code in each(row[at]):
                found.append((*row, code))
            if len(found) > run.left:
                raise Declined
        return found

    return act
