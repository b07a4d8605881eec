"""The command line: ``factstore COMMAND …``, for people and for scripts.

Every command is a function of its parsed arguments that prints to standard output. What goes wrong is one line
on standard error and an exit code; ``docs/reference/cli.md`` has both, and a test holds it to the parser.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

from factstore.cli.color import tinted
from factstore.cli.parser import parser
from factstore.cli.render import harmless
from factstore.errors import FactstoreError

__all__ = ["main", "run"]

FAILED: Final = 1
INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141
"""What a shell sees of a program that SIGPIPE ended; nothing is printed."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and gives its exit code; a usage error raises ``SystemExit(2)``, as argparse does.

    >>> main(["q", "--store", "memory:", "[:find ?t . :where [:db/doc :db/valueType ?v] [?v :db/ident ?t]]"])
    :db.type/string
    0
    """
    try:
        arguments = parser().parse_args(argv)
        arguments.command(arguments)
        sys.stdout.flush()
    except FactstoreError as error:
        return _failed(str(error))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Else Python would complain once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:
        if os.environ.get("FACTSTORE_DEBUG"):
            raise
        text = f"{type(error).__name__}: {error} (FACTSTORE_DEBUG=1 shows where)"
        return _failed(str(FactstoreError(text, code="cli/unexpected")))
    return 0


def _failed(text: str) -> int:
    sys.stdout.flush()
    print(tinted(f"factstore: {harmless(text)}", sys.stderr), file=sys.stderr)
    return FAILED


def run() -> NoReturn:
    """The program: standard streams in UTF-8, and out with the exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A lone surrogate has no UTF-8; the machine formats never let one through.
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")
    sys.exit(main())
