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
from typing import Any, Final

from factstore.query.functions import regex
from factstore.query.functions.on_values import (
    add,
    bounded,
    divide,
    item_of,
    items,
    joined,
    keyword,
    modulo,
    multiply,
    number,
    numbers,
    part_of,
    quotient,
    random_below,
    remainder,
    replaced,
    split,
    string,
    subtract,
    text,
    tuple_of,
    whole,
    written,
)
from factstore.query.functions.order import before, chained, compared, equal, extreme, not_equal
from factstore.values import Keyword, type_of

Function = Callable[..., Any]


def _holds(collection: Any, key: Any) -> bool:
    """Whether a set has an element, a map a key, or a tuple a place."""
    if isinstance(collection, tuple | list):
        return type(key) is int and 0 <= key < len(collection)
    return isinstance(collection, Mapping | frozenset) and key in collection


def _place(found: int) -> int | None:
    return None if found < 0 else found


def _groups(match: re.Match[str]) -> Any:
    return (match.group(0), *match.groups()) if match.groups() else match.group(0)


def _found(pattern: Any, value: str) -> Any:
    match = regex.search(pattern, value)
    return None if match is None else _groups(match)


def _every(pattern: Any, value: str) -> Any:
    return tuple(map(_groups, regex.every(pattern, value)))


def _matched(pattern: Any, value: str) -> Any:
    match = regex.fullmatch(pattern, value)
    return None if match is None else match.group(0)


def _whole(value: str) -> int | None:
    return int(value) if re.fullmatch(r"[+-]?\d+", string(value)) else None


def _includes(value: Any, part: Any) -> bool:
    return part in value if isinstance(value, tuple | list | frozenset | Mapping) else string(part) in string(value)


def _size(value: Any) -> int:
    return len(value)


def _number(value: str) -> float | None:
    return float(value) if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", string(value)) else None


BUILTIN: Final[Mapping[str, Function]] = {
    "=": chained(equal),
    "==": chained(operator.eq),
    "!=": not_equal,
    "not=": not_equal,
    "<": compared(operator.lt),
    "<=": compared(operator.le),
    ">": compared(operator.gt),
    ">=": compared(operator.ge),
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "quot": quotient,
    "rem": remainder,
    "mod": modulo,
    "compare": lambda one, other: before(one, other) or -before(other, one),
    "inc": lambda x: bounded(number(x) + 1),
    "dec": lambda x: bounded(number(x) - 1),
    "abs": lambda x: abs(number(x)),
    "max": extreme(max),
    "min": extreme(min),
    "rand": random.random,
    "rand-int": random_below,
    "even?": lambda x: number(x) % 2 == 0,
    "odd?": lambda x: number(x) % 2 == 1,
    "zero?": lambda x: number(x) == 0,
    "pos?": lambda x: number(x) > 0,
    "neg?": lambda x: number(x) < 0,
    "identical?": equal,
    "true?": lambda x: x is True,
    "false?": lambda x: x is False,
    "nil?": lambda x: x is None,
    "some?": lambda x: x is not None,
    "not": lambda x: x is None or x is False,
    "and": lambda *args: all(arg is not None and arg is not False for arg in args),
    "or": lambda *args: any(arg is not None and arg is not False for arg in args),
    "identity": lambda x: x,
    "ground": lambda x: x,
    "tuple": tuple_of,
    "vector": tuple_of,
    "list": tuple_of,
    "set": lambda x: frozenset(tuple_of(*items(x))),
    "untuple": lambda x: x,
    "get": item_of,
    "count": _size,
    "empty?": lambda x: _size(x) == 0,
    "not-empty": lambda x: x if len(x) else None,
    "contains?": _holds,
    "first": lambda x: x[0] if len(x) else None,
    "second": lambda x: x[1] if len(x) > 1 else None,
    "last": lambda x: x[-1] if len(x) else None,
    "nth": lambda x, place: x[place] if 0 <= whole(place) < len(x) else None,
    "range": numbers,
    "str": text,
    "pr-str": written,
    "print-str": lambda *args: joined(" ", args),
    "blank?": lambda s: s is None or not string(s).strip(),
    "subs": part_of,
    "upper-case": lambda s: string(s).upper(),
    "lower-case": lambda s: string(s).lower(),
    "capitalize": lambda s: string(s).capitalize(),
    "trim": lambda s: string(s).strip(),
    "triml": lambda s: string(s).lstrip(),
    "trimr": lambda s: string(s).rstrip(),
    "starts-with?": lambda s, start: string(s).startswith(string(start)),
    "ends-with?": lambda s, end: string(s).endswith(string(end)),
    "includes?": _includes,
    "index-of": lambda s, part: _place(string(s).find(string(part))),
    "last-index-of": lambda s, part: _place(string(s).rfind(string(part))),
    "split": split,
    "join": joined,
    "replace": replaced,
    "re-find": _found,
    "re-matches": _matched,
    "re-seq": _every,
    "re-pattern": regex.compiled,
    "parse-long": _whole,
    "parse-double": _number,
    "long": lambda x: int(number(x)),
    "double": lambda x: float(number(x)),
    "keyword": keyword,
    "name": lambda x: x.name if isinstance(x, Keyword) else str(x),
    "namespace": lambda x: x.namespace if isinstance(x, Keyword) else None,
    "type": lambda x: (vt := type_of(x)) and vt.ident,
}
"""By the name a query calls it with; ``clojure.string/`` before a name is ignored."""
LOOKUPS: Final = frozenset(("get-else", "get-some", "missing?"))
"""Those that look into a database: engines answer them by themselves."""
METHODS: Final[Mapping[str, str]] = {
    ".startsWith": "starts-with?",
    ".endsWith": "ends-with?",
    ".contains": "includes?",
    ".toUpperCase": "upper-case",
    ".toLowerCase": "lower-case",
    ".trim": "trim",
    ".length": "count",
    ".isEmpty": "empty?",
    ".substring": "subs",
    ".equals": "=",
}
"""Methods of Java's strings, as queries for Datomic call them, by the function that does the same."""


def plain_name(name: str) -> str:
    """The name without a namespace of Clojure's; for a method of Java's strings, that of the same function.

    >>> plain_name("clojure.string/upper-case")
    'upper-case'
    """
    if name in METHODS:
        return METHODS[name]
    head, slash, tail = name.partition("/")
    return tail if slash and head in ("clojure.string", "clojure.core", "str", "string") else name
