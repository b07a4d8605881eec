"""Entity specs: what ``db/ensure`` asks of an entity, held against the facts after the transaction."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from factstore.columns import Ints, ints, member
from factstore.db import DbValue
from factstore.schema import Attribute, Ids, Schema, Spec, unknown_attribute
from factstore.tx.before import Before
from factstore.tx.diff import Diff
from factstore.tx.forms import shown
from factstore.tx.predicates import Predicates, failure
from factstore.tx.resolve import Resolver
from factstore.values import Keyword

DbAfter = Callable[[], DbValue]
"""Makes the db value with the transaction's changes; called once, and only if a spec has predicates."""


def check_ensured(
    resolver: Resolver, found: Diff, schema: Schema, before: Before, *, predicates: Predicates, after: DbAfter
) -> None:
    """Refuses the transaction if an entity does not meet a spec that it names; ``schema`` is the one after it."""
    column = resolver.gathered.ensures.get(Ids.ENSURE)
    if column is None or not len(column.at):
        return
    entities = resolver.entities.of(resolver.node[column.at])
    specs = resolver.entities.of(column.codes)
    _refuse_nobody(resolver, entities, column.at)
    checks = []
    for id in np.unique(specs).tolist():
        mine = specs == id
        spec = _spec(resolver, schema, id, column.at[mine])
        checks.append(_Check(resolver, schema, spec, entities[mine], column.at[mine]))
    for check in checks:
        check.attributes(found, before)
    if any(check.spec.preds for check in checks):
        db = after()
        for check in checks:
            check.predicates(predicates, db)


def _refuse_nobody(resolver: Resolver, entities: Ints, rows: Ints) -> None:
    nobody = np.flatnonzero(entities < 0)
    if len(nobody):
        raise resolver.forms.refuse(
            resolver.gathered.form[int(rows[nobody[0]])],
            "db/ensure is all that is said of a new entity: expected attributes of its own",
            "tx/tempid-not-entity",
        )


def _spec(resolver: Resolver, schema: Schema, entity: int, rows: Ints) -> Spec:
    found = schema.spec(entity)
    if found is None:
        name = schema.ident(entity)
        raise resolver.forms.refuse(
            resolver.gathered.form[int(rows[0])],
            f"{f'entity {entity}' if name is None else repr(name)} is no entity spec: expected one with"
            " :db.entity/attrs or :db.entity/preds",
            "tx/not-a-spec",
            spec=name or entity,
        )
    return found


class _Check:
    """All entities that name one spec."""

    def __init__(self, resolver: Resolver, schema: Schema, spec: Spec, entities: Ints, rows: Ints) -> None:
        self.spec = spec
        self._resolver = resolver
        self._schema = schema
        self._entities = entities
        self._rows = rows

    def attributes(self, found: Diff, before: Before) -> None:
        """``tx/ensure-failed`` with all attributes that the first entity to lack one lacks."""
        known = [(name, self._attribute(name)) for name in self.spec.attrs]
        if not known:
            return
        lacking = [
            (name, ~member(self._entities, _with(attribute, found, before, self._entities)))
            for name, attribute in known
        ]
        bad = np.flatnonzero(np.any([mask for _, mask in lacking], axis=0))
        if len(bad):
            missing = [name for name, mask in lacking if mask[bad[0]]]
            raise self._failed(int(bad[0]), f"it lacks {' and '.join(map(repr, missing))}", missing=missing)

    def _attribute(self, name: Keyword) -> Attribute:
        found = self._schema.get(name)
        if found is None:
            error = unknown_attribute(self._schema, name)
            message = f"the spec {self._name!r} requires what is no attribute: {error.message}"
            form = self._resolver.gathered.form[int(self._rows[0])]
            raise self._resolver.forms.refuse_as(type(error), form, message, error.code, **error.data)
        return found

    def predicates(self, predicates: Predicates, db: DbValue) -> None:
        """``tx/ensure-failed`` for the first entity that a predicate does not hold of."""
        for name in self.spec.preds:
            predicate = predicates.named(name, f"the spec {self._name!r}")
            for place, entity in enumerate(self._entities.tolist()):
                failed = failure(predicate, db, entity)
                if failed is not None:
                    raise self._failed(place, f"the predicate {name} {failed}, expected True", predicate=str(name))

    @property
    def _name(self) -> Keyword | int:
        return self.spec.ident or self.spec.id

    def _failed(self, place: int, why: str, **data: object) -> Exception:
        entity = int(self._entities[place])
        return self._resolver.forms.refuse(
            self._resolver.gathered.form[int(self._rows[place])],
            f"entity {entity} does not meet the spec {shown(self._name)}: {why}",
            "tx/ensure-failed",
            entity=entity,
            spec=self._name,
            **data,
        )


def _with(attribute: Attribute, found: Diff, before: Before, entities: Ints) -> Ints:
    """Which entities have the attribute after the transaction, sorted."""
    held = before.about(entities)
    mine, gone = held.a == attribute.id, found.retracted.a == attribute.id
    e, v = held.e[mine], held.v[mine]
    if gone.any():
        ended = set(zip(found.retracted.e[gone].tolist(), found.retracted.v[gone].tolist(), strict=True))
        e = ints([entity for entity, value in zip(e.tolist(), v.tolist(), strict=True) if (entity, value) not in ended])
    return np.union1d(e, found.added.e[found.added.a == attribute.id])
