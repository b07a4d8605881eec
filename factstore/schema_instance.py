"""Instances of entity kinds: to maps of a transaction, and back from what a pull shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from factstore.errors import SchemaError
from factstore.schema_kind import Field, Kind, kind_of, refuse_no_kind
from factstore.values import Keyword, Symbol

_T = TypeVar("_T", bound=msgspec.Struct)
_MAX_DEPTH: Final = 100


def entity_map(instance: msgspec.Struct) -> dict[str, Any]:
    """A struct instance as a map of a transaction, instances in it as nested maps.

    What is None, or UNSET, is left out; that retracts nothing. :meth:`Connection.transact` takes instances as they are.

    >>> class Person(msgspec.Struct):
    ...     name: str
    ...     age: int | None = None
    >>> entity_map(Person("Ann"))
    {'person/name': 'Ann'}
    """
    return _deep(instance, 0)


def _deep(instance: msgspec.Struct, depth: int) -> dict[str, Any]:
    if depth > _MAX_DEPTH:
        message = f"instances of {type(instance).__name__} are nested more than {_MAX_DEPTH} levels deep"
        raise SchemaError(message, code="schema/bad-struct")
    return shallow(instance, lambda inner: _deep(inner, depth + 1))


def shallow(instance: msgspec.Struct, nested: Callable[[msgspec.Struct], Any] = lambda inner: inner) -> dict[str, Any]:
    """A struct instance as a map, with ``nested`` of the instances in it."""
    found: dict[str, Any] = {}
    for field in kind_of(type(instance)).fields:
        value = getattr(instance, field.name)
        if value is not None and value is not msgspec.UNSET:
            found[str(field.ident)] = _written(field, value, nested)
    return found


def _written(field: Field, value: Any, nested: Callable[[msgspec.Struct], Any]) -> Any:
    if field.many is not None and isinstance(value, list | tuple | set | frozenset):
        return [_one(field, item, nested) for item in value]
    return _one(field, value, nested)


def _one(field: Field, value: Any, nested: Callable[[msgspec.Struct], Any]) -> Any:
    if isinstance(value, msgspec.Struct):
        return nested(value)
    return next((ident for member, ident in field.enums if member == value), value)


def pattern_of(cls: type[msgspec.Struct]) -> list[Any]:
    """The pull pattern that shows what :func:`struct_of` makes an instance of.

    A kind that refers to itself is pulled as deep as it goes. Raises ``schema/bad-struct`` for kinds that refer to
    each other in a circle.

    >>> class Person(msgspec.Struct):
    ...     name: str
    ...     boss: "Person | None" = None
    >>> pattern_of(Person)
    [:person/name, {:person/boss: ...}]
    """
    return _pattern(refuse_no_kind(cls), ())


def _pattern(cls: type[msgspec.Struct], above: tuple[type, ...]) -> list[Any]:
    if cls in above:
        names = " → ".join(each.__name__ for each in (*above, cls))
        raise SchemaError(
            f"{names} go round in a circle, which no pull pattern does: expected a kind to refer to itself alone",
            code="schema/bad-struct",
        )
    return [_step(cls, field, above) for field in kind_of(cls).fields]


def _step(cls: type[msgspec.Struct], field: Field, above: tuple[type, ...]) -> Any:
    # Without a limit of its own a pull shows a thousand values.
    name: Any = field.ident if field.many is None else (field.ident, Keyword("limit"), None)
    if field.kinds == (cls,):
        return {name: Symbol("...")}
    if field.kinds:
        return {name: [step for kind in field.kinds for step in _pattern(kind, (*above, cls))]}
    if field.enums:
        return {name: [Keyword("db/ident")]}
    return name if field.many is None else list(name)


def struct_of(cls: type[_T], pulled: Mapping[Any, Any]) -> _T:
    """The instance that a pull with :func:`pattern_of` shows; ``schema/not-whole`` if it lacks what has no default.

    >>> class Person(msgspec.Struct):
    ...     name: str
    ...     tags: frozenset[str] = frozenset()
    >>> struct_of(Person, {"person/name": "Ann", "person/tags": ["a"]})
    Person(name='Ann', tags=frozenset({'a'}))
    """
    refuse_no_kind(cls)
    return cls(**_arguments(kind_of(cls), pulled))


def _arguments(kind: Kind, pulled: Mapping[Any, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field, known in zip(kind.fields, msgspec.structs.fields(kind.cls), strict=True):
        value = pulled.get(str(field.ident))
        if value is not None:
            found[field.name] = _read(field, value)
        elif not known.required:
            continue
        elif field.many is not None or field.optional:
            found[field.name] = None if field.many is None else field.many()
        else:
            raise SchemaError(
                f"{dict(pulled)!r:.120} is no {kind.cls.__name__}: it lacks {field.ident!r}",
                code="schema/not-whole",
                struct=kind.cls,
                attribute=field.ident,
            )
    return found


def _read(field: Field, value: Any) -> Any:
    if field.many is not None:
        return field.many(_read_one(field, item) for item in value)
    return _read_one(field, value)


def _read_one(field: Field, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    if field.kinds:
        return _instance(field, value)
    if field.enums:
        ident = value.get("db/ident")
        return next((member for member, each in field.enums if each == ident), ident)
    return value.get("db/id", value)


def _instance(field: Field, value: Mapping[Any, Any]) -> msgspec.Struct:
    """Of several kinds the first that the value is whole for."""
    *others, last = field.kinds
    for cls in others:
        try:
            return struct_of(cls, value)
        except SchemaError as error:
            if error.code != "schema/not-whole":
                raise
    return struct_of(last, value)
