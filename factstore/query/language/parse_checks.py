"""What can be wrong with a well-formed query before any schema is known."""

from __future__ import annotations

import difflib

from factstore.query.language.ast import PatternVar, PullExpr, Query, RulesVar, SourceVar, Variable, variables, walk
from factstore.query.language.parse_terms import distinct, not_too_many, refused


def check_query(query: Query) -> None:
    """Refuses names that are unknown, or said where they exclude each other (``query/syntax``)."""
    not_too_many(query.where)
    _inputs_once(query)
    _find_and_with(query)
    _known_variables(query)
    _known_inputs(query)


def _inputs_once(query: Query) -> None:
    named = (Variable, SourceVar, RulesVar, PatternVar)
    distinct(tuple(node for node in walk(query.inputs) if isinstance(node, named)), " in :in")


def _find_and_with(query: Query) -> None:
    found = variables(query.find)
    for node in query.with_:
        if node.name in found:
            raise refused(f"{node} stands in :find and in :with: expected it in one of them", node)


def _known_variables(query: Query) -> None:
    known = variables(query.where, query.inputs)
    for part, nodes in ((":find", query.find), (":with", query.with_)):
        for name, node in variables(nodes).items():
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                hint = f"; did you mean {near[0]}" if near else ""
                raise refused(f"{name} stands in {part}, but neither in :where nor in :in{hint}", node)


def _known_inputs(query: Query) -> None:
    given = set(query.inputs)
    for node in walk(query.find, query.where):
        if isinstance(node, SourceVar) and node not in given:
            raise refused(f"the source {node} is not given in :in, which has {_listed(query)}", node)
        if isinstance(node, PullExpr) and isinstance(node.pattern, PatternVar) and node.pattern not in given:
            raise refused(f"the pull pattern {node.pattern} is not given in :in, which has {_listed(query)}", node)


def _listed(query: Query) -> str:
    return " ".join(str(node) for node in query.inputs)
