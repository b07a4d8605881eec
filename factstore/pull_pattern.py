"""Pull patterns: which attributes of an entity to take, and how deep.

::

    pattern    = [spec+]
    spec       = name | * | [name option*] | {(name | [name option*]) (pattern | depth | ...)}
    name       = :attr | "attr" | :ns/_attr                  the underscore follows a ref backwards
    option     = :as any | :default any | :limit count-or-nil | :xform symbol
    old forms  = (limit name count-or-nil) | (default name any)
"""

from __future__ import annotations

import functools
from typing import Any, Final

import msgspec

from factstore import edn
from factstore.edn import Form, Position, Text, located
from factstore.errors import QueryError
from factstore.values import Keyword, Symbol

DEFAULT_LIMIT: Final = 1000
"""Values taken of an attribute that has many, where the pattern does not say."""
MAX_DEPTH: Final = 100
"""Levels a pattern may nest; recursion (``...``) is not bounded by it."""


class Recursion(msgspec.Struct, frozen=True):
    """The enclosing pattern again, ``depth`` times; None until nothing new is found."""

    depth: int | None = None

    def __str__(self) -> str:
        return "..." if self.depth is None else str(self.depth)


class AttrSpec(msgspec.Struct, frozen=True):
    """One attribute to take.

    ``limit`` counts values, None is all of them, and ``limited`` tells whether the pattern itself
    said so. ``default`` is ``UNSET`` where there is none, since None and false are defaults too.
    """

    attr: Keyword
    reverse: bool = False
    as_: Any = None
    default: Any = msgspec.UNSET
    limit: int | None = DEFAULT_LIMIT
    limited: bool = False
    xform: str | None = None
    nested: PullPattern | Recursion | None = None
    at: Position | None = None
    """Where the attribute is named; takes no part in ``==``."""

    @property
    def name(self) -> Keyword:
        """The attribute as the pattern writes it: ``:person/_friend`` where it is reversed."""
        head, slash, tail = self.attr.rpartition("/")
        return Keyword(f"{head}{slash}_{tail}") if self.reverse else self.attr

    @property
    def key(self) -> Any:
        """What the value stands under in the result."""
        return str(self.name) if self.as_ is None else self.as_

    def __hash__(self) -> int:
        return hash((self.attr, self.reverse))  # a default may be a list

    def __str__(self) -> str:
        options: list[Any] = []
        if self.as_ is not None:
            options += [Keyword("as"), self.as_]
        if self.default is not msgspec.UNSET:
            options += [Keyword("default"), self.default]
        if self.limited:
            options += [Keyword("limit"), self.limit]
        if self.xform is not None:
            options += [Keyword("xform"), Symbol(self.xform)]
        named = edn.write([self.name, *options] if options else self.name)
        return named if self.nested is None else f"{{{named} {self.nested}}}"


class PullPattern(msgspec.Struct, frozen=True):
    """What to take of an entity; ``wildcard`` is everything, the specs then say how.

    An attribute stands in ``specs`` once, as it was last said.
    """

    specs: tuple[AttrSpec, ...]
    wildcard: bool = False

    def __str__(self) -> str:
        return f"[{' '.join((['*'] if self.wildcard else []) + [str(spec) for spec in self.specs])}]"


def parse_pull(pattern: Any, *, source: str = "<pull>") -> PullPattern:
    """The pattern of EDN text, of data as :func:`factstore.edn.read` gives it, or of one parsed before.

    Names may be plain strings, with or without a colon, ``"*"`` and ``...`` included. Raises
    :class:`QueryError` ``query/pull-syntax``, and :class:`EdnError` where the text is no EDN.

    >>> print(parse_pull(["person/name", {"person/_friend": 3}]))
    [:person/name {:person/_friend 3}]
    >>> parse_pull("[[:person/name :as :name]]").specs[0].key
    :name
    """
    if isinstance(pattern, PullPattern):
        return pattern
    return _parse(pattern if isinstance(pattern, str) else edn.write(pattern), source)


@functools.lru_cache(maxsize=1024)
def _parse(body: str, source: str) -> PullPattern:
    return pull_pattern(edn.parse(body, source, max_depth=MAX_DEPTH), Text(source, body))


def pull_pattern(form: Form, text: Text) -> PullPattern:
    """The pattern that a form of ``text`` says; for a pull expression inside a query."""
    if form.kind != "vector" or not form.items:
        raise _expected("a pull pattern: [:attr …] or [*]", form, text)
    specs: dict[tuple[str, bool], AttrSpec] = {}
    wildcard = False
    for item in form.items:
        if item.value in ("*", "...") and item.kind in ("symbol", "string"):
            wildcard = wildcard or _star(item, text)
            continue
        for spec in _specs(item, text):
            specs[spec.attr, spec.reverse] = spec
    return PullPattern(tuple(specs.values()), wildcard)


def _star(form: Form, text: Text) -> bool:
    if form.value != "*":
        raise _expected("an attribute or *: recursion is written {:attr ...}", form, text)
    return True


def _specs(form: Form, text: Text) -> list[AttrSpec]:
    if form.kind != "map":
        return [_attribute(form, text)]
    if not form.items:
        raise _expected("an attribute and its pattern: {:attr [:attr …]}", form, text)
    pairs = zip(form.items[::2], form.items[1::2], strict=True)
    return [msgspec.structs.replace(_attribute(name, text), nested=_nested(below, text)) for name, below in pairs]


def _nested(form: Form, text: Text) -> PullPattern | Recursion:
    if form.kind in ("symbol", "string") and form.value == "...":
        return Recursion()
    if form.kind == "number" and type(form.value) is int and form.value > 0:
        return Recursion(form.value)
    if form.kind != "vector":
        raise _expected("a pattern, a depth from 1, or ...", form, text)
    return pull_pattern(form, text)


def _attribute(form: Form, text: Text) -> AttrSpec:
    if form.kind not in ("vector", "list"):
        return _named(form, text)
    if not form.items:
        raise _expected("an attribute with options: [:attr :as :name]", form, text)
    if form.kind == "list" and form.items[0].kind == "symbol":
        return _legacy(form, text)
    head, *options = form.items
    if len(options) % 2:
        raise _expected("a value after the last option", options[-1], text)
    spec = _attribute(head, text)
    for name, value in zip(options[::2], options[1::2], strict=True):
        spec = _with_option(spec, name, value, text)
    return spec


def _named(form: Form, text: Text) -> AttrSpec:
    name = form.value.removeprefix(":") if form.kind in ("keyword", "string") else ""
    head, slash, tail = name.rpartition("/")
    reverse = tail.startswith("_")
    attr = head + slash + (tail[1:] if reverse else tail)
    if not attr or attr.endswith("/") or (slash and not head):
        raise _expected("an attribute such as :person/name, or *", form, text)
    return AttrSpec(Keyword(attr), reverse, at=text.at(form))


def _legacy(form: Form, text: Text) -> AttrSpec:
    head, *rest = form.items
    if head.value not in ("limit", "default") or len(rest) != 2:
        raise _expected("(limit :attr count) or (default :attr value)", form, text)
    return _with_option(_attribute(rest[0], text), head, rest[1], text)


def _with_option(spec: AttrSpec, name: Form, form: Form, text: Text) -> AttrSpec:
    option = name.value.removeprefix(":") if isinstance(name.value, str) else None
    if option == "as":
        return msgspec.structs.replace(spec, as_=_alias(form, text))
    if option == "default":
        return msgspec.structs.replace(spec, default=edn.data_of(form, text))
    if option == "limit":
        return msgspec.structs.replace(spec, limit=_limit(form, text), limited=True)
    if option == "xform":
        return msgspec.structs.replace(spec, xform=_xform(form, text))
    raise _expected("one of :as, :default, :limit, :xform", name, text)


def _alias(form: Form, text: Text) -> Any:
    alias = edn.data_of(form, text, hashable=True)
    if alias is None:
        raise _expected("a name after :as", form, text)
    return alias


def _limit(form: Form, text: Text) -> int | None:
    if form.kind != "nil" and (type(form.value) is not int or form.value < 1):
        raise _expected("a count from 1, or nil for all, after limit", form, text)
    limit: int | None = form.value
    return limit


def _xform(form: Form, text: Text) -> str:
    if form.kind not in ("symbol", "string") or not form.value:
        raise _expected("the name of a registered function after :xform", form, text)
    return str(form.value)


def _expected(production: str, form: Form, text: Text) -> QueryError:
    at = text.at(form)
    return located(QueryError, f"expected {production}, found {at.snippet}", at, code="query/pull-syntax")
