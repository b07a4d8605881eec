"""The installed Python distributions, through ``importlib.metadata``.

Their names are written ``python:rich``: no package of Debian's can be called so, and both archives fit one store.
"""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterable, Iterator
from typing import Final

from examples.package_archive.packages import Maintainer, Package, parse_maintainer

PREFIX: Final = "python:"
_REQUIREMENT: Final = re.compile(r"\s*(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?P<more>.*)$", re.DOTALL)


def package_name(distribution: str) -> str:
    """The name of a distribution, whichever way it is spelt.

    >>> package_name("Typing.Extensions"), package_name("typing_extensions")
    ('python:typing-extensions', 'python:typing-extensions')
    """
    return PREFIX + re.sub(r"[-_.]+", "-", distribution).lower()


def read_distributions(found: Iterable[importlib.metadata.Distribution] | None = None) -> Iterator[Package]:
    """The distributions of this interpreter as packages; the first of a name is the one that is imported."""
    seen: set[str] = set()
    for distribution in importlib.metadata.distributions() if found is None else found:
        fields = _fields(distribution)
        if "Name" not in fields or "Version" not in fields:
            continue  # what an interrupted installation leaves behind
        name = package_name(fields["Name"])
        if name not in seen:
            seen.add(name)
            yield _package(name, fields, distribution.requires or ())


def parse_requirement(text: str) -> tuple[str, bool]:
    """The package a requirement names, and whether it is needed whatever the extras and the platform.

    >>> parse_requirement("rich[jupyter] (>=13) ; extra == 'cli'"), parse_requirement("lark>=1.2")
    (('python:rich', False), ('python:lark', True))
    """
    match = _REQUIREMENT.match(text)
    if match is None:
        raise ValueError(f"{text!r} is no requirement: expected a name like 'rich>=13'")
    return package_name(match["name"]), ";" not in match["more"]


def _fields(distribution: importlib.metadata.Distribution) -> dict[str, str]:
    """The fields that say something; of one that stands there several times, the first."""
    fields = distribution.metadata
    return {key: text for key in _FIELDS if key in fields and (text := fields[key].strip())}


_FIELDS: Final = (
    *("Name", "Version", "Summary", "Home-page"),
    *("Maintainer", "Maintainer-email", "Author", "Author-email"),
)


def _package(name: str, fields: dict[str, str], requires: Iterable[str]) -> Package:
    requirements = [(*parse_requirement(text), " ".join(text.split())) for text in requires]
    always = dict.fromkeys(target for target, needed, _ in requirements if needed)
    return Package(
        name=name,
        version=fields["Version"],
        depends=tuple(always),
        recommends=tuple(dict.fromkeys(t for t, needed, _ in requirements if not needed and t not in always)),
        clauses=tuple(dict.fromkeys(text for target, _, text in requirements if target != PREFIX + text)),
        maintainer=_maintainer(fields),
        section="python",
        homepage=fields.get("Home-page"),
        summary=fields.get("Summary"),
    )


def _maintainer(fields: dict[str, str]) -> Maintainer | None:
    """Whoever maintains it, else who wrote it; of several, the first."""
    for role in ("Maintainer", "Author"):
        name = fields.get(role, "")
        found = parse_maintainer(fields.get(f"{role}-email", "").split(",")[0]) or parse_maintainer(name.split(",")[0])
        if found is not None:
            return Maintainer(found.contact, found.name or name or None)
    return None
