"""What a value of each type is, in plain Python."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from factstore.values import URI, Keyword, Symbol


class Wrong(Exception):
    """A value that is none of its type."""

    def __init__(self, code: str = "value/wrong-type") -> None:
        self.code = code
        super().__init__(code)


EXACT: Final[dict[str, type]] = {
    "long": int,
    "double": float,
    "boolean": bool,
    "instant": datetime,
    "string": str,
    "keyword": Keyword,
    "symbol": Symbol,
    "uuid": UUID,
    "uri": URI,
    "bytes": bytes,
    "bigint": int,
    "bigdec": Decimal,
    "tuple": tuple,
}
WIDER: Final[dict[tuple[str, type], type]] = {
    ("double", int): float,
    ("keyword", str): Keyword,
    ("symbol", str): Symbol,
    ("uri", str): URI,
    ("bigdec", int): Decimal,
}


def is_value_of(type_: str, value: Any, slots: tuple[str, ...] | str | None = None) -> Any:
    """``value`` as the type's own, raises :class:`Wrong`."""
    wider = WIDER.get((type_, type(value)))
    if wider is not None:
        return wider(value)
    if type_ == "tuple" and isinstance(value, list | tuple):
        return _tuple(value, slots)
    if isinstance(value, list | tuple | set | frozenset | dict):
        raise Wrong("tx/not-one-value")
    if type(value) is not EXACT[type_]:
        raise Wrong
    if type_ == "long" and not -(2**63) <= value < 2**63:
        raise Wrong
    if type_ == "double" and value != value:
        raise Wrong
    if type_ == "double":
        return value + 0.0  # there is one zero
    return value.astimezone(UTC) if type_ == "instant" else value


def _tuple(value: Any, slots: tuple[str, ...] | str | None) -> tuple[Any, ...]:
    if slots is None:
        return tuple(value)
    types = slots if isinstance(slots, tuple) else (slots,) * len(value)
    if len(types) != len(value):
        raise Wrong
    pairs = zip(types, value, strict=True)
    return tuple(None if item is None else _slot(type_.rpartition("/")[2], item) for type_, item in pairs)


def _slot(type_: str, item: Any) -> Any:
    if isinstance(item, list | tuple | set | frozenset | dict):
        raise Wrong
    return is_value_of(type_, item)
