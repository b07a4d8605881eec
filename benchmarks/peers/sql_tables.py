"""The questions as SQL over :mod:`benchmarks.peers.tables`, with ``?`` for what the data say is asked about."""

from __future__ import annotations

from typing import Final

_PERSON: Final = "SELECT id, {} FROM person WHERE name = 'Ivan'"
_CLOSURE: Final = """WITH RECURSIVE reached (a, b) AS (
  SELECT a, b FROM follows UNION SELECT f.a, r.b FROM follows f JOIN reached r ON r.a = f.b)
SELECT a, b FROM reached"""
_ADVISED: Final = "advised s JOIN dissertation d ON d.id = s.paper"

SQL: Final = {
    "q1": "SELECT id FROM person WHERE name = 'Ivan'",
    "q2": _PERSON.format("age"),
    "q2-switch": _PERSON.format("age"),
    "q3": _PERSON.format("age") + " AND sex = 'male'",
    "q4": _PERSON.format("last_name, age") + " AND sex = 'male'",
    "q5": """SELECT id, last_name, age FROM person
WHERE age IN (SELECT age FROM person WHERE name = 'Ivan') AND last_name IS NOT NULL""",
    "q5-shortcircuit": """SELECT p.id, p.name, p.last_name, p.age, p.sex, a.alias
FROM person p JOIN alias a ON a.person = p.id WHERE p.name = ? AND p.age = ?""",
    "qpred1": "SELECT id, salary FROM person WHERE salary > 50000",
    "qpred2": "SELECT id, salary FROM person WHERE salary > ?",
    "rules": _CLOSURE,
    "Q1": """SELECT DISTINCT p.name FROM person asked
JOIN dissertation own ON own.cid = asked.id JOIN advised a ON a.paper = own.id
JOIN dissertation theirs ON theirs.cid = a.advisor JOIN advised g ON g.paper = theirs.id
JOIN person p ON p.id = g.advisor WHERE asked.name = ?""",
    "Q2": f"""SELECT DISTINCT p.name FROM {_ADVISED} JOIN dissertation t ON t.cid = s.advisor
JOIN person p ON p.id = d.cid WHERE t.univ = d.univ""",
    "Q3": f"""SELECT DISTINCT p.name FROM {_ADVISED} JOIN dissertation t ON t.cid = s.advisor
JOIN person p ON p.id = d.cid WHERE t.area <> d.area""",
    "Q4": """WITH RECURSIVE above (id) AS (
  SELECT a.advisor FROM person asked JOIN dissertation d ON d.cid = asked.id JOIN advised a ON a.paper = d.id
  WHERE asked.name = ?
 UNION
  SELECT a.advisor FROM above JOIN dissertation d ON d.cid = above.id JOIN advised a ON a.paper = d.id)
SELECT DISTINCT p.name FROM above JOIN person p ON p.id = above.id""",
}
