"""Recursive rules row by row: each call with its bound arguments has a table of answers, filled as asked.

A rule body runs up to its next call; the rows that have come so far wait there for the answers to what
they ask, and go on with each that arrives. So every pair of a waiting row and an answer is met once, whatever
the recursion (tabling: Tamaki and Sato 1986; Chen and Warren 1996). Right-linear recursion walks from each
asked argument instead, as :mod:`factstore.query.rules.fixpoint` does, and keeps the answers of where it began alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

from factstore.query.rows.closed import closed
from factstore.query.rows.walk import (
    GROUP,
    SCAN,
    Act,
    Conjunction,
    Declined,
    Layout,
    Row,
    Rows,
    Run,
    places,
    projecting,
    taking,
)
from factstore.schema import Attribute

Answers = dict[Row, None]
"""The free arguments of each answer, in the order they came."""


class Call:
    """The arguments of a call, as they stand in rows of a layout: what it asks, and what it makes of an answer."""

    def __init__(self, args: Sequence[str | None], layout: Layout) -> None:
        bound = [arg for arg in args if arg is not None and arg in layout]
        free = [arg for arg in args if arg is None or arg not in layout]
        firsts = {name: place for place, name in reversed(list(enumerate(free))) if name is not None}
        self.bound = tuple(arg is not None and arg in layout for arg in args)
        self.new: Layout = tuple(sorted(firsts))
        self.key = taking(places(layout, bound))
        self.answer = taking([firsts[name] for name in self.new])
        self._equal = [(firsts[name], place) for place, name in enumerate(free) if name and firsts[name] != place]

    def rows(self, row: Row, answers: Iterable[Row]) -> list[Row]:
        """``row`` with each of the answers to what it asks."""
        if self._equal:
            answers = [each for each in answers if all(each[one] == each[other] for one, other in self._equal)]
        answer = self.answer
        return [row + answer(each) for each in answers]


class Site:
    """A call in a rule body: what is called, and how the body goes on with what is answered."""

    def __init__(self, plan: Plan, call: Call, then: Conjunction) -> None:
        self.plan, self.call, self.then = plan, call, then
        self.body: Body
        self.index = 0


class Body:
    """A rule body for one goal: up to its first call, then from call to call; at last rows of all arguments."""

    def __init__(self, first: Conjunction, sites: Sequence[Site]) -> None:
        self.first, self.sites = first, sites
        self.plan: Plan
        for index, site in enumerate(sites):
            site.body, site.index = self, index


class Plan:
    """How the calls of one rule with some of its arguments bound are answered.

    Where ``onward`` is not empty, the recursion is right-linear: it gives from what is asked what to ask next,
    and the bodies do not call anything.
    """

    def __init__(self, bound: Sequence[bool]) -> None:
        self.key = taking([place for place, known in enumerate(bound) if known])
        self.free = taking([place for place, known in enumerate(bound) if not known])
        self.bodies: Sequence[Body] = ()
        self.onward: Sequence[Conjunction] = ()
        self.closure: tuple[Attribute, bool] | None = None
        """The attribute whose closure the rules are, and whether it is walked from value to entity."""

    @property
    def walks(self) -> bool:
        """Whether each key is answered by itself, by a walk."""
        return bool(self.onward) or self.closure is not None

    def add(self, bodies: Sequence[Body], onward: Sequence[Conjunction]) -> None:
        """Sets what the plan does; it may call itself, so that it is there before."""
        self.bodies, self.onward = bodies, onward
        for body in bodies:
            body.plan = self


class Tables:
    """The answers of one run. What a negation inside a rule calls is completed apart, in tables of its own."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._answers: dict[Plan, dict[Row, Answers]] = {}
        self._waiting: dict[Site, dict[Row, Answers]] = {}
        self._callers: dict[Plan, list[Site]] = {}
        self._agenda: deque[Callable[[], None]] = deque()
        self._running = False
        self._below: Tables | None = None

    def call(self, plan: Plan, keys: Iterable[Row]) -> Mapping[Row, Iterable[Row]]:
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

    def _walked(self, plan: Plan, keys: Iterable[Row]) -> dict[Row, Answers]:
        known = self._answers.setdefault(plan, {})
        for key in keys:
            if key not in known:
                known[key] = self._walk(plan, key)
        return known

    def _walk(self, plan: Plan, key: Row) -> Answers:
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
        reached = {
            start: self._reached(start, attribute, backwards) for start in dict.fromkeys(start for start, _ in pairs)
        }
        return {(start, *end): None for start, ends in reached.items() for end in ends}

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

    def _ask(self, plan: Plan, keys: Iterable[Row]) -> None:
        known = self._answers.setdefault(plan, {})
        new = [key for key in dict.fromkeys(keys) if key not in known]
        if plan.walks:
            self._walked(plan, new)
        elif new:
            known.update((key, {}) for key in new)
            self._agenda.append(lambda: self._begin(plan, new))

    def _begin(self, plan: Plan, keys: Rows) -> None:
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

    def _add(self, plan: Plan, rows: Rows) -> None:
        known = self._answers[plan]
        new: dict[Row, list[Row]] = {}
        for row in rows:
            key, free = plan.key(row), plan.free(row)
            if free not in known[key]:
                known[key][free] = None
                new.setdefault(key, []).append(free)
        if new:
            self._agenda.append(lambda: self._tell(plan, new))

    def _tell(self, plan: Plan, new: Mapping[Row, list[Row]]) -> None:
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
        self, args: Sequence[str | None], needs: frozenset[str], plan: Callable[[tuple[bool, ...]], Plan]
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
        """If it asks for a whole closure of one attribute: its two variables, and :attr:`Plan.closure`."""
        match self._args:
            case [str(start), str(end)] if start != end:
                found = self._plan((False, False)).closure
                return None if found is None else ((start, end), *found)
        return None
