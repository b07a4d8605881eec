"""Random schemas and transactions of every form, right and wrong, about what a model holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from random import Random
from typing import Any, Final
from uuid import UUID

from factstore.datom import FIRST_ENTITY, TX0
from factstore.values import URI, Keyword, Symbol
from tests.model.facts import Attr, Facts

SCALARS: Final[dict[str, list[Any]]] = {
    "long": [0, 1, -1, 2**62, 2**63 - 1, -(2**63)],
    "double": [0.0, -0.0, 1.5, -1e300, float("inf"), 1, 5e-324],
    "boolean": [False, True],
    "instant": [
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(1970, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))),
        datetime(2024, 2, 29, 12, 30, 0, 123456, tzinfo=UTC),
        datetime(1900, 1, 1, tzinfo=UTC),
    ],
    "string": ["", "a", "A", "ä\x00b", "x" * 40, ":a"],
    "keyword": [Keyword("k/a"), "k/a", Keyword("b"), Keyword("k/ä")],
    "symbol": [Symbol("s"), Symbol("n/s"), "s"],
    "uuid": [UUID(int=1), UUID(int=2**127)],
    "uri": [URI("https://a/b"), "https://a/b", URI("u:x")],
    "bytes": [b"", b"\x00\xff", b"a"],
    "bigint": [0, 10**30, -(10**30), 7],
    "bigdec": [Decimal("1.0"), Decimal("1.00"), Decimal("-2.5"), 1, Decimal("1E+20")],
}
SINGLE: Final = [*SCALARS, "ref", "ref", "ref", "string", "long"]


def definition(random: Random, name: str, type_: str, **more: Any) -> dict[str, Any]:
    """A schema map."""
    many = more.pop("many", random.random() < 0.4)
    found = {
        "db/ident": name,
        "db/valueType": f"db.type/{type_}",
        "db/cardinality": f"db.cardinality/{'many' if many else 'one'}",
        **{f"db/{key}": value for key, value in more.items()},
    }
    if "unique" not in more and type_ != "boolean" and random.random() < 0.25:
        found["db/unique"] = random.choice(["db.unique/identity", "db.unique/value"])
    if type_ == "ref" and random.random() < 0.3:
        found["db/isComponent"] = True
    if random.random() < 0.15:
        found["db/noHistory"] = True
    if random.random() < 0.2:
        found["db/index"] = True
    return found


def schema(random: Random, size: int = 8) -> list[dict[str, Any]]:
    """Definitions of attributes of all kinds; at least one identity, one ref of many and one of one."""
    found = [
        definition(random, "m/id", "string", many=False, unique="db.unique/identity"),
        definition(random, "m/refs", "ref", many=True),
        definition(random, "m/ref", "ref", many=False),
        definition(random, "m/x", "long", many=False),
        definition(random, "m/part", "ref", many=random.random() < 0.5, isComponent=True),
    ]
    found += [definition(random, f"m/a{n}", random.choice(SINGLE)) for n in range(size)]
    if random.random() < 0.5:
        found.append(definition(random, "m/pair", "tuple", tupleTypes=["db.type/long", "db.type/string"]))
    if random.random() < 0.5:
        found.append(definition(random, "m/same", "tuple", tupleType="db.type/keyword"))
    return found


def composite(random: Random, model: Facts, name: str) -> dict[str, Any]:
    """A composite tuple of attributes that are there."""
    able = [attr.ident for attr in own(model) if not attr.many and attr.type != "tuple"]
    parts = random.sample(able, min(len(able), random.randint(2, 3)))
    unique = random.choice([{}, {"db/unique": "db.unique/value"}])
    return {
        "db/ident": name,
        "db/valueType": "db.type/tuple",
        "db/cardinality": "db.cardinality/one",
        "db/tupleAttrs": parts,
        **unique,
    }


def own(model: Facts) -> list[Attr]:
    """The attributes that are not built in."""
    found = [attr for attr in model.attributes.values() if attr.ident.startswith("m/")]
    return sorted(found, key=lambda attr: attr.id)


def bump(read: Any, entity: Any, name: str) -> list[Any]:
    """A transaction function: counts up, whatever stands there."""
    values = read(entity, name)
    old = next(iter(values), None)
    return [["db/cas", entity, name, old, (old or 0) // 2 + 1]]


def relay(read: Any, entity: Any, name: str) -> list[Any]:
    """A transaction function that calls another, and says something in a map."""
    return [["m/bump", entity, name], {"db/id": "relayed", "m/refs": [entity]}, None]


FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {"m/bump": bump, "m/relay": relay}


class Drawing:
    """Draws forms about what ``model`` holds; ``wild`` is how often something is wrong."""

    def __init__(self, random: Random, model: Facts, wild: float = 0.03) -> None:
        self.random = random
        self.model = model
        self.wild = wild
        self.attributes = [attr for attr in own(model) if attr.parts is None]
        self.entities = sorted(
            {e for e, a, _ in model.held if FIRST_ENTITY <= e < TX0 and e not in model.attributes}
            | {v for _, a, v in model.held if model.attributes[a].type == "ref" and v >= FIRST_ENTITY}
            - set(model.attributes)
        )

    def forms(self, size: int) -> list[Any]:
        return [self.form() for _ in range(size)]

    def form(self) -> Any:
        draw = self.random.random()
        if draw < 0.45:
            return self.map(2)
        if draw < 0.6:
            attr = self.attr()
            return ["db/add", self.subject(), attr.ident, self.value(attr, 0)]
        if draw < 0.7:
            return self.retraction()
        if draw < 0.74:
            return ["db/retract", self.settled(), self.attr().ident]
        if draw < 0.79:
            return ["db/retractEntity", self.settled()]
        if draw < 0.87:
            return self.cas()
        if draw < 0.9:
            return {"db/id": self.random.choice(["db/current-tx", "datomic.tx"]), **self.entries(1, 0)}
        if draw < 0.94:
            return [self.random.choice(["m/bump", ":m/relay"]), self.settled(), "m/x"]
        return self.redefinition()

    def once(self, chance: float) -> bool:
        return self.random.random() < chance

    def attr(self, wanted: Callable[[Attr], bool] = lambda _: True) -> Attr:
        return self.random.choice([attr for attr in self.attributes if wanted(attr)])

    def map(self, depth: int) -> dict[str, Any]:
        found = self.entries(self.random.randint(1, 3), depth)
        return {"db/id": self.subject(), **found} if self.once(0.7) else found

    def entries(self, count: int, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for _ in range(count):
            attr = self.attr()
            colon = ":" if self.once(0.1) else ""
            if attr.type == "ref" and depth and self.once(0.2):
                found[f"{colon}m/_{attr.ident[2:]}"] = self.several(lambda attr=attr: self.ref(attr, depth - 1))
            elif attr.many and self.once(0.7):
                found[colon + attr.ident] = self.several(lambda attr=attr: self.value(attr, depth))
            else:
                found[colon + attr.ident] = self.value(attr, depth)
        if self.once(self.wild):
            found[self.random.choice(["m/nothing", "m/x", "m/id"])] = self.random.choice([None, [1, 2], "one", 1])
        return found

    def several(self, item: Callable[[], Any]) -> Any:
        found = [item() for _ in range(self.random.randint(0, 3))]
        if len(found) == 2 and isinstance(found[0], str):
            found.append(item())  # two that look like a lookup ref are one
        return found

    def subject(self) -> Any:
        if self.entities and self.once(0.4):
            return self.known()
        return self.tempid()

    def tempid(self) -> Any:
        return self.random.choice(["a", "b", "c", -1, -2])

    def known(self) -> Any:
        """An entity that is there, by id or lookup ref; now and then one that is not."""
        if self.once(self.wild):
            return self.random.choice([10**9, ["m/id", "nobody"], 0, Keyword("m/nobody"), ["m/x", 1]])
        entity = self.random.choice(self.entities) if self.entities else "a"
        names = [
            [self.model.attributes[a].ident, v]
            for e, a, v in self.model.held
            if e == entity and self.model.attributes[a].unique
        ]
        names.sort(key=repr)
        if names and self.once(0.4):
            return self.random.choice(names)
        return entity

    def settled(self) -> Any:
        return self.tempid() if self.once(self.wild) else self.known()

    def ref(self, attr: Attr, depth: int) -> Any:
        if depth and self.once(0.3):
            if attr.component or self.once(0.2):
                return self.map(depth - 1)
            return {"m/id": self.random.choice(SCALARS["string"]), **self.entries(1, depth - 1)}
        if self.once(0.03):
            return "db/current-tx"
        return self.subject()

    def value(self, attr: Attr, depth: int) -> Any:
        if self.once(self.wild):
            return self.random.choice([None, object(), "text", 1, 1.5, True, float("nan"), 2**70, (1, 2, 3)])
        if attr.type == "ref":
            return self.ref(attr, depth)
        if attr.type == "tuple":
            types = attr.slots if isinstance(attr.slots, tuple) else (attr.slots,) * self.random.randint(2, 4)
            return tuple(self.slot(str(type_).rpartition("/")[2]) for type_ in types)
        return self.random.choice(SCALARS[attr.type])

    def slot(self, type_: str) -> Any:
        return None if self.once(0.2) else self.random.choice(SCALARS[type_])

    def retraction(self) -> list[Any]:
        """Of something that holds, mostly."""
        facts = sorted(((e, a, v) for e, a, v in self.model.held if e in set(self.entities)), key=repr)
        if facts and self.once(0.8):
            e, a, v = self.random.choice(facts)
            if self.model.attributes[a].parts is None and self.model.attributes[a].ident.startswith("m/"):
                return ["db/retract", e, self.model.attributes[a].ident, v]
        attr = self.attr()
        return ["db/retract", self.settled(), attr.ident, self.held_value(attr)]

    def held_value(self, attr: Attr) -> Any:
        return self.known() if attr.type == "ref" else self.value(attr, 0)

    def cas(self) -> list[Any]:
        attr, entity = self.attr(), self.known()
        held = sorted(self.model.values(entity, attr.id), key=repr) if isinstance(entity, int) else []
        old = self.random.choice(held) if held and self.once(0.8) else None if self.once(0.7) else self.held_value(attr)
        return ["db/cas", entity, attr.ident, old, self.held_value(attr)]

    def redefinition(self) -> Any:
        """A change of the schema: allowed, forbidden, or contradicted by the facts."""
        attr = self.random.choice(own(self.model))
        change = self.random.choice(
            ["many", "unique", "plain", "component", "noHistory", "index", "name", "type", "doc"]
        )
        of = {"db/id": attr.id}
        if change == "many":
            return {**of, "db/cardinality": f"db.cardinality/{self.random.choice(['one', 'many'])}"}
        if change == "unique":
            # A composite identity upserts by its parts, which is told in tests/tx.
            kinds = ["value"] if attr.parts else ["value", "identity"]
            return {**of, "db/unique": f"db.unique/{self.random.choice(kinds)}"}
        if change == "plain":
            return ["db/retract", attr.id, "db/unique"]
        if change == "name":
            return {**of, "db/ident": f"m/n{attr.id}-{self.model.t}"}
        if change == "type":
            return {**of, "db/valueType": f"db.type/{self.random.choice(SINGLE)}"}
        if change == "doc":
            return {**of, "db/doc": self.random.choice(["one", "two"])}
        key = {"component": "isComponent"}.get(change, change)
        return {**of, f"db/{key}": self.once(0.5)}
