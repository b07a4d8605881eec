"""Dependency fields: ``libc6 (>= 2.34), default-mta | mail-transport-agent``.

A field is clauses with commas between them; a clause is options of which any will do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

_OPTION: Final = re.compile(
    r"""\s*(?P<name>[^\s:(\[<|,]+)             # libssl3
        (?: : (?P<architecture>[^\s(\[<]+) )?  # :any
        \s* (?: \( \s* (?P<operator><<|<=|=|>=|>>|<|>) \s* (?P<version>[^\s)]+) \s* \) )?
        \s* (?: \[ [^\]]* \] | < [^>]* > | \s )*  # [linux-any] and <!nocheck> stand in source packages
        $""",
    re.VERBOSE,
)


class Option(msgspec.Struct, frozen=True):
    """One package that a clause would do with; ``operator`` and ``version`` bound which versions."""

    name: str
    architecture: str | None = None
    operator: str | None = None
    version: str | None = None


class Clause(msgspec.Struct, frozen=True):
    """What one clause of a field asks for, and how the archive writes it."""

    options: tuple[Option, ...]
    text: str

    @property
    def is_plain(self) -> bool:
        """True for a bare name, of which the text says nothing more."""
        return len(self.options) == 1 and self.text == self.options[0].name


def parse_field(text: str) -> Iterator[Clause]:
    """The clauses of a field; ``ValueError`` for an option that is none.

    >>> [clause.options for clause in parse_field("python3:any (>= 3.11), awk")][0]
    (Option(name='python3', architecture='any', operator='>=', version='3.11'),)
    >>> [[option.name for option in clause.options] for clause in parse_field("exim4 | mail-transport-agent, awk")]
    [['exim4', 'mail-transport-agent'], ['awk']]
    """
    for written in text.split(","):
        clause = " ".join(written.split())
        if clause:
            yield Clause(tuple(_option(option, clause) for option in clause.split("|")), clause)


def _option(text: str, clause: str) -> Option:
    match = _OPTION.match(text)
    if match is None:
        raise ValueError(f"{text.strip()!r} in {clause!r} is no dependency: expected a name like 'libc6 (>= 2.34)'")
    return Option(match["name"], match["architecture"], match["operator"], match["version"])
