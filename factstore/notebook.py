"""Queries in notebooks: ``%load_ext factstore``, and cells that begin with ``%%datalog``.

What ``:in`` names is taken from the notebook's own variables, and a mistake is shown with its line and caret and
without a traceback. IPython itself is needed only where it is running already.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final, NoReturn

from factstore.conn import Connection
from factstore.database import Db
from factstore.edn_scalars import read_instant
from factstore.errors import FactstoreError
from factstore.query import Result
from factstore.query.language.ast import Node, PatternVar, RulesVar, SourceVar, variables
from factstore.query.language.parse import parse_query

_USAGE: Final = """%%datalog [DB] [-o NAME] [--rules RULES] [--as-of TIME] [--since TIME] [--history]
          [--timeout SECONDS] [--max-rows N] [--explain | --analyze]
[:find …]

Answers the query of the cell. DB is a variable that holds a connection or a db value; without it that is `db` or
`conn`, or the only one there is.

:in takes what it names from variables of the notebook: ?max-age from max_age, [?name ...] from name, [[?a ?b]] from
a_b, $other from other, % from rules; a pattern from its name. RULES and TIME are a variable, or else rules (a file, a
folder, EDN) and a t or an instant (2024-02-29T12:00:00Z). -o keeps the answer in a variable and shows nothing.
"""


def load_ipython_extension(shell: Any) -> None:
    """What ``%load_ext factstore`` calls: it adds ``%%datalog`` to an IPython shell."""
    magic = partial(datalog, shell)
    magic.__doc__ = _USAGE  # what `%%datalog?` shows
    shell.register_magic_function(magic, magic_kind="line_cell", magic_name="datalog")


def datalog(shell: Any, line: str, cell: str | None = None) -> Any:
    """Answers the query of a cell, or of what follows the options on one line."""
    try:
        return _answer(shell, *_told_apart(line, cell))
    except FactstoreError as error:
        shown = str(error).splitlines()
        # IPython asks an exception how it wants to be shown.
        error._render_traceback_ = lambda: shown  # type: ignore[attr-defined]
        raise


def _told_apart(line: str, cell: str | None) -> tuple[str, str]:
    """The options and the query."""
    if cell is not None:
        return line, cell
    at = min((place for sign in "[{" if (place := line.find(sign)) >= 0), default=len(line))
    return line[:at], line[at:]


class _Options(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise FactstoreError(f"{message}\n\n{_USAGE}", code="notebook/usage")


def _options() -> argparse.ArgumentParser:
    found = _Options(prog="%%datalog", add_help=False, allow_abbrev=False)
    found.add_argument("db", nargs="?")
    found.add_argument("-o", dest="name")
    for name in ("--rules", "--as-of", "--since"):
        found.add_argument(name)
    for name in ("--history", "--explain", "--analyze"):
        found.add_argument(name, action="store_true")
    found.add_argument("--timeout", type=float)
    found.add_argument("--max-rows", type=int)
    return found


def _answer(shell: Any, line: str, text: str) -> Any:
    names: Mapping[str, Any] = shell.user_ns
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise FactstoreError(f"{error} in {line!r}", code="notebook/usage") from None
    options = _options().parse_args(words)
    db = _view(_db(options.db, names), options, names)
    rules = names.get(options.rules, options.rules)
    inputs = _inputs(text, names, rules)
    limits = {"timeout": options.timeout, "max_rows": options.max_rows}
    if options.explain or options.analyze:
        found: Any = db.explain(text, *inputs, rules=rules, analyze=options.analyze, **limits)
    else:
        found = db.q(text, *inputs, rules=rules, **limits)
    if options.name is not None:
        shell.user_ns[options.name] = found
        return None
    if options.explain or options.analyze:
        print(found)
        return None
    return found


def _db(name: str | None, names: Mapping[str, Any]) -> Db:
    if name is None:
        name = _usual(names)
    found = names.get(name)
    if isinstance(found, Connection):
        return found.db()
    if isinstance(found, Db):
        return found
    seen = "is not there" if name not in names else f"is of type {type(found).__name__}"
    message = f"the variable {name} {seen}: expected a connection or a db value"
    raise FactstoreError(message, code="notebook/no-db", name=name)


def _usual(names: Mapping[str, Any]) -> str:
    held = [name for name, value in names.items() if isinstance(value, Connection | Db) and not name.startswith("_")]
    for name in ("db", "conn"):
        if name in held:
            return name
    if len(held) == 1:
        return held[0]
    seen = f"there are {', '.join(sorted(held))}" if held else "there is none"
    message = f"%%datalog asks a connection or db value of the notebook, and {seen}: expected %%datalog NAME"
    raise FactstoreError(message, code="notebook/no-db")


def _view(db: Db, options: argparse.Namespace, names: Mapping[str, Any]) -> Db:
    as_of, since = _moment(options.as_of, names), _moment(options.since, names)
    db = db if as_of is None else db.as_of(as_of)
    db = db if since is None else db.since(since)
    return db.history() if options.history else db


def _moment(text: str | None, names: Mapping[str, Any]) -> int | datetime | None:
    if text is None or text.isdecimal():
        return None if text is None else int(text)
    if text in names:
        found: int | datetime = names[text]
        return found
    try:
        return read_instant(text)
    except ValueError:
        message = f"{text!r} is no time: expected a variable, a t, or an instant such as 2024-02-29T12:00:00Z"
        raise FactstoreError(message, code="notebook/usage") from None


def _inputs(text: str, names: Mapping[str, Any], rules: Any) -> list[Any]:
    """The value of each item of ``:in`` but ``$``, in order."""
    inputs = [node for node in parse_query(text).inputs if not (isinstance(node, SourceVar) and node.name == "$")]
    return ["[]" if isinstance(node, RulesVar) and rules is not None else _input(node, names) for node in inputs]


def _input(node: Node, names: Mapping[str, Any]) -> Any:
    name = variable_of(node)
    if name not in names:
        message = f"{node} of :in is taken from the variable {name}, which is not there"
        raise FactstoreError(message, code="notebook/no-input", name=name)
    return plain(names[name])


def variable_of(node: Node) -> str:
    """The Python variable an item of ``:in`` is taken from.

    >>> [variable_of(node) for node in parse_query("[:find ?x :in $old % ?max-age [?x ...] [[?a ?b]]]").inputs]
    ['old', 'rules', 'max_age', 'x', 'a_b']
    """
    if isinstance(node, RulesVar):
        return "rules"
    parts = [node.name] if isinstance(node, SourceVar | PatternVar) else list(variables(node))
    return "_".join(part.lstrip("?$").replace("-", "_").replace("/", "_") for part in parts)


def plain(value: Any) -> Any:
    """A value of a notebook as an input: tables as rows, arrays and their scalars as Python's own.

    >>> import numpy
    >>> plain(numpy.asarray([1, 2])), plain(Result.of_rows(("?x",), [(1,)]))
    ([1, 2], [(1,)])
    """
    if isinstance(value, Connection):
        return value.db()
    if isinstance(value, Result):
        return value.to_list()
    rows = getattr(value, "itertuples", None) or getattr(value, "iter_rows", None)  # pandas; polars
    if rows is not None:
        return [tuple(row) for row in (rows(index=False) if hasattr(value, "itertuples") else rows())]
    to_list = getattr(value, "tolist", None) or getattr(value, "to_list", None)
    found: Any = value if to_list is None or isinstance(value, Sequence) else to_list()
    return found
