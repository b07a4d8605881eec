"""The graph to ask about: Debian's archive in an embedded server, or a drawn one of the same shape.

Everything the peers get is read from the store itself, so that all of them have the same facts and the same ids.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

import factstore
from benchmarks.servers import server
from examples.package_archive import debian
from examples.package_archive.load import load
from examples.package_archive.packages import Maintainer, Package
from factstore import Connection, Db

Ints = NDArray[np.int64]

_TEAM: Final = re.compile(r"\b(team|group|maintainers|packagers|project|force)\b", re.IGNORECASE)
_TEAM_SCHEMA: Final = [
    {
        "db/ident": "maintainer/team",
        "db/valueType": "db.type/boolean",
        "db/cardinality": "db.cardinality/one",
        "db/doc": "true of a maintainer whose name says that it is several people",
    }
]
SCHEMA: Final = "bench_archive"
"""The store's name in its database."""


class Served(NamedTuple):
    """The store, and where its tables are."""

    conn: Connection
    dsn: str

    @property
    def db(self) -> Db:
        return self.conn.db(sync=False)


class Tables(NamedTuple):
    """The facts as plain tables: pairs of columns."""

    name: tuple[Ints, list[str]]
    contact: tuple[Ints, list[str]]
    version: Ints
    depends: tuple[Ints, Ints]
    requires: tuple[Ints, Ints]
    """Depends and pre-depends."""
    provides: tuple[Ints, Ints]
    maintainer: tuple[Ints, Ints]
    team: Ints
    size: tuple[Ints, Ints]


@contextmanager
def served(packages: list[Package], target: str | None = None) -> Iterator[Served]:
    """The packages in a server, as :func:`benchmarks.servers.server` takes it; what is there already stays."""
    with server(target) as dsn, factstore.connect(dsn, schema=SCHEMA) as conn:
        load(conn, packages)
        say_teams(conn)
        yield Served(conn, dsn)


def say_teams(conn: Connection) -> None:
    """Says of each maintainer with a name like a team's that it is one."""
    conn.transact(_TEAM_SCHEMA)
    named = conn.db().q("[:find ?m ?name :where [?m :maintainer/name ?name]]")
    teams = {maintainer for maintainer, name in named if _TEAM.search(name)}
    conn.transact([{"db/id": team, "maintainer/team": True} for team in sorted(teams)])


def tables(db: Db) -> Tables:
    """What the store holds of the graph."""
    requires = [_pairs(db, "package/depends"), _pairs(db, "package/pre-depends")]
    both = np.unique(np.stack([np.concatenate(column) for column in zip(*requires, strict=True)]), axis=1)
    return Tables(
        name=_strings(db, "package/name"),
        contact=_strings(db, "maintainer/contact"),
        version=_pairs(db, "package/version")[0],
        depends=requires[0],
        requires=(both[0], both[1]),
        provides=_pairs(db, "package/provides"),
        maintainer=_pairs(db, "package/maintainer"),
        team=_pairs(db, "maintainer/team")[0],
        size=_pairs(db, "package/installed-size"),
    )


def _pairs(db: Db, attribute: str) -> tuple[Ints, Ints]:
    rows = db.snapshot.index(db.schema.attribute(attribute).id).scan()
    return rows.e, rows.v


def _strings(db: Db, attribute: str) -> tuple[Ints, list[str]]:
    found = db.q(f"[:find ?e ?v :where [?e :{attribute} ?v]]").to_numpy()
    return found["e"], found["v"].tolist()


def archive() -> list[Package]:
    """This machine's package archive; empty where there is none."""
    return list(debian.read_packages(debian.dump_lines())) if debian.is_there() else []


def drawn(count: int, seed: int = 7) -> list[Package]:
    """As many packages of the same shape: a few that most depend on, cycles, virtual names, teams and people."""
    draw = np.random.default_rng(seed)
    names = ["libc6", "gnome", *(f"package-{place}" for place in range(2, count))]
    return [_drawn(place, names, draw) for place in range(count)]


def _drawn(place: int, names: list[str], draw: np.random.Generator) -> Package:
    count = len(names)
    wide = 12 if place == 1 else int(draw.integers(0, 8))
    popular = np.minimum(draw.zipf(1.3, wide) - 1, count - 1)
    near = (place + draw.integers(-9, 10, wide)) % count
    targets = dict.fromkeys(np.where(draw.random(wide) < 0.6, popular, near).tolist())
    keeper = int(draw.zipf(1.4)) % (count // 8 + 2)
    person = Maintainer(f"m{keeper}@example.org", f"Team {keeper}" if keeper % 3 == 0 else f"Person {keeper}")
    more: dict[str, Any] = {"provides": (f"virtual-{place % 7}",)} if place % 40 == 0 else {}
    return Package(
        name=names[place],
        version="1",
        depends=(*(names[target] for target in targets), *((f"virtual-{place % 7}",) if place % 25 == 0 else ())),
        maintainer=person if place % 50 else None,
        installed_size=int(draw.integers(10, 100_000)),
        **more,
    )
