"""Which arguments of a rule mean an entity, so that an ident or a lookup ref given there becomes its id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from factstore.db import DbValue
from factstore.query.columnar.naming import entity_constant
from factstore.query.language.ast import Constant, Pattern, Rule, RuleCall, Term, Variable, walk
from factstore.query.rules.ruleset import RuleSet
from factstore.values import Keyword

T = TypeVar("T", bound=Term)


class NamedArgs:
    """The places of rule arguments that stand for an entity or an attribute in some pattern of a body."""

    def __init__(self, sources: Mapping[str, Any], rules: RuleSet) -> None:
        self._sources = sources
        self._rules = rules
        self._places: dict[tuple[str, str], tuple[int, ...]] = {}

    def by_id(self, name: str, args: tuple[T, ...], source: str) -> tuple[T, ...]:
        """``args`` of a call or head with ids for the constants there that are names."""
        db = self._sources.get(source)
        if not isinstance(db, DbValue) or not any(_is_name(arg) for arg in args):
            return args
        places = self.places(name, source)
        return tuple(_id(db, arg) if place in places and _is_name(arg) else arg for place, arg in enumerate(args))

    def places(self, name: str, source: str) -> tuple[int, ...]:
        """The places of a rule, from 0."""
        known = self._places.get((name, source))
        if known is None:
            arity = range(self._rules.arity(name))
            known = tuple(place for place in arity if self._means_entity(name, place, source, set()))
            self._places[name, source] = known
        return known

    def _means_entity(self, name: str, place: int, source: str, seen: set[tuple[str, int]]) -> bool:
        if (name, place) in seen:
            return False
        seen.add((name, place))
        return any(self._in_body(rule, rule.head.args[place], source, seen) for rule in self._rules.rules_of(name))

    def _in_body(self, rule: Rule, arg: Term, source: str, seen: set[tuple[str, int]]) -> bool:
        if not isinstance(arg, Variable):
            return False
        for node in walk(rule.clauses):
            if isinstance(node, Pattern) and arg in self._entities_of(node, source):
                return True
            if isinstance(node, RuleCall) and any(
                other == arg and self._means_entity(node.name, place, source, seen)
                for place, other in enumerate(node.args)
            ):
                return True
        return False

    def _entities_of(self, node: Pattern, source: str) -> tuple[Term, ...]:
        """The terms of a pattern that mean an entity, an attribute or a transaction."""
        db = self._sources.get(node.source.name if node.source else source)
        if not isinstance(db, DbValue):
            return ()
        attribute = node.terms[1] if len(node.terms) > 1 else None
        named = attribute.value if isinstance(attribute, Constant) else None
        known = db.schema.get(named) if isinstance(named, str | int) else None
        values = node.terms[2:3] if known is not None and known.is_ref else ()
        return (*node.terms[:2], *values, *node.terms[3:4])


def _is_name(arg: Term) -> bool:
    return isinstance(arg, Constant) and isinstance(arg.value, Keyword | list | tuple)


def _id(db: DbValue, arg: Any) -> Any:
    found = entity_constant(db, arg)
    return arg if found is None else Constant(int(found[0]), at=arg.at)
