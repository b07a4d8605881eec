"""What a clause is to the engine: a step that takes bindings and gives more, or fewer, of them.

Every clause of a query becomes one step (:mod:`factstore.query.compile`). A step says which variables
it needs, which it can give, and how many rows it would leave; :mod:`factstore.query.columnar.solve` runs the
cheapest next one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

from factstore.query.columnar.relation import Relation
from factstore.query.language.ast import Node


class Step(Protocol):
    """One clause, ready to run."""

    node: Node
    """The clause as written."""
    needs: frozenset[str]
    """Variables that must be bound before it can run."""
    names: frozenset[str]
    """All variables it speaks of; those not bound before are bound after it."""
    is_filter: bool
    """True if it only ever takes rows away, so that it is run as soon as it can be."""

    def estimate(self, rows: Relation) -> float:
        """How many rows it would leave of ``rows``, counted where counting is cheap."""

    def run(self, rows: Relation, needed: frozenset[str]) -> Relation:
        """``rows`` extended, or thinned; a set again. Columns that are not ``needed`` may be left out."""


def settled(step: Step, known: Collection[str]) -> bool:
    """Whether ``step`` runs with the variables ``known``, if more than :attr:`Step.needs` has to do with that.

    Rules and the branches of an ``or`` may run with one variable or with another: such a step then needs those
    that are there.
    """
    settle = getattr(step, "settle", None)
    return settle is None or bool(settle(frozenset(known)))


def least(
    known: frozenset[str], needed: frozenset[str], runs: Callable[[frozenset[str]], bool]
) -> frozenset[str] | None:
    """As few of the variables ``known`` as something runs with, those ``needed`` among them; None if it does not.

    It is asked about these last: what lies within has settled on them.
    """
    if runs(needed):
        return needed
    if not runs(known):
        return None
    for name in sorted(known - needed, reverse=True):
        if runs(known - {name}):
            known -= {name}
    return known if runs(known) else None
