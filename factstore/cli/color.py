"""Colour for people: queries in errors and plans, where there is a terminal and Pygments."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from typing import IO, Any, Final

_PLAN: Final = re.compile(r"^([\s\d,.\-]*)([(\[].*)$")
_QUOTED: Final = re.compile(r"^(  \| )(?! *\^$)(.*)$")


def tinted(text: str, stream: IO[Any], *, plan: bool = False) -> str:
    """``text`` with its queries coloured if ``stream`` is a terminal; of a plan each line's clause."""
    highlight = _highlighter() if colourful(stream) else None
    if highlight is None:
        return text
    part = _PLAN if plan else _QUOTED
    return "\n".join(part.sub(lambda found: found[1] + highlight(found[2]), line) for line in text.split("\n"))


def colourful(stream: IO[Any]) -> bool:
    """Whether people look at a stream who want colours."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


def drawn_table(head: Sequence[str], texts: Sequence[Sequence[str]], right: Sequence[bool], stream: IO[Any]) -> bool:
    """Draws a table as wide as a terminal is; False, and nothing is drawn, if it is none, or rich is not there.

    The texts are escaped already, and are taken as they are: what looks like markup of rich's is none.
    """
    if not colourful(stream):
        return False
    try:
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ImportError:
        return False
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name, to_right in zip(head, right, strict=True):
        table.add_column(Text(name), justify="right" if to_right else "left", overflow="fold")
    for row in texts:
        table.add_row(*map(Text, row))
    Console(file=stream, highlight=False).print(table)
    return True


def _highlighter() -> Callable[[str], str] | None:
    try:
        from pygments import highlight
        from pygments.formatters import TerminalFormatter

        from factstore.lexer import DatalogLexer
    except ImportError:
        return None
    return lambda text: str(highlight(text, DatalogLexer(ensurenl=False, stripnl=False), TerminalFormatter()))
