"""What a rule book must pass before it derives anything: all of it is checked, with file, line and caret."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, Final

import factstore
from enrich.clauses import (
    attributes,
    function,
    inner,
    is_call,
    is_pattern,
    is_variable,
    operator,
    parts,
    without_source,
)
from enrich.edges import ORIGIN, OWN
from enrich.errors import EnrichError
from enrich.program import Program
from enrich.rules import EDGE, RuleBook, callee_of, edge
from factstore import Db, Keyword, QueryError, RuleSet, check_rules

_UNSTEADY: Final = {
    "rand": "gives another answer each time",
    "rand-int": "gives another answer each time",
    "q": "cannot be told what it depends on",
}


def check(db: Db, book: RuleBook) -> RuleSet:
    """The book's rules as a set to query with, if edges can be derived by them in ``db`` and kept true.

    Raises :class:`~factstore.QueryError` for what no query could say: an unknown attribute or rule, a variable no
    clause binds, a wrong arity, recursion through negation; :class:`~enrich.EnrichError` ``rule/…`` for a relation
    that cannot be derived, or a body whose edges could not be explained or kept.
    """
    checked = check_rules(db, book.rules)
    for rule in book.edges:
        _check_relation(db, rule.relation, getattr(rule.rule, "head", None))
    _Bodies(db, book).check()
    for number in range(len(book.edges)):
        _check_ends(db, book, number)
    Program.of(book)
    return checked


def _refuse(message: str, at: Any, code: str, **data: Any) -> EnrichError:
    return factstore.edn.located(EnrichError, message, at, code=code, **data)


def _check_relation(db: Db, relation: Keyword, head: Any) -> None:
    known, at = db.schema.get(relation), head.args[0].at if head is not None else None
    if known is None:
        near = " or ".join(map(repr, db.schema.near(relation)))
        message = f"no attribute {relation!r} to derive" + (f"; did you mean {near}?" if near else "")
        raise _refuse(message, at, "rule/unknown-relation", attribute=relation)
    if not known.is_ref or not known.many:
        seen = f"{'many' if known.many else 'one'} {known.type.name.lower()}"
        message = f"{relation!r} cannot be derived: it holds {seen}, expected a ref of cardinality many"
        raise _refuse(message, at, "rule/relation-type", attribute=relation)
    if known.derived_by not in (None, ORIGIN):
        message = f"{relation!r} is derived by {known.derived_by!r}: nobody else may write it"
        raise _refuse(message, at, "rule/relation-written", attribute=relation)
    if known.derived_by is None and (written := len(db.q(f"[:find ?e ?v :where [?e :{relation} ?v]]"))):
        message = f"{relation!r} has {written} facts written by others: nobody could tell which of them are derived"
        raise _refuse(message, at, "rule/relation-written", attribute=relation, facts=written)


def _check_ends(db: Db, book: RuleBook, number: int) -> None:
    """Both ends of an edge must be entities: not a name, nor a number that only looks like one."""
    rule = book.edges[number].rule
    if rule is None:
        return
    place = next(i for i, each in enumerate(book.rules) if each is rule)
    body = [clause for clause in book.data[place][1:] if not isinstance(clause, Mapping)]
    found = [part for clause in body for part, negated in parts([without_source(clause)]) if not negated]
    for arg in rule.head.args[1:]:
        values = [part for part in found if is_pattern(part) and len(part) > 2 and part[2] == str(arg)]
        other = [part for part in found if str(arg) in map(str, _entity_places(db, part))]
        if values and not other:
            message = f"{arg} is no entity: it is only ever a value of {values[0][1]!r}"
            raise _refuse(message, arg.at, "rule/not-an-entity", variable=str(arg))


def _entity_places(db: Db, part: Any) -> list[Any]:
    if is_call(part):
        return [term for term in part[1:] if is_variable(term)]
    if not is_pattern(part):
        return []
    known = db.schema.get(part[1]) if len(part) > 1 and isinstance(part[1], Keyword) else None
    return [part[0], *(part[2:3] if known is not None and known.is_ref else [])]


class _Bodies:
    """Checks the bodies that edges depend on, clause by clause."""

    def __init__(self, db: Db, book: RuleBook) -> None:
        self._db: Final = db
        self._book: Final = book
        self._derived: Final = frozenset(map(str, book.relations))
        edges = [place for place, data in enumerate(book.data) if str(data[0][0]) == EDGE]
        self._needed: Final = sorted({place for number in edges for place in book.needed_by(number)})

    def check(self) -> None:
        for place in self._needed:
            for clause, at in self._clauses(place):
                self._check_connectives(clause, at)
                for part, _ in parts([clause]):
                    self._check_part(part, at)
        self._check_strata()

    def _clauses(self, place: int) -> Iterator[tuple[Any, Any]]:
        body = [clause for clause in self._book.data[place][1:] if not isinstance(clause, Mapping)]
        for clause, node in zip(body, self._book.rules[place].clauses, strict=True):
            yield without_source(clause), node.at

    def _check_connectives(self, clause: Any, at: Any) -> None:
        if operator(clause) == "optional":
            raise _refuse("(optional …) says nothing an edge could rest on", at, "rule/optional")
        for part in inner(clause):
            self._check_connectives(part, at)

    def _check_part(self, part: Any, at: Any) -> None:
        if is_pattern(part):
            self._check_pattern(part, at)
        elif is_call(part) and operator(part) == EDGE and not isinstance(part[1], Keyword):
            raise _refuse(f"{factstore.edn.write(part)} may be any edge: name its relation", at, "rule/any-relation")
        elif (name := function(part)) in _UNSTEADY:
            raise _refuse(f"{name} {_UNSTEADY[name]}: no edge can rest on it", at, "rule/unsteady")
        for name in attributes(part):
            self._check_attribute(part, name, at)

    def _check_pattern(self, part: Any, at: Any) -> None:
        if len(part) < 2 or not isinstance(part[1], Keyword):
            message = f"{factstore.edn.write(part)} may be any fact: name its attribute, for an edge to rest on"
            raise _refuse(message, at, "rule/any-attribute")
        if str(part[1]) in self._derived and len(part) > 3:
            message = f"{part[1]!r} is derived: which transaction wrote it is no reason for an edge"
            raise _refuse(message, at, "rule/derived-transaction", attribute=part[1])

    def _check_attribute(self, part: Any, name: Keyword, at: Any) -> None:
        known = self._db.schema.get(name)
        if str(name) in OWN:
            raise _refuse(f"{name!r} is enrichment's own output", at, "rule/own-output", attribute=name)
        if str(name) in self._derived and not is_pattern(part):
            message = f"{name!r} is derived: ask for it with a pattern, in (not …) for what is missing"
            raise _refuse(message, at, "rule/derived-function", attribute=name)
        if known is not None and known.no_history:
            message = f"{name!r} keeps no history: an edge that rested on it could not be explained"
            raise _refuse(message, at, "rule/no-history", attribute=name)
        if known is not None and known.derived_by not in (None, ORIGIN):
            return
        if known is not None and known.derived_by == ORIGIN and str(name) not in self._derived:
            message = f"{name!r} is derived, and no rule of these files derives it"
            raise _refuse(message, at, "rule/not-derived-here", attribute=name)

    def _check_strata(self) -> None:
        """Refuses an edge that depends on the absence of itself, through whatever relations and rules."""
        calls = {place: list(self._calls(place)) for place in self._needed}
        reached = {callee_of(self._book.data[place]): self._reached(place, calls) for place in self._needed}
        for place, name in ((place, callee_of(self._book.data[place])) for place in self._needed):
            for callee, negated, at in calls[place]:
                if negated and (callee == name or name in reached.get(callee, ())):
                    head = self._book.rules[place].head
                    message = f"{head} depends on the absence of itself"
                    raise factstore.edn.located(QueryError, message, at, code="query/unstratifiable", rule=name)

    def _calls(self, place: int) -> Iterator[tuple[str, bool, Any]]:
        for clause, at in self._clauses(place):
            for part, negated in parts([clause]):
                if operator(part) == EDGE:
                    yield edge(part[1]), negated, at
                elif is_call(part):
                    yield str(part[0]), negated, at
                elif is_pattern(part) and str(part[1]) in self._derived:
                    yield edge(part[1]), negated, at

    def _reached(self, place: int, calls: Mapping[int, list[tuple[str, bool, Any]]]) -> set[str]:
        name = callee_of(self._book.data[place])
        same = [each for each in self._needed if callee_of(self._book.data[each]) == name]
        return {
            callee
            for each in itertools.chain(*(self._book.needed_by(each) for each in same))
            for callee, *_ in calls[each]
        }
