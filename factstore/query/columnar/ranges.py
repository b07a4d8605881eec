"""Ranges: what comparisons with known values say of a variable, as bounds on the codes of an attribute.

``[?e :age ?a] [(< 17 ?a 65)]`` reads only that part of the attribute's values. Where the codes of the bounds say
all that a comparison does, as they do of one and the same type, the comparison itself is not run again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from factstore.columns import EMPTY, Ints, ints, member
from factstore.db import DbValue
from factstore.db_value_order import codes_between
from factstore.errors import InvalidValue
from factstore.query.functions.builtin import plain_name
from factstore.query.language.ast import Argument, Clause, Constant, Predicate, Variable
from factstore.query.language.remembered import remembered
from factstore.schema import Attribute
from factstore.values import LONG_MAX, LONG_MIN, ValueType, encode_inline, type_of
from factstore.values_coerce import coerce

_LOW, _HIGH = 0, 1
_ORDERED: Final = (ValueType.STRING,)
"""Interned types whose values are ordered in comparisons as they are in an index."""


class Bound(NamedTuple):
    """One end of a variable's range, and the comparison that sets it."""

    value: Any
    end: int
    open: bool
    clause: Predicate
    is_all: bool
    """True if the comparison says nothing but the bounds it sets."""


_COMPARISONS: Final[Mapping[str, tuple[int, bool]]] = {
    "<": (_HIGH, True),
    "<=": (_HIGH, False),
    ">": (_LOW, True),
    ">=": (_LOW, False),
}
"""Which end an argument sets for those before it, and whether it is left out itself."""


def bounds_of(clauses: Iterable[Clause], scalars: Mapping[str, Any]) -> dict[str, list[Bound]]:
    """The bounds that comparisons set to variables; ``scalars`` are inputs with one value.

    >>> from factstore.query.language.parse import parse_query
    >>> found = bounds_of(parse_query("[:find ?x :where [_ :a ?x] [(<= 1 ?x 9)]]").where, {})
    >>> [(bound.value, bound.end, bound.open) for bound in found["?x"]]
    [(1, 0, False), (9, 1, False)]
    """
    return _fixed_bounds(clauses) if isinstance(clauses, tuple) and not scalars else _bounds_of(clauses, scalars)


@remembered
def _fixed_bounds(clauses: tuple[Clause, ...]) -> dict[str, list[Bound]]:
    return _bounds_of(clauses, {})


def _bounds_of(clauses: Iterable[Clause], scalars: Mapping[str, Any]) -> dict[str, list[Bound]]:
    found: dict[str, list[Bound]] = {}
    for clause in clauses:
        if isinstance(clause, Predicate) and isinstance(clause.fn, str):
            for name, bound in _bounds(clause, plain_name(clause.fn), scalars):
                found.setdefault(name, []).append(bound)
    return found


def _bounds(clause: Predicate, name: str, scalars: Mapping[str, Any]) -> Iterable[tuple[str, Bound]]:
    if name not in ("=", "starts-with?", *_COMPARISONS):
        return
    args = clause.args
    known = [_known(arg, scalars) for arg in args]
    # Two bounds at most, with the variable between them: such a comparison says nothing else.
    is_between = len(args) == 3 and known[1] is None and name in _COMPARISONS
    is_all = sum(value is None for value in known) == 1 and (len(args) == 2 or is_between)
    for place, arg in enumerate(args):
        if not isinstance(arg, Variable) or arg.name in scalars:
            continue
        for other, value in enumerate(known):
            if value is not None:
                yield from ((arg.name, bound) for bound in _of(clause, name, value, other > place, is_all))


def _of(clause: Predicate, name: str, value: Any, is_after: bool, is_all: bool) -> Iterable[Bound]:
    if name == "=":
        return [Bound(value, end, False, clause, is_all) for end in (_LOW, _HIGH)]
    if name == "starts-with?":
        return _prefix(clause, value) if is_after and isinstance(value, str) else []
    end, is_open = _COMPARISONS[name]
    return [Bound(value, end if is_after else 1 - end, is_open, clause, is_all)]


def _prefix(clause: Predicate, prefix: str) -> list[Bound]:
    bounds = [Bound(prefix, _LOW, False, clause, True)]
    if prefix and ord(prefix[-1]) < _LAST_PLAIN:
        return [*bounds, Bound(prefix[:-1] + chr(ord(prefix[-1]) + 1), _HIGH, True, clause, True)]
    return [bounds[0]._replace(is_all=not prefix)]


_LAST_PLAIN: Final = 0xD7FE
"""The code point after a greater one may be no character."""


def _known(arg: Argument, scalars: Mapping[str, Any]) -> Any:
    if isinstance(arg, Constant):
        return arg.value
    return scalars.get(arg.name) if isinstance(arg, Variable) else None


class Limited:
    """The values of one attribute that lie within bounds.

    ``codes`` are they themselves where codes have no order, else all codes in ``low..high`` are; None is open.
    """

    def __init__(self, db: DbValue, attribute: Attribute, bounds: Sequence[Bound]) -> None:
        self._db = db
        self._attribute = attribute
        self._texts: list[Bound] = []
        self._codes: Ints | None = None
        self.low: int | None = None
        self.high: int | None = None
        done = {id(bound): self._take(bound) for bound in bounds}
        clauses = {id(bound.clause): bound.clause for bound in bounds}
        self.enforced = frozenset(
            key for key in clauses if all(done[id(bound)] for bound in bounds if id(bound.clause) == key)
        )
        """The comparisons, by ``id``, that need not be run."""

    @property
    def is_open(self) -> bool:
        """True if the bounds say nothing about this attribute."""
        return self.low is None and self.high is None and not self._texts

    def _take(self, bound: Bound) -> bool:
        """Takes note of a bound; True if its comparison says nothing more."""
        vt = self._attribute.type
        is_same = type_of(bound.value) is vt or (vt is ValueType.REF and type(bound.value) is int)
        if vt.interned:
            is_equal = isinstance(bound.clause.fn, str) and plain_name(bound.clause.fn) == "="
            if not is_same or not (vt in _ORDERED or (is_equal and vt is not ValueType.TUPLE)):
                return False
            self._texts.append(bound)
            return bound.is_all
        if (vt is ValueType.REF and not is_same) or isinstance(bound.value, bool) != (vt is ValueType.BOOLEAN):
            return False
        try:
            code = encode_inline(vt, coerce(vt, bound.value))
        except InvalidValue:
            return False
        if is_same and bound.open and LONG_MIN < code < LONG_MAX:
            code += 1 if bound.end == _LOW else -1
        elif bound.open:
            is_same = False
        self._narrow(code, bound.end)
        return is_same and bound.is_all

    def _narrow(self, code: int, end: int) -> None:
        if end == _LOW:
            self.low = code if self.low is None else max(self.low, code)
        else:
            self.high = code if self.high is None else min(self.high, code)

    @property
    def codes(self) -> Ints | None:
        """The codes of the values, sorted; None where :attr:`low` and :attr:`high` tell."""
        if self._texts and self._codes is None:
            self._codes = self._of_texts()
        return self._codes

    def _of_texts(self) -> Ints:
        lows = [(bound.value, bound.open) for bound in self._texts if bound.end == _LOW]
        highs = [(bound.value, not bound.open) for bound in self._texts if bound.end == _HIGH]
        low, high = max(lows, default=None), min(highs, default=None)
        if low and high and low[0] == high[0]:
            code = self._db.encode(self._attribute, low[0]) if not low[1] and high[1] else None
            return EMPTY if code is None else ints([code])
        if low and high and low[0] > high[0]:
            return EMPTY
        return codes_between(self._db.index(self._attribute), self._attribute.type, self._db.dictionary, low, high)

    def holds(self, codes: Ints) -> Any:
        """Which of ``codes`` lie within."""
        known = self.codes
        if known is not None:
            return member(codes, known)
        within = codes >= (LONG_MIN if self.low is None else self.low)
        return within if self.high is None else within & (codes <= self.high)

    def __str__(self) -> str:
        ends = [str(bound) for bound in (self.low, self.high)] if not self._texts else []
        return "..".join(ends) if ends else f"{len(self.codes) if self.codes is not None else 0:,} values"
