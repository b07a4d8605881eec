"""The commands that ask: ``q`` and ``pull``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from factstore.cli.given import opened, text_of, value_of, view_of
from factstore.cli.render import csv_text, edn_text, json_text, order_of, put, table_text
from factstore.query import Result
from factstore.query.ast import FindTuple, RulesVar, SourceVar
from factstore.query.parse import parse_query


def q(arguments: argparse.Namespace) -> None:
    """Prints the answer of a query."""
    query = text_of(arguments.query, "the query")
    inputs = _with_rules(query, [value_of(text) for text in arguments.inputs], arguments.rules)
    limits = {"timeout": arguments.timeout, "max_rows": arguments.max_rows}
    with opened(arguments) as conn:
        answer = view_of(conn.db(), arguments).q(query, *inputs, rules=arguments.rules, **limits)
        if isinstance(answer, Result):
            put(_relation(answer, arguments.format))
        else:
            put(_single(answer, isinstance(parse_query(query).find, FindTuple), arguments.format))


def _with_rules(query: str, inputs: list[Any], rules: str | None) -> list[Any]:
    """The inputs, with something in the place of ``%``: ``--rules`` has given what it stands for."""
    wanted = [node for node in parse_query(query).inputs if not isinstance(node, SourceVar)]
    places = [place for place, node in enumerate(wanted) if isinstance(node, RulesVar)]
    return inputs if rules is None or not places else [*inputs[: places[0]], "[]", *inputs[places[0] :]]


def _relation(result: Result, format: str) -> str:
    rows = result.to_list() if result.ordered else sorted(result.to_list(), key=order_of)
    if format == "edn":
        return "[" + "\n ".join(edn_text(list(row) if result.shape == "tuples" else row) for row in rows) + "]\n"
    names = _distinct(result.names)
    if format in {"json", "jsonl"}:
        named = rows if result.shape != "tuples" else [dict(zip(names, row, strict=True)) for row in rows]
        lines = [json_text(row) for row in named]
        return "".join(line + "\n" for line in lines) if format == "jsonl" else "[" + ",\n ".join(lines) + "]\n"
    cells = [_cells(row, result.shape) for row in rows]
    if format == "csv":
        return csv_text(names, cells)
    return table_text(names, cells) + f"({len(rows):,} row{'' if len(rows) == 1 else 's'})\n"


def _cells(row: Any, shape: str) -> Sequence[Any]:
    return tuple(row.values()) if shape == "maps" else row if shape == "tuples" else (row,)


def _distinct(names: Sequence[str]) -> list[str]:
    """Names of columns, a later one of the same name with its place: JSON has a key but once."""
    return [name if names.index(name) == place else f"{name}_{place + 1}" for place, name in enumerate(names)]


def _single(answer: Any, several: bool, format: str) -> str:
    """The answer of a find for one value, or for one tuple of ``several``; no answer is no row."""
    if format == "csv":
        return csv_text([], [] if answer is None else [answer if several else (answer,)])
    if format in {"json", "jsonl"}:
        return json_text(answer) + "\n"
    if format == "table" and answer is None:
        return ""
    return edn_text(list(answer) if several and answer is not None else answer) + "\n"


def pull(arguments: argparse.Namespace) -> None:
    """Prints what a pattern shows of each entity, a line for each."""
    pattern = text_of(arguments.pattern, "the pattern")
    entities = [value_of(text) for text in arguments.entities]
    with opened(arguments) as conn:
        for found in view_of(conn.db(), arguments).pull_many(pattern, entities):
            put((json_text(found) if arguments.format == "jsonl" else edn_text(found)) + "\n")
