"""Every code an error can have is in the reference, and the reference has no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CODE = re.compile(r"[a-z]+/[a-z]+(-[a-z]+)*")
MAKERS = {"error", "located"}
"""Functions beside those that refuse which are handed a code."""
PAGE = ROOT / "docs" / "reference" / "errors.md"


def said() -> set[str]:
    """The codes given to errors: as ``code=…``, or to a function that makes the refusal."""
    return {code for package in ("factstore", "enrich") for path in (ROOT / package).rglob("*.py") for code in of(path)}


def of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        for given in codes_in(node):
            yield from (each.value for each in ast.walk(given) if is_code(each))  # type: ignore[attr-defined]


def codes_in(node: ast.AST) -> list[ast.expr]:
    """Where a node may hold a code: ``code=…`` in a call, ``code = …``, or an argument of one that refuses."""
    if isinstance(node, ast.Assign):
        return [node.value] if getattr(node.targets[0], "id", "") == "code" else []
    if not isinstance(node, ast.Call):
        return []
    name = getattr(node.func, "attr", getattr(node.func, "id", "")).strip("_")
    given = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
    return given + (node.args if name in MAKERS or "refuse" in name else [])


def is_code(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(CODE.fullmatch(node.value))


def listed() -> set[str]:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    return {code for row in rows for code in re.findall(r"`([a-z]+/[a-z-]+)`", row.split("|")[1])}


def test_every_code_is_in_the_reference() -> None:
    assert said() - listed() - {"edn/example"} == set()


def test_the_reference_has_only_codes_there_are() -> None:
    assert listed() - said() == set()
