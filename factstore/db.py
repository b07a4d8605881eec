"""The db value: all facts at a basis, seen as they were, since then, or through all time.

A :class:`DbValue` never changes and is safe to share between threads. It holds no facts itself; it
says which view of a :class:`~factstore.snapshot.Snapshot` is meant, and loads attributes on first use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import numpy as np

from factstore.columns import Ints, Mask, Rows, decode, ints
from factstore.datom import FOREVER, TX0, Datom, is_tx
from factstore.db_datoms import DatomRows, asserted, lived, rows_of, taken
from factstore.db_lookups import Lookups
from factstore.db_orders import Orders
from factstore.dictionary import Dictionary
from factstore.dictionary_overlay import Overlay
from factstore.errors import EntityError
from factstore.index import AttributeIndex
from factstore.schema import Attribute, Ids, Schema
from factstore.snapshot import Snapshot
from factstore.snapshot_lives import Lives
from factstore.snapshot_source import Facts
from factstore.values import LONG_MAX, ValueType, encode_inline
from factstore.values_coerce import coerce

Predicate = Callable[["DbValue", Datom], bool]


class Operations(NamedTuple):
    """What was ever done to one attribute's facts: parallel arrays."""

    e: Ints
    v: Ints
    tx: Ints
    added: Mask


class _Filter(NamedTuple):
    """A predicate, and the value it is called with: the one that was filtered."""

    outer: DbValue
    predicate: Predicate


Self = TypeVar("Self", bound="DbValue")


class DbValue(Orders, Lookups):
    """All facts at one basis, through one view."""

    __slots__ = (
        "_cache",
        "_filters",
        "_in_value_order",
        "_operated",
        "as_of_t",
        "dictionary",
        "is_history",
        "schema",
        "since_t",
        "snapshot",
    )

    def __init__(self, snapshot: Snapshot, schema: Schema, dictionary: Dictionary | Overlay) -> None:
        self.snapshot = snapshot
        self.schema = schema
        self.dictionary = dictionary
        self.as_of_t: int | None = None
        self.since_t: int | None = None
        self.is_history = False
        self._filters: tuple[_Filter, ...] = ()
        self._cache: dict[int, AttributeIndex] = {}
        self._operated: dict[int, AttributeIndex] = {}
        self._in_value_order: dict[int, DatomRows] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DbValue) and self._shows == other._shows

    def __hash__(self) -> int:
        return hash(self._shows)

    @property
    def _shows(self) -> tuple[Any, ...]:
        """What makes two values show the same: the facts they stand on, and the view."""
        return self.snapshot.key, self.as_of_t, self.since_t, self.is_history, self._filters

    def __repr__(self) -> str:
        views = [f"as_of={self.as_of_t}"] if self.as_of_t is not None else []
        views += [f"since={self.since_t}"] if self.since_t is not None else []
        views += ["history"] if self.is_history else []
        views += [f"{len(self._filters)} filters"] if self._filters else []
        return f"<Db t={self.basis_t}{''.join(' ' + view for view in views)}>"

    @property
    def basis_t(self) -> int:
        """The t of the newest transaction this value can see, whatever its view."""
        return self.snapshot.t

    def _copy(self: Self) -> Self:
        other = object.__new__(type(self))
        other.snapshot = self.snapshot
        other.schema = self.schema
        other.dictionary = self.dictionary
        other.as_of_t = self.as_of_t
        other.since_t = self.since_t
        other.is_history = self.is_history
        other._filters = self._filters
        other._cache = {}
        other._operated = {}
        other._in_value_order = {}
        return other

    def _with(self: Self, **changes: Any) -> Self:
        other = self._copy()
        for name, value in changes.items():
            setattr(other, name, value)
        return other

    def as_of(self: Self, when: int | datetime) -> Self:
        """This value as it was at a t, a transaction id or an instant (included)."""
        t = self.t_of(when)
        return self._with(as_of_t=t if self.as_of_t is None else min(t, self.as_of_t))

    def since(self: Self, when: int | datetime) -> Self:
        """Only what was added after a t, a transaction id or an instant (excluded)."""
        t = self.t_of(when)
        return self._with(since_t=t if self.since_t is None else max(t, self.since_t))

    def history(self: Self) -> Self:
        """Every assertion and retraction up to this view's t; patterns may ask for the operation."""
        return self._with(is_history=True)

    def filter(self: Self, predicate: Predicate) -> Self:
        """Only the datoms for which ``predicate(db, datom)`` is true; ``db`` is this value."""
        return self._with(_filters=(*self._filters, _Filter(self, predicate)))

    @property
    def is_filtered(self) -> bool:
        """True after :meth:`filter`; ``as_of_t``, ``since_t`` and ``is_history`` tell of the other views."""
        return bool(self._filters)

    def moved(self: Self, snapshot: Snapshot, schema: Schema, dictionary: Dictionary | Overlay) -> Self:
        """This view of another state."""
        other = self._copy()
        other.snapshot, other.schema, other.dictionary = snapshot, schema, dictionary
        return other

    def t_of(self, when: int | datetime) -> int:
        """The t of a t, of a transaction id, or of the last transaction at or before an instant."""
        if isinstance(when, datetime):
            limit = encode_inline(ValueType.INSTANT, coerce(ValueType.INSTANT, when))
            found = self.snapshot.index(Ids.TX_INSTANT).between(None, limit).e
            return int(found.max()) - TX0 if len(found) else 0
        if type(when) is not int or not 0 <= when <= LONG_MAX:
            raise EntityError(
                f"{when!r} is no point in time: expected a t, a transaction id or a datetime", code="db/no-such-time"
            )
        return when - TX0 if is_tx(when) else when

    def index(self, attribute: Attribute) -> AttributeIndex:
        """The facts of one attribute that this view shows (in a history view: those ever added)."""
        if self._is_plain:
            return self.snapshot.index(attribute.id)
        found = self._cache.get(attribute.id)
        if found is None:
            found = self._cache[attribute.id] = self._viewed(attribute)
        return found

    @property
    def _is_plain(self) -> bool:
        return self.as_of_t is None and self.since_t is None and not self.is_history and not self._filters

    def holds(self, attribute: Attribute) -> bool:
        """True if :meth:`index` can answer without reading from the store, or filtering what it reads."""
        if self.is_history or self._filters:
            return attribute.id in self._cache
        return self._shown.holds(attribute.id)

    def prefetch(self, attributes: Iterable[Attribute]) -> None:
        """Loads what a query is going to need in one go."""
        self._shown.prefetch([attribute.id for attribute in attributes])

    @property
    def _shown(self) -> Snapshot:
        return self.snapshot if self.as_of_t is None else self.snapshot.at(self.as_of_t)

    def _viewed(self, attribute: Attribute) -> AttributeIndex:
        if self.is_history:
            operations = self.operations(attribute)
            return AttributeIndex.of(Rows(operations.e, operations.v, operations.tx))
        if self.since_t is None and not self._filters:
            return self._shown.index(attribute.id)
        rows = self._shown.index(attribute.id).scan()
        mask = self._passing(attribute, rows.e, rows.v, rows.tx, np.ones(len(rows.e), dtype=np.bool_))
        return AttributeIndex.of(Rows(rows.e[mask], rows.v[mask], rows.tx[mask]))

    def operations(self, attribute: Attribute) -> Operations:
        """Every assertion and retraction of one attribute in this view (a current view has no retractions)."""
        if not self.is_history:
            rows = self.index(attribute).scan()
            return Operations(rows.e, rows.v, rows.tx, np.ones(len(rows.e), dtype=np.bool_))
        lives = self._shown.intervals(attribute.id)
        ended = lives.end != FOREVER
        e = np.concatenate((lives.e, lives.e[ended]))
        v = np.concatenate((lives.v, lives.v[ended]))
        tx = np.concatenate((lives.start, lives.end[ended]))
        added = np.arange(len(e)) < len(lives.e)
        mask = self._passing(attribute, e, v, tx, added)
        return Operations(e[mask], v[mask], tx[mask], added[mask])

    def operated(self, attribute: Attribute) -> AttributeIndex:
        """:meth:`operations` of one attribute, by entity and by value; ``tx`` is twice the transaction, one more
        where it asserts."""
        found = self._operated.get(attribute.id)
        if found is None:
            found = self._operated[attribute.id] = self._operated_anew(attribute)
        return found

    def _operated_anew(self, attribute: Attribute) -> AttributeIndex:
        kept = self._shown.operated if self.since_t is None and not self._filters else {}
        found = kept.get(attribute.id)
        if found is None:
            e, v, tx, added = self.operations(attribute)
            found = kept[attribute.id] = AttributeIndex.of(Rows(e, v, 2 * tx + added))
        return found

    def _passing(self, attribute: Attribute, e: Ints, v: Ints, tx: Ints, added: Mask) -> Mask:
        mask: Mask = np.ones(len(e), dtype=np.bool_)
        if self.since_t is not None:
            mask &= tx > TX0 + self.since_t
        if self._filters:
            datoms = self._datoms(attribute, Operations(e, v, tx, added))
            kept = [all(passes.predicate(passes.outer, datom) for passes in self._filters) for datom in datoms]
            mask &= np.asarray(kept, dtype=np.bool_)
        return mask

    def _datoms(self, attribute: Attribute, operations: Operations) -> list[Datom]:
        values = decode(attribute.type, operations.v, self.dictionary)
        columns = (operations.e.tolist(), values, operations.tx.tolist(), operations.added.tolist())
        return [Datom(e, attribute.ident, v, tx, added) for e, v, tx, added in zip(*columns, strict=True)]

    def facts_of(self, entities: Ints) -> Facts:
        """All facts about ``entities`` in this view, without loading whole attributes for it."""
        facts = self._shown.facts_of(entities, self.schema.ids)
        if self.since_t is not None:
            kept = facts.tx > TX0 + self.since_t
            facts = Facts(*(column[kept] for column in facts))
        return facts if not self._filters else self._filtered(facts)

    def whole(self) -> Mapping[int, AttributeIndex] | None:
        """The indexes of all attributes with facts in this view; None unless all of them are in this process."""
        if self.is_history or self._filters or self.since_t is not None:
            return None
        return self._shown.whole(self.schema.ids)

    def is_worth_loading(self, entities: int) -> bool:
        """Takes note of a question about ``entities``; True if so much was asked that loading is the better way."""
        return self._shown.is_worth_loading(entities)

    def _filtered(self, facts: Facts) -> Facts:
        kept = self._kept(asserted(facts))
        return Facts(*(column[kept] for column in facts))

    def _kept(self, rows: DatomRows) -> Mask:
        mask = np.ones(len(rows.e), dtype=np.bool_)
        for id in np.unique(rows.a).tolist():
            e, _, v, tx, added = taken(rows, at := rows.a == id)
            mask[at] = self._passing(self.schema.attribute(id), e, v, tx, added)
        return mask

    def rows(self, attribute: Attribute) -> DatomRows:
        """:meth:`operations` of one attribute, as datoms of several are told."""
        e, v, tx, added = self.operations(attribute)
        return rows_of(e, attribute.id, v, tx, added)

    def rows_about(self, entities: Ints) -> DatomRows:
        """The datoms about ``entities`` in this view, in any order, without loading whole attributes for it."""
        if not self.is_history:
            return asserted(self.facts_of(entities))
        rows = lived(self._shown.lives_of(entities))
        return taken(rows, self._kept(rows))

    def rows_to(self, entities: Ints) -> DatomRows:
        """The datoms that refer to ``entities``, likewise."""
        lives = self._shown.lives_to(entities, ints([attribute.id for attribute in self.schema if attribute.is_ref]))
        rows = lived(lives if self.is_history else Lives(*(column[lives.end == FOREVER] for column in lives)))
        return taken(rows, self._kept(rows))

    def entities(self, beyond: int, count: int, backwards: bool = False) -> Ints:
        """Up to ``count`` entities next above ``beyond`` (``backwards``: below), among them all this view shows."""
        return self._shown.entities(beyond, count, backwards)

    def in_value_order(self, attribute: Attribute, make: Callable[[], DatomRows]) -> DatomRows:
        """The datoms of an attribute in value order, which ``make`` makes when they are first asked for."""
        found = self._in_value_order.get(attribute.id)
        if found is None:
            found = self._in_value_order[attribute.id] = make()
        return found
