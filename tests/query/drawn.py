"""Random small stores and random queries over them, drawn so that most queries have a meaning and some an answer."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Sequence
from random import Random
from typing import Any, NamedTuple

import factstore
from factstore import Datom, Db
from tests.model.naive import at_t

ENTITIES = 4
_SHARED = 40
"""Stores of each number of transactions."""
VALUES: dict[str, Sequence[Any]] = {
    "long": [-1, 0, 1, 2, 3],
    "double": [0.0, 0.5, 1.0, 2.0],
    "string": ["", "a", "ab", "b"],
    "boolean": [True, False],
    "keyword": [factstore.Keyword("k/a"), factstore.Keyword("a")],
}
_AGGREGATES = ("count", "count-distinct", "min", "max", "sum", "avg", "median", "variance", "stddev", "min 2", "max 2")
_TYPES = ("ref", "ref", "long", "long", "double", "string", "boolean", "keyword")


class Attr(NamedTuple):
    name: str
    type: str
    many: bool


class Store(NamedTuple):
    """A db value, the same as a log of datoms, and the attributes to ask for."""

    db: Db
    datoms: list[Datom]
    attrs: list[Attr]
    first: int
    """The id of the first entity; the others follow."""

    def ids(self) -> range:
        return range(self.first, self.first + ENTITIES)

    def held(self, t: int | None = None) -> set[Datom]:
        """The facts at a t, the newest if none is given."""
        return at_t(self.datoms, self.db.basis_t if t is None else t)

    def refs(self) -> list[Datom]:
        """The references that hold: all that drawn rules ask for."""
        names = {attr.name for attr in self.attrs if attr.type == "ref"}
        return [datom for datom in self.held() if datom.a in names]


_BOOTSTRAP: list[Datom] = []


def bootstrap() -> list[Datom]:
    """What holds in every store from the start."""
    if not _BOOTSTRAP:
        db = factstore.connect("memory:").db()
        _BOOTSTRAP.extend(datom for attribute in db.schema for datom in db.datoms(attribute.ident))
    return _BOOTSTRAP


def store(r: Random, transactions: int = 1) -> Store:
    """Four to six attributes, five entities with a few facts, written by some transactions."""
    conn = factstore.connect("memory:")
    attrs = [Attr("a/name", "string", False)]
    attrs += [Attr(f"a/{type}{n}", type, r.random() < 0.4) for n, type in enumerate(r.sample(_TYPES, r.randint(3, 5)))]
    if not any(attr.type == "ref" for attr in attrs):
        attrs.append(Attr("a/ref", "ref", True))
    conn.transact([_definition(attr) for attr in attrs])
    names = [{"db/id": f"e{n}", "a/name": f"n{n}"} for n in range(ENTITIES)]
    names[0]["db/ident"] = "i/zero"
    ids = conn.transact(names).tempids
    first = ids["e0"]
    for _ in range(transactions):
        conn.transact(_changes(r, conn.db(), attrs[1:], first))
    datoms = [datom for commit in conn.log() for datom in commit.datoms]
    return Store(conn.db(), [*bootstrap(), *datoms], attrs, first)


def store_of(r: Random, transactions: int = 1) -> Store:
    """One of the stores that all tests of a process share: to make one costs more than to ask it some queries."""
    return _shared(r.randrange(_SHARED), transactions)


@functools.cache
def _shared(seed: int, transactions: int) -> Store:
    return store(Random(seed), transactions)


def _definition(attr: Attr) -> dict[str, Any]:
    unique = {"db/unique": "db.unique/identity"} if attr.name == "a/name" else {}
    many = "many" if attr.many else "one"
    kind = {"db/valueType": f"db.type/{attr.type}", "db/cardinality": f"db.cardinality/{many}"}
    return {"db/ident": attr.name, **kind, **unique}


def _changes(r: Random, db: Db, attrs: Sequence[Attr], first: int) -> list[Any]:
    """Up to a dozen assertions and a few retractions, none of which contradicts another."""
    made: dict[Any, Any] = {}
    for _ in range(r.randint(4, 20)):
        attr, e = r.choice(attrs), first + r.randrange(ENTITIES)
        value = first + r.randrange(ENTITIES) if attr.type == "ref" else r.choice(VALUES[attr.type])
        made[e, attr.name, str(value) if attr.many else ""] = ["db/add", e, attr.name, value]
    touched = {(e, name) for e, name, _ in made}
    held = [d for attr in attrs for d in db.datoms(attr.name) if (d.e, str(d.a)) not in touched]
    gone = r.sample(held, min(len(held), r.randint(0, 3)))
    return [*made.values(), *(["db/retract", d.e, d.a, d.v] for d in gone)]


class Drawn:
    """Draws clauses over one store, and remembers which variables of which type it has used."""

    def __init__(
        self,
        r: Random,
        store: Store,
        *,
        without: Collection[str] = (),
        sources: Sequence[str] = ("$",),
        rules: Sequence[tuple[str, int]] = (),
    ) -> None:
        self.r = r
        self.store = store
        self.without = without
        """What is not drawn: "lookup refs", "functions", "equal refs", or "ours", which is what DataScript has not."""
        self.sources = sources
        """What can be asked; ``$c`` has rows of an entity, a long and a string."""
        self.rules = rules
        """The names and arities of rules that can be called, with entities."""
        self.used: dict[str, list[str]] = {}

    def source(self, blank: bool = True) -> str:
        """A database to ask, named or, mostly, the one that is meant where none is named."""
        named = [source for source in self.sources if source != "$c"]
        return self.r.choice(named) if not blank or (len(named) > 1 and self.r.random() < 0.4) else ""

    def variable(self, type: str) -> str:
        """A variable of a type, more often one used before than a new one."""
        known = self.used.setdefault(type, [])
        if known and self.r.random() < 0.55:
            return self.r.choice(known)
        name = f"?{type[0]}{len(known)}"
        known.append(name)
        return name

    def constant(self, type: str) -> str:
        r = self.r
        if type == "ref":
            entity = r.randrange(ENTITIES)
            by_name = r.random() < 0.2 and "lookup refs" not in self.without
            if by_name and not entity:
                return ":i/zero"
            return f'[:a/name "n{entity}"]' if by_name else str(self.store.first + entity)
        return factstore.edn.write(r.choice(VALUES[type]))

    def plain(self, type: str) -> str:
        """A constant that does not name an entity."""
        return str(self.store.first) if type == "ref" else self.constant(type)

    def term(self, type: str) -> str:
        """A variable, seldom a blank or a constant."""
        chance = self.r.random()
        return self.variable(type) if chance < 0.85 else "_" if chance < 0.93 else self.constant(type)

    def attr(self, type: str | None = None, many: bool | None = None) -> Attr:
        found = [a for a in self.store.attrs if type in (None, a.type) and many in (None, a.many)]
        return self.r.choice(found or self.store.attrs[:1])

    def pattern(self, attr: Attr | None = None) -> str:
        if "$c" in self.sources and self.r.random() < 0.2:
            terms = [self.term("ref"), self.term("long"), self.term("string")][: self.r.randint(1, 3)]
            return f"[$c {' '.join(str(self.store.first) if t[0] in '[:' else t for t in terms)}]"
        attr = attr or self.attr("ref" if self.r.random() < 0.4 else None)
        chance = self.r.random() if "ours" not in self.without else 0.5
        source = f"{self.source()} " if len(self.sources) > 1 else ""
        if chance < 0.04:
            return f"[{source}{self.variable('ref')} ?a{self.r.randrange(2)} ?z{self.r.randrange(2)}]"
        if chance < 0.06:
            return f"[{source}{self.constant('ref')} _ ?z{self.r.randrange(2)}]"
        start = f"[{source}{self.term('ref')} :{attr.name}"
        if chance < 0.12:
            return f"{start}]"
        more = self.r.choice([" ?x", " _", " ?x ?op", " _ true"]) if chance < 0.25 else ""
        return f"{start} {self.term(attr.type)}{more}]"

    def known(self, type: str) -> str:
        """A variable of a type that some clause has used, else a constant."""
        used = self.used.get(type)
        return self.r.choice(used) if used and self.r.random() < 0.8 else self.plain(type)

    def predicate(self) -> str:
        type = self.r.choice(["long", "long", "double", "string", "ref"])
        type = "long" if type == "ref" and "equal refs" in self.without else type
        op = self.r.choice(["=", "!="] if type == "ref" else ["<", "<=", ">", ">=", "=", "!="])
        return f"[({op} {self.known(type)} {self.known(type)})]"

    def function(self) -> str:
        known, variable = self.known, self.variable
        attr = self.attr(many=False)
        match self.r.randrange(11):
            case 0:
                return f"[({self.r.choice('+-*')} {known('long')} {known('long')}) {variable('long')}]"
            case 1:
                return f"[(str {known('string')} {known('string')}) {variable('string')}]"
            case 2:
                return f"[(ground [{self.constant('long')} {self.constant('long')}]) [{variable('long')} ...]]"
            case 3:
                both = f"{known('long')} {known('string')}"
                return f"[(tuple {both}) [{variable('long')} {variable('string')}]]"
            case 4:
                default = self.constant("long" if attr.type == "ref" else attr.type)
                asked = f"{self.source(False)} {self.entity()}"
                return f"[(get-else {asked} :{attr.name} {default}) {variable(attr.type)}]"
            case 5:
                other = self.attr(attr.type, many=False)
                some = f"(get-some {self.source(False)} {self.entity()} :{attr.name} :{other.name})"
                return f"[{some} [{self.r.choice(['_', '?k'])} {variable(attr.type)}]]"
            case 6:
                back = self.attr("ref")
                name = back.name.replace("/", "/_") if back.type == "ref" else back.name
                return f"[(missing? {self.source(False)} {self.entity()} :{name})]"
            case 7:
                row = f"[{self.constant('long')} {self.constant('string')}]"
                return f'[(ground [{row} [2 "b"]]) [[{variable("long")} {variable("string")}]]]'
            case 8:
                return f"[(- {known('long')} {known('long')}) _]"
            case 9 if "ours" not in self.without:
                return self.nested()
            case _:
                return f"[(missing? {self.source(False)} {self.entity()} :{self.attr().name})]"

    def nested(self) -> str:
        """A query within the query."""
        attr, source = self.attr("long"), self.source(False)
        match self.r.randrange(3):
            case 0:
                whole = f"[:find (count ?x) . :in $ ?r :where [?r :{attr.name} ?x]]"
                return f"[(q {whole} {source} {self.entity()}) {self.variable('long')}]"
            case 1:
                whole = f'{{:find [[?x ...]] :where [[?r :{attr.name} ?x] (not [?r :a/name "n1"])]}}'
                return f"[(q {whole} {source}) [{self.variable(attr.type)} ...]]"
            case _:
                whole = f"[:find ?r (min ?x) :where [?r :{attr.name} ?x]]"
                return f"[(q {whole} {source}) [[{self.variable('ref')} {self.variable(attr.type)}]]]"

    def entity(self) -> str:
        return self.known("ref") if self.used.get("ref") else str(self.store.first)

    def group(self, depth: int) -> str:
        """A not, or, optional, or one of their join forms."""
        r, saved = self.r, {type: list(names) for type, names in self.used.items()}
        kind = r.choice(
            ["not", "not", "not-join", "or", "or", "or-join", *(["optional"] * ("ours" not in self.without))]
        )
        if kind in ("or", "or-join"):
            return self.either(kind, depth)
        body = " ".join(self.clause(depth + 1) for _ in range(r.randint(1, 2)))
        names = [name for kinds in saved.values() for name in kinds]
        source = f"{self.source()} "
        if kind == "optional":
            return f"({source}optional {body})"
        self.used = saved
        joined = r.sample(names, min(len(names), r.randint(1, 2)))
        joins = kind == "not-join" and joined
        return f"({source}not-join [{' '.join(joined)}] {body})" if joins else f"({source}not {body})"

    def either(self, kind: str, depth: int) -> str:
        """Branches that all speak of one entity and one value."""
        type, source = self.attr().type, self.source()
        if kind == "or-join" and "functions" not in self.without and self.r.random() < 0.3:
            return self.required(source)
        e, v = self.variable("ref"), self.variable(type)
        bodies = []
        for _ in range(self.r.randint(1, 3)):
            saved = {name: list(names) for name, names in self.used.items()}
            body = f"[{e} :{self.attr(type).name} {v}]"
            if self.r.random() < 0.5:
                body = f"(and {body} {self.clause(depth + 1)})"
            bodies.append(body)
            if kind == "or-join":
                self.used = saved
        return f"({source} {'or-join [' + e + ' ' + v + ']' if kind == 'or-join' else 'or'} {' '.join(bodies)})"

    def required(self, source: str) -> str:
        """Branches that compute one number from another, which must be known."""
        needed, free = self.known("long"), self.variable("long")
        extra = self.attr("long")
        if not needed.startswith("?") or needed == free or extra.type != "long":
            return self.pattern()
        below = f"(and [_ :{extra.name} {free}] [(< {free} {needed})])"
        return f"({source} or-join [[{needed}] {free}] [(inc {needed}) {free}] {below})"

    def call(self) -> str:
        """A call of a rule, each argument a variable of its own, a blank or a constant."""
        name, arity = self.r.choice(self.rules)
        args = [self.term("ref") for _ in range(arity)]
        if "ours" in self.without and len({*args}) < arity:
            return self.pattern()
        return f"({self.source()} {name} {' '.join(args)})"

    def clause(self, depth: int = 0) -> str:
        if self.rules and self.r.random() < 0.15:
            return self.call()
        chance = self.r.random()
        if chance < 0.4 or depth > 2:
            return self.pattern()
        if chance < 0.75:
            return self.predicate() if chance < 0.6 or "functions" in self.without else self.function()
        return self.group(depth)

    def where(self) -> list[str]:
        """The clauses of a query, in any order."""
        clauses = [self.pattern() for _ in range(self.r.randint(1, 2))]
        clauses += [self.clause() for _ in range(self.r.randint(0, 3))]
        self.r.shuffle(clauses)
        return clauses

    def find(self) -> str:
        """Variables, at times with an aggregate and :with."""
        r = self.r
        names = [name for names in self.used.values() for name in names]
        if not names:
            return "(count ?r0)"
        found = r.sample(names, min(len(names), r.randint(1, 3)))
        if r.random() > 0.25:
            return {0: f"[{found[0]} ...]", 1: f"{found[0]} .", 2: f"[{' '.join(found)}]"}.get(
                r.randrange(20), " ".join(found)
            )
        numbers = [*self.used.get("long", []), *self.used.get("double", [])]
        fn = r.choice(_AGGREGATES if numbers else ["count"])
        last = r.choice(numbers or names)
        rest = [name for name in names if name not in (*found, last)]
        with_ = f" :with {rest[0]}" if rest and r.random() < 0.5 else ""
        return " ".join([*found[1:], f"({fn} {last})"]) + with_

    def query(self) -> str:
        where, given = " ".join(self.where()), f" :in {' '.join(self.sources)}" if len(self.sources) > 1 else ""
        found = self.find()
        return f"[:find {found}{given} :where {where}{self.order(found)}]"

    def order(self, found: str) -> str:
        """At times an order over all that is found, which leaves nothing open, and a page of it."""
        r = self.r
        if r.random() > 0.15 or "ours" in self.without or any(sign in found for sign in ".[:("):
            return ""
        names = found.split()
        items = " ".join(f"{name} {r.choice([':asc', ':desc', ''])}" for name in r.sample(names, len(names)))
        return f" :order-by [{items}] " + r.choice(["", ":limit 3", ":limit 2 :offset 1", ":offset 1"])

    def query_with_inputs(self) -> tuple[str, list[Any]]:
        """A query with a few inputs, and what is given for them."""
        r, ids, longs = self.r, self.store.ids(), VALUES["long"]
        pairs = [(r.choice(ids), r.choice(longs)) for _ in range(r.randint(0, 4))]
        forms: dict[str, Any] = {
            "?r0": r.choice(ids),
            "[?r1 ...]": r.sample(ids, r.randint(0, 3)),
            "?l0": r.choice(longs),
            "[[?r2 ?l1]]": pairs,
            "[?l2 _]": [r.choice(longs), "ignored"],
            "[[?r3 [?l3 ...]] ...]": [(r.choice(ids), r.sample(longs, r.randint(0, 2))) for _ in range(2)],
            "[[?r4 ?l4]]": {r.choice(ids): r.choice(longs) for _ in range(2)},
        }
        given = {form: forms[form] for form in r.sample(list(forms), r.randint(1, 3))}
        for form in given:
            for name in re.findall(r"\?\w+", form):
                self.used.setdefault({"r": "ref", "l": "long"}[name[1]], []).append(name)
        clauses = self.where()
        return f"[:find {self.find()} :in $ {' '.join(given)} :where {' '.join(clauses)}]", list(given.values())


class DrawnRules:
    """Draws rules that call each other and themselves. Only the last name negates, and no other calls it."""

    def __init__(self, r: Random, store: Store) -> None:
        self.r = r
        self.required = r.random() < 0.2
        """Whether the first rule can only be called with its first argument bound."""
        self.refs = [attr.name for attr in store.attrs if attr.type == "ref"]
        self.store = store
        self.names = [f"r{n}" for n in range(r.randint(1, 3))]
        self.arity = {name: r.choice([1, 2, 2, 2, 3]) for name in self.names}

    def text(self) -> str:
        rules = [self.rule(name, n) for name in self.names for n in range(self.r.randint(1, 2))]
        self.r.shuffle(rules)
        return f"[{' '.join(rules)}]"

    def rule(self, name: str, n: int) -> str:
        head = ["?x", "?y", "?w"][: self.arity[name]]
        body = [self.atom(name, n > 0) for _ in range(self.r.randint(1, 3))]
        plain = [atom for atom in body if atom.startswith(("[?", "(r"))]
        body += [self.binding(variable) for variable in head if not any(variable in atom for atom in plain)]
        compared = [name for name in ("?x", "?y") if any(name in atom for atom in body if atom.startswith("[("))]
        body += [f"[{name} :{self.refs[0]}]" for name in compared]
        body += [f"[?x :{self.refs[0]}]"] if self.required else []
        asked = self.required and name == self.names[0]
        if len(head) > 1 and self.r.random() < 0.1:
            head[self.r.randrange(int(asked), len(head))] = self.constant()
        self.r.shuffle(body)
        if asked:
            head[0] = f"[{head[0]}]"
        return f"[({name} {' '.join(head)}) {' '.join(body)}]"

    def constant(self) -> str:
        return str(self.store.first + self.r.randrange(ENTITIES))

    def variable(self) -> str:
        return self.r.choice(["?x", "?y", "?z", "?w"])

    def binding(self, variable: str) -> str:
        pair = [variable, self.variable()]
        self.r.shuffle(pair)
        return f"[{pair[0]} :{self.r.choice(self.refs)} {pair[1]}]"

    def callable(self, name: str) -> list[str]:
        """The rules that a rule may call."""
        return self.names if name == self.names[-1] else self.names[:-1]

    def atom(self, name: str, recursive: bool) -> str:
        chance = self.r.random()
        if chance < 0.35:
            return self.binding(self.variable())
        if chance < 0.7 and recursive:
            return self.call(self.r.choice(self.callable(name)))
        if chance < 0.8:
            branches = [self.binding("?x"), self.call(self.r.choice(self.callable(name)), first="?x")]
            return f"(or-join [?x] {' '.join(branches)})"
        if chance < 0.83:
            return f"[({self.r.choice(['<', '!='])} ?x {self.r.choice(['?y', self.constant()])})]"
        if chance < 0.88:
            return f"(or [?x :{self.refs[0]} ?z] (and [?z :{self.refs[-1]} ?x] [?x :{self.refs[0]}]))"
        earlier = self.names[:-1] if name == self.names[-1] else []
        if not earlier or chance < 0.93:
            return f"(not [?x :{self.r.choice(self.refs)} ?y])"
        return f"(not {self.call(self.r.choice(earlier), first='?x')})"

    def call(self, name: str, first: str | None = None) -> str:
        args = [self.argument() for _ in range(self.arity[name])]
        if first is not None:
            args[self.r.randrange(len(args))] = first
        if self.required and name == self.names[0]:
            args[0] = self.r.choice(["?x", "?x", self.constant()])
        return f"({name} {' '.join(args)})"

    def argument(self) -> str:
        chance = self.r.random()
        return self.variable() if chance < 0.85 else "_" if chance < 0.92 else self.constant()

    def query(self) -> str:
        """Calls with any mix of bound, free, repeated, blank and constant arguments."""
        clauses = [self.call(self.r.choice(self.names)) for _ in range(self.r.randint(1, 2))]
        chance = self.r.random()
        if chance < 0.5:
            clauses.append(self.binding(self.variable()))
        if chance < 0.15:
            clauses.append(f"(not {self.call(self.r.choice(self.names))})")
        elif chance < 0.3:
            clauses.append(f"(or-join [?x] {self.call(self.r.choice(self.names), '?x')} {self.binding('?x')})")
        elif chance < 0.35:
            clauses.append(f"(optional {self.call(self.r.choice(self.names))})")
        if self.required and self.r.random() < 0.9:
            clauses.append(f"[?x :{self.refs[0]}]")
        self.r.shuffle(clauses)
        plain = [clause for clause in clauses if clause.startswith(("[", "(r"))]
        given = [name for name in ("?x", "?y", "?z", "?w") if any(name in clause for clause in plain)] or ["?x"]
        return f"[:find {' '.join(self.r.sample(given, min(2, len(given))))} :where {' '.join(clauses)}]"
