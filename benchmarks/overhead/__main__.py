"""What the engine costs beyond NumPy: each question as Datalog, and by hand over the same sorted columns.

Run as ``python -m benchmarks.overhead [--quick]``. Answers are columns on both sides and must have the same rows. Of
each question the time is told by the engine's modules, NumPy's functions counted where they are called.
"""

from __future__ import annotations

import argparse
import functools
from typing import Any

from benchmarks.agreement import check
from benchmarks.measure import medians, ratio, shown, table
from benchmarks.overhead import data
from benchmarks.overhead.questions import QUESTIONS
from benchmarks.profiled import by_module
from factstore import Db

_GOALS = {1_000: 3.0, 100_000: 1.3}
"""At most how many times as long, by the number of people."""


def compare(people: int, goal: float, budget: float) -> str:
    db = data.store(people)
    columns, codes = data.columns(db), data.codes(db)
    rows = []
    for question in QUESTIONS:
        calls = {
            "by hand": functools.partial(question.by_hand, columns, codes),
            "factstore": functools.partial(_asked, db, question.datalog),
        }
        size = check({name: call() for name, call in calls.items()}, question.name)
        found = medians(calls, budget)
        times = found["factstore"] / found["by hand"]
        more = found["factstore"] - found["by hand"]
        stages = by_module(calls["factstore"], found["factstore"], budget / 4)
        told = ratio(times) if times <= goal else f"**{ratio(times)}**"
        rows.append((question.name, f"{size:,}", *map(shown, found.values()), told, shown(max(more, 0.0)), stages))
    heads = ["", "rows", "NumPy by hand", "factstore", f"ratio (goal {goal})", "more", "where ours goes"]
    return table(heads, rows)


def _asked(db: Db, text: str) -> list[Any]:
    return list(db.q(text).to_numpy().values())


def main(arguments: list[str] | None = None) -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true")
    quick = options.parse_args(arguments).quick
    for people, goal in _GOALS.items():
        if people > 1_000 and quick:
            return
        print(f"\n{people:,} people; medians\n")
        print(compare(people, goal, 0.0 if quick else 1.0))


if __name__ == "__main__":
    main()
