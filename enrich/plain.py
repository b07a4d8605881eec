"""Rule bodies in plain form: derived relations called, and each ``or`` a rule of its own."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from enrich.clauses import (
    BLANK,
    BRANCHINGS,
    NEGATIONS,
    Clause,
    Term,
    exposed,
    function,
    inner,
    is_pattern,
    join_variables,
    operator,
    variables,
)
from enrich.rules import EDGE, edge
from factstore import Keyword, Symbol

OR: Final = "or*"
"""What the names of branches begin with."""


class Rewriting:
    """One body on its way to plain form; collects the branches of its ``or`` clauses."""

    def __init__(self, derived: Collection[str], fresh: Iterator[int]) -> None:
        self._derived = derived
        self._fresh = fresh
        self.branches: list[tuple[str, int, tuple[Term, ...], tuple[Clause, ...]]] = []

    def body(self, clauses: Iterable[Clause]) -> Iterator[Clause]:
        for clause in clauses:
            if operator(clause) == "and":
                yield from self.body(inner(clause))
            elif operator(clause) in BRANCHINGS:
                yield self._branching(clause)
            else:
                yield from self._inside(clause)

    def _branching(self, clause: Clause) -> Clause:
        branches = [inner(branch) if operator(branch) == "and" else (branch,) for branch in inner(clause)]
        names = join_variables(clause) or exposed((clause,))
        # What a branch cannot bind by itself, the clauses beside the `or` must.
        needed = [name for name in names if any(name not in _bound_by(branch) for branch in branches)]
        args = (*needed, *(name for name in names if name not in needed))
        made = f"{OR}{next(self._fresh)}"
        self.branches += [(made, len(needed), args, branch) for branch in branches]
        return (Symbol(made), *args)

    def _inside(self, clause: Clause) -> Iterator[Clause]:
        """A clause with its calls of derived relations; an ``or`` inside a negation needs no proof and stays."""
        name = operator(clause)
        if name in BRANCHINGS or name in NEGATIONS:
            start = 2 if name in ("or-join", "not-join") else 1
            kept, inside = clause[:start], [tuple(self._inside(part)) for part in clause[start:]]
            joined = name in BRANCHINGS
            yield (*kept, *((_joined(made) for made in inside) if joined else itertools.chain(*inside)))
        elif inner(clause):
            yield (clause[0], *itertools.chain(*(self._inside(part) for part in clause[1:])))
        else:
            yield from self._called(clause)

    def _is_derived(self, clause: Clause) -> bool:
        named = clause[1] if is_pattern(clause) and len(clause) > 1 else None
        return isinstance(named, Keyword) and str(named) in self._derived

    def _called(self, clause: Clause) -> Iterator[Clause]:
        if self._is_derived(clause):
            relation, args = clause[1], [clause[0], clause[2] if len(clause) > 2 else BLANK]
        elif operator(clause) == EDGE and isinstance(clause[1], Keyword):
            relation, args = clause[1], list(clause[2:])
        else:
            yield clause
            return
        for place, arg in enumerate(args):
            # A call has no lookup refs and idents: they are looked up beside it.
            if isinstance(arg, list | Keyword):
                args[place] = Symbol(f"?*looked{next(self._fresh)}")
                attribute, value = arg if isinstance(arg, list) else (Keyword("db/ident"), arg)
                yield [args[place], attribute, value]
        yield (Symbol(edge(relation)), *args)


def _joined(clauses: tuple[Clause, ...]) -> Clause:
    return clauses[0] if len(clauses) == 1 else (Symbol("and"), *clauses)


def _bound_by(clauses: Iterable[Clause]) -> set[Symbol]:
    found: set[Symbol] = set()
    for clause in clauses:
        if operator(clause) in BRANCHINGS:
            branches = [_bound_by((branch,)) for branch in inner(clause)]
            found |= set.intersection(*branches) if branches else set()
        elif operator(clause) == "and":
            found |= _bound_by(inner(clause))
        elif operator(clause) not in NEGATIONS:
            found.update(variables(clause[1:] if function(clause) else clause))
    return found
