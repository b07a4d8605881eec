"""The page of features names what holds each row: those files are there, and every corner case has a row."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "reference" / "features.md").read_text("utf-8")
CASES = {
    # T13 and T28 to T30, T32, T33 stand with the data model, where they belong.
    *(f"T{n}" for n in range(1, 34)),
    *(f"P{n}" for n in range(1, 9)),
    *(f"Q{n}" for n in range(1, 35)),
    *("E1", "I1", "F1", "L1"),
}


def test_what_holds_a_row_is_there() -> None:
    named = set(re.findall(r"`(tests/[\w/.]+)`", PAGE))
    assert named
    assert {path for path in named if not (ROOT / path).exists()} == set()


def test_every_corner_case_has_a_row() -> None:
    assert {case for case in CASES if not re.search(rf"\b{case}\b", PAGE)} == set()


def test_every_row_has_as_many_cells_as_its_head() -> None:
    tables = re.findall(r"(?:^\|.*\n)+", PAGE, re.MULTILINE)
    for table in tables:
        assert len({row.count("|") for row in re.sub(r"\\\|", "", table).splitlines()}) == 1, table
