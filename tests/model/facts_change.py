"""What a transaction changes: who is who, what ends, what is new, and what may not be."""

from __future__ import annotations

from typing import Any, NamedTuple

from factstore.datom import FIRST_ENTITY, TX0
from tests.model.facts import Change, Fact, Facts, attributes_of
from tests.model.facts_forms import LOST, Said, Slot


class Refused(NamedTuple):
    """The transaction must not be written; any of ``codes`` says why."""

    codes: frozenset[str]


class _Wrong(Exception):
    pass


def change(before: Facts, forms: list[Any]) -> Change | Refused:
    """What a transaction would do, or why it must not."""
    transaction = _Transaction(before)
    try:
        return transaction.run(forms)
    except _Wrong:
        return Refused(frozenset(transaction.codes))


def transact(facts: Facts, forms: list[Any]) -> Change | Refused:
    """Does it, if it may be done."""
    done = change(facts, forms)
    if isinstance(done, Change):
        facts.advance(done)
    return done


class _Transaction(Said):
    def run(self, forms: list[Any]) -> Change:
        for form in forms:
            self.form(form)
        self.refuse_if_wrong()
        self.unify()
        self.name()
        added, retracted = self.difference()
        self.refuse_if_wrong()
        added, retracted = self.with_composites(added, retracted)
        self.check_schema(added, retracted)
        self.refuse_if_wrong()
        found = {tempid: self.now(slot) for tempid, slot in self.tempids.items()}
        tempids = {tempid: e for tempid, e in found.items() if isinstance(e, int)}
        return Change(added, retracted, tempids)

    def refuse_if_wrong(self) -> None:
        if self.codes:
            raise _Wrong

    # Who is who.

    def now(self, node: Any) -> Any:
        while isinstance(node, Slot) and node.same is not node:
            node = node.same
        return node

    def unify(self) -> None:
        """Until nothing changes: who holds an identity is found, and all who claim a new one are the same."""
        changed = True
        while changed:
            changed = False
            for (a, value), nodes in self.claims("identity").items():
                value, nodes = self.now(value), {self.now(node) for node in nodes}
                holder = None if isinstance(value, Slot) else self.before.holder(a, value)
                known = {node for node in nodes if isinstance(node, int)}
                if holder is None and len(known) > 1:
                    # Which of two identities that disagree is looked at first is nobody's business.
                    self.codes |= {"tx/unique-conflict", "tx/upsert-conflict"}
                slots = sorted((node for node in nodes if isinstance(node, Slot)), key=lambda slot: slot.number)
                who = holder if holder is not None else min(known) if known else slots[0]
                for slot in slots:
                    if slot is not who:
                        slot.same, changed = who, True

    def claims(self, unique: str) -> dict[tuple[int, Any], set[Any]]:
        found: dict[tuple[int, Any], set[Any]] = {}
        for node, attr, value in self.adds:
            if attr.unique == unique and node is not LOST and value is not LOST:
                found.setdefault((attr.id, self.now(value)), set()).add(self.now(node))
        return found

    def name(self) -> None:
        """Everyone of whom something is said, and who is nobody yet, gets the next id."""
        asserted = {self.now(node) for node, _, _ in self.adds}
        for _, attr, value in self.adds:
            if attr.type == "ref" and isinstance(self.now(value), Slot) and self.now(value) not in asserted:
                self.codes.add("tx/tempid-not-entity")
        if any(LOST in (node, value) for node, _, value in self.adds):
            self.codes.add("entity/missing")
        born = [slot for slot in self.slots if self.now(slot) is slot and slot in asserted]
        for n, slot in enumerate(born):
            slot.same = self.before.next_e + n
        told = {e for node, _, value in self.adds for e in (node, value if _ is not None and _.type == "ref" else node)}
        if any(isinstance(e, int) and e in self.given and not (self.before.knows(e) or e == self.tx) for e in told):
            self.codes.add("tx/unknown-entity")

    # What changes.

    def difference(self) -> tuple[set[Fact], set[Fact]]:
        held = set(self.before.held)
        adds = {(self.now(node), attr.id, self.now(value)) for node, attr, value in self.adds}
        ended = {(self.now(node), attr.id, self.now(value)) for node, attr, value in self.retracts} | self.ended()
        many = {a for a, attr in self.before.attributes.items() if attr.many}
        singles = [(e, a) for e, a, _ in adds if a not in many]
        if adds & ended or len(singles) != len(set(singles)):
            self.codes.add("tx/conflict")
        for node, attr, old in self.olds:
            values = self.before.values(self.now(node), attr.id)
            if values if old is None else self.now(old) not in values:
                self.codes.add("tx/cas-failed")
        replaced = {(e, a, v) for e, a, v in held if (e, a) in set(singles)} - adds
        retracted = held & (ended | replaced)
        self.check_unique(retracted)
        return adds - held, retracted

    def ended(self) -> set[Fact]:
        """What ends with whole entities and attributes; components go along, and what refers to them."""
        held = self.before.held
        wiped = {(self.now(node), attr.id) for node, attr in self.wiped}
        ended = {fact for fact in held if fact[:2] in wiped}
        component = {a for a, attr in self.before.attributes.items() if attr.component}
        refs = {a for a, attr in self.before.attributes.items() if attr.type == "ref"}
        gone = {self.now(node) for node in self.gone} | {v for _, a, v in ended if a in component}
        grown: set[Any] = set()
        while gone != grown:
            grown = set(gone)
            gone |= {v for e, a, v in held if e in gone and a in component}
        self.gone_whole = {e for e in gone if isinstance(e, int)}
        return ended | {(e, a, v) for e, a, v in held if e in gone or (a in refs and v in gone)}

    def check_unique(self, retracted: set[Fact]) -> None:
        disagreeing = {"identity": {"tx/upsert-conflict", "tx/unique-conflict"}, "value": {"tx/unique-conflict"}}
        for kind, codes in disagreeing.items():
            for (a, value), nodes in self.claims(kind).items():
                holder = self.before.holder(a, value)
                others = nodes - {holder}
                if holder is not None and others:
                    self.codes |= codes | ({"tx/conflict"} if (holder, a, value) in retracted else set())
                if kind == "value" and len(nodes) > 1:
                    self.codes.add("tx/unique-conflict")

    def with_composites(self, added: set[Fact], retracted: set[Fact]) -> tuple[set[Fact], set[Fact]]:
        after = (set(self.before.held) - retracted) | added
        for attr in self.before.attributes.values():
            if attr.parts is None:
                continue
            parts = [self.before.attribute(part).id for part in attr.parts]
            for e in {e for e, a, _ in added | retracted if a in parts}:
                value = tuple(next((v for e2, a, v in after if (e2, a) == (e, part)), None) for part in parts)
                after -= {fact for fact in after if fact[:2] == (e, attr.id)}
                if any(slot is not None for slot in value):
                    after.add((e, attr.id, value))
            mine = [v for _, a, v in after if a == attr.id]
            if attr.unique and len(mine) != len(set(mine)):
                self.codes.add("tx/unique-conflict")
        return after - set(self.before.held), set(self.before.held) - after

    def check_schema(self, added: set[Fact], retracted: set[Fact]) -> None:
        """What the schema may become, and whether the facts allow it."""
        if any(TX0 <= e < self.tx for e in self.gone_whole):
            self.codes.add("tx/instant")  # a transaction keeps its instant
        if any(e < FIRST_ENTITY for e, _, _ in added | retracted):
            self.codes.add("schema/immutable")
            return
        after = (set(self.before.held) - retracted) | added
        names = self.before.after_idents(Change(added, retracted, {}))
        new = attributes_of(after, names)
        for a, old in self.before.attributes.items():
            if (
                a not in new
                or not new[a].ident
                or (new[a].type, new[a].parts, new[a].slots) != (old.type, old.parts, old.slots)
            ):
                self.codes |= {"schema/immutable", "schema/incomplete", "schema/invalid"}
                continue
            mine = [(e, v) for e, a2, v in after if a2 == a]
            if old.many and not new[a].many and len({e for e, _ in mine}) != len(mine):
                self.codes.add("schema/contradicted")
            if new[a].unique and not old.unique and len({v for _, v in mine}) != len(mine):
                self.codes.add("schema/contradicted")
        for attr in new.values():
            known = {each.ident: each for each in new.values()} | {n: new[e] for n, e in names.items() if e in new}
            parts = [known.get(part) for part in attr.parts or ()]
            if any(part is None or part.many or part.type == "tuple" for part in parts):
                self.codes.add("schema/invalid")
            if (attr.component and attr.type != "ref") or (attr.parts and attr.many):
                self.codes.add("schema/invalid")
