"""Nodes to entity ids: lookup refs, upserts, and ids for whoever is new.

A life of a slot: met in a form; perhaps *found*, because a lookup ref or a unique/identity value of
its has a holder; perhaps *unified* with others that have the same identity; else, if anything is
asserted about it, *born* with a new id. Rounds of finding and unifying go on until nothing changes,
so the order of forms does not matter.
"""

from __future__ import annotations

import numpy as np

from factstore.columns import EMPTY, Ints, Mask, ints, rank
from factstore.errors import EntityError
from factstore.schema import Attribute
from factstore.tx.claims import Claimants
from factstore.tx.encode import Codes
from factstore.tx.entities import Entities
from factstore.tx.forms import Forms
from factstore.tx.gather import Gathered
from factstore.tx.reader import Reader
from factstore.tx.slots import Slots


class Resolver:
    """Finds, unifies and brings forth the entities of one transaction."""

    def __init__(self, forms: Forms, gathered: Gathered, slots: Slots, reader: Reader, codes: Codes) -> None:
        self.entities = Entities(slots)
        self.node = ints(gathered.node)
        """The subject of each row."""
        self.said = Claimants(forms, gathered, self.node, self.entities, codes)
        self._asked: Mask = np.zeros(len(self.said.holder), dtype=np.bool_)
        self.forms = forms
        self.gathered = gathered
        self._reader = reader

    def run(self, next_e: int) -> int:
        """Resolves every slot; gives the next free entity id."""
        while len(self.said.claims.a) and self._round():
            pass
        self._refuse_missing()
        return self._bear(next_e)

    def _round(self) -> bool:
        self._ask()
        found, unified = self._find(), self._unify()
        # Only a ref whose target has just become known can tell anything new.
        return (found or unified) and bool(self.said.claims.is_ref.any())

    def _ask(self) -> None:
        v = self.said.values()
        known = ~self.said.claims.fresh & (~self.said.claims.is_ref | (v >= 0)) & ~self._asked
        at = np.flatnonzero(known)
        if len(at):
            self.said.holder[at] = self._reader.holders(self.said.claims.a[at], v[at])
            self._asked |= known

    def _find(self) -> bool:
        nodes = self.entities.of(self.said.claims.node)
        at = np.flatnonzero((self.said.holder >= 0) & (nodes < 0) & self.said.claims.identity)
        slots = ~nodes[at]
        self.entities.eid[slots] = self.said.holder[at]
        differing = np.flatnonzero(self.entities.eid[slots] != self.said.holder[at])
        if len(differing):
            first = int(differing[0])
            last = int(np.flatnonzero(slots == slots[first])[-1])
            raise self.said.two_holders(int(at[first]), int(at[last]))
        return bool(len(at))

    def _unify(self) -> bool:
        """Makes one of all who claim an identity that nobody held before."""
        at = np.flatnonzero((self.said.holder < 0) & self.said.claims.identity & (self.said.claims.row >= 0))
        if not len(at):
            return False
        nodes, key = self.entities.of(self.said.claims.node[at]), rank((self.said.claims.a[at], self.said.values()[at]))
        order = np.lexsort((nodes, key))
        key, nodes, at = key[order], nodes[order], at[order]
        pairs = np.flatnonzero((key[1:] == key[:-1]) & (nodes[1:] != nodes[:-1]))
        for pair in pairs.tolist():
            if not self.entities.unify(int(nodes[pair]), int(nodes[pair + 1])):
                raise self.said.claimed_twice(int(at[pair]), int(at[pair + 1]))
        self.entities.compress()
        return bool(len(pairs))

    def _refuse_missing(self) -> None:
        """Refuses assertions about, or referring to, lookup refs that name nothing.

        An identity asserted about such a ref does not help: it names somebody only by what it looks up.
        """
        lookups, claims = ints(self.entities.slots.lookups), self.said.claims
        found = ~claims.node[(claims.row < 0) & (self.said.holder >= 0)]
        lost = lookups[~np.isin(lookups, found)]
        if not len(lost):
            return
        used = np.isin(self._used_nodes(), ~lost)
        if used.any():
            slot = ~int(self._used_nodes()[used][0])
            given, form = self.entities.slots.given[slot], self.entities.slots.form[slot]
            raise self.forms.refuse_as(EntityError, form, f"there is no entity {given!r}", "entity/missing", ref=given)

    def _used_nodes(self) -> Ints:
        columns = self.gathered.adds.values()
        subjects = [self.node[column.at] for column in columns]
        return np.concatenate([EMPTY, *subjects, *(column.codes for column in columns if column.attribute.is_ref)])

    def _bear(self, next_e: int) -> int:
        entities = self.entities
        asserted = np.zeros(len(entities.root), dtype=np.bool_)
        for column in self.gathered.adds.values():
            nodes = self.node[column.at]
            asserted[entities.root[~nodes[nodes < 0]]] = True
        born = np.flatnonzero(asserted & (entities.eid < 0))
        self._refuse_unasserted(asserted)
        met = entities.slots.met()
        if met is not None:
            first = np.full(len(entities.root), len(met), dtype=np.int64)
            np.minimum.at(first, entities.root, met)
            born = born[np.argsort(first[born])]
        entities.eid[born] = next_e + np.arange(len(born), dtype=np.int64)
        return next_e + len(born)

    def _refuse_unasserted(self, asserted: Mask) -> None:
        for column in self.gathered.adds.values():
            if not column.attribute.is_ref:
                continue
            nodes = self.entities.of(column.codes)
            roots = ~nodes[nodes < 0]
            bad = roots[~asserted[roots]]
            if len(bad):
                raise self._only_a_value(bad, column.attribute)

    def _only_a_value(self, slots: Ints, attribute: Attribute) -> Exception:
        given = [self.entities.slots.given[slot] for slot in dict.fromkeys(slots.tolist())]
        names = ", ".join("{}" if each is None else repr(each) for each in given)
        return self.forms.refuse(
            self.entities.slots.form[int(slots[0])],
            f"{names} is only used as a value of {attribute.ident!r}, and nothing is asserted about it:"
            " expected the id of an entity, an ident, or a tempid that has attributes of its own",
            "tx/tempid-not-entity",
            tempids=given,
        )
