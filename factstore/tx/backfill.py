"""New composite tuples over facts that are there already: filled in by the transaction that defines them."""

from __future__ import annotations

import numpy as np

from factstore.columns import ints
from factstore.db import DbValue
from factstore.schema import Attribute, Schema
from factstore.tx.before import traits
from factstore.tx.composites import composed
from factstore.tx.diff import Diff, Said, joined
from factstore.tx.encode import Codes
from factstore.tx.redefine import contradicted, facts_after, refuse_stale, repeated


def backfilled(found: Diff, db_before: DbValue, after: Schema, t: int, codes: Codes) -> Diff:
    """``found`` with what the composites that are new in ``after`` are of every entity that has a part.

    Raises ``schema/contradicted`` if one is to be unique and two entities have the same parts.
    """
    if after is db_before.schema:
        return found
    for attribute in traits(after).composites:
        if db_before.schema.get(attribute.id) is None:
            found = Diff(joined(found.added, _filled(attribute, found, db_before, after, codes, t=t)), found.retracted)
    return found


def _filled(attribute: Attribute, found: Diff, db_before: DbValue, after: Schema, codes: Codes, *, t: int) -> Said:
    parts = [after.attribute(id) for id in attribute.parts or ()]
    now: dict[tuple[int, int], int] = {}
    for part in parts:
        if part.id in db_before.schema:  # what is defined only now has no facts yet
            refuse_stale(db_before, t)
            rows = facts_after(part, found, db_before)
            now.update(((e, part.id), v) for e, v in zip(rows.e.tolist(), rows.v.tolist(), strict=True))
    entities = sorted({e for e, _ in now})
    v = ints([code for _, code in composed(entities, parts, now, codes) if code is not None])
    if attribute.unique is not None and (code := repeated(v)) is not None:
        raise contradicted(attribute, "can not be unique", f"two entities with {codes.show(attribute, code)}")
    return _said(attribute, entities, v.tolist())


def _said(attribute: Attribute, e: list[int], v: list[int]) -> Said:
    size = len(e)
    return Said(ints(e), np.full(size, attribute.id, dtype=np.int64), ints(v), np.full(size, -1, dtype=np.int64))
