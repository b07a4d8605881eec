"""What a transaction may not write although each of its facts is sound by itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from factstore.columns import Ints, ints, member
from factstore.datom import FIRST_ENTITY, is_tx
from factstore.errors import SchemaError, TransactionError
from factstore.schema import EXCISION_ATTRIBUTES, SCHEMA_ATTRIBUTES, Attribute, Ids, Schema
from factstore.tx.diff import Diff, Said, at
from factstore.tx.encode import Codes
from factstore.tx.forms import Forms
from factstore.tx.gather import Gathered
from factstore.values import ValueType, encode_inline

_SCHEMA: Ints = ints(sorted(SCHEMA_ATTRIBUTES))
_TOO_LATE = encode_inline(ValueType.INSTANT, datetime(9999, 1, 1, tzinfo=UTC))


def refuse_derived(gathered: Gathered, added: Said, tx: int, codes: Codes, forms: Forms) -> None:
    """Refuses writes of derived attributes by anyone but the program they belong to.

    What ends by itself, because an entity it refers to is retracted, is not such a write.
    """
    written = [(attribute, row) for attribute, row in _written(gathered) if attribute.derived_by is not None]
    if not written:
        return
    mine = (added.e == tx) & (added.a == Ids.TX_ORIGIN)
    origin = next(iter(codes.decode(ValueType.KEYWORD, added.v[mine])), None)
    for attribute, row in written:
        if attribute.derived_by != origin:
            said = "no :tx/origin" if origin is None else f":tx/origin {origin!r}"
            raise forms.refuse(
                gathered.form[row],
                f"{attribute.ident!r} is derived by {attribute.derived_by!r}, and the transaction has {said}",
                "tx/derived",
                attribute=attribute.ident,
            )


def _written(gathered: Gathered) -> Iterator[tuple[Attribute, int]]:
    for group in (gathered.adds, gathered.retracts):
        for column in group.values():
            first = column.first()
            if first is not None:  # an empty collection of values makes an empty column
                yield column.attribute, first
    for wipe in gathered.wiped:
        yield wipe.attribute, wipe.row


def refuse_excision(gathered: Gathered, forms: Forms) -> None:
    """Refuses records of excisions that are none: only who takes facts out may say so."""
    for attribute, row in _written(gathered):
        if attribute.id in EXCISION_ATTRIBUTES:
            raise forms.refuse(
                gathered.form[row],
                f"{attribute.ident!r} records an excision: expected conn.excise, which takes the facts out as well",
                "tx/excise",
                attribute=attribute.ident,
            )


def refuse_builtin(found: Diff, schema: Schema) -> None:
    """Refuses changes of what the schema itself is made of."""
    for said in found:
        mine = (said.e < FIRST_ENTITY) & member(said.a, _SCHEMA)
        if mine.any():
            entity, attribute = int(said.e[mine][0]), schema.attribute(int(said.a[mine][0]))
            raise SchemaError(
                f"{schema.ident(entity)!r} is built in: its {attribute.ident!r} can not be changed",
                code="schema/immutable",
                entity=entity,
                attribute=attribute.ident,
            )


def stated_instant(found: Diff, tx: int, previous: int | None, codes: Codes) -> int | None:
    """The ``db/txInstant`` a transaction states of itself, encoded; None if it states none."""
    if (found.retracted.a == Ids.TX_INSTANT).any():
        entity = int(found.retracted.e[found.retracted.a == Ids.TX_INSTANT][0])
        raise TransactionError(
            f":db/txInstant of {entity} can not be changed: when a transaction was committed is history",
            code="tx/instant",
            entity=entity,
        )
    stated = at(found.added, found.added.a == Ids.TX_INSTANT)
    if not len(stated.e):
        return None
    if (stated.e != tx).any():
        entity = int(stated.e[stated.e != tx][0])
        kind = "another transaction" if is_tx(entity) else "no transaction"
        raise TransactionError(
            f":db/txInstant is asserted about {entity}, which is {kind}: expected db/current-tx",
            code="tx/instant",
            entity=entity,
        )
    instant = int(stated.v[0])
    if instant >= _TOO_LATE:
        [seen] = codes.decode(ValueType.INSTANT, ints([instant]))
        raise TransactionError(
            f":db/txInstant {seen.isoformat()} leaves no time for those after it: expected a year before 9999",
            code="tx/instant",
            instant=seen,
        )
    if previous is not None and instant <= previous:
        seen, last = codes.decode(ValueType.INSTANT, ints([instant, previous]))
        raise TransactionError(
            f":db/txInstant {seen.isoformat()} is not after that of the transaction before, {last.isoformat()}",
            code="tx/past-instant",
            instant=seen,
            previous=last,
        )
    return instant
