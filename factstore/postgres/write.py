"""The writing half of a log in PostgreSQL: the writer that holds the lock.

What it is asked is one statement a question. What it writes is queued, and sent with the next question
or with the commit, in one pipeline: a transaction that asks nothing takes two round trips.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import psycopg
from psycopg.types.numeric import Int8

from factstore.columns import Ints, LogRows
from factstore.datom import TX0
from factstore.dictionary import Dictionary, Entry, digest
from factstore.log import (
    Assertions,
    Counters,
    Pending,
    Plan,
    Stretch,
    changed_plan,
    changed_stretch,
    operations,
    rows_at,
)
from factstore.postgres.arrays import Payload, bools, byteas, columns, int2s, int4s, int8s, texts, uuids
from factstore.postgres.fields import TEXT, flags, is_text
from factstore.postgres.pool import Row, Session, pipelined, translated
from factstore.postgres.read import facts_in
from factstore.postgres.stretch import send_stretch
from factstore.schema import Attribute, Ids, Schema
from factstore.snapshot import NO_FACTS, Facts
from factstore.values import Value, ValueType
from factstore.values_bytes import to_bytes

Statement = tuple[str, dict[str, Any]]
"""A statement's name and parameters."""


class PostgresWriter:
    """The writer of a :class:`~factstore.postgres.PostgresLog`; ``session`` is in its transaction."""

    def __init__(self, session: Session, sql: dict[str, str], counters: Counters, published: Dictionary) -> None:
        self.counters = counters
        self.pending = Pending()
        self.written: LogRows | None = None
        """The operations of the last plan, which tell afterwards whether a commit of unknown outcome came through."""
        self.datoms = 0
        self._session = session
        self._sql = sql
        self._published = published
        self._queue: list[Statement] = []

    def codes_of(self, vt: ValueType, values: Sequence[Value]) -> list[int | None]:
        # What is published cannot change while the lock is held, so the process's dictionary may be asked.
        return self.pending.codes_of(self._published, vt, values)

    def holders(self, a: Ints, v: Ints) -> Ints:
        found = np.full(len(a), -1, dtype=np.int64)
        if len(a):
            pieces = self._ask("holders", a=int4s(a), v=int8s(v))
            at, e = columns(((piece,) for (piece,) in pieces), (("at", ">i8"), ("e", ">i8")))
            found[at - 1] = e
        return found

    def facts_of(self, entities: Ints) -> Facts:
        return facts_in(self._ask("live_facts_of", e=int8s(np.unique(entities)))) if len(entities) else NO_FACTS

    def refs_to(self, entities: Ints) -> Facts:
        return facts_in(self._ask("live_refs_to", v=int8s(np.unique(entities)))) if len(entities) else NO_FACTS

    def write(self, plan: Plan) -> None:
        if plan.t != self.counters.t:
            raise changed_plan(plan, self.counters)
        self._queue += _statements(plan)
        self.pending.add(plan.entries)
        self.written = operations(plan)
        self.datoms += len(self.written.e)
        self.counters = Counters(plan.t + 1, plan.next_e, plan.next_v)

    def write_stretch(self, stretch: Stretch) -> None:
        if stretch.after != self.counters.t - 1:
            raise changed_stretch(stretch, self.counters)
        try:
            with pipelined(self._session):
                self._send()
            send_stretch(self._session, self._sql, stretch)
        except psycopg.Error as error:
            raise translated(error) from error
        self.written = rows_at(stretch.rows, stretch.rows.tx == TX0 + stretch.upto)
        self.datoms += len(stretch.rows.e)
        self.counters = Counters(stretch.upto + 1, stretch.next_e, stretch.next_v)

    def _ask(self, name: str, **params: Payload) -> list[Row]:
        try:
            if not self._queue:
                return self._session.execute(self._sql[name], params, binary=True).fetchall()
            with pipelined(self._session):
                self._send()
                cursor = self._session.execute(self._sql[name], params, binary=True)
            return cursor.fetchall()
        except psycopg.Error as error:
            raise translated(error) from error

    def _send(self) -> None:
        queue, self._queue = self._queue, []
        for name, params in queue:
            self._session.execute(self._sql[name], params)

    def commit(self, channel: str) -> None:
        """Sends what is queued, the new counters, the hint to listeners and the commit in one go."""
        t, next_e, next_v = self.counters
        with pipelined(self._session):
            self._send()
            counters = {"t": Int8(t - 1), "next_e": Int8(next_e), "next_v": Int8(next_v)}
            self._session.execute(self._sql["advance"], counters)
            self._session.execute(self._sql["notify"], {"channel": channel, "t": str(t - 1)})
            self._session.execute("COMMIT")


def _statements(plan: Plan) -> list[Statement]:
    tx = Int8(TX0 + plan.t)
    queue: list[Statement] = []
    if plan.entries:
        queue.append(("intern", intern_params(plan.entries)))
    if len(plan.retracted.e):
        queue.append(("retract", {"tx": tx, **_retract_params(plan.retracted, plan.schema)}))
    if len(plan.added.e):
        queue.append(("assert", {"tx": tx, **assert_params(plan.added, plan.schema)}))
    queue.append(("append", append_params(operations(plan))))
    return queue + [("reflag", {"a": Int8(a.id), "fl": Int8(flags(a))}) for a in _redefined(plan)]


def append_params(rows: LogRows) -> dict[str, Any]:
    """What the statement ``append`` takes; all rows are of one transaction."""
    return {
        "tx": Int8(int(rows.tx[0])) if len(rows.tx) else Int8(0),
        "e": int8s(rows.e),
        "a": int4s(rows.a),
        "v": int8s(rows.v),
        "vt": int2s(rows.vt),
        "added": bools(rows.added),
    }


def assert_params(facts: Assertions | LogRows, schema: Schema) -> dict[str, Any]:
    """What the statement ``assert`` takes, without the transaction."""
    ids, at = np.unique(facts.a, return_inverse=True)
    bits = np.asarray([flags(schema.get(id)) for id in ids.tolist()], dtype=np.int64)
    return {
        "e": int8s(facts.e),
        "a": int4s(facts.a),
        "v": int8s(facts.v),
        "vt": int2s(facts.vt),
        "fl": int2s(bits[at]),
    }


def _retract_params(facts: Assertions, schema: Schema) -> dict[str, Any]:
    ids, at = np.unique(facts.a, return_inverse=True)
    # noHistory forgets in the tables that answer queries; the log keeps the operation, for only excision
    # may take anything out of it.
    known = [schema.get(id) for id in ids.tolist()]
    kept = np.asarray([attribute is None or not attribute.no_history for attribute in known], dtype=np.bool_)
    return {
        "e": int8s(facts.e),
        "a": int4s(facts.a),
        "v": int8s(facts.v),
        "kept": bools(kept[at]),
        "count": Int8(len(facts.e)),
    }


_DEFINING: Final = np.asarray((Ids.UNIQUE, Ids.INDEX, Ids.CARDINALITY), dtype=np.int64)


def _redefined(plan: Plan) -> list[Attribute]:
    """The attributes that had facts before and whose bits may be others now; a new one has no facts yet."""
    touched = {int(e) for facts in (plan.added, plan.retracted) for e in facts.e[np.isin(facts.a, _DEFINING)].tolist()}
    if not touched:
        return []
    new = set(plan.added.e[plan.added.a == Ids.VALUE_TYPE].tolist())
    known = (plan.schema.get(id) for id in sorted(touched - new))
    return [attribute for attribute in known if attribute is not None]


def intern_params(entries: Sequence[Entry]) -> dict[str, Any]:
    """What the statement ``intern`` takes."""
    data = [(to_bytes(vt, value), vt) for _, vt, value in entries]
    readable = [vt in TEXT and is_text(body) for body, vt in data]
    return {
        "id": int8s(np.asarray([code for code, _, _ in entries], dtype=np.int64)),
        "kind": int2s(np.asarray([vt for _, vt, _ in entries], dtype=np.int64)),
        "h": uuids([digest(vt, value) for _, vt, value in entries]),
        "txt": texts([body if is_text else None for (body, _), is_text in zip(data, readable, strict=True)]),
        "bin": byteas([None if is_text else body for (body, _), is_text in zip(data, readable, strict=True)]),
    }
