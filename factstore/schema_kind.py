"""Entity kinds as annotated msgspec structs: what a class says of attributes.

A class is read once into a :class:`Kind`; its fields are attributes, named after the class that brought
them in.
"""

from __future__ import annotations

import enum
import functools
import re
import types
import typing
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin
from uuid import UUID

import msgspec

from factstore.errors import SchemaError
from factstore.values import URI, Keyword, Symbol, ValueType


class Attr(msgspec.Struct, frozen=True, kw_only=True):
    """What a field's annotation adds to its type: ``Annotated[str, Attr(unique="identity")]``.

    ``ident`` replaces the name made of class and field; the field whose ident is ``"db/id"`` is no attribute, but
    names the entity. ``type`` replaces the value type, as in ``Attr(type="bigint")``.

    >>> from factstore import attrs_of
    >>> class Person(msgspec.Struct):
    ...     email: Annotated[str, Attr(unique="identity", doc="the address")]
    >>> attrs_of(Person)[0]["db/unique"]
    :db.unique/identity
    """

    ident: str | None = None
    type: str | None = None
    unique: Literal["identity", "value"] | None = None
    component: bool = False
    index: bool = False
    no_history: bool = False
    preds: str | Sequence[str] = ()
    doc: str | None = None


Ref = Annotated[Any, Attr(type="ref")]
"""A field that refers to an entity by id, ident, lookup ref or tempid."""


Class = type[msgspec.Struct]
Collection = type[list[Any]] | type[set[Any]] | type[frozenset[Any]]


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a kind."""

    name: str
    ident: Keyword
    type: ValueType
    many: Collection | None = None
    """The collection of its values, None if there is one."""
    slots: tuple[ValueType, ...] | ValueType | None = None
    """The types of a tuple's slots, or the one type of all."""
    kinds: tuple[Class, ...] = ()
    """What it refers to, if that is said by classes."""
    enums: tuple[tuple[Any, Keyword], ...] = ()
    """The values it may have, each with the ident that stands for it."""
    optional: bool = False
    attr: Attr = Attr()

    @property
    def is_id(self) -> bool:
        return self.ident == "db/id"


class Kind(msgspec.Struct, frozen=True):
    """A struct class as it was read."""

    cls: Class
    fields: tuple[Field, ...]


def refuse_no_kind(cls: Any) -> Class:
    """``cls``, or ``schema/bad-struct`` if it is no struct class."""
    if not (isinstance(cls, type) and issubclass(cls, msgspec.Struct)):
        raise SchemaError(f"{cls!r} is no msgspec.Struct class", code="schema/bad-struct")
    return cls


@functools.lru_cache(maxsize=1024)
def kind_of(cls: Class) -> Kind:
    """What a struct class says; ``schema/bad-struct`` if that is no kind of entity."""
    try:
        # Its own name, because a class inside a function is no name of its module.
        hints = typing.get_type_hints(cls, localns={cls.__name__: cls}, include_extras=True)
    except NameError as error:
        raise SchemaError(f"an annotation of {cls.__name__} names nothing: {error}", code="schema/bad-struct") from None
    return Kind(cls, tuple(_Reading(cls, name).field(hints[name]) for name in cls.__struct_fields__))


_SCALARS: Final[dict[Any, ValueType]] = {
    str: ValueType.STRING,
    int: ValueType.LONG,
    float: ValueType.DOUBLE,
    bool: ValueType.BOOLEAN,
    datetime: ValueType.INSTANT,
    UUID: ValueType.UUID,
    Decimal: ValueType.BIGDEC,
    bytes: ValueType.BYTES,
    Keyword: ValueType.KEYWORD,
    Symbol: ValueType.SYMBOL,
    URI: ValueType.URI,
}
_ABSENT: Final = (type(None), msgspec.UnsetType)
_MANY: Final = (list, set, frozenset)


class _Reading:
    """The reading of one field's annotation."""

    def __init__(self, cls: type[msgspec.Struct], name: str) -> None:
        self._cls = cls
        self._name = name
        self._owner = _owner(cls, name)
        self._said: dict[str, Any] = {}
        """What :class:`Attr` says, the outermost last."""

    def field(self, annotation: Any) -> Field:
        made = self._value(annotation)
        attr = Attr(**self._said)
        ident = Keyword(attr.ident or f"{_namespace(self._owner)}/{_kebab(self._name.rstrip('_'))}")
        if attr.type is not None:
            made["type"] = self._type_named(attr.type)
        if "type" not in made:
            raise self._bad(annotation)
        return Field(name=self._name, ident=ident, attr=attr, **made)

    def _type_named(self, name: str) -> ValueType:
        found = next((vt for vt in ValueType if name in (vt.ident.name, vt.ident)), None)
        if found is None:
            raise self._refused(f"{name!r} is no value type: expected one like 'long'")
        return found

    def _value(self, annotation: Any) -> dict[str, Any]:
        origin, args = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            made = self._value(args[0])
            for extra in args[1:]:
                self._take(extra)
            return made
        if origin in (Union, types.UnionType):
            return self._union(annotation, args)
        if origin in _MANY and args:
            made = self._value(args[0])
            if made.keys() & {"many", "optional"}:
                raise self._bad(annotation)
            return {**made, "many": origin}
        if origin is tuple and args:
            return {"type": ValueType.TUPLE, "slots": self._slots(args)}
        return self._plain(annotation, origin, args)

    def _take(self, extra: Any) -> None:
        if isinstance(extra, Attr):
            self._said.update({f: v for f, v in msgspec.structs.asdict(extra).items() if v not in (None, False, ())})
        elif isinstance(extra, msgspec.Meta) and extra.description is not None:
            self._said.setdefault("doc", extra.description)

    def _union(self, annotation: Any, args: Sequence[Any]) -> dict[str, Any]:
        present = [arg for arg in args if arg not in _ABSENT]
        made = [self._value(arg) for arg in present]
        if len(made) > 1 and not all(each.get("kinds") for each in made):
            raise self._bad(annotation)
        kinds = tuple(kind for each in made for kind in each.get("kinds", ()))
        return {**made[0], "kinds": kinds, "optional": len(present) < len(args)}

    def _slots(self, args: Sequence[Any]) -> tuple[ValueType, ...] | ValueType:
        if len(args) == 2 and args[1] is Ellipsis:
            return self._slot(args[0])
        return tuple(map(self._slot, args))

    def _slot(self, annotation: Any) -> ValueType:
        bare = annotation
        present = [arg for arg in get_args(annotation) if arg not in _ABSENT]
        if get_origin(annotation) in (Union, types.UnionType) and len(present) == 1:
            bare = present[0]
        if bare == Ref:
            return ValueType.REF
        if bare not in _SCALARS:
            raise self._bad(annotation)
        return _SCALARS[bare]

    def _plain(self, annotation: Any, origin: Any, args: Sequence[Any]) -> dict[str, Any]:
        if annotation in _SCALARS:
            return {"type": _SCALARS[annotation]}
        if annotation is Any:
            return {}
        if origin is Literal and all(isinstance(arg, str) for arg in args):
            space = f"{_namespace(self._owner)}.{_kebab(self._name)}"
            return {"type": ValueType.REF, "enums": tuple((arg, Keyword(f"{space}/{arg}")) for arg in args)}
        if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
            return {"type": ValueType.REF, "enums": tuple((member, _enum_ident(member)) for member in annotation)}
        if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
            return {"type": ValueType.REF, "kinds": (annotation,)}
        raise self._bad(annotation)

    def _bad(self, annotation: Any) -> SchemaError:
        names = ", ".join(sorted(scalar.__name__ for scalar in _SCALARS))
        return self._refused(
            f"{annotation!r} says no type of values: expected one of {names}, an enum, a struct, Ref,"
            " a list, set or tuple of them, or Attr(type=…)"
        )

    def _refused(self, why: str) -> SchemaError:
        return SchemaError(
            f"{self._cls.__name__}.{self._name}: {why}", code="schema/bad-struct", struct=self._cls, field=self._name
        )


def _owner(cls: type, name: str) -> type:
    """The class that brought a field in: a subclass that says more of it does not rename it."""
    kinds = [base for base in cls.__mro__ if issubclass(base, msgspec.Struct) and base is not msgspec.Struct]
    return [base for base in kinds if name in base.__struct_fields__][-1]


def _namespace(cls: type) -> str:
    return str(vars(cls).get("__namespace__") or _kebab(cls.__name__))


def _enum_ident(member: enum.Enum) -> Keyword:
    if isinstance(member.value, str) and "/" in member.value:
        return Keyword(member.value)
    return Keyword(f"{_kebab(type(member).__name__)}/{_kebab(member.name.lower())}")


def _kebab(name: str) -> str:
    """``PipelineRun`` and ``pipeline_run`` as ``pipeline-run``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).replace("_", "-").lower()
