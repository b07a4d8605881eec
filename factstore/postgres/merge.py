"""Plans to statements: those of one commit are merged, so that each table is written once.

A fact that a group asserts and retracts again was never among those that hold when the commit is
published: it goes to hist at once, or nowhere if its attribute forgets. A fact retracted and asserted
again leaves live before it comes back, so the unique index is never in the way.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from psycopg.types.numeric import Int8

from factstore.columns import Ints, LogRows, Mask, ints
from factstore.columns_order import ranked
from factstore.errors import LogError
from factstore.log import Plan, operations
from factstore.postgres.arrays import bools, int2s, int4s, int8s
from factstore.postgres.intern import intern_params
from factstore.recent import Op
from factstore.schema import Attribute, Ids, Schema

Statement = tuple[str, dict[str, Any]]
"""A statement's name and parameters."""


class Rows(NamedTuple):
    """Operations in their order, each with what its attribute is at its transaction."""

    log: LogRows
    bits: Ints
    kept: Mask
    """Whether a fact that ends is remembered."""


def statements_of(plans: Sequence[Plan]) -> list[Statement]:
    """What writes some plans, each made on the one before."""
    rows = _rows(plans)
    log = rows.log
    net = _Net(log.added, ~log.added, None) if len(plans) == 1 else _net(log)
    entries = [entry for plan in plans for entry in plan.entries]
    queue: list[Statement] = [("intern", intern_params(entries))] if entries else []
    if net.ends.any():
        queue.append(("retract", _retract_params(rows, net.ends)))
    queue.append(("write", write_params(rows, net.begins)))
    if net.passing is not None:
        queue += _pass(rows, net.passing)
    return queue + [("reflag", {"a": Int8(a.id), "fl": Int8(flags(a))}) for plan in plans for a in redefined(plan)]


def _rows(plans: Sequence[Plan]) -> Rows:
    parts = []
    for _, alike in itertools.groupby(plans, key=lambda plan: (id(plan.schema), ops_of(plan) is None)):
        group = list(alike)
        parts += [_few(group)] if ops_of(group[0]) is not None else [rows_of(operations(p), p.schema) for p in group]
    if len(parts) == 1:
        return parts[0]
    logs = zip(*(part.log for part in parts), strict=True)
    log = LogRows(*(np.concatenate(each) for each in logs))
    return Rows(log, np.concatenate([part.bits for part in parts]), np.concatenate([part.kept for part in parts]))


def ops_of(plan: Plan) -> Sequence[Op] | None:
    """The operations of a plan one by one, if it has them so."""
    found: Sequence[Op] | None = getattr(plan, "ops", None)
    return found


def _few(plans: Sequence[Plan]) -> Rows:
    """The rows of plans that have their operations one by one, all under one schema."""
    schema = plans[0].schema
    e, a, v, tx, added = zip(*(op for plan in plans for op in ops_of(plan) or ()), strict=True)
    known = {id: schema.get(id) for id in set(a)}
    vt = {id: 0 if attribute is None else int(attribute.type) for id, attribute in known.items()}
    bits = {id: flags(attribute) for id, attribute in known.items()}
    kept = {id: _remembers(attribute) for id, attribute in known.items()}
    log = LogRows(ints(tx), ints(e), ints(a), ints([vt[id] for id in a]), ints(v), np.asarray(added, dtype=np.bool_))
    return Rows(log, ints([bits[id] for id in a]), np.asarray([kept[id] for id in a], dtype=np.bool_))


def rows_of(log: LogRows, schema: Schema) -> Rows:
    """Operations under one schema."""
    ids, which = ranked(log.a)
    kept = np.asarray([_remembers(schema.get(id)) for id in ids.tolist()], dtype=np.bool_)
    return Rows(log, bits_of(log.a, schema), kept[which])


def bits_of(a: Ints, schema: Schema) -> Ints:
    """The ``fl`` bits of facts by their attributes."""
    ids, which = ranked(a)
    return ints([flags(schema.get(id)) for id in ids.tolist()])[which]


def _remembers(attribute: Attribute | None) -> bool:
    # noHistory forgets in the tables that answer queries; the log keeps the operation, for only excision
    # may take anything out of it.
    return attribute is None or not attribute.no_history


class _Net(NamedTuple):
    """What a stretch of operations does to the facts that hold, by the rows that do it."""

    begins: Mask
    """The assertions that hold at the end."""
    ends: Mask
    """The retractions of what held at the start."""
    passing: tuple[Ints, Ints] | None
    """The assertions that are retracted again, and their retractions."""


def _net(rows: LogRows) -> _Net:
    order = np.lexsort((rows.v, rows.a, rows.e))  # stable: the operations on a fact stay in theirs
    e, a, v, added = rows.e[order], rows.a[order], rows.v[order], rows.added[order]
    same = (e[1:] == e[:-1]) & (a[1:] == a[:-1]) & (v[1:] == v[:-1])
    if not same.any():
        return _Net(rows.added, ~rows.added, None)
    twice = np.flatnonzero(same & (added[1:] == added[:-1]))
    if len(twice):
        raise _not_strict(int(a[twice[0]]), int(e[twice[0]]), bool(added[twice[0]]))
    first, last = np.append(True, ~same), np.append(~same, True)
    begins, ends = np.zeros(len(e), dtype=np.bool_), np.zeros(len(e), dtype=np.bool_)
    begins[order[last & added]] = True
    ends[order[first & ~added]] = True
    born = np.flatnonzero(same & added[:-1])
    return _Net(begins, ends, (order[born], order[born + 1]))


def _not_strict(a: int, e: int, added: bool) -> LogError:
    what = "is added but holds already" if added else "is retracted but does not hold"
    return LogError(f"a fact of attribute {a} about entity {e} {what}", code="log/conflict", a=a, e=e)


def write_params(rows: Rows, begins: Mask) -> dict[str, Any]:
    """What the statement ``write`` takes; ``begins`` tells which rows are facts that hold."""
    log = rows.log
    return {
        "tx": int8s(log.tx),
        "e": int8s(log.e),
        "a": int4s(log.a),
        "v": int8s(log.v),
        "vt": int2s(log.vt),
        "added": bools(log.added),
        "fl": int2s(np.where(begins, rows.bits, -1)),
    }


def _retract_params(rows: Rows, ends: Mask) -> dict[str, Any]:
    log = rows.log
    return {
        "tx": int8s(log.tx[ends]),
        "e": int8s(log.e[ends]),
        "a": int4s(log.a[ends]),
        "v": int8s(log.v[ends]),
        "kept": bools(rows.kept[ends]),
        "count": Int8(int(ends.sum())),
    }


def _pass(rows: Rows, passing: tuple[Ints, Ints]) -> list[Statement]:
    born, gone = (each[rows.kept[passing[1]]] for each in passing)
    if not len(born):
        return []
    log = rows.log
    params = {
        "e": int8s(log.e[born]),
        "v": int8s(log.v[born]),
        "tx_from": int8s(log.tx[born]),
        "tx_to": int8s(log.tx[gone]),
        "a": int4s(log.a[born]),
        "vt": int2s(log.vt[born]),
        "fl": int2s(rows.bits[born]),
    }
    return [("pass", params)]


def flags(attribute: Attribute | None) -> int:
    """The ``fl`` bits of an attribute's facts: 0 in value order, 1 unique, 2 cardinality one."""
    if attribute is None:
        return 0
    return attribute.by_value | (attribute.unique is not None) << 1 | (not attribute.many) << 2


_DEFINING: Final = ints([Ids.UNIQUE, Ids.INDEX, Ids.CARDINALITY])


def redefined(plan: Plan) -> list[Attribute]:
    """The attributes that had facts before and whose bits may be others now; a new one has no facts yet."""
    if ops_of(plan) is not None:
        return []  # such a plan is of plain facts alone
    touched = {int(e) for facts in (plan.added, plan.retracted) for e in facts.e[np.isin(facts.a, _DEFINING)].tolist()}
    if not touched:
        return []
    new = set(plan.added.e[plan.added.a == Ids.VALUE_TYPE].tolist())
    known = (plan.schema.get(id) for id in sorted(touched - new))
    return [attribute for attribute in known if attribute is not None]
