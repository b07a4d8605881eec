"""The query engine: EDN text in, a :class:`Result` out.

``text → parse → Query → compile → steps → solve → Relation → Result``. Nothing here knows where facts
are kept; everything is asked of a db value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from factstore.db import DbValue
from factstore.errors import QueryError
from factstore.query.ast import Rule
from factstore.query.check import check_rules
from factstore.query.execute import Execution
from factstore.query.explain import Plan
from factstore.query.functions import Function
from factstore.query.parse import parse_query, parse_rules
from factstore.query.result import Result
from factstore.query.rules import RuleSet
from factstore.query.solve import Limits

__all__ = ["Plan", "Result", "Rule", "RuleSet", "check_rules", "explain", "load_rules", "parse_rules", "q"]


def q(
    db: DbValue,
    query: Any,
    inputs: Sequence[Any] = (),
    *,
    rules: Any = None,
    functions: Mapping[str, Function] | None = None,
    timeout: float | None = None,
    max_rows: int | None = None,
) -> Any:
    """The answer of ``query`` over ``db``: a :class:`Result`, a tuple, or one value, as its find clause asks.

    ``inputs`` are what ``:in`` names beside ``$``. ``rules`` are EDN text, data, or a path of a rule
    file or folder. ``timeout`` is in seconds; ``max_rows`` bounds the rows of any one step. Errors are
    :class:`QueryError` with a code, and line, column and caret where they lie in the text.
    """
    parsed = parse_query(query)
    limits = Limits(max_rows=_bound(max_rows, parsed.max_rows), seconds=_bound(timeout, _seconds(parsed.timeout)))
    execution = Execution(db, parsed, inputs, rules=load_rules(rules), functions=functions or {}, limits=limits)
    return execution.run()


def explain(
    db: DbValue,
    query: Any,
    inputs: Sequence[Any] = (),
    *,
    rules: Any = None,
    functions: Mapping[str, Function] | None = None,
    analyze: bool = False,
) -> Plan:
    """How ``query`` is answered: its clauses in the order they run; with ``analyze``, what each found and took.

    The order comes of counts that are taken on the way, so the query is run in either case.
    """
    limits = Limits(trace=True)
    execution = Execution(
        db, parse_query(query), inputs, rules=load_rules(rules), functions=functions or {}, limits=limits
    )
    answer = execution.run()
    rows = len(answer) if isinstance(answer, Result) else int(answer is not None)
    return Plan(limits.trace or [], execution.compiler.fixpoint.goals, rows, analyze=analyze)


def load_rules(rules: Any) -> tuple[Rule, ...]:
    """Rules from None, EDN text, data, or the path of a rule file or of a folder of ``*.edn`` files.

    >>> [str(rule.head) for rule in load_rules("[(anc ?a ?b) [?a :parent ?b]]")]
    ['(anc ?a ?b)']
    """
    if rules is None:
        return ()
    if isinstance(rules, str) and rules.lstrip().startswith(("[", ";", "'")):
        return parse_rules(rules)
    if not isinstance(rules, str | Path):
        return parse_rules(rules)
    path = Path(rules)
    files = sorted(path.rglob("*.edn")) if path.is_dir() else [path]
    return tuple(rule for file in files for rule in parse_rules(_text(file), source=str(file)))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        message = f"the rule file {file} cannot be read: {reason}"
        raise QueryError(message, code="query/no-rule-file", path=str(file)) from None


def _bound(given: float | None, own: float | None) -> Any:
    bounds = [bound for bound in (given, own) if bound is not None]
    return min(bounds) if bounds else None


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
