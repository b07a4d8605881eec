"""The definitions that struct classes stand for, as data to transact.

:mod:`factstore.schema_kind` reads the classes; :mod:`factstore.schema_instance` takes instances to data and back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from factstore.errors import SchemaError
from factstore.schema_kind import Field, Kind, kind_of, refuse_no_kind
from factstore.schema_read import Definition, load_schema
from factstore.values import Keyword, ValueType


def attrs_of(*kinds: type[msgspec.Struct]) -> list[Definition]:
    """The definitions of the attributes and enum values of struct classes, and of the structs they refer to.

    The field ``first_name`` of ``class Person`` is ``:person/first-name``; ``__namespace__: ClassVar[str]`` in the
    class replaces ``person``. ``list``, ``set`` and ``frozenset`` are many values, ``tuple[X, ...]`` and
    ``tuple[X, Y]`` one tuple, another struct or :data:`Ref` a ref, an ``Enum`` or a ``Literal`` a ref to idents,
    ``X | None`` an X that may be missing. Raises :class:`SchemaError` ``schema/bad-struct`` for a field that is
    none of that.

    >>> class Book(msgspec.Struct):
    ...     title: str
    ...     tags: set[Keyword] = set()
    >>> attrs_of(Book)[1]
    {:db/ident: :book/tags, :db/valueType: :db.type/keyword, :db/cardinality: :db.cardinality/many}
    """
    found: dict[Keyword, Definition] = {}
    for kind in _reached(kinds):
        for definition in _definitions(kind):
            ident = definition[Keyword("db/ident")]
            if found.setdefault(ident, definition) != definition:
                message = f"{ident!r} is defined twice, once by {kind.cls.__name__}, and not alike"
                raise SchemaError(message, code="schema/twice", attribute=ident)
    return load_schema(list(found.values()))


def _reached(kinds: Sequence[type[msgspec.Struct]]) -> Iterator[Kind]:
    seen: dict[type, None] = {}
    waiting = [refuse_no_kind(cls) for cls in reversed(kinds)]
    while waiting:
        cls = waiting.pop()
        if cls not in seen:
            seen[cls] = None
            kind = kind_of(cls)
            yield kind
            waiting.extend(other for field in reversed(kind.fields) for other in field.kinds)


def _definitions(kind: Kind) -> Iterator[Definition]:
    for field in kind.fields:
        if not field.is_id:
            yield _definition(field)
        yield from ({Keyword("db/ident"): ident} for _, ident in field.enums)


def _definition(field: Field) -> Definition:
    attr, slots = field.attr, field.slots
    said: dict[str, Any] = {
        "db/ident": field.ident,
        "db/valueType": field.type.ident,
        "db/cardinality": f"db.cardinality/{'one' if field.many is None else 'many'}",
        "db/unique": attr.unique and f"db.unique/{attr.unique}",
        "db/isComponent": attr.component or None,
        "db/index": attr.index or None,
        "db/noHistory": attr.no_history or None,
        "db/tupleTypes": [vt.ident for vt in slots] if isinstance(slots, tuple) else None,
        "db/tupleType": slots.ident if isinstance(slots, ValueType) else None,
        "db.attr/preds": ([attr.preds] if isinstance(attr.preds, str) else list(attr.preds)) or None,
        "db/doc": attr.doc,
    }
    return {Keyword(name): value for name, value in said.items() if value is not None}
