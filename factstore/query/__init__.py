"""The query engine: EDN text in, a :class:`Result` out.

The way of a question, a type for each stage::

    text, data ──language/parse──▶ Query ──ask──▶ Asked ──execute──▶ Execution
                                                    │                   │ compile
                            rows/engine (or declined)                   ▼
                                                    │            Step, Step, … ──columnar/solve──▶ Relation
                                                    ▼                                                 │
                                                  Found ───────────────results/────────────────▶   Result

``language/`` has the nodes, the parser, and which variables a clause speaks of; ``functions/`` what a query may
call. ``columnar/`` answers with whole columns: a clause becomes a :class:`~factstore.query.columnar.steps.Step`
from :class:`~factstore.query.columnar.relation.Relation` to relation, and the cheapest goes next. ``rules/``
unfolds rules, or answers them as a walk or by magic sets. ``rows/`` answers again what touches few facts, one row
after the other, and declines all else; the columnar engine is the reference. ``results/`` groups, orders and
hands over. Nothing here knows where facts are kept; everything is asked of a db value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

from factstore.db import DbValue
from factstore.errors import QueryError
from factstore.query import slow
from factstore.query.ask import Asked
from factstore.query.check import check_rules
from factstore.query.columnar.estimate import expected
from factstore.query.columnar.limits import Limits, within_reason
from factstore.query.columnar.steps import Step
from factstore.query.execute import Execution
from factstore.query.explain import Plan, Times
from factstore.query.explain_lines import expected_lines, ran_lines
from factstore.query.functions.builtin import Function
from factstore.query.language.ast import Query, Rule
from factstore.query.language.parse import parse_query, parse_rules
from factstore.query.results.result import Result
from factstore.query.rows.engine import Engine
from factstore.query.rules.ruleset import RuleSet
from factstore.query.slow import SlowQuery, on_slow_query

__all__ = [
    "Plan",
    "Result",
    "Rule",
    "RuleSet",
    "SlowQuery",
    "check_rules",
    "explain",
    "load_rules",
    "on_slow_query",
    "parse_rules",
    "q",
]


def q(
    db: DbValue,
    query: Any,
    inputs: Sequence[Any] = (),
    *,
    rules: Any = None,
    functions: Mapping[str, Function] | None = None,
    timeout: float | None = None,
    max_rows: int | None = None,
    max_memory: int | None = None,
    engine: Literal["auto", "columns", "rows"] = "auto",
) -> Any:
    """The answer of ``query`` over ``db``: a :class:`Result`, a tuple, or one value, as its find clause asks.

    ``inputs`` are what ``:in`` names beside ``$``. ``rules`` are EDN text, data, or a path of a rule
    file or folder. ``timeout`` is in seconds (300 unless given; ``math.inf`` for none); ``max_rows`` bounds the
    rows of any one step, ``max_memory`` the bytes it may hold. Errors are :class:`QueryError` with a code, and
    line, column and caret where they lie in the text. ``engine`` is for those who compare the two:
    ``rows`` refuses with ``query/not-by-rows`` what only whole columns can answer.
    """
    with within_reason():
        parsed = parse_query(query)
        limits = _limits(parsed, timeout, max_rows, max_memory, trace=bool(slow.WATCHES))
        asked = Asked(db, parsed, inputs, load_rules(rules), functions or {}, limits)
        which = Engine.named(engine)
        if not slow.WATCHES:
            return asked.answer(which)
        with slow.Timed(parsed.text or str(parsed), inputs, limits) as timed:
            timed.answer = asked.answer(which)
            return timed.answer


def explain(
    db: DbValue,
    query: Any,
    inputs: Sequence[Any] = (),
    *,
    rules: Any = None,
    functions: Mapping[str, Function] | None = None,
    analyze: bool = False,
    timeout: float | None = None,
    max_rows: int | None = None,
    max_memory: int | None = None,
) -> Plan:
    """How ``query`` is answered: its clauses in the order they run; with ``analyze``, what each found and took.

    Without ``analyze`` nothing runs: the order is that of counts known beforehand. With it the query runs, within
    the same bounds as :func:`q`.
    """
    with within_reason():
        started = perf_counter()
        parsed = parse_query(query)
        parsing = perf_counter() - started
        limits = _limits(parsed, timeout, max_rows, max_memory, trace=True)
        asked = Asked(db, parsed, inputs, load_rules(rules), functions or {}, limits)
        made = asked.execution()
        steps = made.steps()
        if not analyze:
            found, size = expected(steps, made.start)
            return Plan(expected_lines(found), expected=size, warnings=made.warnings())
        return _analyzed(asked, made, steps, parsing, perf_counter() - started - parsing)


def _analyzed(asked: Asked, made: Execution, steps: Sequence[Step], parsing: float, planning: float) -> Plan:
    started = perf_counter()
    rows = made.rows(steps)
    running = perf_counter()
    answer = made.answer(rows)
    times = Times(parsing, planning, running - started, perf_counter() - running)
    return Plan(
        ran_lines(asked.limits.trace or []),
        rows=slow.rows_of(answer),
        rules=made.compiler.fixpoint.called(),
        warnings=made.warnings(),
        times=times,
        peak=asked.limits.peak,
        by_rows=asked.by_rows(Engine.ROWS) is not None,
    )


def _limits(
    query: Query, timeout: float | None, max_rows: int | None, max_memory: int | None, *, trace: bool
) -> Limits:
    return Limits(
        max_rows=_bound(max_rows, query.max_rows),
        seconds=_bound(timeout, _seconds(query.timeout)),
        max_memory=max_memory,
        trace=trace,
    )


def load_rules(rules: Any) -> tuple[Rule, ...]:
    """Rules from None, EDN text, data, the path of a rule file or of a folder of ``*.edn`` files, or a list of paths.

    >>> [str(rule.head) for rule in load_rules("[(anc ?a ?b) [?a :parent ?b]]")]
    ['(anc ?a ?b)']
    """
    if rules is None:
        return ()
    if isinstance(rules, str) and rules.lstrip().startswith(("[", ";", "'")):
        return parse_rules(rules)
    if isinstance(rules, list | tuple) and rules and all(isinstance(path, str | Path) for path in rules):
        return tuple(dict.fromkeys(rule for path in rules for rule in load_rules(path)))
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
