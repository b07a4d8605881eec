"""The steps of one load, done by several sessions that read one snapshot."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

import numpy as np
import psycopg

from factstore.columns import EMPTY, Intervals
from factstore.datom import TX0
from factstore.errors import FactstoreError
from factstore.postgres.pool import Pool, Row, Session

_SESSIONS: Final = max(2, min(4, os.cpu_count() or 2))


class Step(NamedTuple):
    """One statement, and how many of a row's bits are its transaction's; None if each column is a number by itself."""

    statement: str
    params: Mapping[str, Any]
    bits: int | None


Pieces = dict[int, list[Intervals]]
"""What was found of each attribute, in no order; ``end`` is empty where nothing has ended."""


class Work:
    """The steps of one load, taken by whichever session is free."""

    def __init__(self, pool: Pool, sql: Mapping[str, str], steps: Sequence[Step]) -> None:
        self._pool = pool
        self._sql = sql
        self._todo: queue.SimpleQueue[Step] = queue.SimpleQueue()
        for step in steps:
            self._todo.put(step)
        self._size = len(steps)
        self._found: Pieces = {}
        self._lock = threading.Lock()
        self._errors: list[BaseException] = []

    def done(self, session: Session) -> Pieces:
        """All pieces, once every step is done; the first error of any of them otherwise."""
        others = self._helpers(session)
        try:
            self._run(session)
        finally:
            for thread in others:
                thread.join()
        # What one of them could not do for a lock.
        self._run(session)
        if self._errors:
            raise self._errors[0]
        return self._found

    def _helpers(self, session: Session) -> list[threading.Thread]:
        extra = min(_SESSIONS, self._size // 2) - 1
        if extra < 1:
            return []
        snapshot = session.execute(self._sql["export_snapshot"]).fetchall()[0][0]
        threads = [threading.Thread(target=self._assist, args=(snapshot,), daemon=True) for _ in range(extra)]
        for thread in threads:
            thread.start()
        return threads

    def _assist(self, snapshot: str) -> None:
        """Does steps on a session of its own; where there is none to be had, the first one does them all."""
        try:
            session = self._pool.take()
        except FactstoreError:
            return
        try:
            try:
                session.execute(self._sql["begin_load"], prepare=False)
                session.execute(self._sql["import_snapshot"].replace("{snapshot}", snapshot), prepare=False)
                session.execute(self._sql["load_settings"], prepare=False)
                session.execute(self._sql["assist_settings"], prepare=False)
            except psycopg.Error:
                return
            self._run(session, assisting=True)
        finally:
            with suppress(psycopg.Error):
                if not session.closed:
                    session.rollback()
            self._pool.give(session)

    def _run(self, session: Session, *, assisting: bool = False) -> None:
        while not self._errors:
            try:
                step = self._todo.get_nowait()
            except queue.Empty:
                return
            try:
                self._do(step, session)
            except BaseException as error:
                if assisting and isinstance(error, psycopg.errors.LockNotAvailable):
                    self._todo.put(step)
                else:
                    self._errors.append(error)
                return

    def _do(self, step: Step, session: Session) -> None:
        # Not prepared: a plan is made for these attributes, with what is known of their number.
        rows = session.execute(self._sql[step.statement], step.params, prepare=False, binary=True).fetchall()
        self._keep(rows, step.bits)

    def _keep(self, rows: Sequence[Row], bits: int | None) -> None:
        pieces = [(attribute, _wide(data) if bits is None else _packed(data, bits)) for attribute, data in rows]
        with self._lock:
            for attribute, piece in pieces:
                self._found.setdefault(attribute, []).append(piece)


def _packed(data: bytes, bits: int) -> Intervals:
    """Facts that hold, of rows (entity and transaction in one, value); a transaction's own id came as -1 - t."""
    numbers = np.frombuffer(data, dtype=">i8").reshape(-1, 2)
    both, v = numbers[:, 0].astype(np.int64), numbers[:, 1].astype(np.int64)
    e = both >> bits
    start = (both & ((1 << bits) - 1)) + TX0
    if len(e) and e.min() < 0:
        e = np.where(e < 0, TX0 - 1 - e, e)
    return Intervals(e, v, start, EMPTY)


def _wide(data: bytes) -> Intervals:
    """Facts of rows (entity, value, start, end)."""
    numbers = np.frombuffer(data, dtype=">i8").reshape(-1, 4)
    return Intervals(*(numbers[:, column].astype(np.int64) for column in range(4)))
