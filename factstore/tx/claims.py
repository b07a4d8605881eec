"""Claims on unique values: who says to be whom, and what is wrong where two can not both be right."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from factstore.columns import EMPTY, Ints, Mask
from factstore.schema import Attribute, Schema
from factstore.tx.encode import PROVISIONAL, Codes
from factstore.tx.entities import Entities
from factstore.tx.forms import Forms
from factstore.tx.gather import Column, Gathered
from factstore.tx.keys import Keys
from factstore.tx.unsettled import LATE


class Claims(NamedTuple):
    """Values said of unique attributes: parallel arrays."""

    node: Ints
    a: Ints
    v: Ints
    fresh: Mask
    """Whether the store does not know the value at all, so that nobody can hold it."""
    row: Ints
    """-1 where nothing is asserted: a lookup ref only asks."""
    is_ref: Mask
    identity: Mask
    """Whether a holder is the same entity; else it is an obstacle."""


def claims_of(gathered: Gathered, node: Ints) -> Claims:
    """Every value of a unique attribute that is asserted or looked up."""
    looked = [(column, True) for column in gathered.lookups.values()]
    said = [(column, False) for column in gathered.adds.values() if column.attribute.unique is not None]
    # A composite is taken by its parts: what is stated of it only tells who is meant.
    said += [(column, False) for column in gathered.stated.values() if column.attribute.unique == "identity"]
    parts = [_claims(column, is_lookup, node) for column, is_lookup in looked + said]
    if not parts:
        none = EMPTY.astype(np.bool_)
        return Claims(EMPTY, EMPTY, EMPTY, none, EMPTY, none, none)
    return Claims(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _claims(column: Column, is_lookup: bool, node: Ints) -> Claims:
    size = len(column.at)
    attribute = column.attribute
    return Claims(
        node[column.at],
        np.full(size, attribute.id, dtype=np.int64),
        column.codes,
        # A long or a double may be as large as a provisional code.
        (column.codes >= PROVISIONAL) & attribute.type.interned,
        np.full(size, -1, dtype=np.int64) if is_lookup else column.at,
        np.full(size, attribute.is_ref),
        np.full(size, is_lookup or attribute.unique == "identity"),
    )


class Claimants:
    """The claims of one transaction beside who holds what they claim."""

    def __init__(
        self, forms: Forms, gathered: Gathered, node: Ints, entities: Entities, codes: Codes, *, schema: Schema
    ) -> None:
        self.claims = self._written = claims_of(gathered, node)
        self.holder: Ints = np.full(len(self.claims.a), -1, dtype=np.int64)
        """The entity that has the claimed value before the transaction, -1 if none has."""
        self.asked: Mask = np.zeros(len(self.holder), dtype=np.bool_)
        """Whether the holder has been asked for."""
        self._keys = Keys(gathered, node, entities, codes, schema)
        self._schema = schema
        self._forms = forms
        self._gathered = gathered
        self._entities = entities
        self._codes = codes

    @property
    def depends(self) -> bool:
        """Whether what is claimed hangs on who turns out to be whom: tuples of entities, keys of several parts."""
        return bool(self._keys) or bool(self._codes.late)

    def restate(self) -> None:
        """Claims again what hangs on that."""
        written = self._written
        at = np.flatnonzero(written.fresh & (written.v >= LATE))
        if len(at):
            v, fresh = written.v.copy(), written.fresh.copy()
            v[at] = self._codes.now(v[at], self._entities.of)
            fresh[at] = v[at] >= PROVISIONAL
            written = self._written = written._replace(v=v, fresh=fresh)
        kept = len(written.a)
        self.claims = written
        self.holder, self.asked = self.holder[:kept], self.asked[:kept]
        if self._keys:
            self._claim(*self._keys.said())

    def _claim(self, node: Ints, a: Ints, v: Ints, row: Ints) -> None:
        no = np.zeros(len(a), dtype=np.bool_)
        more = Claims(node, a, v, v >= PROVISIONAL, row, no, ~no)
        self.claims = Claims(*(np.concatenate(pair) for pair in zip(self.claims, more, strict=True)))
        self.holder = np.concatenate((self.holder, np.full(len(a), -1, dtype=np.int64)))
        self.asked = np.concatenate((self.asked, no))

    def values(self) -> Ints:
        """The claimed values; of refs the entity ids, or the nodes of roots that have none yet."""
        claims = self.claims
        if not claims.is_ref.any():
            return claims.v
        return np.where(claims.is_ref, self._entities.of(np.where(claims.is_ref, claims.v, 0)), claims.v)

    def claim(self, at: int) -> str:
        """A claim as a lookup ref, for messages."""
        attribute = self._attribute(at)
        return f"[{attribute.ident!r} {self._codes.show(attribute, int(self.values()[at]))}]"

    def _attribute(self, at: int) -> Attribute:
        return self._schema.attribute(int(self.claims.a[at]))

    def _form(self, at: int) -> int:
        return self._gathered.form[int(self.claims.row[at])]

    def two_holders(self, one: int, other: int) -> Exception:
        """The error for two claims of one subject that different entities hold."""
        e, f = int(self.holder[one]), int(self.holder[other])
        message = f"{self.claim(one)} is entity {e}, but {self.claim(other)} is entity {f}"
        said = one if self.claims.row[one] >= 0 else other  # a lookup ref by itself is no claim
        return self._forms.refuse(self._form(said), message, "tx/upsert-conflict", entities=[e, f])

    def claimed_twice(self, one: int, other: int) -> Exception:
        """The error for two different entities with the same unique value in one transaction."""
        entities = self._entities.of(self.claims.node[[one, other]]).tolist()
        places = f"{self._forms.place(self._form(one))} and {self._forms.place(self._form(other))}"
        return self._forms.refuse(
            self._form(other),
            f"{self.claim(one)} is asserted about two entities, {entities[0]} and {entities[1]}, by {places}",
            "tx/unique-conflict",
            attribute=self._attribute(one).ident,
            entities=entities,
        )

    def held_by_other(self, at: int, moved: bool) -> Exception:
        """The error for a claim on a unique value that another entity has; ``moved`` if it loses it just now."""
        entity, holder = int(self._entities.of(self.claims.node[[at]])[0]), int(self.holder[at])
        attribute = self._attribute(at)
        if moved:
            code, rest = "tx/conflict", f" and can not become entity {entity} in the transaction that retracts it"
        elif attribute.unique == "identity":
            code, rest = "tx/upsert-conflict", f", but :db/id is {entity}"
        else:
            code, rest = "tx/unique-conflict", f", and can not be asserted about entity {entity}"
        return self._forms.refuse(
            self._form(at),
            f"{self.claim(at)} is entity {holder}{rest}",
            code,
            attribute=attribute.ident,
            entities=[holder, entity],
        )
