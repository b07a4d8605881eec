"""A group of transactions becomes one commit: prepared one on the other, written and published together.

Each is a transaction of its own, with its t, its report, and a db value before that shows what those
before it in the group did. One that is refused leaves nothing behind, and the others go on. Nobody is told
anything, not even of a refusal, before the commit stands: a refusal may rest on what an earlier one wrote.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from factstore import tx
from factstore.columns import LogRows
from factstore.conn_turns import Entry
from factstore.database import Db
from factstore.dictionary import Dictionary
from factstore.dictionary_entries import key_of
from factstore.dictionary_overlay import Overlay
from factstore.errors import FactstoreError, LogError
from factstore.log import Log, Pending, Writer, operations
from factstore.recent import FEW, Op, ops_in
from factstore.schema import Schema
from factstore.snapshot_changes import changes_of
from factstore.speculative import FIRST_SPECULATIVE, SpeculativeSnapshot
from factstore.values import Value, ValueType, encode_inline

_FINAL: Final = frozenset(("log/unreachable", "log/outcome-unknown", "log/closed", "store/permission"))
"""What befalls a commit as a whole; any other error may be the fault of one, and the others are tried without it."""


class Head(NamedTuple):
    """The newest db value of a connection, and when its last transaction was."""

    db: Db
    instant: datetime | None


class Store(NamedTuple):
    """What a connection lends for a commit."""

    log: Log
    functions: Mapping[str, Callable[..., Any]]
    at_work: Callable[[], AbstractContextManager[None]]
    """Entered while transaction functions may be called."""
    catch_up: Callable[[], Head]
    """The head after what others have committed, as far as is known without the lock."""
    reach: Callable[[int], Head]
    """The head at a t, or later."""
    moved: Callable[[Head, LogRows | Sequence[Op], int, Schema, datetime], Head]
    """The head after a transaction."""
    publish: Callable[[Head], None]


class _Made(NamedTuple):
    entry: Entry
    plan: tx.Plan | tx.QuickPlan
    rows: LogRows | Sequence[Op]


def commit(store: Store, entries: Sequence[Entry]) -> None:
    """Commits a group and settles each of it; raises only what interrupts this thread.

    Where the commit fails and nothing was written, each is tried again by itself, unless there is no
    log to try it with. Functions may thus be called twice.
    """
    group = _Group(store, entries)
    try:
        group.write()
    except Exception as error:
        if not group.stands:
            _failed(store, entries, error)
            return
    except BaseException:
        group.interrupted()
        raise
    group.tell()


def _failed(store: Store, entries: Sequence[Entry], error: Exception) -> None:
    one_by_one = len(entries) > 1 and isinstance(error, FactstoreError) and error.code not in _FINAL
    for entry in entries:
        if one_by_one:
            commit(store, [entry])
        else:
            # Raised in several threads, one error would gather the tracebacks of all.
            own = copy.copy(error) if isinstance(error, FactstoreError) and len(entries) > 1 else error
            own.__cause__ = error.__cause__
            entry.settle(own)


class _Group:
    def __init__(self, store: Store, entries: Sequence[Entry]) -> None:
        self._store = store
        self._entries = entries
        self._made: list[_Made] = []
        self._refused: list[tuple[Entry, BaseException]] = []
        self._before: Head | None = None
        self._writer: Writer | None = None

    def write(self) -> None:
        """Prepares each on the ones before, and commits; an error in here leaves no trace of any."""
        store = self._store
        wanted = tx.wanted((entry.data for entry in self._entries), store.catch_up().db.schema)
        with store.log.writer(wanted) as writer:
            self._writer = writer
            self._before = store.reach(writer.counters.t - 1)
            with store.at_work():
                self._prepare(writer, self._before)

    def _prepare(self, writer: Writer, before: Head) -> None:
        db, instant = before
        pending = Pending()
        for entry in self._entries:
            try:
                plan = self._plan(entry, writer, db, instant)
                writer.write(plan)
            except BaseException as error:
                if writer.failed or _is_ours(error):
                    raise
                # Even SystemExit: a function that leaves does so in the thread that asked for it.
                self._refused.append((entry, error))
                continue
            rows = plan.ops if isinstance(plan, tx.QuickPlan) else operations(plan)
            self._made.append(_Made(entry, plan, rows))
            if entry is not self._entries[-1]:
                pending.add(plan.entries)
                db, instant = self._after(db, plan, rows, pending), plan.instant

    def _after(self, db: Db, plan: tx.Plan | tx.QuickPlan, rows: LogRows | Sequence[Op], pending: Pending) -> Db:
        """What the next transaction has before it: not in the log yet, and perhaps never."""
        snapshot = SpeculativeSnapshot.over(db.snapshot)
        if not isinstance(rows, LogRows):
            after = snapshot.grow(plan.t, rows)
        elif len(rows.e) <= FEW:
            after = snapshot.grow(plan.t, ops_in(rows))
        else:
            after = snapshot.advance(plan.t, changes_of(rows))
        after.next_e, after.instant = FIRST_SPECULATIVE, encode_inline(ValueType.INSTANT, plan.instant)
        return db.moved(after, plan.schema, Unpublished(self._store.log.dictionary, pending))

    def _plan(self, entry: Entry, writer: Writer, db: Db, instant: datetime | None) -> tx.Plan | tx.QuickPlan:
        return tx.prepare(
            writer,
            db,
            entry.data,
            writer.counters,
            now=datetime.now(UTC),
            previous_instant=instant,
            functions=self._store.functions,
        )

    def tell(self) -> None:
        """Publishes the head after the last, and settles all of the group."""
        try:
            self._settle()
        except KeyboardInterrupt:
            # The commit stands. Whoever is not settled would be committed once more.
            self._settle()
            raise

    def _settle(self) -> None:
        outcomes: list[tuple[Entry, tx.TxReport[Db] | BaseException]] = [*self._reports(), *self._refused]
        for entry, outcome in outcomes:
            if not entry.settled:
                entry.settle(outcome)

    def _reports(self) -> Iterator[tuple[Entry, tx.TxReport[Db]]]:
        head = self._before
        assert head is not None
        for entry, plan, rows in self._made:
            before, head = head, self._store.moved(head, rows, plan.t, plan.schema, plan.instant)
            yield entry, tx.TxReport(before.db, head.db, plan)
        self._store.publish(head)

    @property
    def stands(self) -> bool:
        """Whether it is committed, whatever happened after that."""
        return self._writer is not None and self._writer.published is True

    def interrupted(self) -> None:
        """Settles what can be: all if the commit stands, none if it does not."""
        if self.stands:
            self._settle()
        elif self._writer is not None and self._writer.published is None:
            for entry in self._entries:
                entry.settle(_unknown())


def _is_ours(error: BaseException) -> bool:
    """Whether it is this thread that is interrupted, rather than one of the transactions that fails."""
    return isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread()


def _unknown() -> LogError:
    return LogError(
        "the thread that committed this transaction for others was interrupted, and the server could not be asked"
        " whether it came through",
        code="log/outcome-unknown",
    )


class Unpublished(Overlay):
    """A dictionary with the entries that a commit is about to publish, under their real codes.

    >>> from factstore.values import ValueType
    >>> pending = Pending()
    >>> pending.add([(256, ValueType.STRING, "ann")])
    >>> over = Unpublished(Dictionary(), pending)
    >>> over.codes_of(ValueType.STRING, ["ann", "bob"]), over.values_of([256])
    ([256, None], ['ann'])
    """

    def __init__(self, base: Dictionary, pending: Pending) -> None:
        super().__init__(base)
        self._pending = pending

    def peek(self, vt: ValueType, value: Value) -> int | None:
        found = self._pending.codes().get((vt, value))
        return super().peek(vt, value) if found is None else found

    def code_of(self, vt: ValueType, value: Value) -> int | None:
        found = self._pending.codes().get((vt, key_of(vt, value)))
        return super().code_of(vt, value) if found is None else found

    def codes_of(self, vt: ValueType, values: Sequence[Value]) -> list[int | None]:
        return [self.code_of(vt, value) for value in values] if self._pending.entries else super().codes_of(vt, values)

    def values_of(self, codes: Sequence[int]) -> list[Value]:
        given = self._pending.values()
        rest = iter(super().values_of([code for code in codes if code not in given]))
        return [given[code] if code in given else next(rest) for code in codes]
