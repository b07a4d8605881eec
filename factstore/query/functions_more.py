"""More of Clojure's functions, as DataScript has them built in or queries for Datomic call them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from factstore.edn import write


def _holds(collection: Any, key: Any) -> bool:
    """Whether a set has an element, a map a key, or a tuple a place."""
    if isinstance(collection, tuple | list):
        return type(key) is int and 0 <= key < len(collection)
    return isinstance(collection, Mapping | frozenset) and key in collection


def _item(items: Any, place: Any) -> Any:
    return items[place] if type(place) is int and 0 <= place < len(items) else None


def _place(found: int) -> int | None:
    return None if found < 0 else found


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not hasattr(value, "__trunc__"):
        raise TypeError(f"{value!r} is no number")
    return value


def _parsed(value: str) -> float | None:
    return float(value) if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", value) else None


def _every(pattern: Any, value: str) -> tuple[Any, ...]:
    found = re.finditer(pattern, value)
    return tuple((match[0], *match.groups()) if match.groups() else match[0] for match in found)


MORE: Final[Mapping[str, Callable[..., Any]]] = {
    "identical?": lambda one, other: type(one) is type(other) and bool(one == other),
    "list": lambda *args: args,
    "set": frozenset,
    "contains?": _holds,
    "not-empty": lambda x: x if len(x) else None,
    "first": lambda x: _item(x, 0),
    "second": lambda x: _item(x, 1),
    "last": lambda x: _item(x, len(x) - 1),
    "nth": _item,
    "pr-str": lambda *args: " ".join(map(write, args)),
    "blank?": lambda s: s is None or not str.strip(s),
    "capitalize": str.capitalize,
    "triml": str.lstrip,
    "trimr": str.rstrip,
    "index-of": lambda s, part: _place(str.find(s, part)),
    "last-index-of": lambda s, part: _place(str.rfind(s, part)),
    "re-seq": _every,
    "parse-double": _parsed,
    "long": lambda x: int(_number(x)),
    "double": lambda x: float(_number(x)),
}
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
"""Methods of Java's strings, by the function that does the same."""
