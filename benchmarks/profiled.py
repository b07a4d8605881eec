"""Where the time of a call goes: own time by function, from cProfile, scaled to what the call takes unprofiled."""

from __future__ import annotations

import cProfile
import pstats
import time
from pathlib import Path
from typing import Final

from benchmarks.measure import Call, shown

_TOP: Final = 5


def where(call: Call, top: int = _TOP, seconds: float = 0.3) -> str:
    """The functions that take most, each with its share and its part of the call's own time.

    Profiling slows small functions more than large ones, so shares of calls below a millisecond lean towards Python.
    """
    began = time.perf_counter()
    call()
    took = time.perf_counter() - began
    repeats = max(1, min(2000, int(seconds / took)))
    took = min(_timed(call) for _ in range(min(repeats, 20)))
    profile = cProfile.Profile()
    profile.enable()
    for _ in range(repeats):
        call()
    profile.disable()
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    own = sorted(((entry[2], _named(function)) for function, entry in stats.items()), reverse=True)
    total = sum(part for part, _ in own)
    return ", ".join(f"{name} {part / total:.0%} ({shown(part / total * took)})" for part, name in own[:top])


def _timed(call: Call) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _named(function: tuple[str, int, str]) -> str:
    file, _, name = function
    name = name.replace("<built-in method ", "").replace("<method ", "").rstrip(">").split("' of")[0].strip("'")
    return name if file == "~" else f"{Path(file).stem}.{name}"
