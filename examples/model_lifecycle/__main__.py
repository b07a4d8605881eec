"""``python -m examples.model_lifecycle``: four systems, thin events, and the edge that none of them knows."""

from __future__ import annotations

import argparse
import functools
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

import factstore
from enrich import CycleReport, EdgeChange
from examples.model_lifecycle import story
from examples.model_lifecycle.story import Story
from examples.package_archive.report import clocked, milliseconds

console = Console()


def main(arguments: list[str] | None = None) -> int:
    """Tells the story; 1 with a message where something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m examples.model_lifecycle", description=__doc__)
    parser.add_argument("--store", help="memory:, or a new directory to keep the store in (default: a temporary one)")
    store = parser.parse_args(arguments).store
    try:
        if store is not None:
            tell(store)
        else:
            with tempfile.TemporaryDirectory(prefix="lifecycle-") as name:
                tell(Path(name) / "store")
    except factstore.FactstoreError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def tell(store: str | Path) -> None:
    """The whole story, over a new store."""
    with story.told(store) as catalog:
        if catalog.catalog.status().basis is not None:
            raise factstore.StoreError(
                f"{store} has been told the story before: expected a new directory", code="store/not-new"
            )
        for chapter in CHAPTERS:
            chapter(catalog)


def events(told: Story) -> None:
    """The events are heard."""
    heading("Thin events arrive: shuffled, doubled, one of them too early")
    report, seconds = clocked(told.listen)
    told_in = f"{report.accepted} accepted, {report.duplicates} duplicate, {len(report.dead)} unreadable"
    say(f"{told_in}; {len(report.hydrated)} entities fetched, {len(report.failed)} waiting", seconds)
    for uri, error in report.failed.items():
        say(f"  waiting: {uri}\n           {error}")


def first_cycle(told: Story) -> None:
    """The first cycle follows the references and derives the edges."""
    heading("One enrichment cycle")
    report, seconds = clocked(told.cycle)
    show_cycle(report, seconds)
    counts: dict[str, int] = {}
    for edge in report.added:
        counts[edge.relation] = counts.get(edge.relation, 0) + 1
    table(("derived relation", "edges"), [(f":{name}", count) for name, count in counts.items()])
    say(f"status: {told.catalog.status()}")


def questions(told: Story) -> None:
    """What nobody could answer alone."""
    db = told.conn.db()
    for text, columns, question, about in (
        ("Which A/B tests use ranking-model-v5?", ("test", "name", "state"), story.TESTS_OF_A_MODEL, story.MODEL),
        ("Which models are in experiment 12345?", ("model", "stage", "cell"), story.MODELS_IN_A_TEST, 12345),
        ("What is upstream of ranking-model-v5?", ("kind", "entity"), story.UPSTREAM, story.MODEL),
        ("Whom to call about it?", ("name", "phone", "channel", "because"), story.WHOM_TO_CALL, story.MODEL),
    ):
        heading(text)
        answer, seconds = clocked(functools.partial(story.ask, db, question, about))
        say(question.strip(), style="dim")
        table(columns, answer.to_list())
        say(f"{len(answer)} rows", seconds)


def reason(told: Story) -> None:
    """Why the edge is there."""
    heading("Why is ranking-model-v5 in test 12345?")
    derivation, seconds = clocked(told.why)
    say(str(derivation))
    say(f"{len(derivation.facts)} facts from {len({fact.source for fact in derivation.facts})} systems", seconds)


def second_cycle(told: Story) -> None:
    """Nothing has happened, and nothing is written."""
    heading("A second cycle writes nothing")
    show_cycle(*clocked(told.cycle))


def late_run(told: Story) -> None:
    """What was heard of too early is found later."""
    heading("The run that was heard of too early appears at the orchestrator")
    report, seconds = clocked(told.the_late_run_appears)
    show_cycle(report, seconds)
    show_edges("+", report.added)


def outage(told: Story) -> None:
    """A source that is down takes nothing away."""
    heading("The experimentation platform answers 500 for one cycle")
    (heard, during, after), seconds = clocked(told.a_source_is_down)
    for uri, error in heard.failed.items():
        say(f"  {uri}\n  {error}")
    say(f"while it was down: {len(during.retracted)} edges lost; afterwards: {len(after.hydrated)} hydrated", seconds)


def taken_off(told: Story) -> None:
    """The reason goes, and the edge with it; the past keeps both."""
    heading("The test is taken off the run at the orchestrator")
    before = told.conn.db()
    report, seconds = clocked(told.the_test_is_taken_off)
    show_cycle(report, seconds)
    show_edges("-", report.retracted)
    now = told.conn.db()
    say(f"tests of ranking-model-v5 now: {sorted(story.experiments_of(now)) or 'none'}")
    then = now.as_of(before.basis_t)
    say(f"as of t {before.basis_t}: {sorted(story.experiments_of(then))}")


CHAPTERS: tuple[Callable[[Story], None], ...] = (
    events,
    first_cycle,
    questions,
    reason,
    second_cycle,
    late_run,
    outage,
    taken_off,
)


def show_cycle(report: CycleReport, seconds: float) -> None:
    """A cycle in one row."""
    columns = ("due", "hydrated", "failed", "+edges", "-edges", "enriched", "datoms", "time")
    counts = (report.candidates, len(report.hydrated), len(report.failed), len(report.added), len(report.retracted))
    table(columns, [(*counts, report.enriched, report.datoms, milliseconds(seconds))])


def show_edges(sign: str, edges: tuple[EdgeChange, ...]) -> None:
    """Edges that came or went, each with its cause."""
    for edge in edges:
        say(f"  {sign} {edge.start} -[:{edge.relation}]-> {edge.end}")
        if edge.cause:
            say(f"    because {edge.cause}")


def heading(text: str) -> None:
    """What comes next."""
    console.print()
    console.rule(f"[bold]{escape(text)}", align="left")


def say(text: str, seconds: float | None = None, style: str | None = None) -> None:
    """Text as it is, and how long that took."""
    took = "" if seconds is None else f"  ({milliseconds(seconds)})"
    console.print(escape(text + took), highlight=False, style=style, soft_wrap=True)


def table(columns: tuple[str, ...], rows: list[Any]) -> None:
    """Rows under their headings."""
    shown = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    for column in columns:
        shown.add_column(column)
    for row in rows:
        shown.add_row(*(escape(str(cell)) for cell in row))
    console.print(shown)


if __name__ == "__main__":
    sys.exit(main())
