"""The lexer keeps every character, knows what it colours, and is where the distribution says it is."""

from __future__ import annotations

import importlib
import tomllib
from pathlib import Path

import pytest

pygments = pytest.importorskip("pygments")
ROOT = Path(__file__).resolve().parent.parent

TEXT = r"""[:find ?e (count ?x) . :in $ $old % [?x ...]  ; people
 :where [?e :person/name "a\"b"] ($old not [?e _ -3.5]) [(< ?x ##Inf) ?y] (anc ?e #inst "2024-01-01")
        (or-join [?x] #_(and) [(= ?x \newline)] [(ground #{nil true}) ?x])]"""


def kinds(text: str) -> dict[str, str]:
    from factstore.lexer import DatalogLexer

    return {part: str(kind).removeprefix("Token.") for kind, part in DatalogLexer().get_tokens(text)}


def test_every_character_is_kept() -> None:
    from factstore.lexer import DatalogLexer

    for text in (TEXT, '[:find "never closed', "^ ` @ ~ ' \\", "", "猫 :猫/x"):
        assert "".join(part for _, part in DatalogLexer(ensurenl=False, stripnl=False).get_tokens(text)) == text


def test_the_words_of_a_query_have_their_kinds() -> None:
    found = kinds(TEXT)
    assert "Error" not in found.values()
    assert {found[word] for word in (":find", ":in", ":where", "not", "or-join")} == {"Keyword"}
    assert {found[word] for word in ("count", "anc", "ground", "<")} == {"Name.Function"}
    assert (found["?e"], found["$old"], found[":person/name"]) == (
        "Name.Variable",
        "Name.Variable.Global",
        "Name.Attribute",
    )
    assert (found["-3.5"], found["##Inf"], found["nil"]) == ("Literal.Number", "Literal.Number", "Keyword.Constant")
    assert (found["; people"], found["#_"], found[r"\""]) == (
        "Comment.Single",
        "Comment.Preproc",
        "Literal.String.Escape",
    )


def test_pygments_finds_it_by_name() -> None:
    points = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"]["pygments.lexers"]
    module, _, name = points["datalog"].partition(":")
    assert "datalog" in getattr(importlib.import_module(module), name).aliases
