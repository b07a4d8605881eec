"""How a rule called with some of its arguments bound is answered row by row: its bodies, cut at their calls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from factstore.query.rows.conjunction import Conjunction, Layout, Row, places, taking
from factstore.schema import Attribute


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

    def __init__(self, plan: CallPlan, call: Call, then: Conjunction) -> None:
        self.plan, self.call, self.then = plan, call, then
        self.body: Body
        self.index = 0


class Body:
    """A rule body for one goal: up to its first call, then from call to call; at last rows of all arguments."""

    def __init__(self, first: Conjunction, sites: Sequence[Site]) -> None:
        self.first, self.sites = first, sites
        self.plan: CallPlan
        for index, site in enumerate(sites):
            site.body, site.index = self, index


class CallPlan:
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
