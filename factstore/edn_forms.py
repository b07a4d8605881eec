"""Forms: what EDN text says and where it says it.

A :class:`Form` keeps offsets only; a :class:`Position` adds the text they belong to, so that every
node made from a form can say its line and draw its caret for as long as it lives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypeVar

import msgspec

from factstore.edn_scalars import TAGS
from factstore.errors import EdnError, FactstoreError, caret

Kind = Literal[
    "nil",
    "boolean",
    "number",
    "string",
    "regex",
    "character",
    "keyword",
    "symbol",
    "list",
    "vector",
    "map",
    "set",
    "tagged",
]
Tags = Mapping[str, Callable[[Any], Any]]
_E = TypeVar("_E", bound=FactstoreError)


class Text(msgspec.Struct, frozen=True):
    """A piece of EDN text and the name it is spoken of by: a file, or ``<query>``."""

    name: str
    body: str

    def at(self, form: Form) -> Position:
        """Where ``form`` stands in this text."""
        return Position(self, form.start, form.end)


class Position(msgspec.Struct, frozen=True, eq=False):
    """A stretch of a text; ``str`` gives ``name:line:column``.

    All positions are equal, and equal to None: where a node stands is no part of what it says.
    """

    text: Text
    start: int
    end: int

    def __eq__(self, other: object) -> bool:
        return other is None or isinstance(other, Position)

    def __ne__(self, other: object) -> bool:
        return not self == other  # a struct's own != does not ask ==

    def __hash__(self) -> int:
        return hash(None)

    @property
    def line(self) -> int:
        """The line, from 1."""
        return self.text.body.count("\n", 0, self.start) + 1

    @property
    def column(self) -> int:
        """The column, from 1."""
        return self.start - self.text.body.rfind("\n", 0, self.start)

    @property
    def snippet(self) -> str:
        """The text itself, on one line and cut where it is long."""
        text = " ".join(self.text.body[self.start : min(self.end, self.start + 200)].split())
        return text if len(text) <= 60 else text[:59] + "…"

    def __str__(self) -> str:
        return f"{self.text.name}:{self.line}:{self.column}"

    def __repr__(self) -> str:
        return f"<{self}>"


def located(kind: type[_E], message: str, at: Position | None, *, code: str, **data: Any) -> _E:
    """An error with ``message``, the place, and its line with a caret under it.

    ``data`` gets ``source``, ``line`` and ``column``; all are left out where the place is unknown.

    >>> text = Text("<query>", "[:find 1]")
    >>> print(located(EdnError, "expected a variable, found 1", Position(text, 7, 8), code="edn/example"))
    edn/example: expected a variable, found 1, at <query>:1:8
      | [:find 1]
      |        ^
    """
    if at is None:
        return kind(message, code=code, **data)
    shown = caret(at.text.body, at.line, at.column)
    place = {"source": at.text.name, "line": at.line, "column": at.column}
    return kind(f"{message}, at {at}\n{shown}", code=code, **place, **data)


class Form(msgspec.Struct, frozen=True):
    """One form: its kind, what it holds, and the offsets it was read between.

    ``value`` is the Python value of a scalar, and the tuple of child forms of anything else: of a
    map its keys and values in turn, of a tagged form the tag (a symbol) and what is tagged.
    """

    kind: Kind
    value: Any
    start: int
    end: int

    @property
    def items(self) -> tuple[Form, ...]:
        """The child forms; none of a scalar."""
        return self.value if self.kind in COLLECTIONS else ()


COLLECTIONS: Final = frozenset(("list", "vector", "map", "set", "tagged"))


def data_of(form: Form, text: Text, tags: Tags | None = None, *, hashable: bool = False) -> Any:
    """The plain Python data of ``form``, as :func:`factstore.edn.read` gives it.

    With ``hashable`` vectors become tuples, as they do inside sets and map keys.
    """
    known: Tags = TAGS if not tags else {**TAGS, **tags}
    done: list[Any] = []
    work: list[Form | None] = [form]
    waiting: list[Form] = []
    while work:
        node = work.pop()
        if node is None:
            node = waiting.pop()
            first = len(done) - len(node.value)
            done[first:] = [_assemble(node, done[first:], text, known, hashable)]
        elif node.kind in COLLECTIONS:
            waiting.append(node)
            work.append(None)
            work.extend(reversed(node.value))
        else:
            done.append(node.value)
    return done[0]


def _assemble(form: Form, values: list[Any], text: Text, tags: Tags, hashable: bool) -> Any:
    if form.kind == "vector":
        return tuple(values) if hashable else values
    if form.kind == "list":
        return tuple(values)
    if form.kind == "tagged":
        return _tagged(form, values[1], text, tags)
    if form.kind == "set":
        return frozenset(_keys(form, form.value, values, text, tags))
    if hashable:
        raise located(EdnError, "a map cannot be a key of a map or in a set", text.at(form), code="edn/not-hashable")
    return dict(zip(_keys(form, form.value[::2], values[::2], text, tags), values[1::2], strict=True))


def _tagged(form: Form, value: Any, text: Text, tags: Tags) -> Any:
    tag = form.value[0].value
    if tag not in tags:
        known = ", ".join(f"#{name}" for name in sorted(tags))
        raise located(
            EdnError, f"unknown tag #{tag}: known are {known}", text.at(form), code="edn/unknown-tag", tag=tag
        )
    try:
        return tags[tag](value)
    except ValueError as error:
        raise located(EdnError, str(error), text.at(form.value[1]), code="edn/syntax") from None


def _keys(form: Form, forms: tuple[Form, ...], values: list[Any], text: Text, tags: Tags) -> list[Any]:
    seen: dict[Any, Form] = {}
    for item, value in zip(forms, values, strict=True):
        key = value if item.kind not in COLLECTIONS else _hashable(item, text, tags)
        if key in seen:
            raise _twice(seen[key], item, text)
        seen[key] = item
    return list(seen)


def _hashable(form: Form, text: Text, tags: Tags) -> Any:
    key = data_of(form, text, tags, hashable=True)
    try:
        hash(key)
    except TypeError:
        message = f"a {type(key).__name__} cannot be a key of a map or in a set"
        raise located(EdnError, message, text.at(form), code="edn/not-hashable") from None
    return key


def _twice(first: Form, second: Form, text: Text) -> EdnError:
    here, there = text.at(second), text.at(first)
    same = "" if here.snippet == there.snippet else f" (to Python it equals {there.snippet})"
    return located(EdnError, f"{here.snippet} stands here twice{same}", here, code="edn/duplicate")
