"""The commands that show what is there: ``log``, ``schema`` and ``stats``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from typing import Any, Final

from factstore import edn
from factstore.cli.given import moment_of, opened
from factstore.cli.render import cell, csv_text, json_text, plain, put, put_data, table_text
from factstore.conn import Connection
from factstore.conn_stats import Stats
from factstore.database import Commit
from factstore.values import Keyword

_POLL: Final = 0.5
"""Seconds between two looks at the log, where nobody tells of a commit."""


def log(arguments: argparse.Namespace) -> None:
    """Prints transactions, and with ``--follow`` those to come."""
    after, upto = moment_of(arguments.after), moment_of(arguments.upto)
    if arguments.format == "csv":
        put(csv_text(["t", "instant", "e", "a", "v", "added"], []))
    with opened(arguments) as conn:
        last = conn.db().t_of(after)  # type: ignore[arg-type]
        for commit in conn.log(last, upto):
            put(_commit(commit, arguments.format))
            last = commit.t
        if arguments.follow:
            for commit in _following(conn, last):
                put(_commit(commit, arguments.format))
                sys.stdout.flush()


def _following(conn: Connection, last: int) -> Iterator[Commit]:
    """The transactions after ``last`` as they come; never ends."""
    sys.stdout.flush()
    for t in _heads(conn, last):
        yield from conn.log(last, t)
        last = t


def _heads(conn: Connection, last: int) -> Iterator[int]:
    listen = getattr(conn, "listen", None)
    if listen is not None:
        with listen(last) as reports:
            yield from (report.t for report in reports)
    while True:
        t = conn.db().basis_t
        if t > last:
            yield t
            last = t
        time.sleep(_POLL)


def _commit(commit: Commit, format: str) -> str:
    if format == "table":
        lines = [f"t {commit.t}  {plain(commit.instant)}"]
        lines += [f"  {'+' if d.added else '-'} {d.e} {d.a!r} {cell(d.v)}" for d in commit.datoms]
        return "\n".join(lines) + "\n"
    if format == "csv":
        return csv_text([], [(commit.t, commit.instant, d.e, d.a, d.v, d.added) for d in commit.datoms])
    datoms = [[d.e, d.a, d.v, d.added] for d in commit.datoms]
    said = {"t": commit.t, "tx": commit.tx, "instant": commit.instant, "datoms": datoms}
    return (json_text(said) if format == "jsonl" else edn.write(_keyed(said))) + "\n"


def _keyed(said: dict[str, Any]) -> dict[Keyword, Any]:
    return {Keyword(name): value for name, value in said.items()}


def schema(arguments: argparse.Namespace) -> None:
    """Prints the schema, as a table or as the transaction data that would make it."""
    with opened(arguments) as conn:
        found = conn.schema
    if arguments.format == "table":
        put(found.to_text(builtin=arguments.builtin) + "\n")
    elif arguments.format == "edn":
        put(f"[{found.to_edn(builtin=arguments.builtin).strip()}]\n")
    else:
        put("[" + ",\n ".join(map(json_text, found.to_data(builtin=arguments.builtin))) + "]\n")


def stats(arguments: argparse.Namespace) -> None:
    """Prints how much the store holds."""
    with opened(arguments) as conn:
        found = conn.stats()
    if arguments.format == "table":
        put(_stats_table(found))
        return
    said = found._asdict() | {"bytes_per_datom": round(found.bytes_per_datom, 1)}
    said["attributes"] = {name: count._asdict() for name, count in found.attributes.items()}
    if arguments.format == "edn":
        said["attributes"] = {name: _keyed(count) for name, count in said["attributes"].items()}
        said = {Keyword(name): value for name, value in said.items()}
    put_data(said, arguments.format)


def _stats_table(found: Stats) -> str:
    counts = [
        ("newest transaction", found.t),
        ("entities", found.entities),
        ("facts that hold", found.live),
        ("facts that have ended", found.ended),
        ("operations in the log", found.log),
        ("dictionary entries", found.entries),
        ("bytes", sum(found.bytes.values())),
        ("bytes per datom", round(found.bytes_per_datom, 1)),
    ]
    attributes = [(repr(name), *count) for name, count in found.attributes.items()]
    parts = [
        table_text(["", "count"], counts),
        table_text(["table or index", "bytes"], [*found.bytes.items()]),
        table_text(["attribute", "hold", "ended"], attributes),
    ]
    return "\n".join(parts)
