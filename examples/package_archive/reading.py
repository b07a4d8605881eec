"""Which packages to load: Debian's, if this machine has an archive, and the installed Python distributions always."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from examples.package_archive import debian, distributions
from examples.package_archive.packages import Package

SOURCES: Final = ("auto", "debian", "python")


class Archive(NamedTuple):
    """A name for people, and the packages, read as they are asked for."""

    title: str
    packages: Iterator[Package]


def archives(source: str, limit: int | None) -> list[Archive]:
    """What ``source``, one of ``SOURCES``, stands for on this machine; ``limit`` bounds the packages of each.

    ``LookupError`` where Debian's archive was asked for and there is none.
    """
    found = [Archive("installed Python distributions", itertools.islice(distributions.read_distributions(), limit))]
    if source == "python":
        return found
    if debian.is_there():
        packages = itertools.islice(debian.read_packages(debian.dump_lines()), limit)
        return [Archive("Debian packages (apt-cache dumpavail)", packages), *found]
    if source == "debian":
        raise LookupError("there is no Debian archive here: expected apt-cache, and package lists for it to read")
    return found


def read_all(archive: Archive, progress: Callable[[int], None]) -> list[Package]:
    """Every package of an archive; ``progress`` is told of each."""
    packages = []
    for package in archive.packages:
        packages.append(package)
        progress(1)
    return packages
