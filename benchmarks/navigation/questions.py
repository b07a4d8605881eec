"""Small questions, each written once for every peer.

A question takes the entity ``e`` or its ``key``. ``sql`` is over the store's own tables, ``{f}`` the facts that hold,
an attribute's name its id.
"""

from __future__ import annotations

import itertools
from typing import Final, NamedTuple

_ANCESTORS: Final = """
[(ancestor ?e ?a) [?e :node/parent ?a]]
[(ancestor ?e ?a) [?e :node/parent ?p] (ancestor ?p ?a)]"""
_BY_KEY: Final = (
    "(SELECT e FROM {f} WHERE a = {key} AND fl & 1 = 1 AND v = (SELECT id FROM {dict} WHERE h = %(h)s AND kind = 6))"
)


class Question(NamedTuple):
    name: str
    datalog: str
    sql: str
    cozo: str
    by: str = "e"
    """What is given: an entity, a key, or the key as a lookup ref."""
    rules: str | None = None


def _hops(count: int) -> Question:
    ends = ["?e", *(f"?n{place}" for place in range(1, count + 1))]
    clauses = " ".join(f"[{one} :node/next {other}]" for one, other in itertools.pairwise(ends))
    sql = "%(e)s"
    for _ in range(count):
        sql = f"SELECT DISTINCT v FROM {{f}} WHERE a = {{next}} AND e IN ({sql})"
    steps = ", ".join(f"*next{{e: n{place}, n: n{place + 1}}}" for place in range(1, count))
    return Question(
        f"{count} hop{'s' if count > 1 else ''}",
        f"[:find [{ends[-1]} ...] :in $ ?e :where {clauses}]",
        sql,
        f"?[n{count}] := *next{{e: $e, n: n1}}{', ' if steps else ''}{steps}",
    )


QUESTIONS: Final = (
    Question(
        "one attribute of an entity",
        "[:find [?age ...] :in $ ?e :where [?e :node/age ?age]]",
        "SELECT v FROM {f} WHERE e = %(e)s AND a = {age}",
        "?[age] := *node{e: $e, age}",
    ),
    Question(
        "three attributes of an entity by its key",
        """[:find ?e ?name ?age :in $ ?key
 :where [?e :node/key ?key] [?e :node/name ?name] [?e :node/age ?age]]""",
        f"""SELECT n.e, s.txt, g.v FROM {{f}} n JOIN {{dict}} s ON s.id = n.v
 JOIN {{f}} g ON g.e = n.e AND g.a = {{age}} WHERE n.a = {{name}} AND n.e = {_BY_KEY}""",
        "?[e, name, age] := *by_key{key: $key, e}, *node{e, name, age}",
        by="key",
    ),
    _hops(1),
    _hops(2),
    _hops(4),
    Question(
        "2 hops from a lookup ref",
        "[:find [?n2 ...] :in $ ?e :where [?e :node/next ?n1] [?n1 :node/next ?n2]]",
        f"""SELECT DISTINCT v FROM {{f}} WHERE a = {{next}}
 AND e IN (SELECT v FROM {{f}} WHERE a = {{next}} AND e = {_BY_KEY})""",
        "?[n2] := *by_key{key: $key, e}, *next{e, n: n1}, *next{e: n1, n: n2}",
        by="ref",
    ),
    Question(
        "ancestors, recursive, ten",
        "[:find [?a ...] :in $ ?e :where (ancestor ?e ?a)]",
        """WITH RECURSIVE up (a) AS (SELECT v FROM {f} WHERE e = %(e)s AND a = {parent}
 UNION SELECT p.v FROM up JOIN {f} p ON p.e = up.a AND p.a = {parent}) SELECT a FROM up""",
        "up[a] := *parent{e: $e, p: a}\nup[a] := up[e], *parent{e, p: a}\n?[a] := up[a]",
        rules=_ANCESTORS,
    ),
    Question(
        "2 hops without who is blocked",
        "[:find [?n2 ...] :in $ ?e :where [?e :node/next ?n1] [?n1 :node/next ?n2] (not [?n1 :node/blocked ?n2])]",
        """SELECT DISTINCT y.v FROM {f} x JOIN {f} y ON y.e = x.v AND y.a = {next} WHERE x.e = %(e)s AND x.a = {next}
 AND NOT EXISTS (SELECT 1 FROM {f} z WHERE z.e = y.e AND z.a = {blocked} AND z.v = y.v)""",
        "?[n2] := *next{e: $e, n: n1}, *next{e: n1, n: n2}, not *blocked{e: n1, n: n2}",
    ),
    Question(
        "2 hops, those over 50, with their age",
        "[:find ?n2 ?age :in $ ?e :where [?e :node/next ?n1] [?n1 :node/next ?n2] [?n2 :node/age ?age] [(> ?age 50)]]",
        """SELECT DISTINCT y.v, g.v FROM {f} x JOIN {f} y ON y.e = x.v AND y.a = {next}
 JOIN {f} g ON g.e = y.v AND g.a = {age} AND g.v > 50 WHERE x.e = %(e)s AND x.a = {next}""",
        "?[n2, age] := *next{e: $e, n: n1}, *next{e: n1, n: n2}, *node{e: n2, age}, age > 50",
    ),
    Question(
        "how many are 3 hops away",
        "[:find (count ?n3) :in $ ?e :where [?e :node/next ?n1] [?n1 :node/next ?n2] [?n2 :node/next ?n3]]",
        """SELECT count(DISTINCT v) FROM {f} WHERE a = {next} AND e IN (SELECT v FROM {f} WHERE a = {next} AND e IN (
 SELECT v FROM {f} WHERE a = {next} AND e = %(e)s))""",
        "far[n3] := *next{e: $e, n: n1}, *next{e: n1, n: n2}, *next{e: n2, n: n3}\n?[count(n3)] := far[n3]",
    ),
)
