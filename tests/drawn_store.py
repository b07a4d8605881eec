"""A store with something of everything: all types, schema changes, noHistory, names taken over, facts come and gone."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from factstore import URI, Connection, Datom, FactstoreError, Keyword, Symbol, ValueType
from factstore.datom import FIRST_ENTITY
from factstore.values_bytes import to_bytes

VALUES: dict[str, list[Any]] = {
    "long": [-(2**63), -1, 0, 7, 2**63 - 1],
    "double": [float("-inf"), -1.5, 0.0, 5e-324, 1e300],
    "boolean": [True, False],
    "instant": [datetime(1, 1, 1, tzinfo=UTC), datetime(2024, 2, 29, 12, 0, 0, 1, tzinfo=UTC)],
    "string": ["", "ann", "a\0b", "\ud800", "é😀", "x" * 5000, "ann "],
    "keyword": [Keyword("color/red"), Keyword("ann"), Keyword("db/ident")],
    "symbol": [Symbol("ann"), Symbol("?x")],
    "uuid": [UUID(int=0), UUID(int=2**128 - 1)],
    "uri": [URI("https://example.org/é"), URI("ann")],
    "bytes": [b"", b"\x00\xff", bytes(300)],
    "bigint": [10**400, -1, 2**64],
    "bigdec": [Decimal("1.50"), Decimal("-0.00"), Decimal("1E+400")],
    "tuple": [(1, "a"), (None, "a\0"), (2, None)],
}


def definitions() -> list[dict[str, Any]]:
    """One attribute of each type, ``t/<type>``, and refs; those of even place have many values."""
    found = []
    for place, name in enumerate([*VALUES, "ref"]):
        many = "many" if place % 2 and name != "boolean" else "one"
        found.append(
            {"db/ident": f"t/{name}", "db/valueType": f"db.type/{name}", "db/cardinality": f"db.cardinality/{many}"}
        )
        if name == "tuple":
            found[-1]["db/tupleTypes"] = ["db.type/long", "db.type/string"]
    return found


def fill(conn: Connection, seed: int, steps: int = 12) -> None:
    """Some random transactions."""
    draw = random.Random(seed)
    names = [definition["db/ident"] for definition in definitions()]
    conn.transact(definitions())
    made = conn.transact([{"db/id": str(n), "db/ident": f"e/{n}"} for n in range(4)])
    entities = [made.tempids[str(n)] for n in range(4)]
    for step in range(steps):
        forms: list[Any] = [_fact(draw, entities) for _ in range(draw.randint(0, 5))]
        if draw.random() < 0.3:
            forms = [_redefined(draw, names, step)]
        elif draw.random() < 0.2:
            forms = [["db/retractEntity", draw.choice(entities)]]
        elif draw.random() < 0.5:
            held = [[d.e, d.a, d.v] for name in names for d in conn.db().datoms(name)]
            forms += [["db/retract", *fact] for fact in draw.sample(held, min(len(held), 3))]
        if draw.random() < 0.2:
            instant = datetime(2050, 1, 1, tzinfo=UTC) + timedelta(seconds=step)
            forms.append({"db/id": "db/current-tx", "db/txInstant": instant, "t/string": f"step {step}"})
        try:
            conn.transact(forms)
        except FactstoreError as error:
            # Two values for one place, or a change that the facts contradict: what is refused leaves no trace.
            if error.code.partition("/")[0] not in {"tx", "schema"}:
                raise


def _fact(draw: random.Random, entities: list[int]) -> list[Any]:
    name = draw.choice([*VALUES, "ref"])
    return ["db/add", draw.choice(entities), f"t/{name}", draw.choice(VALUES.get(name, entities))]


def _redefined(draw: random.Random, names: list[str], step: int) -> Any:
    name = draw.choice(names)
    forms = [
        {"db/id": name, "db/noHistory": True},
        ["db/add", name, "db/noHistory", False],
        {"db/id": name, "db/index": draw.random() < 0.5},
        {"db/id": name, "db/doc": f"as of step {step}"},
        {"db/id": draw.choice(["e/0", "e/1"]), "db/ident": f"e/renamed{step}"},
        {"db/id": name, "db/cardinality": "db.cardinality/many"},
        {"db/id": name, "db/unique": "db.unique/value"},
    ]
    return draw.choice(forms)


def told(conn: Connection) -> dict[str, Any]:
    """All that a store says: its log with every value, the facts and past lives at every t, its schemas."""
    db = conn.db()
    names = [attribute.ident for attribute in db.schema if attribute.id >= FIRST_ENTITY] + [Keyword("db/ident")]
    return {
        "log": [(c.t, c.tx, c.instant, sorted(map(shown, c.datoms))) for c in conn.log()],
        "codes": sorted(zip(*(column.tolist() for column in conn.log_range(-1)), strict=True)),
        "facts": [[*map(shown, db.as_of(t).datoms(name))] for t in range(db.basis_t + 1) for name in names],
        "lives": [[*map(shown, db.history().datoms(a.ident))] for a in db.schema],
        "schema": [str([*db.as_of(t).schema]) for t in range(db.basis_t + 1)],
        "old idents": [db.entid(f"e/{n}") for n in range(4)],
    }


def shown(datom: Datom) -> str:
    """A datom so that equal means the same; decimals are equal by number."""
    return repr(datom._replace(v=to_bytes(ValueType.BIGDEC, datom.v)) if isinstance(datom.v, Decimal) else datom)


assert {ValueType[name.upper()] for name in VALUES} | {ValueType.REF} == set(ValueType)
