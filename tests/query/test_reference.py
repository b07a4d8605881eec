"""The tables of the query language's page name every function and aggregate, and what they show is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

import factstore
from factstore.query.functions import BUILTIN

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "query.md"
_ROW = re.compile(r"^\| `(?P<name>[^`]+)` \| `(?P<call>\([^`]+\))` \| (?:`(?P<gives>[^`]+)` )?\|$", re.MULTILINE)


class Row(NamedTuple):
    """A row of a table: a name, a call of it, and what that gives, if it is always the same."""

    name: str
    call: str
    gives: str | None


def rows(section: str) -> list[Row]:
    text = PAGE.read_text("utf-8").partition(f" {section}\n")[2]
    return [Row(*match.groups()) for match in _ROW.finditer(re.split(r"^#", text, maxsplit=1, flags=re.MULTILINE)[0])]


FUNCTIONS, AGGREGATES = rows("Built-in functions"), rows("Aggregates")


def ask(query: str, *inputs: object) -> object:
    return factstore.connect("memory:").db().q(query, *inputs)


def test_every_function_has_a_row() -> None:
    assert [row.name for row in FUNCTIONS] == list(BUILTIN)


def test_every_aggregate_has_a_row() -> None:
    with pytest.raises(factstore.QueryError) as caught:
        ask("[:find (nothing-like-it ?x) :in [?x ...]]", [1])
    known = re.search(r"expected one of (.*), or a registered one", str(caught.value))
    assert known
    assert sorted({row.name for row in AGGREGATES}) == known[1].split(", ")


@pytest.mark.parametrize("row", FUNCTIONS, ids=lambda row: row.call)
def test_a_function_gives_what_its_row_says(row: Row) -> None:
    found = ask(f"[:find ?x . :where [{row.call} ?x]]")
    assert _shown(row, found)


@pytest.mark.parametrize("row", AGGREGATES, ids=lambda row: row.call)
def test_an_aggregate_gives_what_its_row_says(row: Row) -> None:
    found = ask(f"[:find {row.call} . :with ?i :in [[?i ?x]]]", enumerate([1, 2, 2, 3]))
    assert _shown(row, found)


def _shown(row: Row, found: object) -> bool:
    """As the page shows it, so that 1, 1.0 and True are told apart; anything but None where chance has a part."""
    return found is not None if row.gives is None else repr(found) == row.gives
