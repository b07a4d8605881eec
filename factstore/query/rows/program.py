"""A query compiled to run row by row, for one schema, rule set and kinds of inputs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Final

import numpy as np

from factstore.columns import Ints, ints
from factstore.db import DbValue
from factstore.query.columnar.relation import REF, same_kind
from factstore.query.language.ast import (
    Aggregate,
    BindScalar,
    FindScalar,
    FindTuple,
    Pattern,
    Query,
    Rule,
    RuleCall,
    RulesVar,
    SourceVar,
    variables,
    walk,
)
from factstore.query.language.parse import parse_rules
from factstore.query.language.scope import kept_variables
from factstore.query.rows.closed import closed
from factstore.query.rows.compile import RowCompiler
from factstore.query.rows.conjunction import Conjunction, Declined, Rows, Step
from factstore.query.rows.groups import GivenStep
from factstore.query.rows.inputs import Bound
from factstore.query.rows.kinds import Kinds
from factstore.query.rows.recursion import RuleStep
from factstore.query.rows.run import DbRun
from factstore.query.rules.forms import calls_in
from factstore.query.rules.ruleset import RuleSet
from factstore.schema import Attribute, Schema

_ROWS: Final = 96
"""Rows that the columnar engine takes about as long for as this one, in each clause, ..."""
_WALK: Final = 1600
"""... in all of a recursion in which each body makes one call, which the columnar engine walks along, ..."""
_ROUNDS: Final = 4000
"""... and in all of any other, each of whose rounds costs that one as much as a clause."""
_PAIRS: Final = 400
"""Facts whose closure is made of sets; of more, the columnar engine makes it of arrays."""
MOST: Final = 5000
"""No run makes as many: a lower bound on the rows of a query is for the columnar engine to hold."""


class Program:
    """What answers one query; safe between threads: a run has all that changes."""

    def __init__(self, query: Query, schema: Schema, bound: Bound, rules: tuple[Rule, ...]) -> None:
        if query.limit is not None or query.offset:
            raise Declined  # which rows are first is the columnar engine's to say
        every = rules + (parse_rules(bound.rules) if bound.rules else ())
        self.compiler = RowCompiler(schema, RuleSet.of(every))
        kinds, layout, given = _inputs(query, bound)
        known = frozenset(kinds)
        body = self.compiler.body(query.where, kinds, known)
        self.names = kept_variables(query)
        self.kinds = tuple(kinds.get(name, 0) for name in self.names)
        if not all(self.kinds):
            raise Declined
        self._where = Conjunction([*given, *body.steps], layout, self.names, body.consts)
        self._one = _wants_one(query)
        nodes = list(walk(query.where))
        rows = _ROWS * (1 + sum(isinstance(node, Pattern) for node in nodes))
        calls = any(isinstance(node, RuleCall) for node in nodes)
        self._budget = min(MOST, rows + (_effort(self.compiler.rules) if calls else 0))

        self._closure = None if layout or given or self._one else _closure(body.steps, self.names)

    @property
    def functions(self) -> set[str]:
        """The functions it calls by name; what is registered under one of these is not what it calls."""
        return self.compiler.functions

    def columns(self, db: DbValue) -> tuple[Ints, Ints] | None:
        """The columns over ``names`` of a query that asks for a closure, where it is small and has no cycle."""
        if self._closure is None:
            return None
        turned, attribute, backwards = self._closure
        if not db.holds(attribute) or len(db.index(attribute)) > _PAIRS:
            return None
        rows = db.index(attribute).scan()
        starts, ends = (rows.v, rows.e) if backwards else (rows.e, rows.v)
        found = closed(zip(starts.tolist(), ends.tolist(), strict=True), MOST)
        if found is None:
            return None
        order = sorted(found)
        each = [sorted(found[start]) for start in order]
        one = np.repeat(ints(order), [len(ends) for ends in each])
        other = np.fromiter(chain.from_iterable(each), dtype=np.int64, count=len(one))
        return (other, one) if turned else (one, other)

    def run(self, db: DbValue, bound: Bound) -> Rows:
        """The rows over ``names``, in the order of their codes."""
        run = DbRun(db, bound, self.compiler.consts, self._budget)
        try:
            rows = self._where.run((bound.row,), run)
        except Declined:
            raise
        except Exception as error:
            # What fails here fails there too, or it is none of the rows that matter: the columnar engine tells.
            raise Declined from error
        if len(rows) < 2:
            return rows
        if self._one:
            raise Declined
        return _in_order(rows)


def _closure(steps: Sequence[Step], names: Sequence[str]) -> tuple[bool, Attribute, bool] | None:
    """The attribute whose whole closure is asked for, whether its ends come first, and whether it is backwards."""
    found = steps[0].closure if len(steps) == 1 and isinstance(steps[0], RuleStep) else None
    if found is None or len(names) != 2 or {*names} != {*found[0]}:
        return None
    (start, _), attribute, backwards = found
    return start != names[0], attribute, backwards


def _effort(rules: RuleSet) -> int:
    """The rows that a recursion may make."""
    return _ROUNDS if any(len(calls_in(rule.clauses)) > 1 for rule in rules) else _WALK


def _wants_one(query: Query) -> bool:
    """Whether the answer is one of the rows: which, of several, the columnar engine says."""
    every = query.find.elements
    return isinstance(query.find, FindScalar | FindTuple) and not all(isinstance(each, Aggregate) for each in every)


def _in_order(rows: Rows) -> Rows:
    """The rows by their codes, None last: the same query over the same facts gives the same list."""
    try:
        return sorted(rows)
    except TypeError:
        return sorted(rows, key=lambda row: [(code is None, code or 0) for code in row])


def _inputs(query: Query, bound: Bound) -> tuple[Kinds, tuple[str, ...], list[GivenStep]]:
    """The kinds of the input variables, the layout of those that have one value, and steps for the others."""
    found = iter(bound.kinds)
    kinds = Kinds()
    layout: list[str] = []
    given: list[GivenStep] = []
    for node in query.inputs:
        if isinstance(node, SourceVar | RulesVar):
            continue
        names = tuple(variables(node))
        kinds.update(zip(names, found, strict=False))
        if isinstance(node, BindScalar):
            layout += names
        else:
            given.append(GivenStep(len(given), names))
    kinds.named = frozenset(name for name in layout if not same_kind(kinds[name], REF))
    return kinds, tuple(layout), given
