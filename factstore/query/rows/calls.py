"""Predicates, functions and lookups row by row. What fails is declined: the columnar engine tells of it."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from factstore.query.columnar.relation import same_kind
from factstore.query.functions.builtin import Function
from factstore.query.rows.conjunction import FILTER, LOOKUP, Act, Layout, Row, Rows, Run, projecting
from factstore.schema import Attribute
from factstore.values import ValueType


class Arg(NamedTuple):
    """An argument: a variable with its kind, or a value."""

    name: str | None
    kind: int
    value: Any = None


_ON_CODES: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
    "not=": operator.ne,
}
"""Comparisons of two codes of one kind that is not interned: they are in the order of the values."""


class _Call:
    """A function with its arguments."""

    def __init__(self, name: str, fn: Function, args: Sequence[Arg]) -> None:
        self._name, self._fn, self._args = name, fn, args
        self.needs = frozenset(arg.name for arg in args if arg.name is not None)
        self.names = self.needs

    def count(self, layout: Layout) -> None:
        return None

    def _applied(self, layout: Layout) -> Callable[[Run], Callable[[Row], Any]]:
        """What makes, for a run, the function from a row to a result."""
        at = [layout.index(arg.name) if arg.name is not None else -1 for arg in self._args]
        fn, args = self._fn, self._args

        def ready(run: Run) -> Callable[[Row], Any]:
            decoders = [run.decoder(arg.kind) if arg.name is not None else None for arg in args]
            parts = list(zip(at, decoders, args, strict=True))
            return lambda row: fn(
                *[arg.value if decode is None else decode(row[place]) for place, decode, arg in parts]
            )

        return ready


class PredicateStep(_Call):
    """``[(pred arg*)]``."""

    def rank(self, bound: frozenset[str]) -> int:
        return FILTER

    def act(self, layout: Layout, out: Layout) -> Act:
        return projecting(self._on_codes(layout) or self._on_values(layout), layout, out)

    def _on_values(self, layout: Layout) -> Act:
        ready = self._applied(layout)

        def act(rows: Rows, run: Run) -> Rows:
            held = ready(run)
            return [row for row in rows if (found := held(row)) is not None and found is not False]

        return act

    def _on_codes(self, layout: Layout) -> Act | None:
        compare = _ON_CODES.get(self._name)
        if compare is None or len(self._args) != 2 or not same_kind(self._args[0].kind, self._args[1].kind):
            return None
        if ValueType(self._args[0].kind).interned:
            return None
        one, other = self._args
        if one.name is not None and other.name is not None:
            a, b = layout.index(one.name), layout.index(other.name)
            return lambda rows, run: [row for row in rows if compare(row[a], row[b])]
        if one.name is not None and type(other.value) is int:
            a, value = layout.index(one.name), other.value
            return lambda rows, run: [row for row in rows if compare(row[a], value)]
        return None


class FunctionStep(_Call):
    """``[(fn arg*) ?x]``, whose results are all of one kind; None takes the row away."""

    def __init__(self, name: str, fn: Function, args: Sequence[Arg], result: str | None, kind: int) -> None:
        super().__init__(name, fn, args)
        self._result, self._kind = result, kind
        self.names = self.needs if result is None else self.needs | {result}

    def rank(self, bound: frozenset[str]) -> int:
        return FILTER if self.names <= bound else LOOKUP

    def act(self, layout: Layout, out: Layout) -> Act:
        ready, kind, result = self._applied(layout), self._kind, self._result
        at = layout.index(result) if result in layout else -1

        def act(rows: Rows, run: Run) -> Rows:
            apply, encode = ready(run), run.encoder(kind)
            found = [(row, encode(value)) for row in rows if (value := apply(row)) is not None]
            if result is None:
                return [row for row, _ in found]
            return [row for row, code in found if row[at] == code] if at >= 0 else [(*row, code) for row, code in found]

        return projecting(act, layout if at >= 0 or result is None else (*layout, result), out)


class GetElseStep:
    """``[(get-else $ ?e :attr default) ?v]``, the default being of the attribute's kind."""

    def __init__(self, attribute: Attribute, e: str, default: str, result: str) -> None:
        self._attribute, self._e, self._default, self._result = attribute, e, default, result
        self.needs = frozenset((e, default))
        self.names = self.needs | {result}

    def rank(self, bound: frozenset[str]) -> int:
        return FILTER if self._result in bound else LOOKUP

    def count(self, layout: Layout) -> None:
        return None

    def act(self, layout: Layout, out: Layout) -> Act:
        e, default = layout.index(self._e), layout.index(self._default)
        at = layout.index(self._result) if self._result in layout else -1

        def act(rows: Rows, run: Run) -> Rows:
            values_of = run.values_of(self._attribute)
            found = [(row, values[0] if (values := values_of(row[e])) else row[default]) for row in rows]
            return [row for row, code in found if row[at] == code] if at >= 0 else [(*row, code) for row, code in found]

        return projecting(act, layout if at >= 0 else (*layout, self._result), out)


class MissingStep:
    """``[(missing? $ ?e :attr)]``."""

    def __init__(self, attribute: Attribute, e: str) -> None:
        self._attribute, self._e = attribute, e
        self.needs = self.names = frozenset((e,))

    def rank(self, bound: frozenset[str]) -> int:
        return FILTER

    def count(self, layout: Layout) -> None:
        return None

    def act(self, layout: Layout, out: Layout) -> Act:
        e = layout.index(self._e)

        def act(rows: Rows, run: Run) -> Rows:
            values_of = run.values_of(self._attribute)
            return [row for row in rows if not values_of(row[e])]

        return projecting(act, layout, out)
