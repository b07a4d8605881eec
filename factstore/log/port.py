"""The log port: what every store must be able to do and say.

What a commit goes through, in order: :meth:`Log.writer` takes the only writer's place, the
:class:`Writer` answers what the transaction needs to know, :meth:`Writer.write` takes the plan, and
leaving the block publishes it. An error inside the block leaves no trace.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, NamedTuple, Protocol

import numpy as np

from factstore.columns import Intervals, Ints, LogRows, decode, encode, ints, member
from factstore.datom import FOREVER, TX0
from factstore.dictionary import Dictionary
from factstore.dictionary_entries import Entry, Unknown, key_of
from factstore.dictionary_overlay import Overlay
from factstore.errors import LogError
from factstore.log.erasure import Erasure
from factstore.log.stretch import Entries, Stretch
from factstore.schema import BUILTIN, SCHEMA_ATTRIBUTES, Ids, Schema, bootstrap_facts
from factstore.snapshot_source import Facts, Source
from factstore.values import Value, ValueType

FIRST_CODE: Final = 256
"""The first dictionary code given to a user's value; the codes below belong to the bootstrap schema."""


class Counters(NamedTuple):
    """What the next transaction may use: its t, the next free entity id, the next free dictionary code."""

    t: int
    next_e: int
    next_v: int


class Sizes(NamedTuple):
    """How much a store holds."""

    live: Mapping[int, int]
    """Facts that hold, by attribute id."""
    ended: Mapping[int, int]
    """Lives that are over, by attribute id."""
    entities: int
    """That have facts, transactions aside."""
    log: int
    """Operations."""
    entries: int
    """Dictionary entries."""
    bytes: Mapping[str, int]
    """Of each table and each index of it, by name."""


class Assertions(Protocol):
    """Facts of several attributes, encoded: parallel arrays."""

    @property
    def e(self) -> Ints: ...
    @property
    def a(self) -> Ints: ...
    @property
    def vt(self) -> Ints: ...
    @property
    def v(self) -> Ints: ...


class Plan(Protocol):
    """What a prepared transaction asks a log to write; nothing in it is redundant."""

    @property
    def t(self) -> int: ...
    @property
    def entries(self) -> Sequence[Entry]: ...
    @property
    def added(self) -> Assertions: ...
    @property
    def retracted(self) -> Assertions: ...
    @property
    def next_e(self) -> int: ...
    @property
    def next_v(self) -> int: ...
    @property
    def schema(self) -> Schema: ...


class Wanted(Protocol):
    """What transactions are going to ask, as far as it can be told before: hints, which need not be right."""

    @property
    def values(self) -> Sequence[tuple[ValueType, Value]]:
        """Interned values whose codes will be asked for."""

    @property
    def held(self) -> Sequence[tuple[int, ValueType, Value]]:
        """Values whose holders will be: the unique attribute, its type, the value."""

    @property
    def entities(self) -> Sequence[int]:
        """Entities whose facts will be; those of the holders are understood."""


class Writer(Protocol):
    """The one writer there is at a time. Its answers are about the state after all it has written."""

    @property
    def counters(self) -> Counters:
        """What the next plan may use."""

    @property
    def failed(self) -> bool:
        """Whether it can no longer commit, because an answer could not be had."""

    @property
    def published(self) -> bool | None:
        """Whether what was written has been committed; None while, or where, that cannot be told."""

    def codes_of(self, vt: ValueType, values: Sequence[Value]) -> list[int | None]:
        """The dictionary code of each value, None where there is none."""

    def holders(self, a: Ints, v: Ints) -> Ints:
        """The entity whose unique attribute ``a[i]`` has the encoded value ``v[i]``, -1 if none has."""

    def facts_of(self, entities: Ints) -> Facts:
        """All facts about ``entities`` that hold."""

    def refs_to(self, entities: Ints) -> Facts:
        """All facts that hold and whose value is one of ``entities``."""

    def erase(self, erasure: Erasure) -> int:
        """Takes facts out of the store for good, with values nothing speaks of any more; gives how many datoms.

        What a written plan of the same block says is recorded, and is not taken out.
        """

    def write(self, plan: Plan) -> None:
        """Takes a plan made from :attr:`counters`; ``log/conflict`` if it was made from others.

        It may be called again, with a plan made from what the counters and the answers are then: several
        transactions are one commit.
        """

    def write_stretch(self, stretch: Stretch) -> None:
        """Takes whole transactions that continue :attr:`counters`; ``log/conflict`` if they do not.

        They are not checked against the facts. The writer may not be asked anything afterwards.
        """


class Log(Source, Unknown, Protocol):
    """One store's commits, and what held after any of them; safe between threads."""

    @property
    def dictionary(self) -> Dictionary:
        """What this process has learned of the store's interned values."""

    def head(self) -> int:
        """The t of the newest transaction; 0 in a new store."""

    def read(self, after: int, upto: int | None = None) -> LogRows:
        """The log of the transactions with ``after < t <= upto``, in commit order."""

    def counters(self) -> Counters:
        """What the transaction after the newest may use."""

    def count(self, after: int, upto: int) -> int:
        """The number of operations in the transactions with ``after < t <= upto``."""

    def reach(self, after: int, upto: int, rows: int) -> int:
        """How far to read to get about ``rows`` operations: a t with ``after < t <= upto``.

        Fewer, since transactions are whole; more only if the first of them alone has more.
        """

    def sizes(self) -> Sizes:
        """How much there is of everything; counted, so it takes a while in a large store."""

    def entries_between(self, low: int, high: int) -> Entries:
        """The dictionary entries with ``low <= code <= high``, which this process need not keep."""

    def writer(self, wanted: Wanted | None = None) -> AbstractContextManager[Writer]:
        """Waits to be the only writer. Leaving the block commits; an exception in it rolls back.

        What is ``wanted`` can be answered without a further round trip.
        """

    def wait(self, after: int, timeout: float | None, give_up: Callable[[], bool]) -> bool:
        """True once anyone has committed a transaction after ``after``, though the store be away meanwhile.

        False after ``timeout`` seconds, or if ``give_up()``, which is asked again after every :meth:`wake`.
        """

    def wake(self) -> None:
        """Makes everyone in :meth:`wait` ask whether to give up."""

    def forget(self, t: int) -> None:
        """Lets go of what this process knows of values, since transaction ``t`` took some out; once for each ``t``."""

    def close(self) -> None:
        """Lets go of everything; the log cannot be used any more."""


def bootstrap() -> tuple[list[Entry], LogRows]:
    """Transaction 0 of every store: its dictionary entries and its datoms."""
    types = {attribute.id: attribute.type for attribute in BUILTIN}
    facts = bootstrap_facts()
    interned = dict.fromkeys((types[a], value) for _, a, value in facts if types[a].interned)
    entries = [(code, vt, value) for code, (vt, value) in enumerate(interned, 1)]
    known = Dictionary()
    known.learn(entries)
    encoded = [encode(types[a], [value], known)[0] for _, a, value in facts]
    e, a = ints([fact[0] for fact in facts]), ints([fact[1] for fact in facts])
    vt = ints([types[fact[1]] for fact in facts])
    return entries, LogRows(np.full(len(facts), TX0), e, a, vt, ints(encoded), np.ones(len(facts), dtype=np.bool_))


def schema_at(log: Log, t: int) -> Schema:
    """The schema at ``t``, made as it came about: one transaction after the other.

    Going through them in order keeps what only their order tells, such as the former idents of a
    renamed attribute.

    >>> from factstore.log import MemoryLog
    >>> len(schema_at(MemoryLog(), 0)) == len(BUILTIN)
    True
    """
    loaded = log.load_intervals(_SCHEMA_IDS.tolist(), t)
    parts = [_lived(attribute, lives) for attribute, lives in loaded.items() if len(lives.e)]
    if not parts:
        return Schema.bootstrap()
    rows = LogRows(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    return advance_schema(Schema.bootstrap(), rows_at(rows, np.argsort(rows.tx, kind="stable")), log, t)


def rows_at(log: LogRows, which: Any) -> LogRows:
    """The rows of a stretch at a mask, a slice or positions."""
    return LogRows(log.tx[which], log.e[which], log.a[which], log.vt[which], log.v[which], log.added[which])


def advance_schema(schema: Schema, rows: LogRows, log: Log, t: int) -> Schema:
    """The schema after a stretch of ``log`` that ends at ``t``, whatever else is in it."""
    schema = defined_by(schema, rows, log.dictionary)
    told = np.unique(rows.e[(rows.a == Ids.VALUE_TYPE) | (rows.a == Ids.DOC)])
    return _documented(schema, told[member(told, ints(sorted(attribute.id for attribute in schema)))], log, t)


def defined_by(schema: Schema, rows: LogRows, dictionary: Dictionary | Overlay) -> Schema:
    """The schema after a stretch of a log, but for what ``db/doc`` says."""
    mine = defining(rows)
    values = values_in(mine, dictionary)
    changes = zip(mine.tx.tolist(), mine.e.tolist(), mine.a.tolist(), values, mine.added.tolist(), strict=True)
    for _, group in itertools.groupby(changes, key=lambda change: change[0]):
        schema = schema.advance((e, a, v, added) for _, e, a, v, added in group)
    return schema


def defining(rows: LogRows) -> LogRows:
    """The operations that make the schema, but for ``db/doc``."""
    return rows_at(rows, np.isin(rows.a, _SCHEMA_IDS))


def _documented(schema: Schema, attributes: Ints, log: Log, t: int) -> Schema:
    """``schema`` with the ``db/doc`` that some attributes have at ``t``.

    Documents are not followed through the log: any entity may have one, and there may be millions.
    """
    if not len(attributes):
        return schema
    facts = log.facts_of(attributes, t)
    at = facts.a == Ids.DOC
    docs = dict(zip(facts.e[at].tolist(), decode(ValueType.STRING, facts.v[at], log.dictionary), strict=True))
    olds = ((e, schema.attribute(e).doc) for e in attributes.tolist() if e not in docs)
    lost = ((e, Ids.DOC, doc, False) for e, doc in olds if doc is not None)
    return schema.advance((*lost, *((e, Ids.DOC, doc, True) for e, doc in docs.items())))


_SCHEMA_IDS: Final = ints(sorted(SCHEMA_ATTRIBUTES - {Ids.DOC}))
_BUILTIN_TYPES: Final = {attribute.id: attribute.type for attribute in BUILTIN}


def _lived(attribute: int, lives: Intervals) -> LogRows:
    ended = lives.end != FOREVER
    tx = np.concatenate((lives.start, lives.end[ended]))
    e, v = np.concatenate((lives.e, lives.e[ended])), np.concatenate((lives.v, lives.v[ended]))
    a, vt = np.full(len(tx), attribute), np.full(len(tx), int(_BUILTIN_TYPES[attribute]))
    return LogRows(tx, e, a, vt, v, np.arange(len(tx)) < len(lives.e))


def values_in(log: LogRows, dictionary: Dictionary | Overlay) -> list[Value]:
    """The Python value of each row, whatever their types."""
    values: list[Any] = [None] * len(log.v)
    for vt in np.unique(log.vt).tolist():
        at = np.flatnonzero(log.vt == vt)
        for i, value in zip(at.tolist(), decode(ValueType(vt), log.v[at], dictionary), strict=True):
            values[i] = value
    return values


def operations(plan: Plan) -> LogRows:
    """What a plan adds to the log: its retractions, then its assertions."""
    gone, come = plan.retracted, plan.added
    pairs = ((gone.e, come.e), (gone.a, come.a), (gone.vt, come.vt), (gone.v, come.v))
    e, a, vt, v = (np.concatenate(pair) for pair in pairs)
    tx = np.full(len(e), TX0 + plan.t, dtype=np.int64)
    return LogRows(tx, e, a, vt, v, np.arange(len(e)) >= len(gone.e))


def changed_stretch(stretch: Stretch, expected: Counters) -> LogError:
    """The error for a stretch that does not begin where the log ends."""
    return LogError(
        f"the stretch begins with transaction {stretch.after + 1}, but the next one is {expected.t}",
        code="log/conflict",
        planned=stretch.after + 1,
        expected=expected.t,
    )


def changed_plan(plan: Plan, expected: Counters) -> LogError:
    """The error for a plan that was made from other counters than the writer's."""
    return LogError(
        f"the plan is for transaction {plan.t}, but the next one is {expected.t}",
        code="log/conflict",
        planned=plan.t,
        expected=expected.t,
    )


def last_excision(rows: LogRows) -> int | None:
    """The t of the last transaction of a stretch that took something out, None if there is none."""
    at = (rows.a == Ids.EXCISE) & rows.added
    return int(rows.tx[at].max()) - TX0 if at.any() else None


class Pending:
    """Dictionary entries that are written but not published: nobody else may learn them yet."""

    def __init__(self) -> None:
        self._parts: list[Sequence[Entry]] = []
        self._indexed = 0
        self._codes: dict[tuple[ValueType, Any], int] = {}
        self._values: dict[int, Value] = {}

    def add(self, entries: Sequence[Entry]) -> None:
        """Takes more entries, which must not change."""
        if entries:
            self._parts.append(entries)

    @property
    def entries(self) -> Sequence[Entry]:
        """All entries there are."""
        return self._parts[0] if len(self._parts) == 1 else list(itertools.chain.from_iterable(self._parts))

    def codes(self) -> dict[tuple[ValueType, Any], int]:
        """The code of each pending value, by its type and key."""
        self._index()
        return self._codes

    def values(self) -> dict[int, Value]:
        """The pending values by code."""
        self._index()
        return self._values

    def _index(self) -> None:
        # When first asked for: what is written last, most often all of it, is not asked for any more.
        for part in self._parts[self._indexed :]:
            for code, vt, value in part:
                self._codes[vt, key_of(vt, value)] = code
                self._values[code] = value
        self._indexed = len(self._parts)

    def codes_of(self, published: Dictionary, vt: ValueType, values: Sequence[Value]) -> list[int | None]:
        """The code of each value, pending or published."""
        codes = self.codes()
        if not codes:
            return published.codes_of(vt, values)
        own = [codes.get((vt, key_of(vt, value))) for value in values]
        rest = iter(published.codes_of(vt, [v for v, code in zip(values, own, strict=True) if code is None]))
        return [next(rest) if code is None else code for code in own]
