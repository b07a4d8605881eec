"""Values as text: JSON, CSV and EDN for machines, a table for people."""

from __future__ import annotations

import base64
import csv
import io
import json
import math
import re
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from factstore import edn
from factstore.values import Keyword

_CELL: Final = 80
"""Characters of a value that a table shows."""
_PIECE: Final = 1 << 15
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_STEERING: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What moves a terminal's cursor, sets its title or turns its text round; whoever writes a value may put it there."""


def harmless(text: str) -> str:
    r"""Text for a terminal: what would steer it is escaped as JSON and EDN escape it in a string.

    >>> print(harmless("red: \x1b[31m"))
    red: \u001b[31m
    """
    return _STEERING.sub(lambda sign: f"\\u{ord(sign[0]):04x}", text)


def plain(value: Any) -> Any:
    """A value as JSON can say it: see "JSON" in ``docs/reference/cli.md``.

    >>> plain({Keyword("a/b"): (Keyword("c"), b"\\x00", Decimal("1.50"), float("inf"))})
    {'a/b': [':c', 'AA==', '1.50', 'Infinity']}
    """
    if isinstance(value, Keyword):
        return repr(value)
    if isinstance(value, Mapping):
        return {str(key) if isinstance(key, str) else json_text(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, set | frozenset):
        return [plain(each) for each in sorted(value, key=order_of)]
    if isinstance(value, float) and not math.isfinite(value):
        return "Infinity" if value > 0 else "-Infinity"
    writer = _PLAIN.get(type(value))
    return value if writer is None else writer(value)


_PLAIN: Final[dict[type, Any]] = {
    datetime: lambda value: value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z",
    UUID: str,
    bytes: lambda value: base64.b64encode(value).decode(),
    Decimal: str,
}


def json_text(value: Any) -> str:
    """One line of JSON."""
    text = json.dumps(plain(value), ensure_ascii=False, separators=(", ", ": "))
    # A lone surrogate has no UTF-8, but JSON has an escape for it.
    return _SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", harmless(text))


def edn_text(value: Any) -> str:
    """One line of EDN; the attributes of a pull, plain strings in Python, are keywords.

    >>> edn_text({"person/name": "Ann", "n": [{"db/id": 1}]})
    '{:person/name "Ann" "n" [{:db/id 1}]}'
    """
    return harmless(edn.write(_keywords(value)))


def _keywords(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {Keyword(k) if type(k) is str and "/" in k else k: _keywords(each) for k, each in value.items()}
    return [_keywords(each) for each in value] if type(value) is list else value


def order_of(value: Any) -> Any:
    """A key by which any values can be sorted: by type, then by value."""
    if isinstance(value, tuple | list):
        return "tuple", [order_of(each) for each in value]
    if isinstance(value, Mapping):
        return "map", json_text(value)
    kind = type(value).__name__
    return (kind, value) if type(value) in _ORDERED else (kind, str(value))


_ORDERED: Final = frozenset((bool, int, float, str, Keyword, datetime, bytes, Decimal, UUID))


def csv_text(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Rows under a header; a value is written bare, a collection as JSON."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([head] if head else [])
    writer.writerows([bare(value) for value in row] for row in rows)
    return _SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", out.getvalue())


def bare(value: Any) -> str:
    """A value without quotes."""
    value = plain(value)
    return "" if value is None else value if isinstance(value, str) else json_text(value)


def table_text(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Columns of one width, numbers to the right.

    >>> print(table_text(["name", "age"], [("Ann", 7), ("Bob", 12)]), end="")
    name  age
    ----  ---
    Ann     7
    Bob    12
    """
    right = sides_of(head, rows)
    texts = [[cell(value) for value in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(head, *texts, strict=True)]
    lines = [list(head), ["-" * width for width in widths], *texts]
    return "".join(_line(line, widths, right) for line in lines)


def sides_of(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[bool]:
    """Which columns go to the right: those of numbers."""
    return [bool(rows) and all(_is_number(row[place]) for row in rows) for place in range(len(head))]


def _line(texts: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    columns = zip(texts, widths, right, strict=True)
    padded = [" " * (w - _width(text)) + text if r else text + " " * (w - _width(text)) for text, w, r in columns]
    return "  ".join(padded).rstrip() + "\n"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def cell(value: Any) -> str:
    """A value on one line, cut where it gets long; what would move a terminal's cursor is escaped."""
    text = value if isinstance(value, str) and not isinstance(value, Keyword) else bare(value)
    text = "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"


def _width(text: str) -> int:
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def put(text: str) -> None:
    """Prints text as it is."""
    # In pieces: of one large write Python does not tell that the reader went away in the middle.
    for at in range(0, len(text), _PIECE):
        sys.stdout.write(text[at : at + _PIECE])


def put_data(value: Any, format: str) -> None:
    """Prints one value as ``json`` or ``edn``."""
    put((json_text(value) if format == "json" else harmless(edn.write(value))) + "\n")
