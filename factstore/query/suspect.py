"""What a query says that can never be true, or may never end: warnings, which explain shows.

They are no errors: an answer of no rows may be the right one, and Datomic's queries are written over
schemas that say less than the data. But a value of another type than its attribute's, or two that can
have no order between them, is hardly what anybody meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from factstore import edn
from factstore.db import DbValue
from factstore.errors import InvalidValue, QueryError
from factstore.query.functions.builtin import plain_name
from factstore.query.functions.order import family
from factstore.query.language.ast import (
    Clause,
    Constant,
    FunctionCall,
    LookupRef,
    Node,
    Not,
    Optional,
    Or,
    Pattern,
    Predicate,
    Query,
    RuleCall,
    SourceVar,
    Variable,
    variables,
    walk,
)
from factstore.query.rules.ruleset import RuleSet
from factstore.schema import Attribute
from factstore.values import PYTHON_TYPES, ValueType
from factstore.values_coerce import coerce


class Warning(NamedTuple):
    """What looks wrong, and where: ``message`` ends with the line and a caret, if the text is known."""

    code: str
    message: str
    line: int | None
    column: int | None

    def __str__(self) -> str:
        return f"warning: {self.message}"


class _Typed(NamedTuple):
    """A variable's type, and the attribute that says so."""

    type: type
    attribute: Attribute
    entity: bool = False


Types = dict[str, _Typed]


def warnings_of(query: Query, sources: Mapping[str, Any], rules: RuleSet) -> list[Warning]:
    """What is to be warned of in the clauses of a query, and in the rules it can call."""
    found: dict[str, Warning] = {}
    for clauses in (query.where, *(rule.clauses for rule in _reached(query, rules))):
        for warning in _Check(sources).conjunction(clauses, {}, "$"):
            found.setdefault(warning.message, warning)
    for warning in _endless(query, rules):
        found.setdefault(warning.message, warning)
    return list(found.values())


def _reached(query: Query, rules: RuleSet) -> list[Any]:
    names, waiting = set[str](), [call.name for call in walk(query.where) if isinstance(call, RuleCall)]
    while waiting:
        name = waiting.pop()
        if name not in names and name in rules.names:
            names.add(name)
            calls = (node for rule in rules.rules_of(name) for node in walk(rule.clauses))
            waiting += [node.name for node in calls if isinstance(node, RuleCall)]
    return [rule for name in sorted(names) for rule in rules.rules_of(name)]


class _Check:
    """Types of variables, clause by clause."""

    def __init__(self, sources: Mapping[str, Any]) -> None:
        self._sources = sources
        self.found: list[Warning] = []

    def conjunction(self, clauses: Sequence[Clause], around: Types, source: str) -> list[Warning]:
        """Looks at clauses that hold together, ``around`` being the types of variables outside of them."""
        types = dict(around)
        for clause in clauses:
            if isinstance(clause, Pattern):
                self._pattern(clause, types, source)
        for clause in clauses:
            if isinstance(clause, Predicate):
                self._predicate(clause, types)
            elif isinstance(clause, Not | Optional | Or):
                inner = clause.source.name if clause.source else source
                for body in _bodies(clause):
                    self.conjunction(body, _seen_by(clause, types), inner)
        return self.found

    def _pattern(self, node: Pattern, types: Types, source: str) -> None:
        db = self._sources.get(node.source.name if node.source else source)
        attribute = _attribute(db, node) if isinstance(db, DbValue) else None
        if attribute is None:
            return
        for place, kind in ((0, int), (2, PYTHON_TYPES[attribute.type])):
            term = node.terms[place] if place < len(node.terms) else None
            if isinstance(term, Variable):
                self._variable(node, term, _Typed(kind, attribute, not place), types)
            elif place and isinstance(term, Constant | LookupRef):
                self._value(term if isinstance(term, Constant) else term.constant, attribute)

    def _variable(self, node: Pattern, term: Variable, typed: _Typed, types: Types) -> None:
        known = types.setdefault(term.name, typed)
        if known.type is not typed.type:
            here, there = (_said(each) for each in (typed, known))
            self._warn("type", f"{term} can have no value: here it is {here}, elsewhere {there}", term)

    def _value(self, term: Constant, attribute: Attribute) -> None:
        if attribute.is_ref:
            return
        try:
            coerce(attribute.type, term.value)
        except InvalidValue:
            message = f"{term} is never a value of {attribute.ident!r}, which is {_a(attribute.type)}"
            self._warn("type", message, term)

    def _predicate(self, node: Predicate, types: Types) -> None:
        if node.fn not in (*_ORDERS, *_EQUAL):
            return
        said = [(arg, _family(arg, types)) for arg in node.args]
        known = [(arg, each) for arg, each in said if each]
        if len({each for _, each in known}) > 1:
            end = "have no order between them" if node.fn in _ORDERS else "are never equal"
            kinds = " and ".join(f"{arg} ({each})" for arg, each in known)
            self._warn("comparison", f"{kinds} {end}", node)

    def _warn(self, code: str, message: str, at: Node) -> None:
        self.found.append(_warning(code, message, at))


_ORDERS: Final = ("<", "<=", ">", ">=")
_EQUAL: Final = ("=",)


def _warning(code: str, message: str, at: Node) -> Warning:
    told = edn.located(QueryError, message, at.at, code=code)
    return Warning(f"plan/{code}", told.message, told.data.get("line"), told.data.get("column"))


def _attribute(db: DbValue, node: Pattern) -> Attribute | None:
    term = node.terms[1] if len(node.terms) > 1 else None
    return db.schema.get(term.value) if isinstance(term, Constant) and isinstance(term.value, str | int) else None


def _bodies(clause: Not | Optional | Or) -> Iterable[Sequence[Clause]]:
    return clause.bodies if isinstance(clause, Or) else [clause.clauses]


def _seen_by(clause: Not | Optional | Or, types: Types) -> Types:
    """The types of the variables a clause shares with its surroundings."""
    if isinstance(clause, Optional) or clause.vars is None:
        return types
    names = variables(clause.vars, clause.required if isinstance(clause, Or) else ())
    return {name: typed for name, typed in types.items() if name in names}


def _said(typed: _Typed) -> str:
    if typed.entity:
        return f"an entity (of {typed.attribute.ident!r})"
    return f"{_a(typed.attribute.type)} (of {typed.attribute.ident!r})"


def _a(type: ValueType) -> str:
    name = type.name.lower()
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _family(arg: Any, types: Types) -> str:
    if isinstance(arg, Constant):
        return family(arg.value)
    typed = types.get(arg.name) if isinstance(arg, Variable) else None
    return _FAMILIES.get(typed.type, typed.type.__name__) if typed else ""


_FAMILIES: Final[dict[type, str]] = {int: "number", float: "number", PYTHON_TYPES[ValueType.BIGDEC]: "number"}


def _endless(query: Query, rules: RuleSet) -> list[Warning]:
    """Rules that call themselves with, or give, a value that a function made: there may always be another."""
    found: list[Warning] = []
    for rule in _reached(query, rules):
        own = {name for name, stratum in _circle(rule.head.name, rules).items() if stratum}
        calls = [node for node in rule.clauses if isinstance(node, RuleCall) and node.name in own]
        for node in rule.clauses:
            if calls and isinstance(node, FunctionCall) and plain_name(str(node.fn)) not in _BOUNDED:
                made = set(variables(node.binding)) - set(variables(node.args))
                used = set(variables(rule.head.args)) & made or set(variables(calls)) & made
                if used and not any(isinstance(arg, SourceVar) for arg in node.args):
                    message = f"the rule {rule.head.name} makes new values of old ones by {node}, and may never end"
                    found.append(_warning("endless", message, node))
    return found


_BOUNDED: Final = ("ground", "identity", "min", "max", "get-else", "get-some", "untuple", "type")
"""Functions that give only so many values, however often they are called."""


def _circle(name: str, rules: RuleSet) -> dict[str, bool]:
    """Each rule a rule leads to, and whether that leads back."""
    below = {each: {call.name for rule in rules.rules_of(each) for call in _calls(rule)} for each in rules.names}

    def reach(start: str) -> set[str]:
        seen, waiting = set[str](), [start]
        while waiting:
            for each in below.get(waiting.pop(), ()):
                if each not in seen:
                    seen.add(each)
                    waiting.append(each)
        return seen

    return {each: name in reach(each) for each in reach(name)}


def _calls(rule: Any) -> list[RuleCall]:
    return [node for node in walk(rule.clauses) if isinstance(node, RuleCall)]
