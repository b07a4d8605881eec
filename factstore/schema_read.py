"""Schemas from files, text and data: maps whose every property is known and of the right form.

What can be told of a definition without a store is told here, with its place; whether a store can
take it is the transaction's to say.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from factstore import edn
from factstore.edn import Form, Position, Text
from factstore.errors import InvalidValue, SchemaError
from factstore.schema_builtin import BUILTIN, ENUMS, SCHEMA_ATTRIBUTES, Attribute, Ids
from factstore.schema_define import attribute_of
from factstore.values import Keyword, ValueType
from factstore.values_coerce import coerce, shown

Definition = dict[Keyword, Any]
"""What is said of one attribute, entity spec or other ident: property -> value."""

PROPERTIES: Final[dict[Keyword, Attribute]] = {each.ident: each for each in BUILTIN if each.id in SCHEMA_ATTRIBUTES}
SPEC: Final = frozenset((Keyword("db.entity/attrs"), Keyword("db.entity/preds")))
_COMMON: Final = frozenset((Keyword("db/ident"), Keyword("db/doc")))
_IDENT: Final = Keyword("db/ident")
_ENUM_IDS: Final = {ident: id for id, ident in ENUMS.items()}
_ENUMS_OF: Final = {Ids.VALUE_TYPE: "db.type", Ids.CARDINALITY: "db.cardinality", Ids.UNIQUE: "db.unique"}


def load_schema(source: Any) -> list[Definition]:
    """The definitions in EDN text, in a file, in a folder of ``*.edn`` files, or in a list of maps.

    They come as transaction data. Text holds one vector of maps, or one map after the other. Raises
    :class:`SchemaError`, with file, line, column and caret where there is text: ``schema/no-file``,
    ``schema/not-a-map``, ``schema/unknown-property``, ``schema/bad-property``, ``schema/twice``,
    ``schema/incomplete``, ``schema/invalid``; and :class:`EdnError`.

    >>> load_schema("{:db/ident :a/b :db/valueType :db.type/long :db/cardinality :db.cardinality/one}")
    [{:db/ident: :a/b, :db/valueType: :db.type/long, :db/cardinality: :db.cardinality/one}]
    >>> load_schema("[{:db/ident :a/b :db/valeuType :db.type/long}]")
    Traceback (most recent call last):
    factstore.errors.SchemaError: schema/unknown-property: :db/valeuType is no property of ...
      | [{:db/ident :a/b :db/valeuType :db.type/long}]
      |                  ^
    """
    found: dict[Keyword, _Said] = {}
    for said in _every(source):
        definition = said.definition()
        first = found.setdefault(definition[_IDENT], said)
        if first is not said:
            where = "" if first.at is None else f", first at {first.at}"
            raise _error(f"{definition[_IDENT]!r} is defined twice{where}", said.at, "schema/twice")
    return [said.definition() for said in found.values()]


def _every(source: Any) -> Iterator[_Said]:
    if isinstance(source, list | tuple):
        yield from map(_of_data, source)
    elif isinstance(source, str) and (not source.strip() or source.lstrip().startswith(("[", "{", ";", "#"))):
        yield from _of_text(Text("<schema>", source))
    elif isinstance(source, str | Path):
        path = Path(source)
        for file in sorted(path.rglob("*.edn")) if path.is_dir() else [path]:
            yield from _of_text(Text(str(file), _body(file)))
    else:
        raise SchemaError(
            f"a schema is {shown(source)} ({type(source).__name__}): expected a path, EDN text or a list of maps",
            code="schema/not-a-map",
        )


def _body(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        message = f"the schema file {file} cannot be read: {reason}"
        raise SchemaError(message, code="schema/no-file", path=str(file)) from None


class _Entry(NamedTuple):
    """One property, and where its name and its value stand."""

    name: Any
    value: Any
    name_at: Position | None = None
    value_at: Position | None = None


def _of_text(text: Text) -> Iterator[_Said]:
    forms = edn.parse_all(text.body, text.name)
    if len(forms) == 1 and forms[0].kind == "vector":
        forms = forms[0].items
    for form in forms:
        if form.kind != "map":
            raise _error(f"{text.at(form).snippet} is no map", text.at(form), "schema/not-a-map")
        yield _Said(list(_entries(form, text)), text.at(form))


def _entries(form: Form, text: Text) -> Iterator[_Entry]:
    edn.data_of(form, text)  # a key that stands here twice is told by the reader
    for key, value in zip(form.items[::2], form.items[1::2], strict=True):
        yield _Entry(edn.data_of(key, text, hashable=True), edn.data_of(value, text), text.at(key), text.at(value))


def _of_data(form: Any) -> _Said:
    if not isinstance(form, Mapping):
        raise _error(f"{shown(form)} ({type(form).__name__}) is no map", None, "schema/not-a-map")
    return _Said([_Entry(name, value) for name, value in form.items()], None)


class _Said:
    """One map of a schema."""

    def __init__(self, entries: list[_Entry], at: Position | None) -> None:
        self.at = at
        self._entries = entries
        self._made: Definition | None = None

    def definition(self) -> Definition:
        """It, checked."""
        if self._made is None:
            self._made = dict(_property(entry) for entry in self._entries)
            self._check(self._made)
        return self._made

    def _check(self, made: Definition) -> None:
        if _IDENT not in made:
            raise _error("a definition without :db/ident", self.at, "schema/incomplete")
        if made.keys() <= _COMMON | SPEC:
            return
        facts = {PROPERTIES[name].id: _fact(PROPERTIES[name], value) for name, value in made.items()}
        try:
            attribute_of(0, facts)
        except SchemaError as error:
            raise edn.located(SchemaError, error.message, self.at, code=error.code, **error.data) from None


def _fact(property: Attribute, value: Any) -> Any:
    """A value as the schema keeps it."""
    if property.is_ref:
        return _ENUM_IDS[value]
    return tuple(value) if isinstance(value, list) else value


def _property(entry: _Entry) -> tuple[Keyword, Any]:
    name = Keyword(entry.name) if isinstance(entry.name, str) else entry.name
    property = PROPERTIES.get(name) if isinstance(name, Keyword) else None
    if property is None:
        near = difflib.get_close_matches(str(name), PROPERTIES, n=1)
        hint = f"did you mean {Keyword(near[0])!r}?" if near else f"those are {' '.join(map(repr, PROPERTIES))}"
        raise _error(f"{name!r} is no property of a definition; {hint}", entry.name_at, "schema/unknown-property")
    try:
        return name, _value(property, entry.value)
    except InvalidValue as error:
        message = f"{property.ident!r}: {error.message}"
        raise _error(message, entry.value_at, "schema/bad-property", property=property.ident) from None


def _value(property: Attribute, value: Any) -> Any:
    if property.many:
        every = value if isinstance(value, list | tuple | set | frozenset) else [value]
        return sorted({coerce(property.type, item) for item in every})
    if property.type is ValueType.TUPLE:
        return [coerce(ValueType.KEYWORD, item) for item in coerce(ValueType.TUPLE, value)]
    if not property.is_ref:
        return coerce(property.type, value)
    name = coerce(ValueType.KEYWORD, value)
    allowed = [ident for ident in ENUMS.values() if ident.namespace == _ENUMS_OF.get(property.id)]
    if name not in allowed:
        near = difflib.get_close_matches(name, allowed, n=1)
        expected = f"did you mean {Keyword(near[0])!r}?" if near else f"expected one of {' '.join(map(repr, allowed))}"
        raise InvalidValue(f"{name!r} is none of its values; {expected}", code="value/wrong-type", value=value)
    return name


def _error(message: str, at: Position | None, code: str, **data: Any) -> SchemaError:
    return edn.located(SchemaError, message, at, code=code, **data)
