"""How long a call takes, and what identifies its answer."""

from __future__ import annotations

import hashlib
import signal
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

ROUNDS = 5
"""At least; one of a call that takes more than four times as long as it is to be measured in."""
MOST_ROUNDS = 2_000


class Budget(NamedTuple):
    """Seconds that a peer has to warm up in, to be measured in, and for its first answer."""

    warm: float = 0.5
    measured: float = 1.0
    first: float = 30.0
    calls: int = 1
    """So many calls at least warm up, unless they take as long as a first answer may."""

    def for_compiling(self) -> Budget:
        """The same with a longer warm-up, for what is compiled while it runs."""
        return self._replace(warm=4 * self.warm, calls=10 if self.warm else 1)


class Answer(NamedTuple):
    """How many rows, and a digest of them in order."""

    rows: int
    digest: str


class Measured(NamedTuple):
    """The milliseconds of each of a peer's whole calls, and the answer they all gave."""

    taken: list[float]
    answer: Answer

    @property
    def median(self) -> float:
        """What counts."""
        return statistics.median(self.taken)

    @property
    def fastest(self) -> float:
        """What says more where the machine has other work."""
        return min(self.taken)


class TooSlow(Exception):
    """There was no first answer in time."""


def measure(call: Callable[[], Any], budget: Budget) -> tuple[list[float], Any]:
    """The milliseconds of each round, after a warm-up, and what the call gave."""
    with limited(budget.first):
        began = time.perf_counter()
        answer = call()
        first = time.perf_counter() - began
    calls = 1
    while (now := time.perf_counter() - began) < budget.warm or (calls < budget.calls and now < budget.first):
        call()
        calls += 1
    taken: list[float] = []
    until = time.perf_counter() + budget.measured
    while len(taken) < (ROUNDS if first < 4 * budget.measured + 1 else 1) or (
        time.perf_counter() < until and len(taken) < MOST_ROUNDS
    ):
        began = time.perf_counter()
        call()
        taken.append((time.perf_counter() - began) * 1e3)
    return taken, answer


def answer_of(rows: Iterable[Any]) -> Answer:
    """Rows in no order, of numbers and text; a pulled tree counts its entities.

    >>> answer_of([(2, "b"), (1, "a")]) == answer_of([[1, "a"], [2, "b"]])
    True
    """
    texts = sorted(repr(_plain(row)) for row in rows)
    digest = hashlib.sha256("\n".join(texts).encode()).hexdigest()[:12]
    return Answer(sum(text.count("{") or 1 for text in texts), digest)


def _plain(found: Any) -> Any:
    """Tuples for sequences, maps in the order of their keys, the many values of an attribute in their own."""
    if isinstance(found, dict):
        kept = {str(key).removeprefix(":"): _plain(value) for key, value in found.items()}
        return {key: _sorted(kept[key]) for key in sorted(kept)}
    if isinstance(found, list | tuple | set | frozenset):
        return tuple(map(_plain, found))
    return found if isinstance(found, int | float | bool) else str(found)


def _sorted(found: Any) -> Any:
    return tuple(sorted(found, key=repr)) if isinstance(found, tuple) else found


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Ends a block of Python that goes on for longer with :class:`TooSlow`; a call into C is ended when it is back."""

    def end(*_: object) -> None:
        raise TooSlow(f"no answer in {seconds:g} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
