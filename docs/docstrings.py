"""Docstrings as Markdown: roles become code, examples blocks of it, and a trailing ``::`` becomes a colon or goes.

The docstrings are written to be read in the editor; only the built pages need this.
"""

from __future__ import annotations

import re
from typing import Any

from griffe import Docstring, Extension, Object

_ROLE = re.compile(r":(?:class|func|meth|mod|attr|data|exc):`~?\.?([^`]+)`")
_DOUBLE_BACKTICK = re.compile(r"``([^`\n]+)``")
_EXAMPLE = re.compile(r"^>>> .*\n?(?:.+\n?)*", re.MULTILINE)
_LITERAL = re.compile(r"^([^\S\n]*|.*\S)::$", re.MULTILINE)


def as_markdown(text: str) -> str:
    """The docstring with the few marks that Markdown reads otherwise put its way."""
    text = _ROLE.sub(lambda role: f"`{role[1]}`", text)
    text = _LITERAL.sub(lambda line: line[1] and line[1] + ":", text)
    text = _DOUBLE_BACKTICK.sub(r"`\1`", text)
    return _EXAMPLE.sub(lambda example: f"```pycon\n{example[0].rstrip()}\n```\n", text)


class Docstrings(Extension):
    """Applied by mkdocstrings to every object it reads."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        if isinstance(obj.docstring, Docstring):
            obj.docstring.value = as_markdown(obj.docstring.value)

    def on_package(self, *, pkg: Object, **_: Any) -> None:
        # The root of all is not told of as an object.
        if isinstance(pkg.docstring, Docstring) and "```" not in pkg.docstring.value:
            self.on_object(obj=pkg)
