"""The Python blocks of a Markdown file, and how they are run: in order, in one namespace.

A block with prompts is a doctest; any other is executed. ``python no-run`` blocks only compile.
Line numbers in errors are those of the page.
"""

from __future__ import annotations

import doctest
import io
import re
import textwrap
from pathlib import Path
from typing import Any, NamedTuple

_FENCE = re.compile(r"^(?P<indent>[ ]*)```(?P<info>\S[^`]*)?$")
_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Block(NamedTuple):
    """One fenced block: its info words, its source, and the line it starts on (from 1)."""

    info: list[str]
    source: str
    line: int


class Differs(AssertionError):
    """The output of a block is not what the page shows."""


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page whose first info word is ``python``."""
    found: list[Block] = []
    opened: tuple[list[str], int] | None = None
    lines = text.splitlines()
    for number, line in enumerate(lines):
        fence = _FENCE.match(line)
        if fence is None:
            continue
        if opened is None:
            opened = (fence["info"] or "").split(), number + 1
        else:
            info, start = opened
            opened = None
            if info[:1] == ["python"]:
                found.append(Block(info, textwrap.dedent("\n".join(lines[start:number])), start + 1))
    return found


def run(block: Block, page: Path, namespace: dict[str, Any]) -> None:
    """Run one block, or only compile it where it is marked so."""
    examples = doctest.DocTestParser().get_doctest(block.source, {}, page.name, str(page), block.line - 1)
    if not examples.examples:
        code = compile("\n" * (block.line - 1) + block.source, str(page), "exec")
        if "no-run" not in block.info:
            exec(code, namespace)
        return
    for example in examples.examples:
        compile(example.source, str(page), "single")
    if "no-run" not in block.info:
        _run_prompts(examples, namespace)


def _run_prompts(examples: doctest.DocTest, namespace: dict[str, Any]) -> None:
    examples.globs = namespace
    said = io.StringIO()
    failed = doctest.DocTestRunner(optionflags=_FLAGS).run(examples, out=said.write, clear_globs=False).failed
    if failed:
        raise Differs(said.getvalue())
