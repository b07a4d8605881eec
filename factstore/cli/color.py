"""Colour for people: queries in errors and plans, where there is a terminal and Pygments."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import IO, Any, Final

_PLAN: Final = re.compile(r"^([\s\d,.\-]*)([(\[].*)$")
_QUOTED: Final = re.compile(r"^(  \| )(?! *\^$)(.*)$")


def tinted(text: str, stream: IO[Any], *, plan: bool = False) -> str:
    """``text`` with its queries coloured if ``stream`` is a terminal; of a plan each line's clause."""
    highlight = _highlighter() if stream.isatty() and not os.environ.get("NO_COLOR") else None
    if highlight is None:
        return text
    part = _PLAN if plan else _QUOTED
    return "\n".join(part.sub(lambda found: found[1] + highlight(found[2]), line) for line in text.split("\n"))


def _highlighter() -> Callable[[str], str] | None:
    try:
        from pygments import highlight
        from pygments.formatters import TerminalFormatter

        from factstore.lexer import DatalogLexer
    except ImportError:
        return None
    return lambda text: str(highlight(text, DatalogLexer(ensurenl=False, stripnl=False), TerminalFormatter()))
