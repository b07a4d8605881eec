"""The questions as SQL over the store's tables: names of attributes in ``<>``, texts by the codes of the dictionary.

``fl & 1 = 1`` and ``vt = 1`` let the partial indexes by value serve, ``(e, a, v)`` serves the rest.
"""

from __future__ import annotations

from typing import Final

CODE: Final = "(SELECT id FROM dict WHERE kind = 6 AND h = %s)"
_IVAN: Final = "FROM facts_live n {} WHERE n.a = <person/name> AND n.fl & 1 = 1 AND n.v = 'Ivan'"
_AGE: Final = "JOIN facts_live g ON g.e = n.e AND g.a = <person/age>"
_LAST: Final = "JOIN facts_live l ON l.e = n.e AND l.a = <person/last-name> JOIN dict t ON t.id = l.v"
_MALE: Final = "JOIN facts_live x ON x.e = n.e AND x.a = <person/sex> AND x.v = 'male'"

# Who advised (s.e) the paper (s.v) of which candidate (c.v).
_ADVISED: Final = """facts_live s JOIN facts_live c ON c.e = s.v AND c.a = <dissertation/cid>
JOIN facts_live t ON t.v = s.e AND t.a = <dissertation/cid> AND t.vt = 1"""
_NAME: Final = "JOIN facts_live m ON m.e = {} AND m.a = <person/name> JOIN dict n ON n.id = m.v"
_ABOVE: Final = """JOIN facts_live o ON o.v = {} AND o.a = <dissertation/cid> AND o.vt = 1
  JOIN facts_live s ON s.v = o.e AND s.a = <person/advised> AND s.vt = 1"""
_ASKED: Final = f"k.a = <person/name> AND k.fl & 1 = 1 AND k.v = {CODE}"

SQL: Final = {
    "q1": f"SELECT n.e {_IVAN.format('')}",
    "q2": f"SELECT n.e, g.v {_IVAN.format(_AGE)}",
    "q2-switch": f"SELECT n.e, g.v {_IVAN.format(_AGE)}",
    "q3": f"SELECT n.e, g.v {_IVAN.format(f'{_AGE} {_MALE}')}",
    "q4": f"SELECT n.e, t.txt, g.v {_IVAN.format(f'{_AGE} {_MALE} {_LAST}')}",
    "q5": f"""SELECT n.e, t.txt, n.v FROM facts_live n {_LAST}
WHERE n.a = <person/age> AND n.v IN (SELECT g.v {_IVAN.format(_AGE)})""",
    "q5-shortcircuit": f"""SELECT n.e, o.txt, t.txt, g.v, y.txt, b.txt FROM facts_live n {_AGE} {_LAST}
JOIN dict o ON o.id = n.v JOIN facts_live x ON x.e = n.e AND x.a = <person/sex> JOIN dict y ON y.id = x.v
JOIN facts_live i ON i.e = n.e AND i.a = <person/alias> JOIN dict b ON b.id = i.v
WHERE n.a = <person/name> AND n.fl & 1 = 1 AND n.v = {CODE} AND g.v = %s""",
    "qpred1": "SELECT e, v FROM facts_live WHERE a = <person/salary> AND fl & 1 = 1 AND v > 50000",
    "qpred2": "SELECT e, v FROM facts_live WHERE a = <person/salary> AND fl & 1 = 1 AND v > %s",
    "rules": """WITH RECURSIVE reached (a, b) AS (
  SELECT e, v FROM facts_live WHERE a = <person/follows>
 UNION
  SELECT r.a, f.v FROM reached r JOIN facts_live f ON f.e = r.b AND f.a = <person/follows>)
SELECT a, b FROM reached""",
    "Q1": f"""SELECT DISTINCT n.txt FROM (
  SELECT s.e FROM facts_live k {_ABOVE.format("k.e")} WHERE {_ASKED}) AS a
{_ABOVE.format("a.e")} {_NAME.format("s.e")}""",
    "Q2": f"""SELECT DISTINCT n.txt FROM {_ADVISED}
JOIN facts_live u ON u.e = c.e AND u.a = <dissertation/univ>
JOIN facts_live w ON w.e = t.e AND w.a = <dissertation/univ> AND w.v = u.v
{_NAME.format("c.v")} WHERE s.a = <person/advised>""",
    "Q3": f"""SELECT DISTINCT n.txt FROM {_ADVISED}
JOIN facts_live u ON u.e = c.e AND u.a = <dissertation/area>
JOIN facts_live w ON w.e = t.e AND w.a = <dissertation/area> AND w.v <> u.v
{_NAME.format("c.v")} WHERE s.a = <person/advised>""",
    "Q4": f"""WITH RECURSIVE above (e) AS (
  SELECT s.e FROM facts_live k {_ABOVE.format("k.e")} WHERE {_ASKED}
 UNION
  SELECT s.e FROM above {_ABOVE.format("above.e")})
SELECT DISTINCT n.txt FROM above {_NAME.format("above.e")}""",
}

TREE: Final = """WITH RECURSIVE walked (e, parent, depth) AS (
  SELECT %s::int8, NULL::int8, 0
 UNION ALL
  SELECT f.v, w.e, w.depth + 1 FROM walked w JOIN facts_live f ON f.e = w.e AND f.a = <person/follows>)
SELECT w.e, w.parent, f.a, f.v, d.txt FROM walked w
JOIN facts_live f ON f.e = w.e AND f.a IN ({shown}) LEFT JOIN dict d ON f.vt = 6 AND d.id = f.v
ORDER BY w.depth"""
