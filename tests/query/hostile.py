"""Queries that mean harm, by name: what they ask, and the code that each of them must end with, if with any.

Run as a program in a process of its own, whose memory is bounded, it prints each name, its code and seconds.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import factstore
from factstore import Db, FactstoreError, Keyword, Symbol

_MEMORY = 3 << 30
_PEOPLE = 2000


class Hostile(NamedTuple):
    name: str
    query: Any
    code: str | None
    inputs: tuple[Any, ...] = ()
    options: dict[str, Any] = {}  # noqa: RUF012


def nested(depth: int, times: int) -> Any:
    """A list in a list, each of them held ``times`` times by the next."""
    found: Any = [1]
    for _ in range(depth):
        found = [found] * times
    return found


def cyclic() -> list[Any]:
    """A list that holds itself."""
    found: list[Any] = []
    found.append(found)
    return found


def rules(*texts: str, **options: Any) -> dict[str, Any]:
    return {"rules": f"[{' '.join(texts)}]", **options}


def data(where: Any) -> list[Any]:
    return [Keyword("find"), Symbol("?x"), Keyword("where"), where]


GROWS = "[:find ?x :where (r ?x)]"
START = "[(r ?x) [(str 7) ?x]]"
FAILED, MISMATCH, LARGE, DEEP = "query/function-failed", "query/type-mismatch", "query/too-large", "query/too-deep"
SELF = "[:find ?x . :in $ ?q :where [(q ?q $ ?q) ?x]]"

QUERIES = [
    Hostile("a string times a number", '[:find ?x . :where [(* "a" 1000000000) ?x]]', MISMATCH),
    Hostile("a range of 10^12", "[:find (count ?x) . :where [(range 1000000000000) [?x ...]]]", FAILED),
    Hostile("a range of 10^12 as a double", "[:find (count ?x) . :where [(range 1e12) [?x ...]]]", MISMATCH),
    Hostile("a range of 10^30", f"[:find (count ?x) . :where [(range 1{'0' * 30}) [?x ...]]]", FAILED),
    Hostile("a cross product", "[:find (count ?a) . :with ?b ?c :where [?a :n/n] [?b :n/n] [?c :n/n]]", LARGE),
    Hostile(
        "a cross product of ranges", "[:find ?a ?b :where [(range 100000) [?a ...]] [(range 100000) [?b ...]]]", LARGE
    ),
    Hostile(
        "a join of all with all",
        "[:find ?a ?b :where [?a :n/s ?s] [?b :n/s ?s] [?c :n/s ?s] [?d :n/s ?s]]",
        LARGE,
        (),
        {"max_rows": 10**6},
    ),
    Hostile("a string that doubles", GROWS, FAILED, (), rules(START, "[(r ?x) (r ?y) [(str ?y ?y) ?x]]")),
    Hostile(
        "a string that grows",
        GROWS,
        "query/timeout",
        (),
        rules(START, '[(r ?x) (r ?y) [(str ?y "a") ?x]]', timeout=0.5),
    ),
    Hostile(
        "strings that fill memory",
        GROWS,
        LARGE,
        (),
        rules(START, f'[(r ?x) (r ?y) [(str ?y "{"a" * 5000}") ?x]]', max_memory=10**7),
    ),
    Hostile(
        "a number that is squared", GROWS, FAILED, (), rules("[(r ?x) [(+ 3 4) ?x]]", "[(r ?x) (r ?y) [(* ?y ?y) ?x]]")
    ),
    Hostile(
        "a number that is counted up",
        GROWS,
        "query/timeout",
        (),
        rules("[(r ?x) [(+ 3 4) ?x]]", "[(r ?x) (r ?y) [(inc ?y) ?x]]", timeout=0.5),
    ),
    Hostile("a tuple that nests", GROWS, FAILED, (), rules(START, "[(r ?x) (r ?y) [(tuple ?y) ?x]]")),
    Hostile("a tuple that doubles", GROWS, FAILED, (), rules(START, "[(r ?x) (r ?y) [(tuple ?y ?y) ?x]]")),
    Hostile(
        "a regex with a repetition in a repetition", '[:find ?x :where [_ :n/s ?s] [(re-find "(a+)+b" ?s) ?x]]', FAILED
    ),
    Hostile("a regex with ambiguous branches", '[:find ?x :where [_ :n/s ?s] [(re-find "(a|a)*b" ?s) ?x]]', FAILED),
    Hostile(
        "a regex of optional letters",
        f'[:find ?x :where [_ :n/s ?s] [(re-find "{"a?" * 40}{"a" * 41}" ?s) ?x]]',
        FAILED,
    ),
    Hostile("a regex that nests", f'[:find ?x :where [_ :n/s ?s] [(re-find "{"(" * 900}a{")" * 900}" ?s) ?x]]', FAILED),
    Hostile(
        "a regex over a long text", '[:find ?x :in $ ?s :where [(re-find "a*a*a*b" ?s) ?x]]', FAILED, ("a" * 100_000,)
    ),
    Hostile("a regex that looks back", '[:find ?x :where [_ :n/s ?s] [(re-find "(a*)*\\\\1b" ?s) ?x]]', FAILED),
    Hostile("a replacement", '[:find ?x :in $ ?s :where [(replace ?s "a" ?s) ?x]]', FAILED, ("a" * 100_000,)),
    Hostile(
        "a join of strings",
        "[:find ?x :in $ ?s :where [(range 100000) ?r] [(join ?s ?r) ?x]]",
        FAILED,
        ("a" * 100_000,),
    ),
    Hostile("10^12 random values", "[:find (rand 1000000000000 ?x) . :where [_ :n/n ?x]]", MISMATCH),
    Hostile("a sample of 10^12", "[:find (sample 1000000000000 ?x) . :where [_ :n/n ?x]]", MISMATCH),
    Hostile("a decimal of a million digits", "[:find ?x :where [(* 1e999999M 1e999999M) ?x]]", FAILED),
    Hostile("the rest of such a decimal", "[:find ?x :where [(mod 1e999999M 7) ?x]]", FAILED),
    Hostile("a comparison with such a decimal", "[:find ?x :where [_ :n/n ?x] [(< ?x 1e999999M)]]", None),
    Hostile("an int of 50,000 digits", "[:find ?y :in ?y]", "value/wrong-type", (10**50_000,)),
    Hostile("a query that asks itself", SELF, DEEP, (SELF,)),
    Hostile("text that nests", f"[:find ?x :where {'(not ' * 5000}[?x :n/n]{')' * 5000}]", "edn/too-deep"),
    Hostile("data that nests", data(nested(100_000, 1)), "edn/too-deep"),
    Hostile("data that doubles", data(nested(60, 2)), "edn/too-large"),
    Hostile("data that holds itself", cyclic(), "edn/too-deep"),
    Hostile("an input that nests", "[:find ?x :in ?x]", "query/inputs", (nested(100_000, 1),)),
    Hostile("an input that doubles", "[:find ?x :in ?x]", "query/inputs", (nested(60, 2),)),
    Hostile("an input that holds itself", "[:find ?x :in ?x]", "query/inputs", (cyclic(),)),
    Hostile("many clauses", f"[:find ?x :where {'[?x :n/n] ' * 5001}]", LARGE),
    Hostile("much text", f"[:find ?x :where {'[?x :n/n] ' * 100_001}]", "edn/too-large"),
    Hostile("a module of Python", '[:find ?x :where [(os.system "true") ?x]]', "query/unknown-function"),
    Hostile("a function of Python", '[:find ?x :where [(__import__ "os") ?x]]', "query/unknown-function"),
    Hostile("a function by a name given", "[:find ?x :in ?f :where [(?f 1) ?x]]", MISMATCH, ("__import__",)),
    Hostile(
        "an order of too many rows",
        "[:find ?x ?y :where [?x :n/n] [?y :n/n] :order-by [?x] :limit 3]",
        LARGE,
        (),
        {"max_memory": 10**7},
    ),
    Hostile(
        "a closure of all with all",
        "[:find (count ?x) :where (r ?x ?y)]",
        "query/timeout",
        (),
        rules("[(r ?x ?y) [?x :n/n] [?y :n/n]]", "[(r ?x ?y) (r ?x ?z) (r ?z ?y)]", timeout=0.1),
    ),
    Hostile(
        "a limit beyond all numbers", f"[:find ?x :where [?x :n/n 7] :limit 1{'0' * 40} :offset 1{'0' * 40}]", None
    ),
]


def store() -> Db:
    conn = factstore.connect("memory:")
    one = {"db/cardinality": "db.cardinality/one"}
    conn.transact(
        [{**one, "db/ident": f"n/{n}", "db/valueType": f"db.type/{t}"} for n, t in (("n", "long"), ("s", "string"))]
    )
    return conn.transact([{"n/n": i, "n/s": "a" * 30} for i in range(_PEOPLE)]).db_after


def ended(act: Callable[[], Any]) -> str | None:
    """The code that something ends with, None for an answer."""
    try:
        act()
    except FactstoreError as error:
        return error.code
    return None


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    db = store()
    found = {}
    for each in QUERIES:
        started = time.perf_counter()
        code = ended(lambda each=each: db.q(each.query, *each.inputs, **each.options))  # type: ignore[misc]
        found[each.name] = code, time.perf_counter() - started
    json.dump(found, sys.stdout)
