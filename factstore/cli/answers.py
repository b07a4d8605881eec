"""Answers of queries in the formats that can be asked for, a piece at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import IO, Any, Final

from factstore.cli.color import colourful, drawn_table
from factstore.cli.render import cell, csv_text, edn_text, json_text, sides_of, table_text
from factstore.query import Result

BINARY: Final = ("arrow", "parquet")
_PAGE: Final = 4096


def relation(result: Result, format: str, limit: int | None, terminal: IO[str] | None = None) -> Iterator[str]:
    """The text of a result: the first ``limit`` of its rows, by their values unless the query orders them.

    A table may be drawn on ``terminal``, if it is one; then only what follows it is given.
    """
    result = result if result.ordered else result.sorted()
    count = len(result) if limit is None else min(limit, len(result))
    if format == "table":
        yield _table(result, count, terminal)
    elif format == "csv":
        yield csv_text(result.names, [])
        for page in _pages(result, count):
            yield csv_text([], (_cells(row, result.shape) for row in page))
    else:
        yield from _forms(result, format, count)


def _pages(result: Result, count: int) -> Iterator[list[Any]]:
    for page in result.chunks(_PAGE):
        if count <= 0:
            return
        yield page[:count]
        count -= len(page)


def _table(result: Result, count: int, terminal: IO[str] | None) -> str:
    cells = [_cells(row, result.shape) for row in islice(result, count)]
    of = "" if count == len(result) else f" of {len(result):,}"
    end = f"({count:,}{of} row{'' if len(result) == 1 else 's'})\n"
    if terminal is not None and colourful(terminal):
        texts = [[cell(value) for value in row] for row in cells]
        if drawn_table([cell(name) for name in result.names], texts, sides_of(result.names, cells), terminal):
            return end
    return table_text(result.names, cells) + end


def _forms(result: Result, format: str, count: int) -> Iterator[str]:
    """A form a row: as lines, or as one array or vector."""
    between = "\n" if format == "jsonl" else ",\n " if format == "json" else "\n "
    before = "" if format == "jsonl" else "["
    for page in _pages(result, count):
        yield before + between.join(_form(row, result, format) for row in page)
        before = between
    if format == "jsonl":
        yield "\n" if count else ""
    else:
        yield "]\n" if count else "[]\n"


def _form(row: Any, result: Result, format: str) -> str:
    if format == "edn":
        return edn_text(list(row) if result.shape == "tuples" else row)
    return json_text(row if result.shape != "tuples" else dict(zip(result.names, row, strict=True)))


def _cells(row: Any, shape: str) -> Sequence[Any]:
    return tuple(row.values()) if shape == "maps" else row if shape == "tuples" else (row,)


def single(answer: Any, several: bool, format: str) -> str:
    """The answer of a find for one value, or for one tuple of ``several``; no answer is no row."""
    if format == "csv":
        return csv_text([], [] if answer is None else [answer if several else (answer,)])
    if format in {"json", "jsonl"}:
        return json_text(answer) + "\n"
    if format == "table" and answer is None:
        return ""
    return edn_text(list(answer) if several and answer is not None else answer) + "\n"


def as_result(answer: Any, columns: Sequence[str], several: bool) -> Result:
    """Any answer as a result, for formats that only know tables."""
    if isinstance(answer, Result):
        return answer
    row = tuple(answer.values()) if isinstance(answer, dict) else tuple(answer) if several and answer else (answer,)
    return Result.of_rows(tuple(columns), [] if answer is None else [row])
