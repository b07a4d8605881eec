"""Packages as transaction data: entity maps that refer to each other by tempid.

A name that is mentioned is an entity, whether anyone has said more of it or not; the unique attributes make
the tempids of one transaction the entities of all the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from examples.package_archive.packages import Maintainer, Package

_PLAIN: Final = (
    ("package/version", "version"),
    ("package/architecture", "architecture"),
    ("package/section", "section"),
    ("package/priority", "priority"),
    ("package/summary", "summary"),
    ("package/homepage", "homepage"),
    ("package/installed-size", "installed_size"),
    ("package/tag", "tags"),
    ("package/clause", "clauses"),
)
_REFS: Final = (
    ("package/depends", "depends"),
    ("package/pre-depends", "pre_depends"),
    ("package/recommends", "recommends"),
    ("package/provides", "provides"),
)


class _Tempids(dict[str, int]):
    """A negative number for each name, in the order in which they are first asked for."""

    def __init__(self, start: int) -> None:
        super().__init__()
        self._start = start

    def __missing__(self, name: str) -> int:
        self[name] = tempid = self._start - 3 * len(self)
        return tempid


def entity_maps(packages: Sequence[Package]) -> list[dict[str, Any]]:
    """The forms of one transaction about ``packages``.

    >>> entity_maps([Package(name="a", version="1", depends=("b",))])[1:]
    [{'db/id': -4, 'package/name': 'b'}]
    """
    names, sources, contacts = _Tempids(-1), _Tempids(-2), _Tempids(-3)
    people: dict[int, dict[str, Any]] = {}
    maps = {package.name: _map(package, names) for package in packages}
    for package in packages:
        if package.source is not None:
            maps[package.name]["package/source"] = sources[package.source]
        if package.maintainer is not None:
            maps[package.name]["package/maintainer"] = _person(package.maintainer, contacts, people)
    mentioned = [{"db/id": id, "package/name": name} for name, id in names.items() if name not in maps]
    built = [{"db/id": id, "source/name": name} for name, id in sources.items()]
    return [*maps.values(), *mentioned, *built, *people.values()]


def digest(packages: Sequence[Package]) -> str:
    """What a batch is known by: the same packages in the same order have the same digest."""
    return hashlib.blake2b(msgspec.msgpack.encode(packages), digest_size=16).hexdigest()


def _map(package: Package, names: _Tempids) -> dict[str, Any]:
    made: dict[str, Any] = {"db/id": names[package.name], "package/name": package.name}
    for attribute, field in _PLAIN:
        value = getattr(package, field)
        if value not in (None, ()):
            made[attribute] = value
    for attribute, field in _REFS:
        targets = getattr(package, field)
        if targets:
            made[attribute] = [names[target] for target in targets]
    return made


def _person(maintainer: Maintainer, contacts: _Tempids, people: dict[int, dict[str, Any]]) -> int:
    id = contacts[maintainer.contact]
    person = people.setdefault(id, {"db/id": id, "maintainer/contact": maintainer.contact, "maintainer/name": []})
    if maintainer.name is not None and maintainer.name not in person["maintainer/name"]:
        person["maintainer/name"].append(maintainer.name)
    return id
