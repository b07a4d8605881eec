"""A pull pattern against a schema: what each of its parts is going to do, checked before anything is read."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from factstore.edn import located
from factstore.errors import QueryError, SchemaError
from factstore.pull_pattern import AttrSpec, PullPattern, Recursion
from factstore.schema import Attribute, Schema
from factstore.values import Keyword, ValueType

Functions = Mapping[str, Callable[[Any], Any]]
"""What ``:xform`` may call, by name."""

DB_ID: Final = Attribute(id=0, ident=Keyword("db/id"), type=ValueType.LONG)
"""The id of an entity, spoken of as if it were an attribute; no entity has the id 0."""


class Follow(enum.Enum):
    """What is shown of a value."""

    ID = "the id of the entity itself"
    VALUE = "the value"
    REF = "the id of the entity referred to"
    NESTED = "the entity referred to, by a pattern of its own"
    AGAIN = "the entity referred to, by the enclosing pattern again"
    EXPAND = "all of a component, and of its components"


class Step(msgspec.Struct, frozen=True, eq=False):
    """One attribute to take: an :class:`AttrSpec` whose names have been looked up."""

    spec: AttrSpec
    attribute: Attribute
    key: Any
    single: bool
    follow: Follow
    xform: Callable[[Any], Any] | None = None
    nested: Plan | None = None
    slot: int | None = None
    """Which of the plan's ``depths`` this recursion uses up, None if it is unbounded."""

    @property
    def limit(self) -> int | None:
        """How many values are shown of an entity, None for all."""
        return 1 if self.single else self.spec.limit


class Plan(msgspec.Struct, frozen=True, eq=False):
    """A pattern whose names have been looked up; two plans are the same only if they are one object."""

    steps: tuple[Step, ...]
    wildcard: bool = False
    depths: tuple[int, ...] = ()

    @property
    def said(self) -> frozenset[int]:
        """The attributes that a wildcard leaves to the steps."""
        return frozenset(step.attribute.id for step in self.steps if not step.spec.reverse)


EXPANSION: Final = Plan((), wildcard=True)
"""What a component is shown with where the pattern does not say."""


def plan(schema: Schema, pattern: PullPattern, functions: Functions) -> Plan:
    """The plan of a pattern.

    Raises :class:`SchemaError` ``schema/unknown-attribute`` and :class:`QueryError`: ``query/pull-not-a-ref``
    where a value is followed, ``query/pull-limit`` where the single value of an attribute is limited,
    ``query/unknown-function`` for an ``:xform`` that is not among ``functions``.

    >>> from factstore.pull_pattern import parse_pull
    >>> [step] = plan(Schema.bootstrap(), parse_pull("[{:db/_valueType 2}]"), {}).steps
    >>> step.key, step.single, step.follow.name, step.slot
    ('db/_valueType', False, 'AGAIN', 0)
    """
    steps: list[Step] = []
    depths: list[int] = []
    for spec in pattern.specs:
        slot = None
        if isinstance(spec.nested, Recursion) and spec.nested.depth is not None:
            slot = len(depths)
            depths.append(spec.nested.depth)
        steps.append(_step(schema, spec, functions, slot))
    return Plan(tuple(steps), pattern.wildcard, tuple(depths))


def _step(schema: Schema, spec: AttrSpec, functions: Functions, slot: int | None) -> Step:
    is_id = spec.attr == DB_ID.ident and not spec.reverse
    attribute = DB_ID if is_id else _attribute(schema, spec)
    single = attribute.component if spec.reverse else not attribute.many
    _check(spec, attribute, single)
    return Step(
        spec=spec,
        attribute=attribute,
        key=spec.key,
        single=single,
        follow=_follow(spec, attribute),
        xform=None if spec.xform is None else _function(spec, functions),
        nested=plan(schema, spec.nested, functions) if isinstance(spec.nested, PullPattern) else None,
        slot=slot,
    )


def _attribute(schema: Schema, spec: AttrSpec) -> Attribute:
    try:
        return schema.attribute(spec.attr)
    except SchemaError as error:
        raise located(SchemaError, error.message, spec.at, code=error.code, **error.data) from None


def plain_step(attribute: Attribute) -> Step:
    """The step of an attribute of which nothing is said but its name."""
    spec = AttrSpec(attribute.ident)
    return Step(spec, attribute, str(attribute.ident), not attribute.many, _follow(spec, attribute))


def _follow(spec: AttrSpec, attribute: Attribute) -> Follow:
    if isinstance(spec.nested, PullPattern):
        return Follow.NESTED
    if isinstance(spec.nested, Recursion):
        return Follow.AGAIN
    if attribute is DB_ID:
        return Follow.ID
    if attribute.component and not spec.reverse:
        return Follow.EXPAND
    return Follow.REF if attribute.is_ref else Follow.VALUE


def _check(spec: AttrSpec, attribute: Attribute, single: bool) -> None:
    if not attribute.is_ref and (spec.reverse or spec.nested is not None):
        raise located(
            QueryError,
            f"{spec} follows {attribute.ident!r}, a {attribute.type.name.lower()}: expected a ref",
            spec.at,
            code="query/pull-not-a-ref",
            attribute=attribute.ident,
        )
    if single and spec.limited:
        raise located(
            QueryError,
            f"{spec} limits {spec.name!r}, which has one value: expected an attribute with many",
            spec.at,
            code="query/pull-limit",
            attribute=attribute.ident,
        )


def _function(spec: AttrSpec, functions: Functions) -> Callable[[Any], Any]:
    found = functions.get(spec.xform or "")
    if found is None:
        raise located(
            QueryError,
            f"no function {spec.xform} for :xform in {spec}: expected one that was registered",
            spec.at,
            code="query/unknown-function",
            function=spec.xform,
        )
    return found
