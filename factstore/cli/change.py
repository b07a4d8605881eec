"""The commands that change a store: ``init``, ``transact`` and ``excise``."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from factstore.cli.given import moment_of, opened, schema_of, target_of, text_of, value_of
from factstore.cli.render import harmless, put, put_data, table_text
from factstore.conn import Connection
from factstore.errors import FactstoreError
from factstore.values import Keyword


def init(arguments: argparse.Namespace) -> None:
    """Creates a store, and says where it is and how far it has come."""
    with opened(arguments, create=True) as conn:
        where = target_of(arguments) or "the default directory"
        put(f"a store is in {where}, schema {schema_of(arguments)}, at t {conn.db().basis_t}\n")


def transact(arguments: argparse.Namespace) -> None:
    """Commits data, or only says what it would do."""
    data = text_of(arguments.data, "transaction data")
    with opened(arguments, write=not arguments.dry_run) as conn:
        report = conn.db().with_(data) if arguments.dry_run else conn.transact(data)
        tempids = {str(name): id for name, id in report.tempids.items() if name != "db/current-tx"}
        said: dict[str, Any] = {
            "t": report.t,
            "tx": report.tx,
            "instant": report.instant,
            "added": sum(datom.added for datom in report.datoms),
            "retracted": sum(not datom.added for datom in report.datoms),
            "tempids": tempids,
        }
    if arguments.format == "table":
        rows = [(name, value) for name, value in said.items() if name != "tempids"]
        put(table_text(["", "dry run" if arguments.dry_run else "committed"], rows))
        put("\n" + table_text(["tempid", "entity"], sorted(tempids.items())) if tempids else "")
    else:
        put_data({Keyword(name): value for name, value in said.items()}, arguments.format)


def excise(arguments: argparse.Namespace) -> None:
    """Takes facts out for good, after asking."""
    entities = [value_of(text) for text in arguments.entities]
    before = moment_of(arguments.before)
    with opened(arguments, write=True) as conn:
        db = conn.db()
        ids = [db.entid_strict(entity) for entity in entities]
        if not arguments.yes:
            _ask(conn, ids, arguments)
        _excised(conn, ids, before, arguments.attribute)


def _excised(conn: Connection, ids: list[int], before: Any, attributes: list[str] | None) -> None:
    verb = getattr(conn, "excise", None)
    if verb is None:
        raise FactstoreError("this version of factstore cannot excise", code="cli/unsupported")
    done = verb(*ids, attrs=attributes, before=before)
    put(f"excised {done.datoms:,} datoms, recorded at t {done.report.t}\n")


def _ask(conn: Connection, ids: list[int], arguments: argparse.Namespace) -> None:
    """Goes on only where somebody at a terminal says yes."""
    names = [harmless(repr(conn.db().ident(id) or id)) for id in ids]
    more = "" if arguments.before is None else f" from before {arguments.before}"
    only = "" if not arguments.attribute else f" of {', '.join(arguments.attribute)}"
    question = f"take the facts{only} about {', '.join(names)}{more} out for good? [y/N] "
    if not sys.stdin.isatty():
        raise FactstoreError(
            "excision cannot be undone, and nobody is there to be asked: expected --yes", code="cli/not-confirmed"
        )
    print(question, end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise FactstoreError("nothing was excised: the answer was not yes", code="cli/not-confirmed")
