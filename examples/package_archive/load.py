"""Loading packages: batches through ``transact``, each of which is there whole or not at all.

The transaction of a batch carries the batch's digest. Whoever loads again, after whatever end, leaves out the batches
whose digest is there, and comes to the same facts.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from examples.package_archive import questions
from examples.package_archive.entities import digest, entity_maps
from examples.package_archive.packages import Package
from examples.package_archive.schema import SCHEMA
from factstore import Connection

BATCH: Final = 4000
"""Packages in a transaction; measured, see docs/benchmarks.md."""


class Loaded(msgspec.Struct, frozen=True):
    """What a load did: batches written and left out, packages read, datoms written, seconds inside ``transact``."""

    batches: int
    skipped: int
    packages: int
    datoms: int
    seconds: float

    @property
    def rate(self) -> float:
        """Datoms per second of ``transact``; 0 where nothing was written."""
        return self.datoms / self.seconds if self.seconds else 0.0


def load(
    conn: Connection,
    packages: Iterable[Package],
    *,
    size: int = BATCH,
    progress: Callable[[int], None] = lambda count: None,
) -> Loaded:
    """Loads what is not there yet; ``progress`` is told of each batch's packages once they are there.

    >>> import factstore
    >>> conn = factstore.connect("memory:")
    >>> [load(conn, [Package(name="awk", version="1")]).batches for _ in range(2)]
    [1, 0]
    """
    if any(conn.schema.get(attribute["db/ident"]) is None for attribute in SCHEMA):
        conn.transact(SCHEMA)
    before = conn.db()
    there = set(before.q(questions.BATCHES))
    written = skipped = count = 0
    seconds = 0.0
    for batch in batched(packages, size):
        mark = digest(batch)
        if mark in there:
            skipped += 1
        else:
            forms = [{"db/id": "db/current-tx", "load/batch": mark}, *entity_maps(batch)]
            begun = time.perf_counter()
            conn.transact(forms)
            seconds += time.perf_counter() - begun
            written += 1
        count += len(batch)
        progress(len(batch))
    return Loaded(written, skipped, count, len(conn.log_range(before.basis_t).tx), seconds)


def batched(items: Iterable[Any], size: int) -> Iterator[Sequence[Any]]:
    """Runs of ``size`` items, the last one shorter (``itertools.batched`` is newer than our oldest Python).

    >>> list(batched("abcde", 2))
    [['a', 'b'], ['c', 'd'], ['e']]
    """
    rest = iter(items)
    while batch := list(itertools.islice(rest, size)):
        yield batch
