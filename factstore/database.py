"""The db value as people hold it: the facts at a basis, with the verbs that read them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, NoReturn, TypeVar

import numpy as np

from factstore import pull as pulling
from factstore import query as querying
from factstore import tx
from factstore.columns import LogRows
from factstore.datom import TX0, Datom
from factstore.db import DbValue
from factstore.db_lookups import EntityRef
from factstore.db_orders import pull_along
from factstore.dictionary import Dictionary
from factstore.dictionary_overlay import Overlay
from factstore.entity import Entity, entity
from factstore.errors import StoreError
from factstore.log import values_in
from factstore.schema import Schema
from factstore.snapshot import Snapshot

Functions = Mapping[str, Callable[..., Any]]
"""What transactions and queries may call, by name."""

_NO_BOUNDS: Final[Mapping[str, float]] = {}

Self = TypeVar("Self", bound="Db")


class Commit(NamedTuple):
    """One transaction of the log: its t and id, when it was, and what it asserted and retracted."""

    t: int
    tx: int
    instant: datetime
    datoms: list[Datom]


def commits_in(log: LogRows, db: DbValue) -> Iterator[Commit]:
    """The transactions of a stretch of the log, read with what ``db`` knows of attributes and values."""
    names = {a: db.schema.attribute(a).ident for a in np.unique(log.a).tolist()}
    columns = (log.e.tolist(), log.a.tolist(), values_in(log, db.dictionary), log.tx.tolist(), log.added.tolist())
    every = (Datom(e, names[a], v, tx, added) for e, a, v, tx, added in zip(*columns, strict=True))
    for id, group in itertools.groupby(every, key=lambda datom: datom.tx):
        datoms = list(group)
        instant = next(d.v for d in datoms if d.e == id and d.a == "db/txInstant" and d.added)
        yield Commit(id - TX0, id, instant, datoms)


class Db(DbValue):
    """All facts at one basis, through one view: it never changes and is safe to share between threads.

    >>> import factstore
    >>> db = factstore.connect("memory:").db()
    >>> db, db.basis_t
    (<Db t=0>, 0)
    """

    __slots__ = ("_bounds", "_functions")

    def __init__(
        self, snapshot: Snapshot, schema: Schema, dictionary: Dictionary | Overlay, functions: Functions
    ) -> None:
        super().__init__(snapshot, schema, dictionary)
        self._functions = functions
        self._bounds: Mapping[str, float] = _NO_BOUNDS

    def _copy(self: Self) -> Self:
        other = super()._copy()
        other._functions = self._functions
        other._bounds = self._bounds
        return other

    def __reduce__(self) -> NoReturn:
        raise StoreError(
            "a db value cannot be copied or sent to another process: send the address and basis_t, connect there "
            "and take conn.db().as_of(t)",
            code="store/not-portable",
        )

    def q(
        self,
        query: Any,
        *inputs: Any,
        rules: Any = None,
        functions: Functions | None = None,
        **options: Any,
    ) -> Any:
        """The answer of a Datalog query, as EDN text or data: a :class:`Result`, or what its find clause asks for.

        ``inputs`` are what ``:in`` names beside ``$``. ``rules`` are EDN text, data, or the path of a rule file or
        folder; ``functions`` adds to those the connection offers. Options are ``timeout`` in seconds,
        ``max_rows`` of any one step, and ``max_memory`` in bytes.
        Raises :class:`QueryError`, with line, column and caret.

        >>> import factstore
        >>> db = factstore.connect("memory:").db()
        >>> db.q("[:find ?type . :where [:db/doc :db/valueType ?t] [?t :db/ident ?type]]")
        :db.type/string
        """
        options = self._within(options) if self._bounds else options
        return querying.q(self, query, inputs, rules=rules, functions=self._offered(functions), **options)

    def bounded(
        self: Self, *, timeout: float | None = None, max_rows: int | None = None, max_memory: int | None = None
    ) -> Self:
        """The same facts, for queries of others: none of them may use more, whatever it or its caller asks for.

        >>> import factstore
        >>> db = factstore.connect("memory:").db().bounded(max_rows=10)
        >>> db.q("[:find ?e :where [?e :db/ident]]", max_rows=1000)
        Traceback (most recent call last):
        ...
        factstore.errors.QueryError: query/too-large: a step of the query would make ... rows: expected at most 10
        """
        asked = {"timeout": timeout, "max_rows": max_rows, "max_memory": max_memory}
        other = self._copy()
        other._bounds = self._within({name: bound for name, bound in asked.items() if bound is not None})
        return other

    def _within(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The options, where a bound of this db value is smaller that one."""
        asked = {name: math.inf if (bound := options.get(name)) is None else bound for name in self._bounds}
        return {**options, **{name: min(bound, asked[name]) for name, bound in self._bounds.items()}}

    def explain(
        self,
        query: Any,
        *inputs: Any,
        rules: Any = None,
        functions: Functions | None = None,
        analyze: bool = False,
        **options: Any,
    ) -> querying.Plan:
        """The plan of a query, to be printed, or as data (``to_dict``), with warnings of what can never match.

        Nothing runs, unless ``analyze`` is true: then each step tells its rows and time as well. Options are
        those of :meth:`q`.
        """
        offered = self._offered(functions)
        options = self._within(options)
        return querying.explain(self, query, inputs, rules=rules, functions=offered, analyze=analyze, **options)

    def _offered(self, functions: Functions | None) -> Functions:
        return self._functions if not functions else {**self._functions, **functions}

    def pull(self, pattern: Any, ref: EntityRef) -> dict[Any, Any] | None:
        """What ``pattern`` shows of one entity, as a dict; None if that is nothing, or ``ref`` names no entity."""
        return pulling.pull(self, pattern, ref, functions=self._functions)

    def pull_many(self, pattern: Any, refs: Sequence[EntityRef]) -> list[dict[Any, Any] | None]:
        """:meth:`pull` of each of ``refs``, read together."""
        return pulling.pull_many(self, pattern, refs, functions=self._functions)

    def index_pull(
        self,
        index: str,
        pattern: Any,
        start: Sequence[Any],
        *,
        reverse: bool = False,
        limit: int | None = None,
        offset: int = 0,
    ) -> Iterator[dict[Any, Any] | None]:
        """:meth:`pull` of the entities along an index, from a place on: pages of a sorted list without a query.

        ``index`` is ``"avet"`` or ``"aevt"``; ``start`` are components, the attribute first, and only its datoms are
        walked: forward from the first that is not before ``start``, with ``reverse`` back from the last not after it.
        Datoms next to each other that are about one entity give it once. Read in batches as it is iterated.

        >>> import factstore
        >>> db = factstore.connect("memory:").db()
        >>> list(db.index_pull("avet", "[:db/ident]", ["db/ident", "db.type/s"], limit=2))
        [{'db/ident': :db.type/string}, {'db/ident': :db.type/symbol}]
        """
        walked = pull_along(self, index, start, reverse=reverse, limit=limit, offset=offset)
        return pulling.pull_pages(self, pattern, walked, functions=self._functions)

    def entity(self, ref: EntityRef) -> Entity | None:
        """An entity as a read-only mapping that reads on when it is looked at; None if there is none."""
        return entity(self, ref)

    def with_(self: Self, data: Any) -> tx.TxReport[Self]:
        """What transacting ``data`` would do: nothing is written, and only the report's ``db_after`` knows of it."""
        return tx.speculate(self, data, self._functions, now=datetime.now(UTC))
