"""Why an edge went or changed: the fact that was lost, the fact that came in its way, or the rule that was edited."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from functools import cached_property
from typing import Any, Final, NamedTuple

import factstore
from enrich.edges import names, shown
from enrich.stored import Window
from factstore import Db, Keyword

_SHOWN: Final = 3
"""Lost facts that one cause names."""


class Event(NamedTuple):
    """A fact that came or went in the window."""

    e: int
    a: Keyword
    v: Any
    tx: int


class Causes:
    """What happened in a window, by entity; looked up when the first cause is asked for."""

    def __init__(self, db: Db, window: Window | None, active: Collection[str]) -> None:
        self._db: Final = db
        self._window: Final = window
        self._active: Final = active

    def of(self, entities: Collection[int], rule: str | None, reads: Collection[str], fragile: Collection[str]) -> str:
        """Why an edge of ``rule`` with premises about ``entities`` is not what it was."""
        if rule is None:
            return "no rule stands beside it any more"
        if rule not in self._active:
            return f"the rule {rule} was edited or removed"
        lost = [event for e in entities for event in self._lost.get(e, ()) if event.a in reads]
        if lost:
            return "; ".join(self._told(event, False) for event in sorted(lost, key=lambda event: event.tx)[:_SHOWN])
        came = [event for event in self._came if event.a in fragile]
        # Of all that came, what is about the edge's own entities is the likelier cause.
        came.sort(key=lambda event: (event.e not in entities and event.v not in entities, event.tx))
        if came:
            return self._told(came[0], True)
        return "what it rested on holds no more"

    @cached_property
    def _lost(self) -> dict[int, list[Event]]:
        found: dict[int, list[Event]] = {}
        for event in self._events(added=False):
            found.setdefault(event.e, []).append(event)
        return found

    @cached_property
    def _came(self) -> list[Event]:
        return self._events(added=True)

    def _events(self, added: bool) -> list[Event]:
        """The facts that came and hold, or went and do not."""
        if self._window is None:
            return []
        then, inside = self._db.history(), set(self._window.transactions())
        found: list[Event] = []
        for name, entities in self._window.operations(added).items():
            rows = then.q(f"[:find ?e ?v ?tx :in $ ?added [?e ...] :where [?e :{name} ?v ?tx ?added]]", added, entities)
            now = {
                (e, repr(v)) for e, v in self._db.q(f"[:find ?e ?v :in $ [?e ...] :where [?e :{name} ?v]]", entities)
            }
            found += [
                Event(e, Keyword(name), v, tx) for e, v, tx in rows if tx in inside and ((e, repr(v)) in now) == added
            ]
        return sorted(found, key=lambda event: (event.tx, event.e, event.a, repr(event.v)))

    @cached_property
    def _sources(self) -> dict[int, str]:
        if self._window is None or "tx/source" not in self._db.schema:
            return {}
        query = "[:find ?tx ?source :in $ [?tx ...] :where [?tx :tx/source ?source]]"
        return dict(self._db.q(query, self._window.transactions()))

    @cached_property
    def _instants(self) -> dict[int, datetime]:
        if self._window is None:
            return {}
        query = "[:find ?tx ?at :in $ [?tx ...] :where [?tx :db/txInstant ?at]]"
        return dict(self._db.q(query, self._window.transactions()))

    def _told(self, event: Event, came: bool) -> str:
        source = self._sources.get(event.tx)
        at = f"{self._instants[event.tx]:%Y-%m-%d %H:%M:%S}"
        fact = fact_text(self._db, event.e, event.a, event.v)
        if came:
            return f"{source} now says {fact} ({at})" if source else f"{fact} was asserted ({at})"
        return f"{source} no longer says {fact} ({at})" if source else f"{fact} was retracted ({at})"


def fact_text(db: Db, e: int, a: Keyword, v: Any) -> str:
    """A fact for people, its entities by their URIs.

    >>> import factstore
    >>> fact_text(factstore.connect("memory:").db(), 8, Keyword("db/doc"), "a text")
    '[:db/doc :db/doc "a text"]'
    """
    known = db.schema.get(a)
    refs = [v] if known is not None and known.is_ref else []
    called = names(db, [e, *refs])
    return f"[{shown(called, db, e)} :{a!s} {shown(called, db, v) if refs else value_text(v)}]"


def value_text(value: Any, longest: int = 60) -> str:
    """A value as EDN, cut where it is long."""
    text = factstore.edn.write(value)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def texts(causes: Iterable[str], most: int = 100) -> list[str]:
    """Causes to be stored with a transaction, each once and not too many."""
    distinct = list(dict.fromkeys(causes))
    return distinct if len(distinct) <= most else [*distinct[:most], f"and {len(distinct) - most} more"]
