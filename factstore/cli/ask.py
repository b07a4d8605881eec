"""The commands that ask: ``q`` and ``pull``."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from factstore.cli.answers import BINARY, as_result, relation, single
from factstore.cli.color import tinted
from factstore.cli.given import inputs_of, opened, text_of, value_of, view_of
from factstore.cli.output import format_of, put_arrow, put_text
from factstore.cli.render import edn_text, harmless, json_text, put
from factstore.query import Result
from factstore.query.language.ast import FindTuple, Query
from factstore.query.language.parse import parse_query


def q(arguments: argparse.Namespace) -> None:
    """Prints the answer of a query, or its plan."""
    query, positional = _query(arguments)
    parsed = parse_query(query)
    inputs = inputs_of(parsed, positional, arguments.named, arguments.rules)
    with opened(arguments) as conn:
        db = view_of(conn.db(), arguments)
        limits = {"timeout": arguments.timeout, "max_rows": arguments.max_rows}
        if arguments.explain or arguments.analyze:
            plan = db.explain(query, *inputs, rules=arguments.rules, analyze=arguments.analyze, **limits)
            put_text([tinted(harmless(str(plan)), sys.stdout, plan=True) + "\n"], arguments.output)
            return
        _answered(db.q(query, *inputs, rules=arguments.rules, **limits), parsed, arguments)


def _query(arguments: argparse.Namespace) -> tuple[str, list[str]]:
    """The text of the query, and the inputs that follow; with ``--file`` all that is typed are inputs."""
    typed = [] if arguments.query is None else [arguments.query]
    if arguments.file is not None:
        name = arguments.file if arguments.file == "-" else f"@{arguments.file}"
        return text_of(name, "the query"), [*typed, *arguments.inputs]
    if not typed:
        arguments.usage_error("there is no query: expected QUERY or --file FILE")
    return text_of(arguments.query, "the query"), arguments.inputs


def _answered(answer: Any, parsed: Query, arguments: argparse.Namespace) -> None:
    format, several = format_of(arguments.format, arguments.output), isinstance(parsed.find, FindTuple)
    if format in BINARY:
        names = parsed.keys.names if parsed.keys else tuple(map(str, parsed.find.elements))
        put_arrow(as_result(answer, names, several), format, arguments.limit, arguments.output)
    elif isinstance(answer, Result):
        terminal = sys.stdout if arguments.output is None else None
        put_text(relation(answer, format, arguments.limit, terminal), arguments.output)
    else:
        put_text([single(answer, several, format)], arguments.output)


def pull(arguments: argparse.Namespace) -> None:
    """Prints what a pattern shows of each entity, a line for each."""
    pattern = text_of(arguments.pattern, "the pattern")
    entities = [value_of(text) for text in arguments.entities]
    with opened(arguments) as conn:
        for found in view_of(conn.db(), arguments).pull_many(pattern, entities):
            put((json_text(found) if arguments.format == "jsonl" else edn_text(found)) + "\n")
