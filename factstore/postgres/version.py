"""The version of a store's tables, and who may use them: what lets old and new programs meet on one store.

A store says three things of itself: the ``version`` of its layout, and the oldest layout that a program may know
and still read (``reads_from``) or write (``writes_from``). A program that knows less is told so, also one that
was connected when the layout changed: every read of the head and every lock of a writer brings the number along.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from factstore.errors import StoreError
from factstore.postgres.pool import Session
from factstore.postgres.statements import statements

LAYOUT_VERSION: Final = 2
"""The layout that ``layout.sql`` makes."""
READS_FROM: Final = 1
WRITES_FROM: Final = 1
"""The oldest programs that may go on with it."""


class Layout(NamedTuple):
    """What a store says of its tables."""

    version: int
    reads_from: int
    writes_from: int


def layout_of(session: Session, schema: str) -> Layout:
    """The layout of a store that is there; version 1 did not say who may use it, and was the first."""
    rows = session.execute(statements(schema)["layout"]).fetchall()
    if not rows:
        raise StoreError(f"the store in schema {schema!r} has lost its root row", code="store/damaged", schema=schema)
    root = rows[0][0]
    return Layout(root["version"], root.get("reads_from", 1), root.get("writes_from", 1))


def check_version(oldest: int, what: str, schema: str) -> None:
    """Refuses to go on with a store that only programs from layout ``oldest`` on may read or write.

    >>> check_version(1, "read", "catalog")
    >>> check_version(99, "read", "catalog")
    Traceback (most recent call last):
    factstore.errors.StoreError: store/layout-version: the store in schema 'catalog' is to be read by programs that ...
    """
    if oldest > LAYOUT_VERSION:
        raise StoreError(
            f"the store in schema {schema!r} is to be {'read' if what == 'read' else 'written'} by programs that know "
            f"layout version {oldest}: this one knows {LAYOUT_VERSION}, and needs a newer factstore",
            code="store/layout-version",
            schema=schema,
            needs=oldest,
            expected=LAYOUT_VERSION,
        )


def older(schema: str, version: int, why: str) -> StoreError:
    """The error for a store that must be brought to this program's layout first."""
    return StoreError(
        f"the store in schema {schema!r} has layout version {version}, and this program needs {LAYOUT_VERSION}: {why}",
        code="store/layout-version",
        schema=schema,
        version=version,
        expected=LAYOUT_VERSION,
    )
