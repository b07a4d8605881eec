"""What two columns of the tables mean: the bits of a fact's ``fl``, and which entry is kept as text."""

from __future__ import annotations

from typing import Final

from factstore.schema import Attribute
from factstore.values import ValueType

TEXT: Final = frozenset(
    (
        ValueType.STRING,
        ValueType.KEYWORD,
        ValueType.SYMBOL,
        ValueType.URI,
        ValueType.BIGINT,
        ValueType.BIGDEC,
    )
)
"""The types whose canonical bytes are text, where PostgreSQL can hold it."""


def flags(attribute: Attribute | None) -> int:
    """The ``fl`` bits of an attribute's facts: 0 in value order, 1 unique, 2 cardinality one."""
    if attribute is None:
        return 0
    return attribute.by_value | (attribute.unique is not None) << 1 | (not attribute.many) << 2


def is_text(body: bytes) -> bool:
    """Whether PostgreSQL's text can hold it: no NUL and, since 0xED may begin one, no lone surrogate."""
    if b"\x00" in body:
        return False
    if b"\xed" in body:
        try:
            body.decode()
        except UnicodeDecodeError:
            return False
    return True
