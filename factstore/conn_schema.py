"""Bringing a store to a schema: what differs is transacted, the rest is left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple, overload

from factstore.columns import decode, ints
from factstore.database import Db
from factstore.datom import Datom
from factstore.errors import SchemaError
from factstore.schema import SCHEMA_ATTRIBUTES, Attribute, Ids
from factstore.schema_read import SPEC, Definition, load_schema
from factstore.tx import TxReport
from factstore.values import Keyword, Value

Transact = Callable[[Any], TxReport[Db]]

_IDENT: Final = Keyword("db/ident")
_VALUE_TYPE: Final = Keyword("db/valueType")
_TUPLE_ATTRS: Final = Keyword("db/tupleAttrs")
_KEPT: Final = frozenset((Ids.IDENT, Ids.DOC, Ids.DERIVED_BY))
"""What a definition may leave unsaid without taking it back."""


class SchemaChange(NamedTuple):
    """One property of one attribute, spec or ident, before and after; None where it has none."""

    ident: Keyword
    property: Keyword
    old: Value
    new: Value

    def __str__(self) -> str:
        return f"{self.ident!r} {self.property!r} {_shown(self.old)} → {_shown(self.new)}"


def _shown(value: Value) -> str:
    return "none" if value is None else repr(value)


class SchemaChanges(Sequence[SchemaChange]):
    """What :meth:`Connection.ensure_schema` changed, or would; empty if the store is as it should be.

    ``str`` gives a line for each change. ``report`` is that of the transaction, None if there was none.
    """

    def __init__(self, changes: Iterable[SchemaChange], report: TxReport[Db] | None = None) -> None:
        self._changes = tuple(changes)
        self.report = report

    def __len__(self) -> int:
        return len(self._changes)

    @overload
    def __getitem__(self, index: int) -> SchemaChange: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[SchemaChange]: ...
    def __getitem__(self, index: int | slice) -> SchemaChange | Sequence[SchemaChange]:
        return self._changes[index]

    def __str__(self) -> str:
        return "\n".join(map(str, self._changes)) or "nothing to change"

    def __repr__(self) -> str:
        return f"<SchemaChanges {len(self)}{'' if self.report is None else f' in t={self.report.t}'}>"


def ensure_schema(db: Db, schema: Any, transact: Transact, *, dry_run: bool) -> SchemaChanges:
    """What :meth:`Connection.ensure_schema` says; ``transact`` commits."""
    definitions = load_schema(schema)
    planned = SchemaChanges(_changes(db.with_(_forms(db, definitions))))
    if dry_run or not planned:
        return planned
    # Worked out again under the writer's lock: another process may have been here meanwhile.
    report = transact([["db/fn", lambda before: _forms(before, definitions)]])
    return SchemaChanges(_changes(report), report)


def _forms(db: Db, definitions: Iterable[Definition]) -> list[Any]:
    """What must be transacted so that ``db`` has ``definitions``; what holds already may be among it."""
    forms: list[Any] = []
    for definition in definitions:
        entity = db.entid(definition[_IDENT])
        if entity is None:
            forms.append(definition)
            continue
        _refuse_renamed(db, entity, definition[_IDENT])
        said = _with_former_names(db, db.schema.get(entity), definition)
        forms.append({"db/id": entity, **said})
        forms += [["db/retract", entity, a, v] for a, v in _unsaid(db, entity, said)]
    return forms


def _refuse_renamed(db: Db, entity: int, ident: Keyword) -> None:
    current = db.ident(entity)
    if current != ident:
        raise SchemaError(
            f"{ident!r} was renamed to {current!r}: expected the new name, or a transaction that gives the old away",
            code="schema/renamed",
            attribute=ident,
            renamed=current,
        )


def _with_former_names(db: Db, attribute: Attribute | None, definition: Definition) -> Definition:
    """``definition`` with the parts of a composite under the names they had when it was defined."""
    if attribute is None or attribute.parts is None or _TUPLE_ATTRS not in definition:
        return definition
    same = attribute.parts == tuple(db.schema.entid(name) for name in definition[_TUPLE_ATTRS])
    return {**definition, _TUPLE_ATTRS: list(attribute.tuple_attrs or ())} if same else definition


def _unsaid(db: Db, entity: int, said: Definition) -> Iterator[tuple[int, Value]]:
    """The properties that hold and are no longer said, of what is defined whole."""
    facts = db.facts_of(ints([entity]))
    for a, v in zip(facts.a.tolist(), facts.v, strict=True):
        property = db.schema.attribute(a)
        if a not in SCHEMA_ATTRIBUTES or a in _KEPT or not _is_told(property, said):
            continue
        (value,) = decode(property.type, ints([v]), db.dictionary)
        if property.many and value in said.get(property.ident, ()):
            continue
        if property.many or property.ident not in said:
            yield a, value


def _is_told(property: Attribute, said: Definition) -> bool:
    """Whether a definition would say the property if it were so."""
    return bool(said.keys() & SPEC) if property.ident in SPEC else _VALUE_TYPE in said


def _changes(report: TxReport[Db]) -> list[SchemaChange]:
    found: dict[tuple[int, Keyword, Value], list[Value]] = {}
    for datom in report.datoms:
        property = report.db_after.schema.attribute(datom.a)
        if property.id in SCHEMA_ATTRIBUTES:
            # Of many values each comes or goes by itself.
            key = (datom.e, property.ident, datom.v if property.many else None)
            found.setdefault(key, [None, None])[datom.added] = _readable(report, property, datom)
    return [SchemaChange(_name(report, e), property, old, new) for (e, property, _), (old, new) in found.items()]


def _readable(report: TxReport[Db], property: Attribute, datom: Datom) -> Value:
    return report.db_after.ident(datom.v) if property.is_ref else datom.v


def _name(report: TxReport[Db], entity: int) -> Keyword:
    return report.db_after.ident(entity) or Keyword(str(entity))
