"""Results as people see them: one line of text, or a table in a notebook; only the first rows are made."""

from __future__ import annotations

import html
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from factstore.values import Keyword

if TYPE_CHECKING:
    from factstore.query.result import Result

_ROWS: Final = 20
_CELL: Final = 200
"""Characters of one value."""
_ROW: Final = 400
_RIGHT: Final = ' style="text-align: right"'
_LEFT: Final = ' style="text-align: left"'


def text(result: Result) -> str:
    """One line: the columns and the first rows.

    >>> from factstore.query.result import Result
    >>> text(Result.of_rows(("?x",), [(1,), (2,)]))
    '<Result ?x: [(1,), (2,)]>'
    """
    shown = ", ".join(_cut(repr(row), _ROW) for row in result[:_ROWS])
    more = f", … {len(result) - _ROWS:,} more" if len(result) > _ROWS else ""
    return f"<Result {' '.join(result.columns)}: [{shown}{more}]>"


def table(result: Result) -> str:
    """HTML: a header and the first rows, numbers to the right, everything escaped."""
    rows = [_cells(row, result.shape) for row in result[:_ROWS]]
    sides = [_RIGHT if rows and all(map(_is_number, column)) else _LEFT for column in zip(*rows, strict=True)]
    sides = sides or [_LEFT] * len(result.columns)
    head = "".join(f"<th{side}>{html.escape(n)}</th>" for n, side in zip(result.columns, sides, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{side}>{_cell(v)}</td>" for v, side in zip(row, sides, strict=True)) + "</tr>"
        for row in rows
    )
    size = len(result)
    count = f"{_counted(size, 'row')} × {_counted(len(result.columns), 'column')}"
    first = f", the first {_ROWS} shown" if size > _ROWS else ""
    return (
        '<table style="font-family: monospace; white-space: pre-wrap">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{count}{first}</p>"
    )


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _cells(row: Any, shape: str) -> tuple[Any, ...]:
    return tuple(row.values()) if shape == "maps" else row if shape == "tuples" else (row,)


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
