"""Plans to statements: those of one commit are merged, so that each table is written once.

A fact that a group asserts and retracts again was never among those that hold when the commit is
published: it goes to hist at once, or nowhere if its attribute forgets. A fact retracted and asserted
again leaves live before it comes back, so the unique index is never in the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from psycopg.types.numeric import Int8

from factstore.columns import Ints, LogRows, Mask
from factstore.errors import LogError
from factstore.log import Plan, operations
from factstore.postgres.arrays import bools, int2s, int4s, int8s
from factstore.postgres.intern import intern_params
from factstore.schema import Attribute, Ids, Schema

Statement = tuple[str, dict[str, Any]]
"""A statement's name and parameters."""


def statements_of(plans: Sequence[Plan]) -> list[Statement]:
    """What writes some plans, each made on the one before."""
    parts = [operations(plan) for plan in plans]
    rows = parts[0] if len(parts) == 1 else LogRows(*(np.concatenate(each) for each in zip(*parts, strict=True)))
    traits = _traits(plans, parts, rows.a)
    entries = [entry for plan in plans for entry in plan.entries]
    net = _Net(rows.added, ~rows.added, None) if len(plans) == 1 else _net(rows)
    queue: list[Statement] = [("intern", intern_params(entries))] if entries else []
    if net.ends.any():
        queue.append(("retract", _retract_params(rows, net.ends, traits.kept)))
    queue.append(("write", write_params(rows, net.begins, traits.bits)))
    if net.passing is not None and len(net.passing):
        queue += _passing(rows, net.passing, traits)
    return queue + [("reflag", {"a": Int8(a.id), "fl": Int8(flags(a))}) for plan in plans for a in _redefined(plan)]


class _Net(NamedTuple):
    """What a stretch of operations does to the facts that hold, by the rows that do it."""

    begins: Mask
    """The assertions that hold at the end."""
    ends: Mask
    """The retractions of what held at the start."""
    passing: Ints | None
    """The assertions that are retracted again, and then the retractions: two rows of positions."""


def _net(rows: LogRows) -> _Net:
    order = np.lexsort((rows.v, rows.a, rows.e))  # stable: the operations on a fact stay in theirs
    e, a, v, added = rows.e[order], rows.a[order], rows.v[order], rows.added[order]
    same = (e[1:] == e[:-1]) & (a[1:] == a[:-1]) & (v[1:] == v[:-1])
    twice = np.flatnonzero(same & (added[1:] == added[:-1]))
    if len(twice):
        raise _not_strict(int(a[twice[0]]), int(e[twice[0]]), bool(added[twice[0]]))
    first, last = np.append(True, ~same)[: len(e)], np.append(~same, True)[: len(e)]
    begins, ends = np.zeros(len(e), dtype=np.bool_), np.zeros(len(e), dtype=np.bool_)
    begins[order[last & added]] = True
    ends[order[first & ~added]] = True
    born = np.flatnonzero(same & added[:-1])
    return _Net(begins, ends, np.stack((order[born], order[born + 1])) if len(born) else None)


def _not_strict(a: int, e: int, added: bool) -> LogError:
    what = "is added but holds already" if added else "is retracted but does not hold"
    return LogError(f"a fact of attribute {a} about entity {e} {what}", code="log/conflict", a=a, e=e)


class _Traits(NamedTuple):
    """What the attribute of each row is at the row's transaction."""

    bits: Ints
    kept: Mask


def _traits(plans: Sequence[Plan], parts: Sequence[LogRows], a: Ints) -> _Traits:
    if all(plan.schema is plans[0].schema for plan in plans):
        return _traits_in(plans[0].schema, a)
    each = [_traits_in(plan.schema, rows.a) for plan, rows in zip(plans, parts, strict=True)]
    return _Traits(*(np.concatenate(column) for column in zip(*each, strict=True)))


def _traits_in(schema: Schema, a: Ints) -> _Traits:
    ids, at = np.unique(a, return_inverse=True)
    known = [schema.get(id) for id in ids.tolist()]
    # noHistory forgets in the tables that answer queries; the log keeps the operation, for only excision
    # may take anything out of it.
    kept = np.asarray([attribute is None or not attribute.no_history for attribute in known], dtype=np.bool_)
    bits = np.asarray([flags(attribute) for attribute in known], dtype=np.int64)
    return _Traits(bits[at], kept[at])


def write_params(rows: LogRows, begins: Mask, bits: Ints) -> dict[str, Any]:
    """What the statement ``write`` takes; ``begins`` tells which rows are facts that hold."""
    return {
        "tx": int8s(rows.tx),
        "e": int8s(rows.e),
        "a": int4s(rows.a),
        "v": int8s(rows.v),
        "vt": int2s(rows.vt),
        "added": bools(rows.added),
        "fl": int2s(np.where(begins, bits, -1)),
    }


def _retract_params(rows: LogRows, ends: Mask, kept: Mask) -> dict[str, Any]:
    return {
        "tx": int8s(rows.tx[ends]),
        "e": int8s(rows.e[ends]),
        "a": int4s(rows.a[ends]),
        "v": int8s(rows.v[ends]),
        "kept": bools(kept[ends]),
        "count": Int8(int(ends.sum())),
    }


def _passing(rows: LogRows, passing: Ints, traits: _Traits) -> list[Statement]:
    born, gone = passing[:, traits.kept[passing[1]]]
    if not len(born):
        return []
    params = {
        "e": int8s(rows.e[born]),
        "v": int8s(rows.v[born]),
        "tx_from": int8s(rows.tx[born]),
        "tx_to": int8s(rows.tx[gone]),
        "a": int4s(rows.a[born]),
        "vt": int2s(rows.vt[born]),
        "fl": int2s(traits.bits[born]),
    }
    return [("pass", params)]


def flags(attribute: Attribute | None) -> int:
    """The ``fl`` bits of an attribute's facts: 0 in value order, 1 unique, 2 cardinality one."""
    if attribute is None:
        return 0
    return attribute.by_value | (attribute.unique is not None) << 1 | (not attribute.many) << 2


_DEFINING: Final = frozenset((Ids.UNIQUE, Ids.INDEX, Ids.CARDINALITY))


def _redefined(plan: Plan) -> list[Attribute]:
    """The attributes that had facts before and whose bits may be others now; a new one has no facts yet."""
    touched: set[int] = set()
    for facts in (plan.added, plan.retracted):
        mine = np.isin(facts.a, list(_DEFINING))
        touched.update(facts.e[mine].tolist())
    if not touched:
        return []
    new = set(plan.added.e[plan.added.a == Ids.VALUE_TYPE].tolist())
    known = (plan.schema.get(id) for id in sorted(touched - new))
    return [attribute for attribute in known if attribute is not None]
