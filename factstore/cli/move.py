"""The commands about files of whole stores: ``export``, ``import`` and ``verify``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from factstore.cli.given import moment_of, opened
from factstore.cli.render import put, put_data, table_text
from factstore.errors import ExportError
from factstore.portable import Progress, Transfer, check_export


def export(arguments: argparse.Namespace) -> None:
    """Writes a store to a file or to standard output."""
    to_stream = arguments.path == "-"
    target: Any = sys.stdout.buffer if to_stream else arguments.path
    with opened(arguments) as conn, _progress(arguments) as progress:
        moved = conn.export(target, upto=moment_of(arguments.upto), progress=progress)
    # What standard output has is no place for words.
    _tell(f"exported {_told(moved)}", arguments, sys.stderr if to_stream else sys.stdout)


def import_(arguments: argparse.Namespace) -> None:
    """Reads a store from a file or from standard input."""
    source: Any = sys.stdin.buffer if arguments.path == "-" else arguments.path
    with opened(arguments, create=True) as conn, _progress(arguments) as progress:
        moved = conn.import_(source, partial=arguments.partial, progress=progress)
    _tell(f"imported {_told(moved)}", arguments, sys.stdout)


def verify(arguments: argparse.Namespace) -> None:
    """Reads a file and checks every byte; an export without its end mark fails."""
    source: Any = sys.stdin.buffer if arguments.path == "-" else arguments.path
    found = check_export(source)
    said = {name: value for name, value in found._asdict().items() if name != "header"}
    if arguments.format == "json":
        put_data(said, "json")
    else:
        put(table_text(["", arguments.path], [*said.items()]))
    if not found.complete:
        raise ExportError(
            f"{arguments.path} ends after transaction {found.t} without an end mark: the export was interrupted",
            code="export/unfinished",
            path=arguments.path,
            t=found.t,
        )


def _told(moved: Transfer) -> str:
    return f"{moved.transactions:,} transactions, {moved.datoms:,} datoms, {moved.bytes:,} bytes: now at t {moved.t}"


def _tell(text: str, arguments: argparse.Namespace, stream: Any) -> None:
    if not arguments.quiet:
        print(text, file=stream)


@contextmanager
def _progress(arguments: argparse.Namespace) -> Iterator[Callable[[Progress], None] | None]:
    """A line on the terminal that is written over; nothing where there is no terminal."""
    if arguments.quiet or not sys.stderr.isatty():
        yield None
        return
    shown: list[Progress] = []

    def show(progress: Progress) -> None:
        shown[:] = [progress]
        share = "" if progress.fraction is None else f"{progress.fraction:6.1%}  "
        print(f"\r{share}t {progress.t:,}, {progress.datoms:,} datoms", end="", file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        print(end="\n" if shown else "", file=sys.stderr)
