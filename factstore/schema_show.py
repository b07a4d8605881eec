"""The schema as data that recreates it, as text and as a table."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from factstore import edn
from factstore.schema_builtin import Attribute, Spec
from factstore.values import Keyword, ValueType

_IDENTS: Final = 20
"""Idents of other entities that a table names; there may be many."""
_DOC: Final = 80
"""Characters of a document that a text table shows."""

_Row = tuple[str, ...]
_HEAD: Final = ("attribute", "type", "cardinality", "properties", "doc")

Named = Callable[[int], Keyword | None]
"""The ident of an entity."""


def attribute_map(attribute: Attribute, named: Named) -> dict[Keyword, Any]:
    """The map that would define an attribute."""
    said: dict[str, Any] = {
        "db/ident": attribute.ident,
        "db/valueType": attribute.type.ident,
        "db/cardinality": Keyword(f"db.cardinality/{'many' if attribute.many else 'one'}"),
        "db/unique": attribute.unique and Keyword(f"db.unique/{attribute.unique}"),
        "db/isComponent": attribute.component or None,
        "db/index": attribute.indexed or None,
        "db/noHistory": attribute.no_history or None,
        "db/tupleAttrs": attribute.parts and [named(part) for part in attribute.parts],
        "db/tupleTypes": attribute.tuple_types and list(attribute.tuple_types),
        "db/tupleType": attribute.tuple_type,
        "db.attr/preds": list(attribute.preds) or None,
        "db/derivedBy": attribute.derived_by,
        "db/doc": attribute.doc,
    }
    return {Keyword(name): value for name, value in said.items() if value is not None}


def spec_map(spec: Spec) -> dict[Keyword, Any]:
    """The map that would define an entity spec that has a name."""
    said = {"db/ident": spec.ident, "db.entity/attrs": list(spec.attrs), "db.entity/preds": list(spec.preds)}
    return {Keyword(name): value for name, value in said.items() if value}


def to_edn(maps: Iterable[dict[Keyword, Any]]) -> str:
    """Maps as the text of a schema file: one after the other, a line for each property."""
    return "\n".join(_map_text(each) for each in maps)


def _map_text(properties: dict[Keyword, Any]) -> str:
    pairs = [f"{edn.write(name)} {edn.write(value)}" for name, value in properties.items()]
    return "{" + "\n ".join(pairs) + "}\n"


class Table:
    """Attributes, specs and other idents, for people.

    >>> print(Table([Attribute(id=300, ident=Keyword("a/b"), type=ValueType.LONG, many=True)], [], []).text())
    attribute  type  cardinality  properties  doc
    :a/b       long  many
    """

    def __init__(self, attributes: Iterable[Attribute], specs: Iterable[Spec], idents: Sequence[Keyword]) -> None:
        every = [_attribute_row(attribute) for attribute in attributes]
        told = [_spec_row(spec) for spec in specs]
        self._parts: list[tuple[_Row, list[_Row]]] = [(_HEAD, every)]
        if told:
            self._parts.append((("spec", "requires", "predicates"), told))
        if idents:
            self._parts.append((("idents",), [(_idents_text(idents),)]))

    def text(self) -> str:
        """In columns of one width, for a terminal."""
        return "\n\n".join(_text([head, *(_cut(row) for row in rows)]) for head, rows in self._parts)

    def html(self) -> str:
        """For a notebook; everything is escaped."""
        return "".join(_html(head, rows) for head, rows in self._parts)


def _attribute_row(attribute: Attribute) -> _Row:
    cardinality = "many" if attribute.many else "one"
    return repr(attribute.ident), _type(attribute), cardinality, ", ".join(_properties(attribute)), attribute.doc or ""


def _type(attribute: Attribute) -> str:
    if attribute.tuple_attrs is not None:
        return f"tuple of {' '.join(map(repr, attribute.tuple_attrs))}"
    types = attribute.slot_types
    if isinstance(types, ValueType):
        return f"tuple of {types.ident.name} …"
    slots = "" if types is None else f" of {' '.join(type.ident.name for type in types)}"
    return attribute.type.ident.name + slots


def _properties(attribute: Attribute) -> list[str]:
    said = {
        f"unique {attribute.unique}": attribute.unique,
        "component": attribute.component,
        "index": attribute.indexed,
        "no history": attribute.no_history,
        f"must pass {' '.join(attribute.preds)}": attribute.preds,
        f"derived by {attribute.derived_by!r}": attribute.derived_by,
    }
    return [name for name, holds in said.items() if holds]


def _spec_row(spec: Spec) -> _Row:
    name = repr(spec.ident) if spec.ident is not None else str(spec.id)
    return name, " ".join(map(repr, spec.attrs)), " ".join(spec.preds)


def _idents_text(idents: Sequence[Keyword]) -> str:
    more = f" and {len(idents) - _IDENTS:,} more" if len(idents) > _IDENTS else ""
    return " ".join(map(repr, idents[:_IDENTS])) + more


def _cut(row: _Row) -> _Row:
    *cells, last = (" ".join(cell.split()) for cell in row)
    return *cells, last if len(last) <= _DOC else last[: _DOC - 1] + "…"


def _text(rows: Sequence[_Row]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _html(head: _Row, rows: Sequence[_Row]) -> str:
    def line(cells: _Row, tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    body = "".join(line(row, "td") for row in rows)
    return f"<table><thead>{line(head, 'th')}</thead><tbody>{body}</tbody></table>"
