"""Debian's archive: ``apt-cache dumpavail``, streamed and parsed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Iterator
from typing import Final

from examples.package_archive.clauses import Clause, parse_field
from examples.package_archive.packages import Package, parse_maintainer
from examples.package_archive.stanzas import read_stanzas

DUMP: Final = ("apt-cache", "dumpavail")
_RELATIONS: Final = ("Depends", "Pre-Depends", "Recommends", "Provides")


def dump_lines() -> Iterator[str]:
    """What ``apt-cache dumpavail`` prints, a line at a time; nothing where there is no apt-cache."""
    if shutil.which(DUMP[0]) is None:
        return
    command = subprocess.Popen(DUMP, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8")
    try:
        assert command.stdout is not None
        with command.stdout as lines:
            yield from lines
    finally:
        command.kill()
        command.wait()


def is_there() -> bool:
    """True where ``apt-cache`` knows of a package."""
    lines = dump_lines()
    try:
        return next(lines, None) is not None
    finally:
        lines.close()  # type: ignore[attr-defined]


def read_packages(lines: Iterable[str]) -> Iterator[Package]:
    """The packages of a list; where it has several versions of one, the first, which is apt's own choice.

    >>> [package.depends for package in read_packages(["Package: a", "Version: 1", "Depends: b | c, d (>= 2)"])]
    [('b', 'c', 'd')]
    """
    seen: set[str] = set()
    for stanza in read_stanzas(lines):
        for field in ("Package", "Version"):
            if field not in stanza:
                raise ValueError(f"a stanza without {field}: {str(stanza)[:80]}, expected every package to have one")
        if stanza["Package"] not in seen:
            seen.add(stanza["Package"])
            yield parse_package(stanza)


def parse_package(stanza: dict[str, str]) -> Package:
    """A package from its stanza's fields."""
    fields = {relation: tuple(parse_field(stanza.get(relation, ""))) for relation in _RELATIONS}
    size = stanza.get("Installed-Size")
    return Package(
        name=stanza["Package"],
        version=stanza["Version"],
        depends=_names(fields["Depends"]),
        pre_depends=_names(fields["Pre-Depends"]),
        recommends=_names(fields["Recommends"]),
        provides=_names(fields["Provides"]),
        clauses=_once(clause.text for clauses in fields.values() for clause in clauses if not clause.is_plain),
        tags=_once(tag for tag in map(str.strip, stanza.get("Tag", "").split(",")) if tag),
        maintainer=parse_maintainer(stanza.get("Maintainer", "")),
        source=stanza.get("Source", stanza["Package"]).split(" ")[0],
        architecture=stanza.get("Architecture"),
        section=stanza.get("Section"),
        priority=stanza.get("Priority"),
        homepage=stanza.get("Homepage"),
        summary=stanza.get("Description", "").split("\n")[0] or None,
        installed_size=int(size) if size else None,
    )


def _names(clauses: Iterable[Clause]) -> tuple[str, ...]:
    return _once(option.name for clause in clauses for option in clause.options)


def _once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
