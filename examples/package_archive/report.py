"""What the demo says, in the terminal: tables with the time each answer took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

console = Console()
T = TypeVar("T")


def heading(text: str) -> None:
    """A question, before its answer."""
    console.print()
    console.rule(f"[bold]{escape(text)}", align="left")


def say(text: str) -> None:
    """A sentence."""
    console.print(escape(text), highlight=False)


def clocked(ask: Callable[[], T]) -> tuple[T, float]:
    """An answer, and the seconds it took."""
    begun = time.perf_counter()
    answer = ask()
    return answer, time.perf_counter() - begun


def timed(ask: Callable[[], T]) -> tuple[T, str]:
    """An answer, and how long it took, as text."""
    answer, seconds = clocked(ask)
    return answer, milliseconds(seconds)


def milliseconds(seconds: float) -> str:
    """Seconds as text in milliseconds.

    >>> milliseconds(0.00042), milliseconds(0.0151), milliseconds(1.5)
    ('0.42 ms', '15.1 ms', '1,500 ms')
    """
    value = seconds * 1000
    return f"{value:.2f} ms" if value < 1 else f"{value:.1f} ms" if value < 100 else f"{value:,.0f} ms"


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Rows under their headings; numbers stand to the right, with separators."""
    shown = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    rows = [tuple(row) for row in rows]
    for place, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[place], int) for row in rows)
        shown.add_column(column, justify="right" if numeric else "left")
    for row in rows:
        shown.add_row(*(f"{cell:,}" if isinstance(cell, int) else escape(str(cell)) for cell in row))
    console.print(shown)


def some(names: Iterable[str], count: int = 6) -> str:
    """The first names in order, and how many more there are.

    >>> some(["b", "a", "c"], 2)
    'a, b and 1 more'
    """
    ordered = sorted(names)
    more = f" and {len(ordered) - count:,} more" if len(ordered) > count else ""
    return ", ".join(ordered[:count]) + more


@contextmanager
def bar(text: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A progress bar; the block gets a function that moves it on."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(text, total=total)
        yield lambda count: progress.advance(task, count)
