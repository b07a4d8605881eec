"""The writing half of a log in PostgreSQL: the writer that holds the lock.

What can be told before is asked together with the lock; what else comes up is one statement a question.
What it writes is kept, merged, and sent with the next such question or with the commit, in one pipeline:
most commits take two round trips, however many transactions they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import psycopg
from psycopg.types.numeric import Int8

from factstore.columns import Ints
from factstore.dictionary import Dictionary
from factstore.dictionary_entries import key_of
from factstore.log import Counters, Erasure, Pending, Plan, Stretch, changed_plan, changed_stretch
from factstore.postgres import bulk
from factstore.postgres.ahead import Questions
from factstore.postgres.arrays import Payload, columns, int4s, int8s
from factstore.postgres.excise import erase
from factstore.postgres.known import Known
from factstore.postgres.merge import bits_of, ops_of, statements_of
from factstore.postgres.pool import Row, Session, pipelined, translated
from factstore.postgres.read import facts_in
from factstore.postgres.stretch import last_of, send_stretch
from factstore.snapshot_source import NO_FACTS, Facts
from factstore.values import Value, ValueType

_FEW = 1024
"""More entities than this are read as columns, and not remembered."""


class PostgresWriter:
    """The writer of a :class:`~factstore.postgres.PostgresLog`; ``session`` is in its transaction."""

    def __init__(self, session: Session, sql: dict[str, str], counters: Counters, published: Dictionary) -> None:
        self.counters = counters
        self.pending = Pending()
        self.failed = False
        self.published: bool | None = False
        self.last: Plan | None = None
        """What was written last; it tells afterwards whether a commit of unknown outcome came through."""
        self.datoms = 0
        self._session = session
        self._sql = sql
        self._dictionary = published
        self._known = Known(counters)
        self._queue: list[Plan] = []

    def tell(self, asked: Questions, answer: Row) -> None:
        """Takes what was answered together with the lock."""
        asked.tell(answer, self._known, self._dictionary)

    def codes_of(self, vt: ValueType, values: Sequence[Value]) -> list[int | None]:
        # What is published cannot change while the lock is held, so the process's dictionary may be asked.
        if not self._known.absent:
            return self.pending.codes_of(self._dictionary, vt, values)
        own, learned, absent = self.pending.codes(), self._dictionary.known(vt), self._known.absent
        keys = [(vt, key_of(vt, value)) for value in values]
        found = [own.get(key) or learned.get(key[1]) for key in keys]
        if all(code is not None or key in absent for code, key in zip(found, keys, strict=True)):
            return found
        return self.pending.codes_of(self._dictionary, vt, values)

    def holders(self, a: Ints, v: Ints) -> Ints:
        if len(a) > _FEW:
            return self._holders(a, v)
        found = self._known.holders(a, v)
        lost = [n for n, e in enumerate(found) if e is None]
        if lost:
            asked = self._holders(a[lost], v[lost]).tolist()
            for n, e in zip(lost, asked, strict=True):
                found[n] = e
        return np.asarray(found, dtype=np.int64)

    def _holders(self, a: Ints, v: Ints) -> Ints:
        found = np.full(len(a), -1, dtype=np.int64)
        pieces = self._ask("holders", a=int4s(a), v=int8s(v))
        at, e = columns(((piece,) for (piece,) in pieces), (("at", ">i8"), ("e", ">i8")))
        found[at - 1] = e
        return found

    def facts_of(self, entities: Ints) -> Facts:
        wanted = np.unique(entities)
        if len(wanted) > _FEW:
            return self._facts_of(wanted)
        every = wanted.tolist()
        strangers = self._known.strangers(every)
        if len(strangers) == len(every):
            return self._facts_of(wanted) if every else NO_FACTS
        if strangers:
            self._known.tell_facts(strangers, self._facts_of(np.asarray(strangers, dtype=np.int64)))
        return self._known.facts(every)

    def _facts_of(self, entities: Ints) -> Facts:
        return facts_in(self._ask("live_facts_of", e=int8s(entities)))

    def refs_to(self, entities: Ints) -> Facts:
        return facts_in(self._ask("live_refs_to", v=int8s(np.unique(entities)))) if len(entities) else NO_FACTS

    def write(self, plan: Plan) -> None:
        if plan.t != self.counters.t:
            raise changed_plan(plan, self.counters)
        if bulk.is_large(plan):
            self._copy(plan)
        else:
            self._queue.append(plan)
        self.pending.add(plan.entries)
        self.counters = Counters(plan.t + 1, plan.next_e, plan.next_v)
        self.last = plan
        size = len(ops_of(plan) or plan.added.e) + len(() if ops_of(plan) else plan.retracted.e)
        self.datoms += size
        self._known.wrote(plan, self.counters, size)

    def _copy(self, plan: Plan) -> None:
        try:
            self._queue += bulk.without_additions(plan)
            with pipelined(self._session):
                self._send()
            bulk.copy(self._session, self._sql, plan, bits_of(plan.added.a, plan.schema))
        except BaseException as error:
            self.failed = True
            if isinstance(error, psycopg.Error):
                raise translated(error) from error
            raise

    def write_stretch(self, stretch: Stretch) -> None:
        if stretch.after != self.counters.t - 1:
            raise changed_stretch(stretch, self.counters)
        try:
            with pipelined(self._session):
                self._send()
            send_stretch(self._session, self._sql, stretch)
        except psycopg.Error as error:
            raise translated(error) from error
        self.last = last_of(stretch)
        self.datoms += len(stretch.rows.e)
        self.counters = Counters(stretch.upto + 1, stretch.next_e, stretch.next_v)

    def erase(self, erasure: Erasure) -> int:
        return erase(self._session, self._sql, erasure)

    def _ask(self, name: str, **params: Payload) -> list[Row]:
        try:
            if not self._queue:
                return self._session.execute(self._sql[name], params, binary=True).fetchall()
            with pipelined(self._session):
                self._send()
                cursor = self._session.execute(self._sql[name], params, binary=True)
            return cursor.fetchall()
        except BaseException as error:
            self.failed = True
            if isinstance(error, psycopg.Error):
                raise translated(error) from error
            raise

    def _send(self) -> None:
        queue, self._queue = self._queue, []
        for name, params in statements_of(queue) if queue else ():
            self._session.execute(self._sql[name], params)

    def commit(self, channel: str) -> None:
        """Sends what is queued, the new counters with the hint to listeners, and the commit in one go."""
        t, next_e, next_v = self.counters
        counters = {"t": Int8(t - 1), "next_e": Int8(next_e), "next_v": Int8(next_v), "channel": channel}
        with pipelined(self._session):
            self._send()
            self._session.execute(self._sql["advance"], counters)
            self._session.execute("COMMIT")
