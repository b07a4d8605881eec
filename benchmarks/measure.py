"""Medians of peers that take turns, and Markdown tables of them.

Peers of one question are called in turn, round after round, so that a busy machine is busy for all of them. A call
too short for the clock is repeated within its round; what counts is the median over the rounds.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Final

Call = Callable[[], Any]

_SHORT: Final = 1e-3
"""Seconds a round of one call should take at least."""
_ROUNDS: Final = (5, 51)
_FEWEST: Final = 3


def medians(calls: Mapping[str, Call], budget: float = 1.0) -> dict[str, float]:
    """Seconds of each call, the median over 3 to 51 rounds; ``budget`` is about how long each may take in all.

    A call that has had twice its budget sits out after three rounds. Without a budget there is one round, which
    measures nothing and shows that the calls can be made.

    >>> sorted(medians({"sum": lambda: sum(range(10)), "list": lambda: list(range(10))}, budget=0.01))
    ['list', 'sum']
    """
    once = {name: _once(call, 1) for name, call in calls.items()}
    repeats = {name: max(1, round(_SHORT / max(seconds, 1e-7))) if budget else 1 for name, seconds in once.items()}
    least, most = _ROUNDS
    quickest = min(max(seconds, _SHORT) for seconds in once.values())
    rounds = min(most, max(least, int(budget / quickest))) if budget else 1
    found: dict[str, list[float]] = {name: [] for name in calls}
    with _frozen() if budget else nullcontext():
        for _ in range(rounds):
            for name, call in calls.items():
                if len(found[name]) < _FEWEST or sum(found[name]) * repeats[name] < 2 * budget:
                    found[name].append(_once(call, repeats[name]))
    return {name: statistics.median(seconds) for name, seconds in found.items()}


@contextmanager
def _frozen() -> Iterator[None]:
    """What the peers keep in this process is not to slow anyone's collections down."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _once(call: Call, repeats: int) -> float:
    began = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - began) / repeats


def shown(seconds: float) -> str:
    """A duration with three digits and its unit.

    >>> shown(0.0000421), shown(0.1234), shown(12.34)
    ('42.1 µs', '123 ms', '12.3 s')
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size or unit == "µs":
            return f"{_digits(seconds / size)} {unit}"
    raise AssertionError("µs takes whatever is left")


def _digits(number: float) -> str:
    return f"{number:.0f}" if number >= 100 else f"{number:.3g}"


def ratio(number: float) -> str:
    """A ratio with two or three digits.

    >>> ratio(0.934), ratio(12.34), ratio(345.6)
    ('0.93', '12', '346')
    """
    return f"{number:.2f}" if number < 10 else f"{number:.0f}"


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table."""
    return "\n".join(line(cells) for cells in (heads, ["---"] * len(heads), *rows))


def line(cells: Iterable[Any]) -> str:
    """A line of one."""
    return f"| {' | '.join(map(str, cells))} |"


def against(
    rows: Iterable[tuple[str, int, Mapping[str, float]]],
    ours: str,
    peers: Sequence[str],
    beside: Sequence[str] = (),
) -> Iterator[str]:
    """The table of questions, a line at a time: rows of the answer, our median, each peer's, and the best by ours.

    Those named in ``beside`` are shown, and are nobody's peers.
    """
    yield table(["", "rows", ours, *peers, "best peer / ours"], [])
    for name, size, found in rows:
        told = (shown(found[peer]) if peer in found else "–" for peer in peers)
        asked = {peer: seconds for peer, seconds in found.items() if peer not in beside}
        yield line([name, f"{size:,}", shown(found[ours]), *told, lead(asked, ours)])


def lead(found: Mapping[str, float], ours: str) -> str:
    """How many times ours the best peer takes; bold where that is less than once."""
    others = [seconds for name, seconds in found.items() if name != ours]
    if not others:
        return "–"
    times = min(others) / found[ours]
    return ratio(times) if times >= 1 else f"**{ratio(times)}**"
