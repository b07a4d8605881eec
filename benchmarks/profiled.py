"""Where the time of a call goes: own time by function, from cProfile, scaled to what the call takes unprofiled."""

from __future__ import annotations

import cProfile
import pstats
import statistics
import time
from pathlib import Path
from typing import Final

from benchmarks.measure import Call, shown

_TOP: Final = 5
_PROFILES: Final = 9


def where(call: Call, top: int = _TOP, seconds: float = 0.5) -> str:
    """The functions that take most, each with its share and its part of the call's own time.

    Of several profiles each function's median counts, so that what interrupts this process is nobody's. Profiling
    slows small functions more than large ones: shares of calls below a millisecond lean towards Python.
    """
    call()
    took = min(_timed(call) for _ in range(5))
    repeats = max(1, min(500, int(seconds / _PROFILES / took)))
    took = statistics.median(_timed(call) for _ in range(min(5 * repeats, 99)))
    profiles = [_profiled(call, repeats) for _ in range(_PROFILES)]
    functions = {function for profile in profiles for function in profile}
    own = [(statistics.median(profile.get(each, 0.0) for profile in profiles), each) for each in functions]
    total = sum(part for part, _ in own)
    return ", ".join(
        f"{name} {part / total:.0%} ({shown(part / total * took)})" for part, name in sorted(own)[: -top - 1 : -1]
    )


def _profiled(call: Call, repeats: int) -> dict[str, float]:
    profile = cProfile.Profile()
    profile.enable()
    for _ in range(repeats):
        call()
    profile.disable()
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    found: dict[str, float] = {}
    for function, entry in stats.items():
        found[_named(function)] = found.get(_named(function), 0.0) + entry[2]
    return found


def _timed(call: Call) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _named(function: tuple[str, int, str]) -> str:
    file, _, name = function
    name = name.replace("<built-in method ", "").replace("<method ", "").rstrip(">").split("' of")[0].strip("'")
    return name if file == "~" else f"{Path(file).stem}.{name}"


def by_module(call: Call, took: float, seconds: float = 0.5, top: int = _TOP) -> str:
    """The engine's modules by their part of ``took`` seconds: their own Python, and what they call of NumPy."""
    call()
    repeats = max(1, min(500, int(seconds / _PROFILES / took)))
    profiles = [_modules(call, repeats) for _ in range(_PROFILES)]
    keys = {key for profile in profiles for key in profile}
    parts = {key: statistics.median(profile.get(key, 0.0) for profile in profiles) for key in keys}
    scale = took / sum(parts.values())
    numpy = sum(part for (_, where), part in parts.items() if where == "NumPy")
    told = [f"NumPy {shown(numpy * scale)}", f"Python {shown((sum(parts.values()) - numpy) * scale)}"]
    largest = sorted(((part, key) for key, part in parts.items()), reverse=True)[:top]
    listed = ", ".join(
        f"{module}{' (NumPy)' if kind == 'NumPy' else ''} {shown(part * scale)}" for part, (module, kind) in largest
    )
    return f"{', '.join(told)}: {listed}"


def _modules(call: Call, repeats: int) -> dict[tuple[str, str], float]:
    """Seconds by module, and by whether they are its own or those of what it calls that is not Python."""
    profile = cProfile.Profile()
    profile.enable()
    for _ in range(repeats):
        call()
    profile.disable()
    found: dict[tuple[str, str], float] = {}
    for (file, _, _), (_, _, own, _, callers) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        if file != "~" and "numpy" not in file:
            key = (Path(file).stem, "Python")
            found[key] = found.get(key, 0.0) + own
            continue
        for (caller, _, _), (_, _, alone, whole) in callers.items():
            # What a function of NumPy calls in turn is part of the whole of its call.
            if caller != "~" and "numpy" not in caller and "cProfile" not in caller:
                key = (Path(caller).stem, "NumPy")
                found[key] = found.get(key, 0.0) + (alone if file == "~" else whole)
    return found
