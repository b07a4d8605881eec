"""Results in other processes: a pickle has each distinct value once, and no part of a store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from factstore.columns import Ints
from factstore.columns_distinct import numbered
from factstore.dictionary import Dictionary
from factstore.query.columnar.relation import ANY, Column, Values
from factstore.query.results.result_typed import Output
from factstore.values import Value, ValueType


class _Coded(NamedTuple):
    """A column whose codes are places among its distinct values."""

    kind: int
    distinct: list[Value]
    places: Ints


def sent(outputs: Sequence[Output], values: Values | None) -> list[Any]:
    """What columns are in a pickle."""
    return [_sent(output, values) for output in outputs]


def _sent(output: Output, values: Values | None) -> Any:
    if not isinstance(output, Column) or not (output.kind == ANY or ValueType(output.kind).interned):
        return output
    assert values is not None
    distinct, places = numbered(output.data)
    return _Coded(output.kind, values.decode(Column(output.kind, distinct)), places)


def received(parts: Sequence[Any]) -> tuple[list[Output], Values]:
    """The columns of a pickle, and the values of their codes."""
    values = Values(Dictionary())
    return [_received(part, values) for part in parts], values


def _received(part: Any, values: Values) -> Output:
    if not isinstance(part, _Coded):
        return part  # type: ignore[no-any-return]  # as it was sent
    distinct = (
        values.encode(part.distinct) if part.kind == ANY else values.encode_as(ValueType(part.kind), part.distinct)
    )
    return Column(distinct.kind, distinct.data[part.places])
