"""Results as people see them: one line of text, or a table in a notebook; only the first rows are made."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from factstore.values import Keyword

SHOWN: Final = 20
_CELL: Final = 200
"""Characters of one value."""
_ROW: Final = 400
_RIGHT: Final = ' style="text-align: right"'
_LEFT: Final = ' style="text-align: left"'


def text(columns: Sequence[str], first: Sequence[Any], size: int) -> str:
    """One line: the columns and the first rows of ``size``.

    >>> text(["?x"], [(1,), (2,)], 2)
    '<Result ?x: [(1,), (2,)]>'
    """
    shown = ", ".join(_cut(repr(row), _ROW) for row in first)
    more = f", … {size - len(first):,} more" if size > len(first) else ""
    return f"<Result {' '.join(columns)}: [{shown}{more}]>"


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], size: int) -> str:
    """HTML: a header and the first rows of ``size``, numbers to the right, everything escaped."""
    sides = [_RIGHT if rows and all(map(_is_number, column)) else _LEFT for column in zip(*rows, strict=True)]
    sides = sides or [_LEFT] * len(columns)
    head = "".join(f"<th{side}>{html.escape(n)}</th>" for n, side in zip(columns, sides, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{side}>{_cell(v)}</td>" for v, side in zip(row, sides, strict=True)) + "</tr>"
        for row in rows
    )
    count = f"{_counted(size, 'row')} × {_counted(len(columns), 'column')}"
    more = f", the first {len(rows)} shown" if size > len(rows) else ""
    return (
        '<table style="font-family: monospace; white-space: pre-wrap">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{count}{more}</p>"
    )


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float | Decimal) and not isinstance(value, bool))


def _cell(value: Any) -> str:
    return "" if value is None else html.escape(_cut(plain(value), _CELL))


def plain(value: Any) -> str:
    """A value as a cell shows it: a keyword with its colon, an instant in ISO 8601, other text as it is.

    >>> plain(Keyword("color/red")), plain({"a": Keyword("b")})
    (':color/red', "{'a': :b}")
    """
    if isinstance(value, datetime):
        return value.isoformat()
    return repr(value) if isinstance(value, Keyword | Mapping | tuple | list) else str(value)


def _cut(shown: str, size: int) -> str:
    return shown if len(shown) <= size else shown[: size - 1] + "…"
