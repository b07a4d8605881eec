"""What a clause with clauses in it must have bound, and by whom; and how it is told where that fails."""

from __future__ import annotations

from collections.abc import Sequence

from factstore import edn
from factstore.errors import QueryError
from factstore.query.columnar.steps import Step
from factstore.query.language.ast import Clause, Node, Not, Or, variables
from factstore.query.language.scope import Scope, given, spoken
from factstore.query.rules.renaming import as_written


def check_not(node: Not, shared: Scope) -> None:
    """Refuses a negation that nothing outside of it restricts (``query/unbound``)."""
    if node.vars is not None and len(shared) < len(node.vars):
        lost = " ".join(variable.name for variable in node.vars if variable.name not in shared)
        message = f"{lost} of {node} is not bound outside of it"
        raise edn.located(QueryError, message, node.at, code="query/unbound", variables=lost.split())
    if not shared and variables(node.clauses):
        names = sorted(variables(node.clauses))
        message = f"no variable of {node} is bound outside of it: expected one of {' '.join(names)}"
        raise edn.located(QueryError, message, node.at, code="query/unbound", variables=names)


def new_of_or(node: Or, bodies: Sequence[Sequence[Clause]], shared: Scope) -> Scope:
    """The variables an or binds that nothing else does; ``query/or-branches`` if some branch does not."""
    new = [(given(body) if node.vars is None else spoken((node,))) - shared for body in bodies]
    for body, names in zip(bodies, new, strict=True):
        lost = names - given(body)
        if lost:
            missing = sorted(map(as_written, lost))
            message = f"{' '.join(missing)} of {_written(node)} is not bound in every branch"
            raise edn.located(QueryError, message, body[0].at, code="query/or-branches", variables=missing)
    if any(names != new[0] for names in new):
        shown = ", ".join("{" + " ".join(sorted(map(as_written, names))) + "}" for names in new)
        message = f"the branches of an or must have the same free variables, these have {shown}"
        raise edn.located(QueryError, message, node.at, code="query/or-branches")
    return new[0]


def unbound(at: Step | Node, missing: frozenset[str]) -> QueryError:
    """``query/unbound``, at the first of the variables that no clause binds."""
    node = at if isinstance(at, Node) else at.node
    found = next((found for name, found in variables(node).items() if name in missing), node)
    lost = sorted(as_written(name) for name in missing)
    message = f"{' and '.join(lost)} in {_written(node)} cannot be bound by any clause"
    return edn.located(QueryError, message, found.at or node.at, code="query/unbound", variables=lost)


def _written(node: Node) -> object:
    """A clause as it stands in the text, whatever its variables have become."""
    return node.at.snippet if node.at else node
