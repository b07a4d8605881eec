"""Constants as codes: what a clause names is looked up in every run, since it is the db value's to say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from factstore.errors import FactstoreError
from factstore.query.columnar.naming import entity_named
from factstore.query.columnar.relation import NOWHERE
from factstore.query.rows.conjunction import Declined
from factstore.query.rows.run import DbRun
from factstore.values import ValueType, encode_inline
from factstore.values_coerce import coerce

Const: TypeAlias = Callable[[DbRun], int]


def named(name: str) -> Const:
    """The id of the entity that an input names; of nothing, as in the columnar engine, if it names none."""
    return lambda run: _or_nowhere(entity_named(run.db, run.named[name]))


def _or_nowhere(code: int | None) -> int:
    return NOWHERE if code is None else code


def entity_id(ref: Any) -> Const:
    """The id of the entity that a constant names; :class:`Declined` if it names none."""
    if type(ref) is int:
        return lambda run: ref

    def find(run: DbRun) -> int:
        try:
            found = run.db.entid(ref)
        except FactstoreError:
            raise Declined from None
        if found is None:
            raise Declined  # the columnar engine says where
        return found

    return find


def code_of(vt: ValueType, value: Any, own: bool = False) -> Const:
    """The code of a constant; with ``own``, one of this query where the store has none."""
    try:
        exact = coerce(vt, value)
    except FactstoreError:
        raise Declined from None
    if not vt.interned:
        code = encode_inline(vt, exact)
        return lambda run: code
    if own:
        return lambda run: run.values.overlay.intern_one(vt, exact)
    return lambda run: _or_nowhere(run.db.dictionary.code_at(vt, exact, run.db.basis_t))
