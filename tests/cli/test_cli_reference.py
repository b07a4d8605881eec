"""The page about the command line has every command and every option, and no other."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from factstore.cli.parser import parser

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "cli.md"


def commands() -> dict[str, argparse.ArgumentParser]:
    [action] = [each for each in parser()._actions if isinstance(each, argparse._SubParsersAction)]
    return dict(action.choices)


def sections() -> dict[str, str]:
    """The text of each command's section, by its heading."""
    parts = re.split(r"^### `([^`]+)`$", PAGE.read_text("utf-8").split("\n## Output")[0], flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def documented(section: str) -> set[str]:
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `--")]
    return {option for row in rows for option in re.findall(r"--[a-z-]+", row)}


def options(command: argparse.ArgumentParser) -> set[str]:
    own = {option for action in command._actions for option in action.option_strings if option.startswith("--")}
    return own - {"--help", "--store", "--schema"}


def section_of(name: str) -> tuple[str, str]:
    [(heading, text)] = [(h, text) for h, text in sections().items() if h.split()[0] == name]
    return heading, text


def test_the_page_has_every_command_and_no_other() -> None:
    assert sorted(heading.split()[0] for heading in sections()) == sorted(commands())


@pytest.mark.parametrize("name", commands())
def test_the_page_has_every_option_of(name: str) -> None:
    assert documented(section_of(name)[1]) == options(commands()[name])


@pytest.mark.parametrize("name", commands())
def test_the_page_has_the_arguments_and_formats_of(name: str) -> None:
    heading, text = section_of(name)
    for action in commands()[name]._actions:
        if not action.option_strings:
            assert str(action.metavar) in heading
        elif action.choices:
            [row] = [line for line in text.splitlines() if line.startswith("| `--format`")]
            shown = re.findall(r"`([a-z]+)`", row.split("|")[2])
            assert shown == list(action.choices)


@pytest.mark.parametrize("name", commands())
def test_the_help_of_a_command_has_examples(name: str) -> None:
    assert f"factstore {name}" in commands()[name].format_help().split("examples:")[1]
