"""Recursive rules row by row: each call with its bound arguments has a table of answers, filled as asked.

A rule body runs up to its next call; the rows that have come so far wait there for the answers to what
they ask, and go on with each that arrives. So every pair of a waiting row and an answer is met once, whatever
the recursion (tabling: Tamaki and Sato 1986; Chen and Warren 1996). Right-linear recursion walks from each
asked argument instead, as :mod:`factstore.query.rules.fixpoint` does, and keeps the answers of where it began alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

from factstore.query.rows.call_plan import Body, Call, CallPlan, Site
from factstore.query.rows.closed import closed
from factstore.query.rows.conjunction import (
    GROUP,
    SCAN,
    Act,
    Declined,
    Layout,
    Row,
    Rows,
    Run,
    projecting,
)
from factstore.schema import Attribute

Answers = dict[Row, None]
"""The free arguments of each answer, in the order they came."""


class Tables:
    """The answers of one run. What a negation inside a rule calls is completed apart, in tables of its own."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._answers: dict[CallPlan, dict[Row, Answers]] = {}
        self._waiting: dict[Site, dict[Row, Answers]] = {}
        self._callers: dict[CallPlan, list[Site]] = {}
        self._agenda: deque[Callable[[], None]] = deque()
        self._running = False
        self._below: Tables | None = None

    def call(self, plan: CallPlan, keys: Iterable[Row]) -> Mapping[Row, Iterable[Row]]:
        """The answers to each of ``keys``, and perhaps to others."""
        if plan.walks:
            return self._walked(plan, keys)
        if self._running:
            self._below = self._below or Tables(self._run)
            return self._below.call(plan, keys)
        self._running = True
        try:
            self._ask(plan, keys)
            while self._agenda:
                self._agenda.popleft()()
        finally:
            self._running = False
        return self._answers[plan]

    def _walked(self, plan: CallPlan, keys: Iterable[Row]) -> dict[Row, Answers]:
        known = self._answers.setdefault(plan, {})
        for key in keys:
            if key not in known:
                known[key] = self._walk(plan, key)
        return known

    def _walk(self, plan: CallPlan, key: Row) -> Answers:
        """The answers where right-linear rules lead from one asked argument."""
        if plan.closure is not None:
            return self._reached(key[0], *plan.closure) if key else self._closure(*plan.closure)
        run, found, seen = self._run, Answers(), {key}
        here: Rows = [key]
        while here:
            for body in plan.bodies:
                found.update(dict.fromkeys(map(plan.free, body.first.run(here, run))))
            here = list({row for onward in plan.onward for row in onward.run(here, run)} - seen)
            seen.update(here)
        return found

    def _closure(self, attribute: Attribute, backwards: bool) -> Answers:
        """What the facts of one attribute lead to, from everything that has it."""
        facts = self._run.index(attribute)
        if len(facts) > self._run.left:
            raise Declined
        rows = facts.scan()
        starts, ends = (rows.v, rows.e) if backwards else (rows.e, rows.v)
        pairs = list(zip(starts.tolist(), ends.tolist(), strict=True))
        found = closed(pairs, self._run.left)
        if found is not None:
            return {(start, end): None for start, ends in found.items() for end in ends}
        begun = dict.fromkeys(start for start, _ in pairs)
        return {(start, *end): None for start in begun for end in self._reached(start, attribute, backwards)}

    def _reached(self, start: int, attribute: Attribute, backwards: bool) -> Answers:
        """What the facts of one attribute lead to from one entity."""
        run = self._run
        look = run.holders_of(attribute) if backwards else run.values_of(attribute)
        seen: set[int] = set()
        waiting = [start]
        while waiting:
            new = [code for code in look(waiting.pop()) if code not in seen]
            seen.update(new)
            waiting += new
            run.left -= len(new)
            if run.left < 0:
                raise Declined
        return dict.fromkeys(zip(seen, strict=True))

    def _ask(self, plan: CallPlan, keys: Iterable[Row]) -> None:
        known = self._answers.setdefault(plan, {})
        new = [key for key in dict.fromkeys(keys) if key not in known]
        if plan.walks:
            self._walked(plan, new)
        elif new:
            known.update((key, {}) for key in new)
            self._agenda.append(lambda: self._begin(plan, new))

    def _begin(self, plan: CallPlan, keys: Rows) -> None:
        for body in plan.bodies:
            self._go_on(body, 0, body.first.run(keys, self._run))

    def _go_on(self, body: Body, index: int, rows: Rows) -> None:
        """Takes rows to the next call of a body, or to its end."""
        if not rows:
            return
        if index == len(body.sites):
            self._add(body.plan, rows)
            return
        site = body.sites[index]
        waiting = self._waiting.get(site)
        if waiting is None:
            waiting = self._waiting[site] = {}
            self._callers.setdefault(site.plan, []).append(site)
        key_of = site.call.key
        new = []
        for row in rows:
            here = waiting.setdefault(key_of(row), {})
            if row not in here:
                here[row] = None
                new.append(row)
        # Answers that are there are met at once; those to come find the rows waiting.
        self._ask(site.plan, map(key_of, new))
        answers = self._answers[site.plan]
        self._answered(site, [each for row in new for each in site.call.rows(row, answers[key_of(row)])])

    def _answered(self, site: Site, rows: list[Row]) -> None:
        self._run.left -= len(rows)
        if self._run.left < 0:
            raise Declined
        if rows:
            self._go_on(site.body, site.index + 1, site.then.run(list(dict.fromkeys(rows)), self._run))

    def _add(self, plan: CallPlan, rows: Rows) -> None:
        known = self._answers[plan]
        new: dict[Row, list[Row]] = {}
        for row in rows:
            key, free = plan.key(row), plan.free(row)
            if free not in known[key]:
                known[key][free] = None
                new.setdefault(key, []).append(free)
        if new:
            self._agenda.append(lambda: self._tell(plan, new))

    def _tell(self, plan: CallPlan, new: Mapping[Row, list[Row]]) -> None:
        """Hands new answers to all that wait for them."""
        for site in list(self._callers.get(plan, ())):
            waiting = self._waiting[site]
            found = [
                each
                for key, answers in new.items()
                for row in waiting.get(key, ())
                for each in site.call.rows(row, answers)
            ]
            self._answered(site, found)


def tables_of(run: Run) -> Tables:
    """The tables of a run."""
    if run.tables is None:
        run.tables = Tables(run)
    found: Tables = run.tables
    return found


class RuleStep:
    """``(name arg*)`` whose answers are all found before the next clause."""

    def __init__(
        self, args: Sequence[str | None], needs: frozenset[str], plan: Callable[[tuple[bool, ...]], CallPlan]
    ) -> None:
        self._args, self._plan = args, plan
        self.needs = needs
        self.names = frozenset(arg for arg in args if arg is not None)

    def rank(self, bound: frozenset[str]) -> int:
        return SCAN + 1 if self.names.isdisjoint(bound) else GROUP

    def count(self, layout: Layout) -> None:
        return None

    def act(self, layout: Layout, out: Layout) -> Act:
        call = Call(self._args, layout)
        plan, key = self._plan(call.bound), call.key

        def act(rows: Rows, run: Run) -> Rows:
            answers = tables_of(run).call(plan, set(map(key, rows)))
            found: set[Row] = set()
            for row in rows:
                found.update(call.rows(row, answers[key(row)]))
                if len(found) > run.left:
                    raise Declined
            return list(found)

        return projecting(act, layout + call.new, out)

    @property
    def closure(self) -> tuple[tuple[str, str], Attribute, bool] | None:
        """If it asks for a whole closure of one attribute: its two variables, and :attr:`CallPlan.closure`."""
        match self._args:
            case [str(start), str(end)] if start != end:
                found = self._plan((False, False)).closure
                return None if found is None else ((start, end), *found)
        return None
