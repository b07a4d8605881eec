"""From resolved entities to what is written: validity, cas, retraction, differences, uniqueness."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from factstore.columns import Ints, Mask, ints, member, rank
from factstore.schema import Attribute, Schema
from factstore.schema_tuples import has_refs, with_entities
from factstore.snapshot_source import Facts
from factstore.tx.before import Before, traits
from factstore.tx.diff import NOTHING, TWO, Diff, Said, diff, joined
from factstore.tx.encode import Codes
from factstore.tx.gather import Column
from factstore.tx.resolve import Resolver
from factstore.tx.retract import cascade
from factstore.values import ValueType


class Applier:
    """The last stage of one transaction; its entities are resolved."""

    def __init__(self, resolver: Resolver, schema: Schema, codes: Codes, before: Before) -> None:
        self.forms = resolver.forms
        self.schema = schema
        self.codes = codes
        self.before = before
        self._gathered = resolver.gathered
        self._resolver = resolver
        self._subject = resolver.entities.of(resolver.node)
        """The entity of each row; negative where a lookup ref names nothing."""

    def run(self, tx: int) -> Diff:
        """What changes, without the transaction's own datoms and composite tuples."""
        adds = self._said(self._gathered.adds.values())
        self._refuse_unknown(adds, tx)
        retracts = self._said(self._gathered.retracts.values())
        self._read(adds, retracts)
        self._compare_and_set()
        if self._gathered.gone or self._gathered.wiped:
            ended = self._ended()
            retracts = joined(retracts, Said(ended.e, ended.a, ended.v, np.full(len(ended.e), -1, dtype=np.int64)))
        found = diff(adds, retracts, self.before.facts, traits(self.schema).many, self._contradiction)
        self._refuse_taken(found.retracted)
        return found

    def stated(self) -> Said:
        """What is said of composite tuples."""
        return self._said(self._gathered.stated.values())

    def _said(self, columns: Iterable[Column]) -> Said:
        parts = [NOTHING]
        for column in columns:
            v = self._resolver.entities.of(column.codes) if column.attribute.is_ref else column.codes
            a = np.full(len(v), column.attribute.id, dtype=np.int64)
            parts.append(Said(self._subject[column.at], a, v, column.at))
        return Said(*(np.concatenate(each) for each in zip(*parts, strict=True)))

    def _refuse_unknown(self, adds: Said, tx: int) -> None:
        """Entity ids that were never given out are typing errors, not entities."""
        given = self._resolver.node >= 0
        self._refuse_ids(adds.e, adds.row, given[adds.row], tx)
        for column in (*self._gathered.adds.values(), *self._gathered.ensures.values()):
            if column.attribute.is_ref:
                self._refuse_ids(column.codes, column.at, column.codes >= 0, tx)
            elif column.attribute.type is ValueType.TUPLE and has_refs(column.attribute):
                ids, rows = self._in_tuples(column)
                self._refuse_ids(ids, rows, ~np.isin(ids, self._resolver.entities.eid), tx)
        for column in self._gathered.ensures.values():
            self._refuse_ids(self._subject[column.at], column.at, given[column.at], tx)

    def _in_tuples(self, column: Column) -> tuple[Ints, Ints]:
        """The entities that stand in a column's tuples, and the row of each."""
        ids: list[int] = []
        rows: list[int] = []
        for value, row in zip(self.codes.decode(ValueType.TUPLE, column.codes), column.at.tolist(), strict=True):
            with_entities(column.attribute, value, ids.append)
            rows += [row] * (len(ids) - len(rows))
        return ints(ids), ints(rows)

    def _refuse_ids(self, ids: Ints, rows: Ints, given: Mask, tx: int) -> None:
        bad = np.flatnonzero(given & ~self.before.knows(ids) & (ids != tx))
        if len(bad):
            entity, form = int(ids[bad[0]]), self._gathered.form[int(rows[bad[0]])]
            raise self.forms.refuse(
                form,
                f"there is no entity {entity}: expected an id that was given out, or a tempid",
                "tx/unknown-entity",
                entity=entity,
            )

    def _read(self, adds: Said, retracts: Said) -> None:
        rows = [*self._gathered.gone, *(wipe.row for wipe in self._gathered.wiped + self._gathered.absent)]
        olds = [self._subject[column.at] for column in self._gathered.olds.values()]
        self.before.read(np.concatenate((adds.e, retracts.e, self._subject[ints(rows)], *olds)))

    def _ended(self) -> Facts:
        gone = self._subject[ints(self._gathered.gone)]
        wiped = [(int(self._subject[wipe.row]), wipe.attribute.id) for wipe in self._gathered.wiped]
        return cascade(wiped, gone[gone >= 0], self.before, traits(self.schema).components)

    def _compare_and_set(self) -> None:
        if not self._gathered.olds and not self._gathered.absent:
            return
        facts = self.before.facts
        values: dict[tuple[int, int], list[int]] = {}
        for e, a, v in set(zip(facts.e.tolist(), facts.a.tolist(), facts.v.tolist(), strict=True)):
            values.setdefault((e, a), []).append(v)
        for row, attribute in self._gathered.absent:
            self._expect(row, attribute, None, values)
        for column in self._gathered.olds.values():
            v = self._resolver.entities.of(column.codes) if column.attribute.is_ref else column.codes
            for row, old in zip(column.rows, v.tolist(), strict=True):
                self._expect(row, column.attribute, old, values)

    def _expect(
        self, row: int, attribute: Attribute, old: int | None, values: dict[tuple[int, int], list[int]]
    ) -> None:
        entity = int(self._subject[row])
        held = values.get((entity, attribute.id), [])
        if old in held or (old is None and not held):
            return
        seen = " and ".join(self.codes.show(attribute, v) for v in held) or "absent"
        expected = "it to be absent" if old is None else self.codes.show(attribute, old)
        raise self.forms.refuse(
            self._gathered.form[row],
            f"{attribute.ident!r} of entity {entity} is {seen}, but db/cas expected {expected}",
            "tx/cas-failed",
            entity=entity,
            attribute=attribute.ident,
        )

    def _contradiction(self, facts: Said, what: str) -> Exception:
        """Two contradicting facts, or one that is both asserted and retracted."""
        attribute = self.schema.attribute(int(facts.a[0]))
        shown = " and ".join(self.codes.show(attribute, v) for v in facts.v[: 1 + (what == TWO)].tolist())
        entity, form = int(facts.e[0]), self._gathered.form[int(facts.row[0])]
        if what == TWO:
            message = f"{attribute.ident!r} of entity {entity} is asserted to be {shown}: expected one value"
        else:
            message = f"{shown} is both asserted and retracted as {attribute.ident!r} of entity {entity}"
        return self.forms.refuse(form, message, "tx/conflict", entity=entity, attribute=attribute.ident)

    def _refuse_taken(self, retracted: Said) -> None:
        """Refuses unique values that another entity had before, or has in this transaction as well."""
        said = self._resolver.said
        claims, v = said.claims, said.values()
        e = self._resolver.entities.of(claims.node)
        taken = (said.holder >= 0) & (said.holder != e) & (claims.row >= 0)
        # Whether composites clash shows when their parts are what they will be.
        bad = np.flatnonzero(taken & ~member(claims.a, traits(self.schema).composite_ids))
        if len(bad):
            first = int(bad[0])
            same = (retracted.e == said.holder[first]) & (retracted.a == claims.a[first]) & (retracted.v == v[first])
            raise said.held_by_other(first, moved=bool(same.any()))
        at = np.flatnonzero(~claims.identity & (claims.row >= 0))
        if len(at):
            self._refuse_shared(at, rank((claims.a[at], v[at])), e[at])

    def misstated(self, row: int, attribute: Attribute, message: str) -> Exception:
        """The error for what is said of a composite tuple that its parts do not make so."""
        form = self._gathered.form[row]
        return self.forms.refuse(form, message, "tx/composite-tuple", attribute=attribute.ident)

    def _refuse_shared(self, at: Ints, key: Ints, e: Ints) -> None:
        order = np.lexsort((e, key))
        key, e = key[order], e[order]
        shared = np.flatnonzero((key[1:] == key[:-1]) & (e[1:] != e[:-1]))
        if len(shared):
            first = int(shared[0])
            raise self._resolver.said.claimed_twice(int(at[order[first]]), int(at[order[first + 1]]))
