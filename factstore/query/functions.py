"""The functions and predicates a query may call, by name.

A query can call what is listed here and what the caller registered, and nothing else. A function
that gives None takes its row away, as in Datomic; one that is applied to values of a type it does not
know raises ``query/type-mismatch``.
"""

from __future__ import annotations

import operator
import random
import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, Final

from factstore.query.functions_more import METHODS, MORE
from factstore.values import Keyword, type_of

Function = Callable[..., Any]


def chained(compare: Callable[[Any, Any], bool]) -> Function:
    """An n-ary comparison: true if it holds between all neighbours."""
    return lambda *args: all(compare(a, b) for a, b in pairwise(args))


def equal(one: Any, other: Any) -> bool:
    """Equality of values: ``1``, ``1.0`` and ``true`` are three different ones."""
    return type(one) is type(other) and bool(one == other)


def compared(compare: Callable[[Any, Any], bool]) -> Function:
    """An n-ary order comparison between values of one family: numbers, strings, instants…"""

    def check(one: Any, other: Any) -> bool:
        if family(one) != family(other):
            raise TypeError(f"{one!r} and {other!r} have no order between them")
        return compare(one, other)

    return chained(check)


def family(value: Any) -> str:
    """Values of one family have an order between them.

    >>> family(1) == family(2.5), family("a") == family(Keyword("a"))
    (True, False)
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    vt = type_of(value)
    return "number" if vt is not None and vt.name == "BIGDEC" else type(value).__name__


def divide(first: Any, *rest: Any) -> Any:
    """Exact where ints divide without remainder, else a double."""
    if not rest:
        return divide(1, first)
    for by in rest:
        if by == 0:
            raise ZeroDivisionError("division by zero")
        exact = type(first) is int and type(by) is int and first % by == 0
        first = first // by if exact else first / by
    return first


def quotient(one: int, by: int) -> int:
    """Division that truncates toward zero."""
    whole = abs(one) // abs(by)
    return whole if (one < 0) == (by < 0) else -whole


def text(*parts: Any) -> str:
    """All parts as one string; None as nothing, keywords with their colon."""
    return "".join("" if part is None else repr(part) if isinstance(part, Keyword) else str(part) for part in parts)


def _product(*args: Any) -> Any:
    result = 1
    for arg in args:
        result = result * arg
    return result


def _difference(first: Any, *rest: Any) -> Any:
    return -first if not rest else first - sum(rest)


def _found(pattern: Any, value: str) -> Any:
    match = re.search(pattern, value)
    if match is None:
        return None
    return (match.group(0), *match.groups()) if match.groups() else match.group(0)


def _matched(pattern: Any, value: str) -> Any:
    match = re.fullmatch(pattern, value)
    return None if match is None else match.group(0)


def _whole(value: str) -> int | None:
    return int(value) if re.fullmatch(r"[+-]?\d+", value) else None


BUILTIN: Final[Mapping[str, Function]] = {
    "=": chained(equal),
    "==": chained(operator.eq),
    "!=": lambda *args: not chained(equal)(*args),
    "not=": lambda *args: not chained(equal)(*args),
    "<": compared(operator.lt),
    "<=": compared(operator.le),
    ">": compared(operator.gt),
    ">=": compared(operator.ge),
    "+": lambda *args: sum(args),
    "-": _difference,
    "*": _product,
    "/": divide,
    "quot": quotient,
    "rem": lambda one, by: one - by * quotient(one, by),
    "mod": operator.mod,
    "inc": lambda x: x + 1,
    "dec": lambda x: x - 1,
    "abs": abs,
    "max": max,
    "min": min,
    "rand": random.random,
    "rand-int": random.randrange,
    "even?": lambda x: x % 2 == 0,
    "odd?": lambda x: x % 2 == 1,
    "zero?": lambda x: x == 0,
    "pos?": lambda x: x > 0,
    "neg?": lambda x: x < 0,
    "true?": lambda x: x is True,
    "false?": lambda x: x is False,
    "nil?": lambda x: x is None,
    "some?": lambda x: x is not None,
    "not": lambda x: x is None or x is False,
    "and": lambda *args: all(arg is not None and arg is not False for arg in args),
    "or": lambda *args: any(arg is not None and arg is not False for arg in args),
    "identity": lambda x: x,
    "ground": lambda x: x,
    "tuple": lambda *args: args,
    "vector": lambda *args: args,
    "untuple": lambda x: x,
    "get": lambda collection, key, default=None: (
        collection.get(key, default) if isinstance(collection, Mapping) else default
    ),
    "count": len,
    "empty?": lambda x: len(x) == 0,
    "range": lambda *args: tuple(range(*args)),
    "str": text,
    "subs": lambda s, start, end=None: s[start:end],
    "upper-case": str.upper,
    "lower-case": str.lower,
    "trim": str.strip,
    "starts-with?": str.startswith,
    "ends-with?": str.endswith,
    "includes?": lambda s, part: part in s,
    "split": lambda s, by: tuple(s.split(by)),
    "join": lambda by, parts: by.join(map(text, parts)),
    "replace": str.replace,
    "re-find": _found,
    "re-matches": _matched,
    "re-pattern": re.compile,
    "parse-long": _whole,
    "keyword": lambda *parts: Keyword("/".join(parts)),
    "name": lambda x: x.name if isinstance(x, Keyword) else str(x),
    "namespace": lambda x: x.namespace if isinstance(x, Keyword) else None,
    "type": lambda x: (vt := type_of(x)) and vt.ident,
    "compare": lambda one, other: compared(operator.gt)(one, other) - compared(operator.lt)(one, other),
    "print-str": lambda *args: " ".join(map(text, args)),
    **MORE,
}
"""By the name a query calls it with; ``clojure.string/`` before a name is ignored."""


def plain_name(name: str) -> str:
    """The name without a namespace of Clojure's; for a method of Java's strings, that of the same function.

    >>> plain_name("clojure.string/upper-case")
    'upper-case'
    """
    if name in METHODS:
        return METHODS[name]
    head, slash, tail = name.partition("/")
    return tail if slash and head in ("clojure.string", "clojure.core", "str", "string") else name
