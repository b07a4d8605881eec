"""Sources of truth: what one must be able to do, and the set of them an enrichment knows.

A :class:`Source` is three things: the event types it announces, ``fetch`` for a batch of ids, and
``normalize`` from a payload to entity maps. It never sees the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from enrich.errors import SourceError, shown
from enrich.outcomes import EntityMap
from enrich.uris import parse, uri


class Source:
    """One system, or one endpoint of it, that knows entities of some kinds.

    ``kinds`` are what it can be asked for by id. Sources may share a ``name`` if their kinds differ:
    they are endpoints of one system. A payload may describe parts of its entity too, as further maps,
    if their kinds are no source's to fetch; what is fetched on its own is referred to by
    :func:`~enrich.uris.ref` instead.

    >>> class Users(Source):
    ...     name, kinds = "identity", ("user",)
    ...     def fetch(self, ids):
    ...         return {id: {"mail": id} for id in ids}
    ...     def normalize(self, payload):
    ...         return {"entity/uri": uri("user", "identity", payload["mail"]), "user/email": payload["mail"]}
    >>> users = Users()
    >>> users.normalize(users.fetch(["ana@example.org"])["ana@example.org"])["user/email"]
    'ana@example.org'
    """

    name: str = ""
    kinds: tuple[str, ...] = ()
    events: tuple[type[msgspec.Struct], ...] = ()
    """Tagged structs; :meth:`changed` is called with instances of these."""
    batch_size: int = 100
    """The most ids in one call of :meth:`fetch`."""

    def changed(self, event: Any) -> Iterable[str]:
        """The URIs of the entities an event says have changed, of this source or another."""
        raise NotImplementedError(f"{type(self).__name__} announces events but has no changed()")

    def fetch(self, ids: Sequence[str]) -> Mapping[str, Any]:
        """The current payload of each id: ``{id: payload | Partial(payload) | Gone() | Exception}``.

        One call for a batch, all of one kind; called from several threads at once. An exception raised, unlike one
        returned, stands for every id of the batch.
        """
        raise NotImplementedError(f"{type(self).__name__} has no fetch()")

    def normalize(self, payload: Any) -> EntityMap | Iterable[EntityMap]:
        """The entity a payload describes, and its parts if it has any; each map has its ``entity/uri``."""
        raise NotImplementedError(f"{type(self).__name__} has no normalize()")


class Sources:
    """The sources an enrichment knows, found by what a URI says; immutable.

    >>> class Teams(Source):
    ...     name, kinds = "identity", ("team",)
    >>> sources = Sources([Teams()])
    >>> sources.of("aip://team/identity/search").name, sources.of("aip://user/identity/ana")
    ('identity', None)
    """

    def __init__(self, sources: Iterable[Source] = ()) -> None:
        self._all: Final = tuple(sources)
        self._by_kind: Final[dict[tuple[str, str], Source]] = {}
        for source in self._all:
            _check(source)
            for kind in source.kinds:
                self._add(source, kind)

    def _add(self, source: Source, kind: str) -> None:
        other = self._by_kind.setdefault((source.name, kind), source)
        if other is not source:
            raise SourceError(
                f"{type(other).__name__} and {type(source).__name__} both answer for {kind} of {source.name}:"
                " expected one source for each",
                code="source/twice",
                source=source.name,
                kind=kind,
            )

    def __iter__(self) -> Iterator[Source]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def of(self, text: str) -> Source | None:
        """The source to ask about a URI, None if none is registered; :class:`~enrich.errors.UriError` if it is none."""
        kind, name, _ = parse(text)
        return self._by_kind.get((name, kind))

    def known(self, name: str) -> bool:
        """Whether any source has this name."""
        return any(source.name == name for source in self._all)

    def is_fetched(self, text: str) -> bool:
        """Whether a URI's entity can be asked for on its own."""
        return self.of(text) is not None


def _check(source: object) -> None:
    if not isinstance(source, Source):
        raise SourceError(f"{shown(source)} is no source: expected an enrich.Source", code="source/invalid")
    where = type(source).__name__
    if not _are_names(source.kinds):
        raise SourceError(
            f"{where}.kinds is {shown(source.kinds)}: expected a tuple of names", code="source/invalid", source=where
        )
    for kind in source.kinds or ("any",):
        # A name no URI can hold would be found out at the first entity only.
        uri(kind, source.name, "id")
    if not _is_size(source.batch_size):
        raise SourceError(
            f"{where}.batch_size is {shown(source.batch_size)}: expected a number from 1",
            code="source/invalid",
            source=where,
        )


def _is_size(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _are_names(value: object) -> bool:
    return isinstance(value, tuple | list) and all(isinstance(name, str) for name in value)
