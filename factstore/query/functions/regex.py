"""Regular expressions that cannot hang: how much work a pattern may be is known before it runs.

Python's ``re`` goes back and tries again, which for some patterns takes longer than anybody can wait,
and nothing can stop it meanwhile. So a pattern is taken apart first, and its *ways* are counted: how
many places a text of n characters gives each repetition to end at, multiplied over those that stand in
a row. What could be more than :data:`_BUDGET` is refused, as is a repetition whose own body can be
matched in several ways, since that grows with 2**n.
"""

from __future__ import annotations

import functools
import importlib
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

_BUDGET: Final = 10**8
"""Ways a match may be tried; a second or two of work."""
_LONGEST: Final = 2_000
"""Characters of a pattern."""
_SCALE: Final = 1 << 20
_HINT: Final = "a function registered under this name is called instead of the built-in one"

# The parse tree of ``re`` itself: a second reader of the same syntax would be a second opinion on what is safe.
_parser: Any = importlib.import_module("re._parser")
_names: Any = importlib.import_module("re._constants")

Ways = Callable[[int], int]
"""How many ways there are in a text of so many characters."""


def search(pattern: Any, text: Any) -> re.Match[str] | None:
    """The first match of ``pattern`` in ``text``; ValueError where finding it might take too long."""
    return _ready(pattern, text, whole=False).search(text)


def every(pattern: Any, text: Any) -> Iterator[re.Match[str]]:
    """The matches of ``pattern`` in ``text``, one after the other; ValueError as for :func:`search`."""
    return _ready(pattern, text, whole=False).finditer(text)


def fullmatch(pattern: Any, text: Any) -> re.Match[str] | None:
    """The match of ``pattern`` with all of ``text``; ValueError where finding it might take too long."""
    return _ready(pattern, text, whole=True).fullmatch(text)


def compiled(pattern: Any) -> re.Pattern[str]:
    """The pattern of a text, or one compiled before; ValueError for what is none.

    >>> compiled("a+b").pattern
    'a+b'
    """
    if isinstance(pattern, re.Pattern):
        return pattern
    if not isinstance(pattern, str):
        raise TypeError(f"expected a regular expression, found {type(pattern).__name__}")
    if len(pattern) > _LONGEST:
        raise ValueError(f"expected a regular expression of at most {_LONGEST} characters, found {len(pattern)}")
    return _compiled(str(pattern))


@functools.lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        with _quietly():
            return re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"{pattern!r:.80} is no regular expression: {error}") from None


@contextmanager
def _quietly() -> Iterator[None]:
    """Without warnings of what a pattern may mean in Python some day: who asks is not who could change it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def _ready(pattern: Any, text: Any, *, whole: bool) -> re.Pattern[str]:
    found = compiled(pattern)
    if not isinstance(text, str):
        raise TypeError(f"expected a string to search in, found {type(text).__name__}")
    if not isinstance(found.pattern, str):
        raise TypeError("expected a regular expression of text, found one of bytes")
    starts = 1 if whole or _is_anchored(found) else len(text) + 1
    ways = starts * ways_of(found, whole)(len(text))
    if ways > _BUDGET:
        raise ValueError(
            f"{found.pattern!r:.80} may be tried in more than {_BUDGET:,} ways on {len(text):,} characters: "
            f"expected fewer repetitions in a row, or a shorter text ({_HINT})"
        )
    return found


@functools.lru_cache(maxsize=512)
def ways_of(pattern: re.Pattern[str], whole: bool = True) -> Ways:
    """How many ways a match of ``pattern`` can be tried from one place, by the length of the text.

    A search is over where a repetition of one character at the very end begins; with the ``whole`` text it is not.

    >>> ways_of(re.compile("a*a*b"))(100) > ways_of(re.compile("a*b"))(100)
    True
    >>> ways_of(re.compile("(a+)+b"))
    Traceback (most recent call last):
    ...
    ValueError: '(a+)+b' repeats what can itself be matched in several ways: expected ... (a function ...)
    """
    try:
        with _quietly():
            tree = list(_parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG))
        ends = not whole and bool(tree) and _is_repeat(tree[-1]) and tree[-1][1][2][0][0] in _ONE_CHARACTER
        return _of_row(tree[:-1] if ends and len(tree[-1][1][2]) == 1 else tree, pattern)
    except RecursionError:
        raise ValueError(f"{pattern.pattern!r:.80} nests too deep") from None


@functools.lru_cache(maxsize=512)
def _is_anchored(pattern: re.Pattern[str]) -> bool:
    """True if a match can begin at the start of the text only."""
    with _quietly():
        first = list(_parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG))[:1]
    return bool(first) and first[0] in _STARTS[: 1 if pattern.flags & re.MULTILINE else 2]


_STARTS: Final = ((_names.AT, _names.AT_BEGINNING_STRING), (_names.AT, _names.AT_BEGINNING))


def _of_row(nodes: Sequence[Any], pattern: re.Pattern[str]) -> Ways:
    """The ways of what stands in a row: each is tried for every way of those before it.

    A repetition that cannot go on into what comes next ends at one place only, which is looked for once.
    """
    row: list[tuple[Ways, bool]] = []
    for place, node in enumerate(nodes):
        ways = _of_node(node, pattern)
        if ways is not None:
            stops = _is_repeat(node) and place + 1 < len(nodes) and _never_meet(node[1][2], nodes[place + 1], pattern)
            row.append((ways, stops))
    return lambda n: _tried(row, n)


def _tried(row: Sequence[tuple[Ways, bool]], n: int) -> int:
    ways, looked = 1, 0
    for of_one, stops in row:
        if stops:
            looked += ways * of_one(n)
        else:
            ways = min(ways * of_one(n), _SCALE * _BUDGET)
    return ways + looked


def _of_node(node: Any, pattern: re.Pattern[str]) -> Ways | None:
    kind, value = node
    if _is_repeat(node):
        least, most, body = value
        return _of_repeat(least, most, body, pattern)
    if kind is _names.SUBPATTERN:
        return _of_row(list(value[3]), pattern)
    if kind is _names.ATOMIC_GROUP:
        return _of_row(list(value), pattern)
    if kind is _names.BRANCH:
        branches = [_of_row(list(branch), pattern) for branch in value[1]]
        return lambda n: sum(ways(n) for ways in branches)
    if kind in (_names.ASSERT, _names.ASSERT_NOT):
        return _of_row(list(value[1]), pattern)
    if kind in (_names.GROUPREF, _names.GROUPREF_EXISTS):
        return lambda n: n + 1
    return None


def _is_repeat(node: Any) -> bool:
    return node[0] in (_names.MAX_REPEAT, _names.MIN_REPEAT, _names.POSSESSIVE_REPEAT)


def _of_repeat(least: int, most: int, body: Any, pattern: re.Pattern[str]) -> Ways:
    inner = list(body)
    if most > 1 and not _has_one_way(inner):
        raise ValueError(
            f"{pattern.pattern!r:.80} repeats what can itself be matched in several ways: expected a repetition "
            f"of one character, or of what begins with another character in every branch ({_HINT})"
        )
    within = _of_row(inner, pattern)
    unbounded = most is _names.MAXREPEAT
    return lambda n: (max(0, (n if unbounded else min(int(most), n)) - int(least)) + 1) * within(n)


def _has_one_way(nodes: Sequence[Any]) -> bool:
    """True if what stands here can match at a place in one way only, and is not empty."""
    if not nodes:
        return False
    for kind, value in nodes:
        if kind in (_names.MAX_REPEAT, _names.MIN_REPEAT, _names.POSSESSIVE_REPEAT):
            if value[0] != value[1] or not _has_one_way(list(value[2])):
                return False
        elif kind is _names.SUBPATTERN:
            if not _has_one_way(list(value[3])):
                return False
        elif kind is _names.BRANCH:
            firsts = [branch[0] if len(branch) else None for branch in value[1]]
            letters = {first[1] for first in firsts if first is not None and first[0] is _names.LITERAL}
            if len(letters) < len(firsts) or not all(_has_one_way(list(branch)) for branch in value[1]):
                return False
        elif kind not in _ONE_CHARACTER:
            return False
    return True


_ONE_CHARACTER: Final = (_names.LITERAL, _names.NOT_LITERAL, _names.ANY, _names.IN)


def _never_meet(body: Any, following: Any, pattern: re.Pattern[str]) -> bool:
    """True if what comes after a repetition begins with a letter that the repetition cannot take."""
    while following[0] is _names.SUBPATTERN and len(following[1][3]):
        following = following[1][3][0]
    if following[0] is not _names.LITERAL or len(body) != 1 or pattern.flags & re.IGNORECASE:
        return False
    kind, value = body[0]
    letter = following[1]
    if kind is _names.LITERAL:
        return bool(value != letter)
    if kind is _names.NOT_LITERAL:
        return bool(value == letter)
    return kind is _names.IN and not _takes(value, letter)


def _takes(members: Sequence[Any], letter: int) -> bool:
    negated = members[0][0] is _names.NEGATE
    for kind, value in members:
        if kind is _names.NEGATE:
            continue
        if kind is _names.LITERAL:
            taken = value == letter
        elif kind is _names.RANGE:
            taken = value[0] <= letter <= value[1]
        elif kind is _names.CATEGORY and value in _CATEGORIES:
            taken = re.match(_CATEGORIES[value], chr(letter)) is not None
        else:
            return True
        if taken:
            return not negated
    return bool(negated)


_CATEGORIES: Final[dict[Any, str]] = {
    _names.CATEGORY_DIGIT: r"\d",
    _names.CATEGORY_NOT_DIGIT: r"\D",
    _names.CATEGORY_SPACE: r"\s",
    _names.CATEGORY_NOT_SPACE: r"\S",
    _names.CATEGORY_WORD: r"\w",
    _names.CATEGORY_NOT_WORD: r"\W",
}
