"""A function on columns: called for each distinct row of its arguments, within the bounds of the query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

from factstore import edn
from factstore.columns import Ints
from factstore.columns_distinct import numbered_rows
from factstore.errors import FactstoreError, QueryError
from factstore.query.columnar.relation import Column, Relation, Values
from factstore.query.columnar.spread import hashable
from factstore.query.functions.builtin import BUILTIN, Function, plain_name
from factstore.query.language.ast import Argument, Constant, FunctionCall, Predicate, Variable
from factstore.values_coerce import shown

_AT_ONCE: Final = 256
"""Calls of a built-in function between two looks at the clock."""


def apply_given(fn: Any, *args: Any) -> Any:
    """What a function that is a value of the query gives for ``args``."""
    if not callable(fn):
        raise TypeError(f"{fn!r} is no function")
    return fn(*args)


class Call:
    """A function with its arguments, as columns of a relation."""

    def __init__(self, node: Predicate | FunctionCall, fn: Function, args: Sequence[Any], values: Values) -> None:
        self.node = node
        self.fn = fn
        self.name = plain_name(node.fn) if isinstance(node.fn, str) and fn is BUILTIN.get(plain_name(node.fn)) else ""
        self._args = args
        self.values = values
        self.how = ""

    def columns(self, rows: Relation) -> list[Column]:
        """The arguments, a column each."""
        return [rows[arg.name] if isinstance(arg, Variable) else self._repeated(arg, rows.size) for arg in self._args]

    def _repeated(self, value: Any, size: int) -> Column:
        """A constant as a column that takes no memory for its length."""
        kind, data = self.values.constant(hashable(value))
        return Column(kind, np.broadcast_to(data, size))

    def distinct_results(self, columns: Sequence[Column], size: int) -> tuple[list[Any], Ints]:
        """The result for each distinct row of arguments, and which of them each row has."""
        variable = [place for place, arg in enumerate(self._args) if isinstance(arg, Variable)]
        if not variable:
            return [self._apply(*self._args)], np.zeros(size, dtype=np.int64)
        first, which = numbered_rows([columns[place].data for place in variable])
        given = iter([self.values.decode(columns[place].take(first)) for place in variable])
        args = [next(given) if isinstance(arg, Variable) else [arg] * len(first) for arg in self._args]
        return self._results(args, len(first)), which

    def _results(self, args: Sequence[list[Any]], size: int) -> list[Any]:
        self.how = f"once for each of {size:,} distinct arguments"
        if self.name:
            # A built-in function has no effect but its result, so that it can be asked again for what it refuses.
            try:
                return self._built_in(args, size)
            except FactstoreError:
                raise
            except Exception:
                self.how += ", one by one"
        calls = self.values.limits.watched(zip(*args, strict=True))
        return [self._apply(*row) for row in calls]

    def _built_in(self, args: Sequence[list[Any]], size: int) -> list[Any]:
        """The results, some at a time: between them the query's bounds are looked at."""
        results: list[Any] = []
        for start in range(0, size, _AT_ONCE):
            some = list(map(self.fn, *(each[start : start + _AT_ONCE] for each in args)))
            self.values.limits.made_all(some)
            results += some
        return results

    def _apply(self, *args: Any) -> Any:
        try:
            result = self.fn(*args)
        except FactstoreError:
            raise
        except Exception as error:
            given = ", ".join(shown(arg) for arg in args)
            message = f"{self.node.fn} cannot be applied to ({given}): {error}"
            code = "query/type-mismatch" if isinstance(error, TypeError | AttributeError) else "query/function-failed"
            raise edn.located(QueryError, message, self.node.at, code=code) from error
        self.values.limits.made(result)
        return result


def arguments(args: Iterable[Argument]) -> list[Any]:
    """Arguments as the engine takes them: variables as they are, constants as values."""
    return [arg.value if isinstance(arg, Constant) else arg for arg in args]
