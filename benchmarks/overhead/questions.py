"""The questions, as Datalog and by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from benchmarks.overhead import by_hand
from benchmarks.overhead.by_hand import Columns
from benchmarks.overhead.data import Ints


class Question(NamedTuple):
    name: str
    datalog: str
    by_hand: Callable[[Columns, Mapping[str, int]], list[Ints]]


QUESTIONS: Final = (
    Question("one value → entities", '[:find ?e :where [?e :person/name "Ivan"]]', by_hand.one_value),
    Question(
        "join on values",
        "[:find ?e ?s :where [?e :person/salary ?pay] [?s :shop/pay ?pay]]",
        by_hand.value_join,
    ),
    Question(
        "2 hops of the whole graph, distinct",
        "[:find ?a ?c :where [?a :person/friend ?b] [?b :person/friend ?c]]",
        by_hand.two_hops,
    ),
    Question(
        "a range of values",
        "[:find ?e ?s :where [?e :person/salary ?s] [(<= 50000 ?s)] [(< ?s 60000)]]",
        by_hand.value_range,
    ),
    Question(
        "star of 4 clauses",
        """[:find ?e ?age :where [?e :person/name "Ivan"] [?e :person/last-name "Ivanov"] [?e :person/sex "male"]
 [?e :person/age ?age]]""",
        by_hand.star,
    ),
    Question(
        "count and sum by group",
        "[:find ?c (count ?e) (sum ?s) :where [?e :person/city ?c] [?e :person/salary ?s]]",
        by_hand.group,
    ),
    Question(
        "without (`not`)",
        "[:find ?e :where [?e :person/name] (not [?e :person/banned])]",
        by_hand.anti,
    ),
)
