"""Tables into a store: a transaction for each, and what came of several."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from factstore import tx
from factstore.database import Db


class LoadReport(NamedTuple):
    """What has been loaded of an iterable of tables.

    >>> LoadReport(batches=2, rows=10, datoms=52, seconds=0.5, t=7).datoms_per_second
    104.0
    """

    batches: int
    rows: int
    datoms: int
    """Assertions and retractions, those about the transactions included."""
    seconds: float
    """Since the load began, the time of whoever made the tables included."""
    t: int
    """That of the newest transaction; of the store before, if there was no table."""

    @property
    def datoms_per_second(self) -> float:
        return self.datoms / self.seconds if self.seconds else 0.0


Progress = Callable[[LoadReport], object]
Written = Callable[[tx.Load], tx.TxReport[Db]]


def table_of(data: Any, facts: bool, batch: int | None = None) -> tx.Table:
    """The table that ``data`` is, as it was given to ``load``."""
    table = tx.read_table(data, batch)
    return tx.FactTable(table) if facts else table


def load(
    write: Written,
    data: Any,
    options: Mapping[str, Any],
    db: Callable[[], Db],
    *,
    facts: bool,
    progress: Progress | None,
) -> tx.TxReport[Db] | LoadReport:
    """Commits one table, or each of an iterable of tables."""
    if tx.is_table(data):
        return write(tx.Load(table_of(data, facts), **options))
    return load_each(write, tx.tables(data), options, db(), facts=facts, progress=progress)


def load_each(
    write: Written,
    tables: Iterable[Any],
    options: Mapping[str, Any],
    db: Db,
    *,
    facts: bool,
    progress: Progress | None,
) -> LoadReport:
    """Commits a table after the other; those before one that is refused stay.

    Nothing of a table is kept once it is committed, so that any number of them takes the memory of one.
    """
    began = time.perf_counter()
    done = LoadReport(0, 0, 0, 0.0, db.basis_t)
    for batch, data in enumerate(tables):
        table = table_of(data, facts, batch)
        report = write(tx.Load(table, **options))
        seconds = time.perf_counter() - began
        done = LoadReport(batch + 1, done.rows + table.height, done.datoms + report.size, seconds, report.t)
        del data, table, report
        if progress is not None:
            progress(done)
    return done._replace(seconds=time.perf_counter() - began)
