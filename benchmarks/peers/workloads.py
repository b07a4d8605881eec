"""What is asked: Datalog for the peers that read it; the others have a query of their own under the same name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypeVar

T = TypeVar("T")

Kind = Literal["q", "pull", "entities"]


class Workload(NamedTuple):
    """A question: its name, and the query or pull pattern, with the data that go in beside the db.

    A pull, or a walk over ``entities``, begins at the ``root`` of the data. ``inputs`` that begin with ``=`` stand
    for what the data say is asked about.
    """

    name: str
    text: str
    inputs: tuple[Any, ...] = ()
    rules: str = ""
    kind: Kind = "q"

    def among(self, texts: Mapping[str, T]) -> T | None:
        """What a peer has under the name, or under the first word of it."""
        return next(
            (texts[key] for key in (self.name, *re.split(r"[ -]", self.name, maxsplit=1)[:1]) if key in texts), None
        )

    def values(self, asked: dict[str, Any]) -> tuple[Any, ...]:
        """The inputs for some data."""
        return tuple(asked[v[1:]] if isinstance(v, str) and v.startswith("=") else v for v in self.inputs)


PEOPLE = (
    Workload("q1", '[:find ?e :where [?e :person/name "Ivan"]]'),
    Workload("q2", '[:find ?e ?a :where [?e :person/name "Ivan"] [?e :person/age ?a]]'),
    Workload("q2-switch", '[:find ?e ?a :where [?e :person/age ?a] [?e :person/name "Ivan"]]'),
    Workload("q3", '[:find ?e ?a :where [?e :person/name "Ivan"] [?e :person/age ?a] [?e :person/sex "male"]]'),
    Workload(
        "q4",
        '[:find ?e ?l ?a :where [?e :person/name "Ivan"] [?e :person/last-name ?l] [?e :person/age ?a]'
        ' [?e :person/sex "male"]]',
    ),
    Workload(
        "q5",
        '[:find ?e1 ?l ?a :where [?e :person/name "Ivan"] [?e :person/age ?a] [?e1 :person/age ?a]'
        " [?e1 :person/last-name ?l]]",
    ),
    Workload(
        "q5-shortcircuit",
        "[:find ?e ?n ?l ?a ?s ?al :in $ ?n ?a :where [?e :person/name ?n] [?e :person/age ?a]"
        " [?e :person/last-name ?l] [?e :person/sex ?s] [?e :person/alias ?al]]",
        ("Anastasia", 35),
    ),
    Workload("qpred1", "[:find ?e ?s :where [?e :person/salary ?s] [(> ?s 50000)]]"),
    Workload("qpred2", "[:find ?e ?s :in $ ?min :where [?e :person/salary ?s] [(> ?s ?min)]]", (50_000,)),
)

FOLLOWS = """[[(follows ?x ?y) [?x :person/follows ?y]]
 [(follows ?x ?y) [?x :person/follows ?t] (follows ?t ?y)]]"""


def closure(name: str) -> Workload:
    """Everyone with everyone they follow, over any number of steps."""
    return Workload(name, "[:find ?e ?f :in $ % :where (follows ?e ?f)]", rules=FOLLOWS)


_SHOWN = ":db/id :person/last-name :person/alias :person/sex :person/age :person/salary"

TREE = (
    Workload("pull-one", "[:person/name {:person/follows ...}]", kind="pull"),
    Workload("pull-one-entities", "[:person/name {:person/follows ...}]", kind="entities"),
    Workload("pull-many", f"[{_SHOWN} {{:person/follows ...}}]", kind="pull"),
    Workload("pull-many-entities", f"[{_SHOWN} {{:person/follows ...}}]", kind="entities"),
    Workload("pull-wildcard", "[* {:person/follows ...}]", kind="pull"),
)

_AUTHOR = "[(author ?d ?c) [?d :dissertation/cid ?c]]"
_ADVISED = f"{_AUTHOR} [(adv ?x ?y) [?x :person/advised ?d] (author ?d ?y)]"

GENEALOGY = (
    Workload(
        "Q1 grand-advisors of one person",
        "[:find [?n ...] :in $ % ?name :where [?d :person/name ?name] (adv ?x ?d) (adv ?y ?x) [?y :person/name ?n]]",
        ("=name",),
        f"[{_ADVISED}]",
    ),
    Workload(
        "Q2 same university as an advisor",
        "[:find [?n ...] :in $ % :where (adv ?x ?y) (univ ?x ?u) (univ ?y ?u) [?y :person/name ?n]]",
        (),
        f"[{_ADVISED} [(univ ?c ?u) [?d :dissertation/cid ?c] [?d :dissertation/univ ?u]]]",
    ),
    Workload(
        "Q3 other area than an advisor",
        "[:find [?n ...] :in $ % :where (adv ?x ?y) (area ?x ?a1) (area ?y ?a2) [(!= ?a1 ?a2)] [?y :person/name ?n]]",
        (),
        f"[{_ADVISED} [(area ?c ?a) [?d :dissertation/cid ?c] [?d :dissertation/area ?a]]]",
    ),
    Workload(
        "Q4 all ancestors of one person",
        "[:find [?n ...] :in $ % ?name :where [?x :person/name ?name] (anc ?y ?x) [?y :person/name ?n]]",
        ("=name",),
        f"[{_ADVISED} [(anc ?x ?y) (adv ?x ?y)] [(anc ?x ?y) (adv ?x ?z) (anc ?z ?y)]]",
    ),
)
