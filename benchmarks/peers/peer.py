"""What a peer is: it is told the facts, and then asked each question it has an answer to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from benchmarks.peers.data import Dataset
from benchmarks.peers.measure import Budget, Measured, answer_of, measure
from benchmarks.peers.workloads import Workload


class Place(NamedTuple):
    """The facts with the ids of our store, and where that store is."""

    data: Dataset
    dsn: str
    schema: str


class Unavailable(Exception):
    """The peer is not installed here; says what is missing."""


class Peer:
    """A peer in this process; one elsewhere measures itself and overrides :meth:`ask`."""

    name = ""
    version = ""
    columns = False
    """Whether it hands over columns, or something else that is no Python row yet."""

    compiles = False
    """Whether it runs on a virtual machine that compiles what is called often: it warms up for longer."""

    def load(self, place: Place) -> None:
        """Forgets what it had and takes the facts, with the indexes that suit it."""
        raise NotImplementedError

    def call(self, workload: Workload) -> Callable[[], Any] | None:
        """The whole call for a question; None if it does not take part in that one."""
        raise NotImplementedError

    def rows(self, workload: Workload, answer: Any) -> Iterable[Any]:
        """The rows of an answer; a pull is one row."""
        del workload
        rows: Iterable[Any] = answer
        return rows

    def ask(self, workload: Workload, budget: Budget) -> Measured | None:
        """Its time and its answer."""
        call = self.call(workload)
        if call is None:
            return None
        taken, answer = measure(call, budget.for_compiling() if self.compiles else budget)
        return Measured(taken, answer_of(self.rows(workload, answer)))

    def close(self) -> None:
        """Lets go of everything."""
