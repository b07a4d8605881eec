"""Plain data to EDN text, without recursion."""

from __future__ import annotations

from typing import Any, Final

from factstore.edn_scalars import write_scalar
from factstore.errors import EdnError

_MAX_DEPTH: Final = 256


class _Close(str):
    """A bracket that ends what is being written."""

    __slots__ = ()


class _Open(str):
    __slots__ = ()


def write(value: Any, *, max_size: int | None = None) -> str:
    """``value`` as EDN text: what :func:`read` would read back.

    Accepts what :func:`read` gives, subclasses of dict, list, tuple and set, and ``...``. Sets are
    written in a fixed order. Raises :class:`EdnError`: ``edn/not-writable``,
    ``edn/too-deep``, and ``edn/too-large`` for what has more than ``max_size`` parts.

    >>> from factstore.values import Keyword, Symbol
    >>> write({Keyword("a"): [1, 2.0, None], "b": (Symbol("x"), frozenset({"y"}))})
    '{:a [1 2.0 nil] "b" (x #{"y"})}'
    """
    pieces: list[str] = []
    work: list[Any] = [value]
    depth = 0
    while work:
        item = work.pop()
        if isinstance(item, _Close | _Open):
            depth += 1 if isinstance(item, _Open) else -1
            pieces.append(item)
        elif (text := _written(item)) is not None:
            pieces.append(text)
        else:
            work.extend(reversed(_opened_up(item)))
        if depth > _MAX_DEPTH:
            raise EdnError(f"nested more than {_MAX_DEPTH} levels deep", code="edn/too-deep")
        # A few lists that hold each other several times can stand for more than there is room for.
        if max_size is not None and len(pieces) > max_size:
            raise EdnError(f"more than {max_size:,} parts in one form", code="edn/too-large", limit=max_size)
    return _joined(pieces)


def _written(value: Any) -> str | None:
    try:
        return write_scalar(value)
    except ValueError as error:
        raise EdnError(str(error), code="edn/not-writable", value=value) from None


def _opened_up(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [_Open("{"), *(part for pair in value.items() for part in pair), _Close("}")]
    if isinstance(value, list):
        return [_Open("["), *value, _Close("]")]
    if isinstance(value, tuple):
        return [_Open("("), *value, _Close(")")]
    if isinstance(value, set | frozenset):
        return [_Open("#{"), *sorted(value, key=_set_order), _Close("}")]
    message = f"{value!r:.80} ({type(value).__name__}) has no EDN text"
    raise EdnError(message, code="edn/not-writable", value=value)


def _set_order(item: Any) -> tuple[str, str]:
    return type(item).__name__, repr(item)


def _joined(pieces: list[str]) -> str:
    out: list[str] = []
    tight = True
    for piece in pieces:
        if not (tight or isinstance(piece, _Close)):
            out.append(" ")
        out.append(piece)
        tight = isinstance(piece, _Open)
    return "".join(out)
