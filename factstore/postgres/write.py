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

from factstore.columns import Ints, LogRows, unique
from factstore.datom import TX0
from factstore.dictionary import Dictionary
from factstore.log import Assertions, Counters, Pending, Plan, changed_plan, operations
from factstore.postgres import bulk
from factstore.postgres.arrays import Payload, bools, columns, int2s, int4s, int8s
from factstore.postgres.intern import intern_params
from factstore.postgres.pool import Row, Session, pipelined, translated
from factstore.postgres.read import facts_in
from factstore.schema import Attribute, Ids, Schema
from factstore.snapshot import NO_FACTS, Facts
from factstore.values import Value, ValueType

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
        if bulk.is_large(plan):
            self._queue += _statements(bulk.without_additions(plan))
            self._copy(plan)
        else:
            self._queue += _statements(plan)
        self.pending.add(plan.entries)
        self.written = operations(plan)
        self.datoms += len(self.written.e)
        self.counters = Counters(plan.t + 1, plan.next_e, plan.next_v)

    def _copy(self, plan: Plan) -> None:
        try:
            with pipelined(self._session):
                self._send()
            bulk.copy(self._session, self._sql, plan, _bits(plan.added.a, plan.schema))
        except psycopg.Error as error:
            raise translated(error) from error

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
    rows = operations(plan)
    if len(rows.e):
        queue.append(("append", append_params(rows)))
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
    return {
        "e": int8s(facts.e),
        "a": int4s(facts.a),
        "v": int8s(facts.v),
        "vt": int2s(facts.vt),
        "fl": int2s(_bits(facts.a, schema)),
    }


def _bits(a: Ints, schema: Schema) -> Ints:
    ids = unique(a)
    bits = np.asarray([flags(schema.get(id)) for id in ids.tolist()], dtype=np.int64)
    return bits[np.searchsorted(ids, a)]


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


def flags(attribute: Attribute | None) -> int:
    """The ``fl`` bits of an attribute's facts: 0 in value order, 1 unique, 2 cardinality one."""
    if attribute is None:
        return 0
    return attribute.by_value | (attribute.unique is not None) << 1 | (not attribute.many) << 2


_DEFINING: Final = np.asarray((Ids.UNIQUE, Ids.INDEX, Ids.CARDINALITY), dtype=np.int64)


def _redefined(plan: Plan) -> list[Attribute]:
    """The attributes that had facts before and whose bits may be others now; a new one has no facts yet."""
    touched = {int(e) for facts in (plan.added, plan.retracted) for e in facts.e[np.isin(facts.a, _DEFINING)].tolist()}
    if not touched:
        return []
    new = set(plan.added.e[plan.added.a == Ids.VALUE_TYPE].tolist())
    known = (plan.schema.get(id) for id in sorted(touched - new))
    return [attribute for attribute in known if attribute is not None]
