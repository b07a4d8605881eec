"""The db value that a plan would lead to, for those who must see it before it is committed."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from factstore.columns import Ints, LogRows
from factstore.datom import TX0
from factstore.db import DbValue
from factstore.dictionary_overlay import Overlay
from factstore.snapshot_changes import changes_of
from factstore.speculative import SpeculativeSnapshot
from factstore.tx.plan import Plan
from factstore.values import ValueType

Db = TypeVar("Db", bound=DbValue)


def db_after(db_before: Db, plan: Plan) -> Db:
    """``db_before`` with what ``plan`` does; ``db_before`` must be of the state that the plan was made from."""
    overlay = Overlay(db_before.dictionary)
    own = {code: overlay.intern(vt, [value])[0] for code, vt, value in plan.entries}
    gone, come = plan.retracted, plan.added
    v = np.concatenate((gone.v, _known(come.v, come.vt, own)))
    e, a, vt = (np.concatenate(pair) for pair in ((gone.e, come.e), (gone.a, come.a), (gone.vt, come.vt)))
    tx = np.full(len(e), TX0 + plan.t, dtype=np.int64)
    rows = LogRows(tx, e, a, vt, v, np.arange(len(e)) >= len(gone.e))
    snapshot = SpeculativeSnapshot.over(db_before.snapshot).advance(plan.t, changes_of(rows))
    return db_before.moved(snapshot, plan.schema, overlay)


def _known(v: Ints, vt: Ints, own: dict[int, int]) -> Ints:
    """``v`` with the overlay's codes for those that the dictionary does not have yet."""
    at = np.flatnonzero(vt >= ValueType.STRING)
    known = v.copy()
    known[at] = [own.get(code, code) for code in v[at].tolist()]
    return known
