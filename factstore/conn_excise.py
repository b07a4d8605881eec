"""What an excision means: which facts go, and the data that records it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Protocol

from factstore import tx
from factstore.columns import Ints, ints
from factstore.database import Db
from factstore.datom import FIRST_ENTITY, FOREVER, TX0, is_tx
from factstore.db_lookups import EntityRef
from factstore.errors import TransactionError
from factstore.log import Erasure, Writer
from factstore.schema import EXCISION_ATTRIBUTES, Ids

_KEPT: Final = EXCISION_ATTRIBUTES | {Ids.TX_INSTANT}


class Excision(NamedTuple):
    """The transaction that recorded an excision, and how many datoms, history included, it took out."""

    report: tx.TxReport[Db]
    datoms: int


class Head(Protocol):
    """A db value, and when its last transaction was."""

    @property
    def db(self) -> Db: ...
    @property
    def instant(self) -> datetime | None: ...


def commit_excision(
    writer: Writer,
    head: Head,
    targets: Sequence[EntityRef],
    attrs: Iterable[str | int] | None,
    before: int | datetime | None,
) -> tuple[tx.Plan | tx.QuickPlan, int]:
    """Has a writer take facts out and write down that it did; the plan of the record, and how many datoms went."""
    data, erasure = excision_of(head.db, targets, attrs, before)
    plan = tx.prepare(
        writer,
        head.db,
        data,
        writer.counters,
        now=datetime.now(UTC),
        previous_instant=head.instant,
        excising=True,
    )
    writer.write(plan)
    return plan, writer.erase(erasure)


def excision_of(
    db: Db, targets: Sequence[EntityRef], attrs: Iterable[str | int] | None, before: int | datetime | None
) -> tuple[list[dict[str, Any]], Erasure]:
    """The transaction data that records an excision, and what is to be taken out; ``tx/excise`` if it may not be."""
    if not targets:
        raise _refused("nothing", "expected an entity or an attribute")
    found = {db.entid_strict(target): target for target in targets}
    attributes = [entity for entity in found if db.schema.get(entity) is not None]
    only = None if attrs is None else _only(db, attrs, attributes)
    for entity, target in found.items():
        _check(db, entity, target, only)
    limit = None if before is None else _limit(db, before)
    data = [_record(n, entity, only, before, limit) for n, entity in enumerate(found)]
    erasure = Erasure(
        entities=_sorted(entity for entity in found if entity not in attributes),
        only=None if only is None else _with_composites(db, only),
        attributes=_with_composites(db, attributes),
        before=FOREVER if limit is None else TX0 + limit,
    )
    return data, erasure


def _only(db: Db, attrs: Iterable[str | int], attributes: list[int]) -> list[int]:
    if isinstance(attrs, str):
        raise _refused(repr(attrs), "expected a list of attributes as attrs", attrs=attrs)
    if attributes:
        raise _refused(repr(db.ident(attributes[0])), "attrs say what entities lose, and this is an attribute")
    only = [db.schema.attribute(name).id for name in attrs]
    kept = sorted(_KEPT & set(only))
    if kept:
        raise _refused(repr(db.ident(kept[0])), "when transactions were and what they excised is kept")
    return only


def _check(db: Db, entity: int, target: EntityRef, only: list[int] | None) -> None:
    if entity < FIRST_ENTITY:
        raise _refused(repr(db.ident(entity) or target), "it is built in", entity=entity)
    if is_tx(entity) and only is None:
        raise _refused(f"transaction {entity - TX0}", "expected attrs: that it was, and when, is kept", entity=entity)


def _limit(db: Db, before: int | datetime) -> int:
    """The t of the first transaction that is spared."""
    if not isinstance(before, datetime):
        return db.t_of(before)
    t = db.t_of(before)
    at = db.datoms("eavt", TX0 + t, "db/txInstant")
    return t if at and at[0].v == before else t + 1


def _record(
    n: int, entity: int, only: list[int] | None, before: int | datetime | None, limit: int | None
) -> dict[str, Any]:
    said: dict[str, Any] = {"db/id": f"excision {n}", "db/excise": entity}
    if only is not None:
        said["db.excise/attrs"] = only
    if isinstance(before, datetime):
        said["db.excise/before"] = before
    elif limit is not None:
        said["db.excise/beforeT"] = limit
    return said


def _with_composites(db: Db, ids: list[int]) -> Ints:
    """The attributes, and the composite tuples that hold their values as well."""
    return _sorted((*ids, *(each.id for each in db.schema if not set(ids).isdisjoint(each.parts or ()))))


def _sorted(ids: Iterable[int]) -> Ints:
    return ints(sorted(set(ids)))


def _refused(what: str, why: str, **data: Any) -> TransactionError:
    return TransactionError(f"{what} can not be excised: {why}", code="tx/excise", **data)
