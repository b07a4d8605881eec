"""What a transaction did, for whoever asked for it or listens."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Generic, TypeVar

import numpy as np

from factstore.columns import decode
from factstore.datom import Datom
from factstore.db import DbValue
from factstore.forks import lazy
from factstore.tx.plan import Assertions, Plan, QuickPlan
from factstore.values import ValueType

Db = TypeVar("Db", bound=DbValue)


class TxReport(Generic[Db]):
    """The db value before and after a transaction, and what changed between them.

    ``db_after`` must know the plan's dictionary entries. ``datoms`` are decoded when first asked for.
    """

    def __init__(self, db_before: Db, db_after: Db, plan: Plan | QuickPlan) -> None:
        self.db_before = db_before
        self.db_after = db_after
        self.tx: int = plan.tx
        """The transaction's entity id."""
        self.t: int = plan.t
        self.tempids: Mapping[str | int, int] = plan.tempids
        """The entity of each tempid, and of ``"db/current-tx"``."""
        self._plan = plan

    @property
    def size(self) -> int:
        """How many datoms there are, without decoding them."""
        return len(self._plan.added.e) + len(self._plan.retracted.e)

    @property
    def instant(self) -> datetime:
        """When the transaction was, in UTC."""
        return self._plan.instant

    def __repr__(self) -> str:
        added, retracted = len(self._plan.added.e), len(self._plan.retracted.e)
        named = {tempid: eid for tempid, eid in self.tempids.items() if tempid != "db/current-tx"}
        more = f", tempids={named!r}" if 0 < len(named) <= _SHOWN else f", {len(named)} tempids" if named else ""
        return f"<TxReport t={self.t} {self.instant.isoformat()}: {added} added, {retracted} retracted{more}>"

    @lazy
    def datoms(self) -> list[Datom]:
        """Every retraction and assertion, by entity and attribute; what is replaced stands before what replaces it."""
        sides = ((self._plan.retracted, False), (self._plan.added, True))
        numbered = [item for facts, added in sides for item in self._decoded(facts, added)]
        numbered.sort(key=lambda item: item[0])
        return [datom for _, datom in numbered]

    def _decoded(self, facts: Assertions, added: bool) -> list[tuple[tuple[int, int, bool, int], Datom]]:
        found: list[tuple[tuple[int, int, bool, int], Datom]] = []
        for a in np.unique(facts.a).tolist():
            at = np.flatnonzero(facts.a == a)
            attribute = self._plan.schema.attribute(a)
            values = decode(ValueType(int(facts.vt[at[0]])), facts.v[at], self.db_after.dictionary)
            for e, code, value in zip(facts.e[at].tolist(), facts.v[at].tolist(), values, strict=True):
                found.append(((e, a, added, code), Datom(e, attribute.ident, value, self.tx, added)))
        return found


_SHOWN = 8
