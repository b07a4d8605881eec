"""Pull: entities as maps, of the shape a pattern says.

A pull goes down the pattern level by level. All entities that one pattern is to show on one level
form a :class:`~factstore.pull_group.Group`; a group takes each of its attributes for all of its entities at once, and
what they refer to forms the groups of the next level. When nothing is left to follow, the maps are
put together from the last group up, so that neither deep data nor cyclic data meets a stack.

What is shown: an attribute of one value as the value, one of many as a list, in stored order. A ref
is ``{"db/id": n}``, whether or not the entity has an ident; a component is shown whole. An entity of
which nothing is found is None, and no child of anything. An entity that recursion meets again below
itself is shown as its ``db/id`` alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import numpy as np

from factstore.columns import Ints, decode, ints
from factstore.db import DbValue
from factstore.db_lookups import EntityRef
from factstore.forks import lazy
from factstore.index import NO_INDEX, AttributeIndex
from factstore.pull_fetch import Fetch, current, entids, facts_of, referrers_of, values_of
from factstore.pull_group import Column, Group, Pulled
from factstore.pull_paths import Paths
from factstore.pull_pattern import parse_pull
from factstore.pull_plan import DB_ID, EXPANSION, Follow, Functions, Plan, Step, plain_step, plan

_NO_FUNCTIONS: Final[Functions] = {}


def pull(db: DbValue, pattern: Any, ref: EntityRef, *, functions: Functions | None = None) -> Pulled | None:
    """What ``pattern`` shows of one entity; None if that is nothing, or ``ref`` names no entity.

    ``functions`` are what ``:xform`` may name. Raises :class:`QueryError` for a wrong pattern,
    :class:`SchemaError` for an unknown attribute, :class:`EntityError` ``entity/history-view``.

    >>> from factstore.log import MemoryLog
    >>> from factstore.schema import Schema
    >>> from factstore.snapshot import Snapshot
    >>> log = MemoryLog()
    >>> db = DbValue(Snapshot(log, 0), Schema.bootstrap(), log.dictionary)
    >>> pull(db, "[:db/ident {:db/cardinality [:db/ident]}]", "db/doc")
    {'db/ident': :db/doc, 'db/cardinality': {'db/ident': :db.cardinality/one}}
    """
    return pull_many(db, pattern, [ref], functions=functions)[0]


def pull_many(
    db: DbValue, pattern: Any, refs: Sequence[EntityRef], *, functions: Functions | None = None
) -> list[Pulled | None]:
    """What ``pattern`` shows of each entity, in the order of ``refs``, None where it shows nothing.

    It reads as much for a thousand entities as for one: a batch for each attribute and level.
    """
    found = entids(current(db), refs)
    pulled = iter(pull_ids(db, pattern, ints([entity for entity in found if entity is not None]), functions=functions))
    return [None if entity is None else next(pulled) for entity in found]


def pull_pages(
    db: DbValue, pattern: Any, entities: Iterator[int], *, functions: Functions | None = None
) -> Iterator[Pulled | None]:
    """What ``pattern`` shows of each entity, read in batches that grow from a few to a thousand."""
    current(db)
    parse_pull(pattern)

    def pages() -> Iterator[Pulled | None]:
        size = 16
        while page := list(islice(entities, size)):
            yield from pull_ids(db, pattern, ints(page), functions=functions)
            size = min(2 * size, 1024)

    return pages()


def pull_ids(db: DbValue, pattern: Any, eids: Ints, *, functions: Functions | None = None) -> list[Pulled | None]:
    """What ``pattern`` shows of each entity id; each result is its own, even if an id comes twice."""
    planned = plan(current(db).schema, parse_pull(pattern), functions or _NO_FUNCTIONS)
    return [result or None for result in _Walk(db).run(planned, eids)]


class _Walk:
    """One pull on its way down."""

    def __init__(self, db: DbValue) -> None:
        self.db = db
        self.fetch = Fetch(db)
        self.paths = Paths()
        self._next: dict[tuple[Plan, bool], Group] = {}

    def run(self, plan: Plan, eids: Ints) -> list[Pulled]:
        """The map of each entity, empty if nothing is found."""
        if not len(eids):
            return []
        root = self.below(plan)
        root.add(eids, _unspent(plan, len(eids)))
        taken: list[Group] = []
        while self._next:
            level, self._next = list(self._next.values()), {}
            for group in level:
                _Visit(self, group).take()
            taken += level
        for group in reversed(taken):
            group.assemble()
        return root.results

    def below(self, plan: Plan, stepped: bool = False) -> Group:
        """The group of the next level for a plan."""
        key = (plan, stepped)
        if key not in self._next:
            self._next[key] = Group(plan, stepped)
        return self._next[key]


class _Visit:
    """A group whose turn it is: takes its columns, and puts what they refer to into the groups below."""

    def __init__(self, walk: _Walk, group: Group) -> None:
        self._walk = walk
        self._group = group
        self._e, self._left, self._way = group.closed()

    @lazy
    def _paths(self) -> Ints:
        return self._way if self._group.stepped else self._walk.paths.start(self._e)

    def take(self) -> None:
        """Takes every column."""
        plan = self._group.plan
        steps, indexes = self._everything(plan) if plan.wildcard else (plan.steps, self._indexes(plan.steps))
        self._walk.db.prefetch(step.attribute for step in steps if step.spec.reverse)
        self._group.columns = [self._column(step, indexes) for step in steps]

    def _indexes(self, steps: Sequence[Step]) -> Mapping[int, AttributeIndex]:
        forward = [step.attribute for step in steps if not step.spec.reverse and step.attribute is not DB_ID]
        return self._walk.fetch.indexes(self._e, forward)

    def _everything(self, plan: Plan) -> tuple[Sequence[Step], Mapping[int, AttributeIndex]]:
        indexes = facts_of(self._walk.db, self._e)
        said = plan.said
        unsaid = [self._walk.db.schema.attribute(id) for id in indexes if id not in said]
        unsaid.sort(key=lambda attribute: attribute.ident)
        first = [] if DB_ID.id in said else [DB_ID]
        return [*map(plain_step, [*first, *unsaid]), *plan.steps], indexes

    def _column(self, step: Step, indexes: Mapping[int, AttributeIndex]) -> Column:
        row, v = self._found(step, indexes)
        if step.follow in (Follow.ID, Follow.VALUE):
            return Column(step, row.tolist(), decode(step.attribute.type, v, self._walk.db.dictionary))
        if step.follow is Follow.REF or not len(v):
            return Column(step, row.tolist(), _ids(v), asked=self._asked(step))
        if step.nested is not None:
            group = self._walk.below(step.nested)
            at = group.add(v, _unspent(step.nested, len(v)))
            return Column(step, row.tolist(), [None] * len(v), group, range(at, at + len(v)))
        return self._stepped(step, row, v)

    def _found(self, step: Step, indexes: Mapping[int, AttributeIndex]) -> tuple[Ints, Ints]:
        if step.follow is Follow.ID:
            return np.arange(len(self._e), dtype=np.int64), self._e
        if step.spec.reverse:
            row, v = referrers_of(self._walk.db.index(step.attribute), self._e, step.limit)
        else:
            row, v = values_of(indexes.get(step.attribute.id, NO_INDEX), self._e, step.limit)
        if step.slot is None:
            return row, v
        unspent = self._left[row, step.slot] > 0
        return row[unspent], v[unspent]

    def _asked(self, step: Step) -> list[int] | None:
        return None if step.slot is None else np.flatnonzero(self._left[:, step.slot] > 0).tolist()

    def _stepped(self, step: Step, row: Ints, v: Ints) -> Column:
        """The column of a recursion, or of components: entities met before on their path are not entered."""
        plan = self._group.plan if step.follow is Follow.AGAIN else EXPANSION
        ways = self._walk.paths.step(self._paths[row], v)
        fresh = ways >= 0
        places = np.full(len(v), -1, dtype=np.int64)
        below = None
        if fresh.any():
            below = self._walk.below(plan, stepped=True)
            at = below.add(v[fresh], self._left_below(step, plan, row[fresh]), ways[fresh])
            places[fresh] = np.arange(at, below.size)
        return Column(step, row.tolist(), _ids(v), below, places.tolist(), self._asked(step))

    def _left_below(self, step: Step, plan: Plan, row: Ints) -> Ints:
        if step.follow is Follow.EXPAND:
            return _unspent(plan, len(row))
        left = self._left[row]
        if step.slot is not None:
            left[:, step.slot] -= 1
        return left


def _ids(e: Ints) -> list[Any]:
    return [{str(DB_ID.ident): entity} for entity in e.tolist()]


def _unspent(plan: Plan, size: int) -> Ints:
    return np.tile(ints(plan.depths), (size, 1))
