"""Random histories, and the plain sets of tuples that say what every view of them must show."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, NamedTuple

from factstore import Connection
from factstore.datom import TX0
from factstore.db import DbValue
from factstore.errors import SchemaError, TransactionError
from factstore.schema import Attribute

ATTRIBUTES = ("h/one", "h/many", "h/text", "h/ref", "h/score")
ENTITIES = 5

Fact = tuple[int, str, Any]
"""(entity, attribute, value)."""


def definitions() -> list[dict[str, Any]]:
    """The attributes of a history, and its entities as tempids."""
    kinds = {"h/one": "long", "h/many": "long", "h/text": "string", "h/ref": "ref", "h/score": "double"}
    many = {"h/many", "h/ref", "h/text"}
    return [
        {
            "db/ident": name,
            "db/valueType": f"db.type/{kind}",
            "db/cardinality": f"db.cardinality/{'many' if name in many else 'one'}",
        }
        for name, kind in kinds.items()
    ]


class Operation(NamedTuple):
    """What a transaction did to one fact."""

    fact: Fact
    t: int
    added: bool


class History:
    """A connection, and every operation it committed."""

    def __init__(self, conn: Connection, seed: int) -> None:
        self.conn = conn
        self.done: list[Operation] = []
        self._draw = random.Random(seed)
        conn.transact(definitions())
        made = conn.transact([{"db/id": str(n), "db/ident": f"e/{n}"} for n in range(ENTITIES)])
        self.entities = [made.tempids[str(n)] for n in range(ENTITIES)]

    def step(self, conn: Connection | None = None) -> DbValue:
        """One more random transaction, or change of an attribute; the db value after it."""
        conn = conn or self.conn
        if self._draw.random() < 0.15:
            return self._redefine(conn)
        wanted = {self._fact()[:2]: self._fact() for _ in range(self._draw.randint(1, 6))}
        held = sorted(self.held())
        gone = set(self._draw.sample(held, min(len(held), self._draw.randint(0, 4))))
        said = {fact for fact in wanted.values() if fact not in gone}
        said = {fact for fact in said if sum(fact[:2] == other[:2] for other in said) == 1}
        forms = [["db/retract", *fact] for fact in gone] + [["db/add", *fact] for fact in said]
        try:
            report = conn.transact(forms)
        except TransactionError as error:
            if error.code not in {"tx/conflict", "tx/unique-conflict"}:
                raise
            # The attribute is unique just now, and two entities must not have one value.
            return conn.db()
        names = set(ATTRIBUTES)
        self.done += [Operation((d.e, str(d.a), d.v), report.t, d.added) for d in report.datoms if d.a in names]
        return report.db_after

    def _fact(self) -> Fact:
        name = self._draw.choice(ATTRIBUTES)
        values: dict[str, Sequence[Any]] = {
            "h/text": ["", "a", "a\0b", "\ud800"],
            "h/ref": self.entities,
            "h/score": [0.0, -1.5, 2.0, 1e300],
        }
        value = self._draw.choice(values.get(name, [-(2**63), -1, 0, 7, 2**62, 2**63 - 1]))
        return self._draw.choice(self.entities), name, value

    def _redefine(self, conn: Connection) -> DbValue:
        """An attribute gains or loses its index or its uniqueness, where the facts allow it."""
        name = self._draw.choice(ATTRIBUTES)
        attribute: Attribute = conn.schema.attribute(name)
        forms: list[Any] = [[("db/retract" if attribute.indexed else "db/add"), name, "db/index", True]]
        if self._draw.random() < 0.5:
            operation = "db/add" if attribute.unique is None else "db/retract"
            forms = [[operation, name, "db/unique", "db.unique/value"]]
        try:
            return conn.transact(forms).db_after
        except SchemaError as error:
            if error.code != "schema/contradicted":
                raise
            return conn.db()

    def held(self, t: int | None = None) -> set[Fact]:
        """What holds at ``t``."""
        found: set[Fact] = set()
        for fact, at, added in self.done:
            if t is None or at <= t:
                (found.add if added else found.discard)(fact)
        return found

    def agrees(self, db: DbValue, t: int | None = None) -> None:
        """Compares every view of ``db``, or of it as of ``t``, with the operations."""
        last = db.basis_t if t is None else t
        seen = db if t is None else db.as_of(t)
        before = last // 2
        assert shown(seen) == {(*fact, *when) for fact, when in self._started(last).items()}
        assert shown(seen.since(before)) == {
            (*fact, *when) for fact, when in self._started(last).items() if when[0] > before
        }
        assert shown(seen.history()) == {(*fact, at, added) for fact, at, added in self.done if at <= last}
        assert shown(seen.history().since(before)) == {
            (*fact, at, added) for fact, at, added in self.done if before < at <= last
        }

    def _started(self, t: int) -> dict[Fact, tuple[int, bool]]:
        """When each fact that holds at ``t`` began to, and that it was asserted then."""
        held = self.held(t)
        return {fact: (at, added) for fact, at, added in self.done if added and at <= t and fact in held}


def shown(db: DbValue) -> set[tuple[Any, ...]]:
    """Every datom of a history's attributes in a view, each once."""
    every = [(d.e, str(d.a), d.v, d.tx - TX0, d.added) for name in ATTRIBUTES for d in db.datoms(name)]
    assert len(every) == len(set(every))
    return set(every)
