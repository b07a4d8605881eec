"""Results in other processes: a pickle has each distinct value once, and no part of a store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from factstore.columns import Ints
from factstore.columns_distinct import numbered
from factstore.dictionary import Dictionary
from factstore.query.relation import ANY, Column, Values
from factstore.query.result_typed import Output
from factstore.values import Value, ValueType

if TYPE_CHECKING:
    from factstore.query.result import Result


class _Coded(NamedTuple):
    """A column whose codes are places among its distinct values."""

    kind: int
    distinct: list[Value]
    places: Ints


def reduced(result: Result, outputs: Sequence[Output], values: Values | None) -> tuple[Any, ...]:
    """What ``__reduce__`` gives of a result."""
    parts = [_sent(output, values) for output in outputs]
    how = {"shape": result.shape, "ordered": result.ordered, "keys": result._keys}
    return rebuilt, (type(result), result.columns, parts, len(result), how)


def _sent(output: Output, values: Values | None) -> Any:
    if not isinstance(output, Column) or not (output.kind == ANY or ValueType(output.kind).interned):
        return output
    assert values is not None
    distinct, places = numbered(output.data)
    return _Coded(output.kind, values.decode(Column(output.kind, distinct)), places)


def rebuilt(kind: type[Result], columns: tuple[str, ...], parts: Sequence[Any], size: int, how: Any) -> Result:
    """A result from what :func:`reduced` gave."""
    values = Values(Dictionary())
    return kind(columns, [_received(part, values) for part in parts], size, values, **how)


def _received(part: Any, values: Values) -> Output:
    if not isinstance(part, _Coded):
        return part  # type: ignore[no-any-return]  # as it was sent
    distinct = (
        values.encode(part.distinct) if part.kind == ANY else values.encode_as(ValueType(part.kind), part.distinct)
    )
    return Column(distinct.kind, distinct.data[part.places])
