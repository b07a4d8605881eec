"""The questions, each written once for every peer: Datalog, SQL over plain tables, SQL over facts, CozoScript.

``eav`` runs on PostgreSQL over the store's own tables and on DuckDB over a copy of them: ``{f}`` is the table of
facts that hold, ``{dict}`` that of the strings, and an attribute's name its id.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from examples.package_archive.questions import RULES


class Question(NamedTuple):
    """One question; a peer without a text is not asked."""

    name: str
    datalog: str
    plain: str
    eav: str
    cozo: str = ""
    given: dict[str, Any] = {}  # noqa: RUF012 - never changed
    """Inputs by name, in the order of ``:in``."""
    rules: Any = None
    columns: bool = False
    """Whether the answer is wanted as columns, being large."""
    graph: str = ""
    """What NetworkX is asked of its graph: ``ancestors`` or ``descendants``."""


_REACHES: Final = """
[(reaches ?p ?n) [?p :package/depends ?n]]
[(reaches ?p ?n) [?p :package/depends ?m] (reaches ?m ?n)]"""

_CALLED: Final = "(SELECT e FROM {f} WHERE a = {name} AND fl & 1 = 1 AND v = {name_code})"

DEPENDS_ON: Final = """depends_on AS MATERIALIZED (
  SELECT r.p, r.n AS other FROM requires r JOIN package v ON v.id = r.n AND v.has_version
  UNION SELECT r.p, g.p FROM requires r JOIN provides g ON g.n = r.n)"""
"""Who depends on whom directly, virtual packages resolved, over plain tables."""

CLOSURE_NEEDS: Final = Question(
    "reverse closure of `libc6`, through virtual packages",
    "[:find [?p ...] :in $ ?name :where [?c :package/name ?name] (needs ?p ?c)]",
    f"""
WITH RECURSIVE {DEPENDS_ON}, asked (p) AS (SELECT id FROM package WHERE name = $name), needs (p) AS (
  SELECT s.p FROM asked JOIN depends_on s ON s.other = asked.p
 UNION
  SELECT s.p FROM needs JOIN depends_on s ON s.other = needs.p
) SELECT p FROM needs""",
    """
WITH RECURSIVE asked (p) AS (SELECT e FROM {f} WHERE a = {name} AND fl & 1 = 1 AND v = {name_code}),
needs (p) AS (
  SELECT s.p FROM asked CROSS JOIN LATERAL (
    SELECT d.e AS p FROM {f} d WHERE d.v = asked.p AND d.vt = 1 AND d.a IN ({depends}, {pre_depends})
   UNION ALL
    SELECT d.e FROM {f} g JOIN {f} d ON d.v = g.v AND d.vt = 1 AND d.a IN ({depends}, {pre_depends})
    WHERE g.e = asked.p AND g.a = {provides}) AS s
 UNION
  SELECT s.p FROM needs CROSS JOIN LATERAL (
    SELECT d.e AS p FROM {f} d WHERE d.v = needs.p AND d.vt = 1 AND d.a IN ({depends}, {pre_depends})
   UNION ALL
    SELECT d.e FROM {f} g JOIN {f} d ON d.v = g.v AND d.vt = 1 AND d.a IN ({depends}, {pre_depends})
    WHERE g.e = needs.p AND g.a = {provides}) AS s
) SELECT p FROM needs""",
    """
needs[p] := *by_name{name: $name, id: c}, *required_by{n: c, p}
needs[p] := *by_name{name: $name, id: c}, *provides{p: c, n}, *required_by{n, p}
needs[p] := needs[q], *required_by{n: q, p}
needs[p] := needs[q], *provides{p: q, n}, *required_by{n, p}
?[p] := needs[p]""",
    {"name": "libc6"},
    rules=RULES,
    graph="ancestors over depends-on",
)

CLOSURE_PLAIN: Final = Question(
    "the same over `depends` alone",
    "[:find [?p ...] :in $ ?name :where [?c :package/name ?name] (reaches ?p ?c)]",
    """
WITH RECURSIVE needs (p) AS (
  SELECT p FROM depends WHERE n = (SELECT id FROM package WHERE name = $name)
 UNION
  SELECT d.p FROM needs JOIN depends d ON d.n = needs.p
) SELECT p FROM needs""",
    f"""
WITH RECURSIVE needs (p) AS (
  SELECT e FROM {{f}} WHERE v = {_CALLED} AND vt = 1 AND a = {{depends}}
 UNION
  SELECT d.e FROM needs JOIN {{f}} d ON d.v = needs.p AND d.vt = 1 AND d.a = {{depends}}
) SELECT p FROM needs""",
    """
needs[p] := *by_name{name: $name, id: c}, *depended_on{n: c, p}
needs[p] := needs[q], *depended_on{n: q, p}
?[p] := needs[p]""",
    {"name": "libc6"},
    rules=_REACHES,
    graph="ancestors",
)

CLOSURE_OF_ONE: Final = Question(
    "all that `gnome` depends on",
    "[:find [?n ...] :in $ ?name :where [?c :package/name ?name] (reaches ?c ?n)]",
    """
WITH RECURSIVE needs (n) AS (
  SELECT n FROM depends WHERE p = (SELECT id FROM package WHERE name = $name)
 UNION
  SELECT d.n FROM needs JOIN depends d ON d.p = needs.n
) SELECT n FROM needs""",
    f"""
WITH RECURSIVE needs (n) AS (
  SELECT v FROM {{f}} WHERE e = {_CALLED} AND a = {{depends}}
 UNION
  SELECT d.v FROM needs JOIN {{f}} d ON d.e = needs.n AND d.a = {{depends}}
) SELECT n FROM needs""",
    """
needs[n] := *by_name{name: $name, id: c}, *depends{p: c, n}
needs[n] := needs[q], *depends{p: q, n}
?[n] := needs[n]""",
    {"name": "gnome"},
    rules=_REACHES,
    graph="descendants",
)

HOPS_ENDS: Final = Question(
    "4 hops from `gnome`, the ends",
    """[:find [?n4 ...] :in $ ?name :where [?p :package/name ?name] [?p :package/depends ?n1]
 [?n1 :package/depends ?n2] [?n2 :package/depends ?n3] [?n3 :package/depends ?n4]]""",
    """
SELECT DISTINCT n FROM depends WHERE p IN (SELECT n FROM depends WHERE p IN (SELECT n FROM depends WHERE p IN (
  SELECT n FROM depends WHERE p = (SELECT id FROM package WHERE name = $name))))""",
    f"""
SELECT DISTINCT v FROM {{f}} WHERE a = {{depends}} AND e IN (SELECT v FROM {{f}} WHERE a = {{depends}} AND e IN (
  SELECT v FROM {{f}} WHERE a = {{depends}} AND e IN (SELECT v FROM {{f}} WHERE a = {{depends}} AND e = {_CALLED})))""",
    """
?[n4] := *by_name{name: $name, id: p}, *depends{p, n: n1}, *depends{p: n1, n: n2}, *depends{p: n2, n: n3},
         *depends{p: n3, n: n4}""",
    {"name": "gnome"},
)

HOPS_PATHS: Final = Question(
    "the same, all paths",
    """[:find ?n1 ?n2 ?n3 ?n4 :in $ ?name :where [?p :package/name ?name] [?p :package/depends ?n1]
 [?n1 :package/depends ?n2] [?n2 :package/depends ?n3] [?n3 :package/depends ?n4]]""",
    """
SELECT a.n AS n1, b.n AS n2, c.n AS n3, d.n AS n4
FROM depends a JOIN depends b ON b.p = a.n JOIN depends c ON c.p = b.n JOIN depends d ON d.p = c.n
WHERE a.p = (SELECT id FROM package WHERE name = $name)""",
    f"""
SELECT a.v AS n1, b.v AS n2, c.v AS n3, d.v AS n4 FROM {{f}} a
JOIN {{f}} b ON b.e = a.v AND b.a = {{depends}} JOIN {{f}} c ON c.e = b.v AND c.a = {{depends}}
JOIN {{f}} d ON d.e = c.v AND d.a = {{depends}} WHERE a.a = {{depends}} AND a.e = {_CALLED}""",
    """
?[n1, n2, n3, n4] := *by_name{name: $name, id: p}, *depends{p, n: n1}, *depends{p: n1, n: n2},
         *depends{p: n2, n: n3}, *depends{p: n3, n: n4}""",
    {"name": "gnome"},
)

TWO_HOPS: Final = Question(
    "all pairs two hops apart",
    "[:find ?a ?c :where [?a :package/depends ?b] [?b :package/depends ?c]]",
    "SELECT DISTINCT x.p AS a, y.n AS c FROM depends x JOIN depends y ON y.p = x.n",
    """
SELECT DISTINCT x.e AS a, y.v AS c FROM {f} x JOIN {f} y ON y.e = x.v AND y.a = {depends} WHERE x.a = {depends}""",
    "?[a, c] := *depends{p: a, n: b}, *depends{p: b, n: c}",
    columns=True,
)

DISTANCE_TWO: Final = Question(
    "all pairs at distance 2, no nearer",
    """[:find ?a ?c :where [?a :package/depends ?b] [?b :package/depends ?c] (not [?a :package/depends ?c])
 [(not= ?a ?c)]]""",
    """
SELECT DISTINCT x.p AS a, y.n AS c FROM depends x JOIN depends y ON y.p = x.n
WHERE x.p <> y.n AND NOT EXISTS (SELECT 1 FROM depends z WHERE z.p = x.p AND z.n = y.n)""",
    """
SELECT DISTINCT x.e AS a, y.v AS c FROM {f} x JOIN {f} y ON y.e = x.v AND y.a = {depends} WHERE x.a = {depends}
AND x.e <> y.v AND NOT EXISTS (SELECT 1 FROM {f} z WHERE z.e = x.e AND z.v = y.v AND z.a = {depends})""",
    "?[a, c] := *depends{p: a, n: b}, *depends{p: b, n: c}, a != c, not *depends{p: a, n: c}",
    columns=True,
)

TRIANGLES: Final = Question(
    "triangles a→b→c, a→c",
    "[:find ?a ?b ?c :where [?a :package/depends ?b] [?b :package/depends ?c] [?a :package/depends ?c]]",
    """
SELECT x.p AS a, x.n AS b, y.n AS c FROM depends x JOIN depends y ON y.p = x.n
JOIN depends z ON z.p = x.p AND z.n = y.n""",
    """
SELECT x.e AS a, x.v AS b, y.v AS c FROM {f} x JOIN {f} y ON y.e = x.v AND y.a = {depends}
JOIN {f} z ON z.e = x.e AND z.v = y.v AND z.a = {depends} WHERE x.a = {depends}""",
    "?[a, b, c] := *depends{p: a, n: b}, *depends{p: b, n: c}, *depends{p: a, n: c}",
    columns=True,
)

CYCLES: Final = Question(
    "cycles a→b→c→a",
    "[:find ?a ?b ?c :where [?a :package/depends ?b] [?b :package/depends ?c] [?c :package/depends ?a]]",
    """
SELECT x.p AS a, x.n AS b, y.n AS c FROM depends x JOIN depends y ON y.p = x.n
JOIN depends z ON z.p = y.n AND z.n = x.p""",
    """
SELECT x.e AS a, x.v AS b, y.v AS c FROM {f} x JOIN {f} y ON y.e = x.v AND y.a = {depends}
JOIN {f} z ON z.e = y.v AND z.v = x.e AND z.a = {depends} WHERE x.a = {depends}""",
    "?[a, b, c] := *depends{p: a, n: b}, *depends{p: b, n: c}, *depends{p: c, n: a}",
)

NEGATION: Final = Question(
    "packages that no team maintains",
    """[:find [?p ...] :where [?p :package/version]
 (not [?p :package/maintainer ?m] [?m :maintainer/team true])]""",
    """
SELECT p.id FROM package p WHERE p.has_version
AND NOT EXISTS (SELECT 1 FROM maintainer m WHERE m.id = p.maintainer AND m.team)""",
    """
SELECT p.e FROM {f} p WHERE p.a = {version} AND NOT EXISTS (
  SELECT 1 FROM {f} k JOIN {f} t ON t.e = k.v AND t.a = {team} AND t.v = 1 WHERE k.e = p.e AND k.a = {maintainer})""",
    """
kept[p] := *maintainer{p, m}, *team{m}
?[p] := *version{p}, not kept[p]""",
)

AGGREGATE: Final = Question(
    "packages and their size by maintainer",
    """[:find ?m (count ?p) (sum ?size) :where [?p :package/maintainer ?m] [?p :package/installed-size ?size]]""",
    """
SELECT maintainer, count(*) AS n, sum(size)::BIGINT AS total FROM package
WHERE maintainer IS NOT NULL AND size IS NOT NULL GROUP BY maintainer""",
    """
SELECT k.v, count(*) AS n, sum(s.v)::BIGINT AS total FROM {f} k JOIN {f} s ON s.e = k.e AND s.a = {installed_size}
WHERE k.a = {maintainer} GROUP BY k.v""",
    "?[m, count(p), sum(size)] := *maintainer{p, m}, *size{p, size}",
)

LARGEST: Final = Question(
    "the ten maintainers of the most packages, by contact",
    """[:find ?contact (count ?p) :where [?p :package/maintainer ?m] [?m :maintainer/contact ?contact]
 :order-by [(count ?p) :desc ?contact] :limit 10]""",
    """
SELECT m.contact, count(*) AS n FROM package p JOIN maintainer m ON m.id = p.maintainer
GROUP BY m.contact ORDER BY n DESC, m.contact LIMIT 10""",
    """
SELECT s.txt, count(*) AS n FROM {f} k JOIN {f} c ON c.e = k.v AND c.a = {contact} JOIN {dict} s ON s.id = c.v
WHERE k.a = {maintainer} GROUP BY s.txt ORDER BY n DESC, s.txt LIMIT 10""",
    """
?[contact, count(p)] := *maintainer{p, m}, *contact{m, contact}
:order -count(p), contact
:limit 10""",
)

QUESTIONS: Final = (
    CLOSURE_NEEDS,
    CLOSURE_PLAIN,
    CLOSURE_OF_ONE,
    HOPS_ENDS,
    HOPS_PATHS,
    TWO_HOPS,
    DISTANCE_TWO,
    TRIANGLES,
    CYCLES,
    NEGATION,
    AGGREGATE,
    LARGEST,
)
