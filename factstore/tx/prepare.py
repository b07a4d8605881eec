"""Transaction data to a plan: the stages in their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np

from factstore.columns import Ints, ints
from factstore.datom import TX0
from factstore.db import DbValue
from factstore.dictionary_entries import Entry
from factstore.schema import Ids, Schema
from factstore.tx.after import db_after
from factstore.tx.apply import Applier
from factstore.tx.backfill import backfilled
from factstore.tx.before import Before, traits
from factstore.tx.checks import refuse_builtin, refuse_derived, refuse_excision, stated_instant
from factstore.tx.composites import with_composites
from factstore.tx.diff import Diff, Said
from factstore.tx.encode import Codes, encode_columns
from factstore.tx.ensure import check_ensured
from factstore.tx.entities import Entities
from factstore.tx.forms import Forms
from factstore.tx.gather import Gathered
from factstore.tx.operations import Function, expand
from factstore.tx.plan import Allocation, Assertions, Plan, QuickPlan
from factstore.tx.points import ReaderPoints
from factstore.tx.predicates import Predicates, check_values
from factstore.tx.quick import quick
from factstore.tx.reader import Reader
from factstore.tx.redefine import redefined
from factstore.tx.resolve import Resolver
from factstore.tx.slots import Slots
from factstore.tx.tabulate import Load, tabulate
from factstore.values import Value, ValueType, decode_inline, encode_inline
from factstore.values_coerce import coerce

_MICROSECOND: Final = timedelta(microseconds=1)
_NO_FUNCTIONS: Final[Mapping[str, Function]] = {}


def prepare(
    reader: Reader,
    db_before: DbValue,
    data: Any,
    counters: Allocation,
    *,
    now: datetime,
    previous_instant: datetime | None = None,
    functions: Mapping[str, Function] = _NO_FUNCTIONS,
    excising: bool = False,
) -> Plan | QuickPlan:
    """What to write so that ``data`` holds, or the error that says why it can not.

    ``data`` is a list of forms, EDN text, or a table to :class:`Load`. ``reader`` answers about the same
    state that ``db_before`` shows: its schema decides what may be written, its dictionary decodes what the
    reader finds, and transaction functions are called with it. ``now`` is an aware datetime. Nothing is changed.
    ``excising`` if the caller takes out what the data records as excised.

    Raises :class:`TransactionError` ``tx/…``, and :class:`SchemaError`, :class:`EntityError` or
    :class:`InvalidValue` where an attribute, an entity or a value is wrong.

    >>> from datetime import UTC
    >>> from factstore.log import MemoryLog, schema_at
    >>> from factstore.snapshot import Snapshot
    >>> log = MemoryLog()
    >>> db = DbValue(Snapshot(log, 0), schema_at(log, 0), log.dictionary)
    >>> with log.writer() as writer:
    ...     data = [{"db/id": "red", "db/ident": "color/red"}]
    ...     plan = prepare(writer, db, data, writer.counters, now=datetime.now(UTC))
    ...     writer.write(plan)
    >>> plan.tempids["red"], plan.entries, len(plan.added.e), log.head()
    (256, [(256, <ValueType.KEYWORD: 7>, :color/red)], 2, 1)
    """
    plan = None
    if not isinstance(data, Load):
        plan = quickly(reader, db_before, data, counters, now=now, previous_instant=previous_instant)
    return plan or in_full(
        reader,
        db_before,
        data,
        counters,
        now=now,
        previous_instant=previous_instant,
        functions=functions,
        excising=excising,
    )


def quickly(
    reader: Reader,
    db_before: DbValue,
    data: Any,
    counters: Allocation,
    *,
    now: datetime,
    previous_instant: datetime | None,
) -> QuickPlan | None:
    """The plan of a transaction that is small and plain, None if it is not."""
    fresh = _Fresh(counters.next_v)
    plan = quick(
        ReaderPoints(reader, db_before.dictionary),
        db_before,
        data,
        counters,
        now=_encoded(now),
        previous=None if previous_instant is None else _encoded(previous_instant),
        intern=fresh.intern,
    )
    if plan is not None:
        plan.entries, plan.next_v = fresh.entries, counters.next_v + len(fresh.entries)
    return plan


def _encoded(instant: datetime) -> int:
    return encode_inline(ValueType.INSTANT, coerce(ValueType.INSTANT, instant))


class _Fresh:
    """New dictionary entries, from the next free code on."""

    def __init__(self, next_v: int) -> None:
        self.entries: list[Entry] = []
        self._next_v = next_v

    def intern(self, vt: ValueType, value: Value) -> int:
        code = self._next_v + len(self.entries)
        self.entries.append((code, vt, value))
        return code


def in_full(
    reader: Reader,
    db_before: DbValue,
    data: Any,
    counters: Allocation,
    *,
    now: datetime,
    previous_instant: datetime | None,
    functions: Mapping[str, Function],
    excising: bool = False,
) -> Plan:
    """:func:`prepare` by all of its stages, whatever the size of the transaction."""
    tx = TX0 + counters.t
    forms, gathered, slots = _gathered(data, db_before, counters.t, functions)
    codes = Codes(reader, db_before.dictionary)
    encode_columns(gathered.columns(), codes, gathered, forms)
    resolver = Resolver(forms, gathered, slots, reader, codes, schema=db_before.schema)
    next_e = resolver.run(counters.next_e)
    before = Before(reader, counters.next_e, tx)
    applier = Applier(resolver, db_before.schema, codes, before)
    found = applier.run(tx)
    if not excising:
        refuse_excision(gathered, forms)
    refuse_derived(gathered, found.added, tx, codes, forms)
    refuse_builtin(found, db_before.schema)
    found = _composed(found, applier, before, reader)
    predicates = Predicates(functions)
    check_values(found.added, db_before.schema, codes, predicates, resolver)
    schema = redefined(found, db_before, before, counters.t, codes)
    found = backfilled(found, db_before, schema, counters.t, codes)
    found, instant = _stamped(found, tx, now, previous_instant, codes)
    added, entries = _settled(found.added, schema, codes, counters.next_v)
    retracted, _ = _settled(found.retracted, schema, codes, counters.next_v)
    plan = Plan(
        t=counters.t,
        tx=tx,
        entries=entries,
        added=added,
        retracted=retracted,
        tempids=_tempids(resolver.entities, tx),
        next_e=next_e,
        next_v=counters.next_v + len(entries),
        schema=schema,
        instant=instant,
    )
    check_ensured(resolver, found, schema, before, predicates=predicates, after=lambda: db_after(db_before, plan))
    return plan


def _gathered(
    data: Any, db_before: DbValue, t: int, functions: Mapping[str, Function]
) -> tuple[Forms, Gathered, Slots]:
    """What was said, as columns: of forms by walking them, of a table as it is."""
    if isinstance(data, Load):
        return tabulate(data, db_before.schema, t)
    forms = Forms(data)
    return forms, *expand(forms, db_before, t, functions)


def _composed(found: Diff, applier: Applier, before: Before, reader: Reader) -> Diff:
    schema, codes, misstated = applier.schema, applier.codes, applier.misstated
    return with_composites(found, applier.stated(), schema, before, codes, reader=reader, misstated=misstated)


def _stamped(found: Diff, tx: int, now: datetime, previous: datetime | None, codes: Codes) -> tuple[Diff, datetime]:
    """With the transaction's instant, which is always later than the one before."""
    last = None if previous is None else encode_inline(ValueType.INSTANT, previous)
    stated = stated_instant(found, tx, last, codes)
    if stated is not None:
        return found, decode_inline(ValueType.INSTANT, stated)
    instant = coerce(ValueType.INSTANT, now)
    if previous is not None and instant <= previous:
        instant = previous + _MICROSECOND
    own = (tx, Ids.TX_INSTANT, encode_inline(ValueType.INSTANT, instant), -1)
    added = Said(*(np.append(column, value) for column, value in zip(found.added, own, strict=True)))
    return Diff(added, found.retracted), instant


def _settled(said: Said, schema: Schema, codes: Codes, next_v: int) -> tuple[Assertions, Sequence[Entry]]:
    vt = _types(said.a, schema)
    v, entries = codes.settle(vt, said.v, next_v)
    return Assertions(said.e, said.a, vt, v), entries


def _types(a: Ints, schema: Schema) -> Ints:
    table = traits(schema).types
    known = ints(sorted(table))
    types = ints([table[id] for id in known.tolist()])
    return types[np.searchsorted(known, a)]


def _tempids(entities: Entities, tx: int) -> dict[str | int, int]:
    known = entities.slots.tempids
    nodes = np.fromiter(known.values(), dtype=np.int64, count=len(known))
    found_eids = entities.of(nodes)
    pairs = zip(known, found_eids.tolist(), strict=True)
    found = dict(pairs) if (found_eids >= 0).all() else {tempid: eid for tempid, eid in pairs if eid >= 0}
    return {**found, "db/current-tx": tx}
