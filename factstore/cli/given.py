"""What was typed: the store, EDN, moments, and where text comes from."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from factstore import edn
from factstore.conn import Connection
from factstore.conn_target import connect
from factstore.database import Db
from factstore.edn_scalars import read_instant
from factstore.errors import FactstoreError
from factstore.query.language.ast import Node, PatternVar, Query, RulesVar, SourceVar, variables

_WHOLE: Final = re.compile(r"[0-9]+")


@contextmanager
def opened(arguments: argparse.Namespace, *, create: bool = False, write: bool = False) -> Iterator[Connection]:
    """The store of a command, closed after it. Only ``init`` and ``import`` make one, and who reads changes nothing."""
    read_only = not (create or write)
    with connect(target_of(arguments), schema=schema_of(arguments), create=create, read_only=read_only) as conn:
        yield conn


def target_of(arguments: argparse.Namespace) -> str | None:
    """What ``--store`` or the environment names; None for the user's own store."""
    return getattr(arguments, "store", None) or os.environ.get("FACTSTORE_STORE") or None


def schema_of(arguments: argparse.Namespace) -> str:
    """What ``--schema`` or the environment names."""
    return getattr(arguments, "schema", None) or os.environ.get("FACTSTORE_SCHEMA") or "factstore"


def text_of(given: str, what: str) -> str:
    """Text as it was typed, of ``@FILE``, or of ``-``, standard input."""
    try:
        if given == "-":
            return sys.stdin.read()
        if given.startswith("@"):
            return Path(given[1:]).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FactstoreError(f"{what} cannot be read from {given}: {reason}", code="cli/no-file", path=given) from None
    return given


def value_of(text: str) -> Any:
    """One EDN form."""
    return edn.read(text, source="<argument>")


def inputs_of(query: Query, typed: Sequence[str], named: Sequence[str] | None, rules: str | None) -> list[Any]:
    """The inputs in the order of ``:in``: those of ``--in NAME=VALUE``, and of the rest what was typed, in order.

    With ``--rules`` nothing is typed for ``%``, which has got what it stands for.
    """
    wanted = [node for node in query.inputs if not (isinstance(node, SourceVar) and node.name == "$")]
    given: dict[int, Any] = {}
    for each in named or ():
        name, value = _named(each)
        places = [place for place, node in enumerate(wanted) if name in _names(node) and place not in given]
        if not places:
            names = " ".join(sorted({name for node in wanted for name in _names(node)})) or "none"
            message = f"--in {each} is for no input of the query, or for one that has a value: its inputs are {names}"
            raise FactstoreError(message, code="cli/inputs", name=name)
        given[places[0]] = value_of(value)
    for place, node in enumerate(wanted):
        if isinstance(node, RulesVar) and rules is not None:
            given[place] = "[]"
    rest = iter([value_of(text) for text in typed])
    inputs = [given[place] if place in given else next(rest, _MISSING) for place in range(len(wanted))]
    # A query tells itself of what it lacks, and of what is too much.
    return [value for value in inputs if value is not _MISSING] + list(rest)


_MISSING: Final = object()


def _named(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        message = f"--in {text} has no value: expected NAME=VALUE, the value as EDN"
        raise FactstoreError(message, code="cli/inputs", name=name)
    return name.lstrip("?$"), value


def _names(node: Node) -> list[str]:
    own = [node.name] if isinstance(node, SourceVar | PatternVar) else list(variables(node))
    return [name.lstrip("?$") for name in own]


def moment_of(text: str | None) -> int | datetime | None:
    """A t, a transaction id or an instant; ``cli/no-time`` if it is neither."""
    if text is None or _WHOLE.fullmatch(text):
        return None if text is None else int(text)
    try:
        return read_instant(text)
    except ValueError:
        raise FactstoreError(
            f"{text!r} is no time: expected a t, a transaction id, or an instant such as 2024-02-29T12:00:00Z",
            code="cli/no-time",
            given=text,
        ) from None


def view_of(db: Db, arguments: argparse.Namespace) -> Db:
    """The db value through ``--as-of``, ``--since`` and ``--history``."""
    as_of, since = moment_of(arguments.as_of), moment_of(arguments.since)
    db = db if as_of is None else db.as_of(as_of)
    db = db if since is None else db.since(since)
    return db.history() if getattr(arguments, "history", False) else db
