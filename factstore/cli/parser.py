"""What the command line takes: every command, argument and option, with its help."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from factstore.cli import ask, change, move, show

Command = Callable[[argparse.Namespace], None]

_ABOUT: Final = """\
Immutable facts in plain PostgreSQL, questions in Datalog.

A store is named by --store, or by FACTSTORE_STORE in the environment: a directory (a private PostgreSQL
server runs in it), a postgresql:// address, or "memory:". Without either it is the user's own store.
"""
_EPILOG: Final = """\
exit codes: 0 done, 1 an error (one line on standard error), 2 wrong usage, 130 interrupted, 141 the reader
of standard output went away.

'factstore COMMAND --help' has examples of each command.
"""
_DATA: Final = "EDN text, @FILE to read a file, or - for standard input"


def parser() -> argparse.ArgumentParser:
    """The whole parser; each command's function is the default of ``command``."""
    found = _Parser(prog="factstore", description=_ABOUT, epilog=_EPILOG, formatter_class=_Formatter)
    found.add_argument("--version", action="version", version=f"factstore {_version()}")
    _store(found)
    commands = found.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)
    for add in (_init, _transact, _q, _pull, _log, _schema, _stats, _export, _import, _verify, _excise):
        add(commands)
    return found


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of descriptions and examples as they are written."""


class _Parser(argparse.ArgumentParser):
    def __init__(self, **options: Any) -> None:
        # An abbreviation that works today would break when an option is added.
        super().__init__(allow_abbrev=False, **options)


def _version() -> str:
    try:
        return version("factstore")
    except PackageNotFoundError:  # run from its source
        return "of the source tree"


def _store(found: argparse.ArgumentParser) -> None:
    """The options that may stand before the command as well as after it."""
    found.add_argument(
        "--store", metavar="TARGET", default=argparse.SUPPRESS, help="the store (default: $FACTSTORE_STORE)"
    )
    found.add_argument(
        "--schema",
        metavar="NAME",
        default=argparse.SUPPRESS,
        help="the PostgreSQL schema of the store (default: $FACTSTORE_SCHEMA or 'factstore')",
    )


def _command(commands: Any, name: str, command: Command, help: str, examples: str) -> argparse.ArgumentParser:
    found: argparse.ArgumentParser = commands.add_parser(
        name, help=help, description=help[0].upper() + help[1:] + ".", epilog=examples, formatter_class=_Formatter
    )
    found.set_defaults(command=command)
    return found


def _format(found: argparse.ArgumentParser, *formats: str) -> None:
    found.add_argument("--format", choices=formats, default=formats[0], help=f"what to print (default: {formats[0]})")


def _view(found: argparse.ArgumentParser) -> None:
    time = "a t, a transaction id, or an instant such as 2024-02-29T12:00:00Z"
    found.add_argument("--as-of", metavar="TIME", help=f"what held then: {time}")
    found.add_argument("--since", metavar="TIME", help="only what was asserted after then")


def _init(commands: Any) -> None:
    examples = (
        "examples:\n  factstore init --store ./catalog\n  factstore init --store postgresql://db/platform --schema crm"
    )
    _store(_command(commands, "init", change.init, "create a store, unless it is there", examples))


def _transact(commands: Any) -> None:
    examples = """examples:
  factstore transact @schema.edn
  factstore transact '[{:person/name "Ann"}]' --format json
  generate | factstore transact - --dry-run"""
    found = _command(commands, "transact", change.transact, "commit transaction data: all of it or nothing", examples)
    found.add_argument("data", metavar="DATA", help=_DATA)
    found.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
    _format(found, "table", "json", "edn")
    _store(found)


def _q(commands: Any) -> None:
    examples = """examples:
  factstore q '[:find ?name :where [?p :person/name ?name]]'
  factstore q '[:find ?p . :in $ ?mail :where [?p :person/mail ?mail]]' '"ann@example.org"'
  factstore q '[:find ?p . :in $ ?mail :where [?p :person/mail ?mail]]' --in 'mail="ann@example.org"'
  factstore q --file report.edn --rules rules/ --as-of 2024-01-01T00:00:00Z --output report.parquet"""
    found = _command(commands, "q", ask.q, "answer a Datalog query", examples)
    found.set_defaults(usage_error=found.error)
    found.add_argument("query", metavar="QUERY", nargs="?", help=_DATA)
    found.add_argument("inputs", metavar="INPUT", nargs="*", help="what :in names beside $ and %%, each as EDN")
    found.add_argument("-f", "--file", metavar="FILE", help="a file with the query; all arguments are inputs then")
    found.add_argument(
        "--in", dest="named", metavar="NAME=VALUE", action="append", help="one input by its name; may be repeated"
    )
    found.add_argument("--rules", metavar="RULES", help="rules for %%: EDN text, a file, or a folder of .edn files")
    _view(found)
    found.add_argument("--history", action="store_true", help="every assertion and retraction there was")
    found.add_argument("--timeout", metavar="SECONDS", type=float, help="give up after so long")
    found.add_argument("--max-rows", metavar="N", type=int, help="give up when a step makes more rows")
    found.add_argument("--limit", metavar="N", type=_count, help="print no more than the first N rows")
    plan = found.add_mutually_exclusive_group()
    plan.add_argument("--explain", action="store_true", help="print the plan: the clauses in the order they run")
    plan.add_argument("--analyze", action="store_true", help="print the plan with the rows and the time of each step")
    found.add_argument(
        "-o", "--output", metavar="FILE", help="write there; its suffix says the format, if nothing else"
    )
    formats = ("table", "json", "jsonl", "csv", "edn", "arrow", "parquet")
    found.add_argument("--format", choices=formats, help="what to print (default: by --output, or table)")
    _store(found)


def _count(text: str) -> int:
    found = int(text)
    if found < 0:
        raise ValueError
    return found


def _pull(commands: Any) -> None:
    examples = """examples:
  factstore pull '[*]' 1234
  factstore pull '[:person/name {:person/friend [:person/name]}]' '[:person/mail "ann@example.org"]' --format json"""
    found = _command(commands, "pull", ask.pull, "show what a pattern says of entities, one a line", examples)
    found.add_argument("pattern", metavar="PATTERN", help=_DATA)
    found.add_argument(
        "entities", metavar="ENTITY", nargs="+", help="an id, an ident (:color/red) or a lookup ref ([:a/b value])"
    )
    _view(found)
    _format(found, "edn", "jsonl")
    _store(found)


def _log(commands: Any) -> None:
    examples = """examples:
  factstore log --after 2024-01-01T00:00:00Z
  factstore log --follow --format jsonl | while read -r commit; do …; done"""
    found = _command(commands, "log", show.log, "show the transactions, oldest first", examples)
    time = "a t, a transaction id or an instant"
    found.add_argument("--after", metavar="TIME", default="0", help=f"only later ones: {time}")
    found.add_argument("--upto", metavar="TIME", help=f"none later than this: {time}")
    found.add_argument("--follow", action="store_true", help="go on with those to come, until interrupted")
    _format(found, "table", "jsonl", "csv", "edn")
    _store(found)


def _schema(commands: Any) -> None:
    examples = "examples:\n  factstore schema\n  factstore schema --format edn > schema.edn    # transaction data"
    found = _command(commands, "schema", show.schema, "show the attributes", examples)
    found.add_argument("--builtin", action="store_true", help="with those every store begins with")
    _format(found, "table", "json", "edn")
    _store(found)


def _stats(commands: Any) -> None:
    examples = "examples:\n  factstore stats\n  factstore stats --format json | jq .bytes_per_datom"
    found = _command(commands, "stats", show.stats, "count what the store holds, and the bytes it takes", examples)
    _format(found, "table", "json", "edn")
    _store(found)


def _export(commands: Any) -> None:
    examples = """examples:
  factstore export store.facts          # again later: adds what is new
  factstore export - | ssh elsewhere factstore import -"""
    found = _command(commands, "export", move.export, "write the whole store, history included, to a file", examples)
    found.add_argument(
        "path", metavar="FILE", help="the file, which is continued if it is there; - for standard output"
    )
    found.add_argument("--upto", metavar="TIME", help="the last transaction: a t, a transaction id or an instant")
    found.add_argument("--quiet", action="store_true", help="no progress on standard error")
    _store(found)


def _import(commands: Any) -> None:
    examples = "examples:\n  factstore import store.facts --store ./copy    # again if it was killed: goes on"
    found = _command(commands, "import", move.import_, "read an exported store into an empty one", examples)
    found.add_argument("path", metavar="FILE", help="the file; - for standard input")
    found.add_argument("--partial", action="store_true", help="take what is there of an export that was interrupted")
    found.add_argument("--quiet", action="store_true", help="no progress on standard error")
    _store(found)


def _verify(commands: Any) -> None:
    examples = "examples:\n  factstore verify store.facts && echo sound"
    found = _command(commands, "verify", move.verify, "check every byte of an exported store", examples)
    found.add_argument("path", metavar="FILE", help="the file; - for standard input")
    _format(found, "table", "json")


def _excise(commands: Any) -> None:
    examples = """examples:
  factstore excise '[:person/mail "ann@example.org"]'
  factstore excise :secret/token --before 2024-01-01T00:00:00Z --yes"""
    found = _command(
        commands, "excise", change.excise, "take facts out of the store for good, history included", examples
    )
    found.add_argument(
        "entities", metavar="ENTITY", nargs="+", help="an id, an ident or a lookup ref; an attribute's means its facts"
    )
    found.add_argument("--attribute", metavar="NAME", action="append", help="only this attribute; may be repeated")
    found.add_argument("--before", metavar="TIME", help="only what is older: a t, a transaction id or an instant")
    found.add_argument("--yes", action="store_true", help="do not ask")
    _store(found)
