"""What the built-in functions take and give: of which type, and how much of it.

A query may come from anybody, so a function that can give more than it was given says how much: what
would be larger is refused before it is made.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from factstore import edn
from factstore.values import Keyword

MAX_TEXT: Final = 1_000_000
"""Characters of a string that a function gives."""
MAX_ITEMS: Final = 1_000_000
"""Items of a collection that a function gives."""
_MAX_BITS: Final = 14_000
"""Beyond this Python refuses to print an int."""
_MAX_PARTS: Final = 10_000
"""Values in a tuple, and in the tuples in it."""
_MAX_NESTED: Final = 16


def number(value: Any) -> Any:
    """``value``, if it is a number; a bool is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise TypeError(f"expected a number, found {_kind(value)}")
    return value


def whole(value: Any) -> int:
    """``value``, if it is an integer."""
    if type(value) is not int:
        raise TypeError(f"expected a whole number, found {_kind(value)}")
    return value


def string(value: Any) -> str:
    """``value``, if it is a string."""
    if not isinstance(value, str):
        raise TypeError(f"expected a string, found {_kind(value)}")
    return value


def _kind(value: Any) -> str:
    return "nil" if value is None else type(value).__name__


def bounded(value: Any) -> Any:
    """A number that arithmetic gave, if it can be shown and stored."""
    if type(value) is int and value.bit_length() > _MAX_BITS:
        raise ValueError(f"the result has more than {_MAX_BITS:,} bits")
    return value


def add(*args: Any) -> Any:
    """The sum."""
    return bounded(sum(map(number, args)))


def subtract(first: Any, *rest: Any) -> Any:
    """The difference, or the negative of one."""
    return bounded(-number(first) if not rest else number(first) - sum(map(number, rest)))


def multiply(*args: Any) -> Any:
    """The product."""
    result: Any = 1
    for arg in args:
        result = bounded(result * number(arg))
    return result


def divide(first: Any, *rest: Any) -> Any:
    """Exact where ints divide without remainder, else a double."""
    if not rest:
        return divide(1, first)
    number(first)
    for by in map(number, rest):
        if by == 0:
            raise ZeroDivisionError("division by zero")
        exact = type(first) is int and type(by) is int and first % by == 0
        first = first // by if exact else first / by
    return first


def quotient(one: Any, by: Any) -> Any:
    """Division that truncates toward zero."""
    result = abs(number(one)) // abs(number(by))
    return result if (one < 0) == (by < 0) else -result


def remainder(one: Any, by: Any) -> Any:
    """What :func:`quotient` leaves."""
    return one - by * quotient(one, by)


def modulo(one: Any, by: Any) -> Any:
    """The remainder with the sign of ``by``."""
    return number(one) % number(by)


def random_below(*bounds: Any) -> int:
    """A whole number from 0, or from the first bound, and below the last."""
    return random.randrange(*map(whole, bounds))


def numbers(*bounds: Any) -> tuple[int, ...]:
    """The numbers from a start (0) to an end, by a step (1)."""
    found = range(*map(whole, bounds))
    # len() of a range refuses what does not fit into a machine word.
    if found and abs(found[-1] - found[0]) // abs(found.step) >= MAX_ITEMS:
        raise ValueError(f"the range has more than {MAX_ITEMS:,} numbers")
    return tuple(found)


def text(*parts: Any) -> str:
    """All parts as one string; None as nothing, keywords with their colon."""
    found = [_shown(part) for part in parts]
    return _short(sum(map(len, found))) or "".join(found)


def _shown(part: Any) -> str:
    if isinstance(part, str) and not isinstance(part, Keyword):
        return str(part)
    return "" if part is None else repr(part) if isinstance(part, Keyword) else str(part)


def _short(length: int) -> str:
    """Refuses a string of that length if it is too long."""
    if length > MAX_TEXT:
        raise ValueError(f"the string would have {length:,} characters: at most {MAX_TEXT:,} are made")
    return ""


def part_of(value: Any, start: Any, end: Any = None) -> str:
    """The characters of a string from ``start`` up to ``end``, or to its end."""
    found = string(value)
    if whole(start) < 0 or (end is not None and whole(end) < start):
        raise ValueError(f"expected a start from 0 and an end behind it, found {start} and {end}")
    return found[start:end]


def items(value: Any) -> Any:
    """``value``, if it is a collection."""
    if not isinstance(value, tuple | list | set | frozenset):
        raise TypeError(f"expected a collection, found {_kind(value)}")
    return value


def written(*args: Any) -> str:
    """The arguments as EDN text, with blanks between them."""
    found = [edn.write(arg, max_size=MAX_ITEMS) for arg in args]
    return _short(sum(map(len, found)) + len(found)) or " ".join(found)


def joined(by: Any, parts: Any) -> str:
    """The parts as one string with ``by`` between them."""
    found = [text(part) for part in items(parts)]
    _short(sum(map(len, found)) + len(string(by)) * len(found))
    return by.join(found) if found else ""


def split(value: Any, by: Any) -> tuple[str, ...]:
    """The parts of a string between occurrences of ``by``."""
    return tuple(string(value).split(string(by)))


def replaced(value: Any, old: Any, new: Any) -> str:
    """A string with ``new`` for every ``old``."""
    times = string(value).count(string(old))
    _short(len(value) + times * (len(string(new)) - len(old)))
    return str(value).replace(old, new)


def tuple_of(*args: Any) -> tuple[Any, ...]:
    """The arguments as a tuple."""
    waiting: list[tuple[Any, int]] = [(args, 0)]
    seen = 0
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, tuple | list):
            seen += len(value)
            if depth > _MAX_NESTED or seen > _MAX_PARTS:
                raise ValueError(f"the tuple has more than {_MAX_PARTS:,} parts, or {_MAX_NESTED} levels")
            waiting.extend((item, depth + 1) for item in value if isinstance(item, tuple | list))
    return args


def item_of(collection: Any, key: Any, default: Any = None) -> Any:
    """What a map has under a key."""
    return collection.get(key, default) if isinstance(collection, Mapping) else default


def keyword(*parts: Any) -> Keyword:
    """A keyword of a name, or of a namespace and a name."""
    _short(sum(len(string(part)) for part in parts))
    return Keyword("/".join(parts))
