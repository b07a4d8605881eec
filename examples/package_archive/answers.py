"""Answers that take more than one query: a walk, and a change seen from both of its sides."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from examples.package_archive import questions
from factstore import Connection, Db


def ask(db: Db, question: str, *inputs: Any) -> Any:
    """The answer of one of the questions, over the rules of the archive."""
    return db.q(question, *inputs, rules=questions.RULES)


def shortest_chain(db: Db, start: str, end: str) -> list[str] | None:
    """Package names from ``start`` to ``end``, each depending on the next; None if there is no way.

    Breadth first, one query for each level; of several shortest chains, one that does not depend on anything's order.
    """
    came_from: dict[str, str] = {start: ""}
    level = [start]
    while level and end not in came_from:
        steps = sorted(ask(db, questions.STEP, level))
        fresh = {other: one for one, other in reversed(steps) if other not in came_from}
        came_from |= fresh
        level = list(fresh)
    return _back(came_from, end) if end in came_from else None


def _back(came_from: dict[str, str], end: str) -> list[str]:
    chain = [end]
    while came_from[chain[-1]]:
        chain.append(came_from[chain[-1]])
    return chain[::-1]


class Change(NamedTuple):
    """One fact that a transaction asserted (``added``) or retracted, entities by name."""

    tx: int
    package: str
    attribute: str
    value: str
    added: bool


def changes(before: Db, after: Db) -> list[Change]:
    """What happened to packages between two db values, in the order in which it happened."""
    between = after.history().since(before.basis_t)
    rows = after.q(questions.CHANGES, between)
    return sorted(Change(tx, name, said, _shown(after, said, value), added) for tx, name, said, value, added in rows)


def _shown(db: Db, attribute: str, value: Any) -> str:
    named = db.pull(["package/name"], value) if db.schema.attribute(attribute).is_ref else None
    return str(named["package/name"] if named else value)


class Updated(msgspec.Struct, frozen=True):
    """A package's update: what it changed, and the packages that needed ``dropped`` before it but not after."""

    package: str
    dropped: str
    tx: int
    changes: list[Change]
    freed: set[str]


def update(conn: Connection, package: str, dropped: str) -> Updated:
    """Transacts a new version of ``package`` that no longer depends on ``dropped``, and tells what that changed."""
    before = conn.db()
    version = ask(before, questions.VERSION, package)
    forms = [
        {"package/name": package, "package/version": f"{version}+next"},
        ["db/retract", ["package/name", package], "package/depends", ["package/name", dropped]],
    ]
    report = conn.transact(forms)
    after = report.db_after
    return Updated(
        package, dropped, report.tx, changes(before, after), needing(before, dropped) - needing(after, dropped)
    )


def take_back(conn: Connection, done: Updated) -> None:
    """Transacts the opposite of an update. Nothing is forgotten: the store holds both."""
    version = next(c.value for c in done.changes if c.attribute == "package/version" and not c.added)
    conn.transact(
        [
            {"package/name": done.package, "package/version": version},
            ["db/add", ["package/name", done.package], "package/depends", ["package/name", done.dropped]],
        ]
    )


def needing(db: Db, package: str) -> set[str]:
    """Every package that needs ``package``, over any number of steps."""
    return set(ask(db, questions.BREAKS, package))


def droppable(db: Db, package: str, wished: str) -> str | None:
    """What an update of ``package`` could stop depending on: ``wished``, or else the first in the alphabet."""
    depends = set(ask(db, questions.DEPENDS, package))
    return wished if wished in depends else min(depends, default=None)


def subject(db: Db, wished: str) -> str:
    """The package to ask about: the one that was wished for, if it is there, else the one most others depend on."""
    if ask(db, questions.VERSION, wished) is not None:
        return wished
    return str(ask(db, questions.MOST_WANTED)[0][0])
