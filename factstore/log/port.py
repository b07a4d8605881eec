"""The log port: what every store must be able to do and say.

What a commit goes through, in order: :meth:`Log.writer` takes the only writer's place, the
:class:`Writer` answers what the transaction needs to know, :meth:`Writer.write` takes the plan, and
leaving the block publishes it. An error inside the block leaves no trace.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Final, NamedTuple, Protocol

from factstore.columns import Ints, LogRows
from factstore.dictionary import Dictionary
from factstore.dictionary_entries import Entry, Unknown
from factstore.errors import LogError
from factstore.log.erasure import Erasure
from factstore.log.stretch import Entries, Stretch
from factstore.schema import Schema
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
