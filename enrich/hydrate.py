"""Asks the sources of truth: the only caller of the outside.

URIs are grouped by source and kind and cut into batches; batches are fetched in parallel threads,
and what happens to one key, batch or source happens to no other.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

import msgspec

from enrich.errors import EnrichError, HydrateError, reason, shown
from enrich.normalize import content_hash, normalize
from enrich.outcomes import Failed, Found, Gone, Outcome, Partial, Unchanged
from enrich.sources import Source, Sources
from enrich.uris import parse

WORKERS: Final = 8
"""How many batches are fetched at a time, unless told otherwise."""


class Answers(msgspec.Struct, frozen=True):
    """What one batch came to: an outcome for every URI that was asked, and no other."""

    source: str
    outcomes: dict[str, Outcome]
    unexpected: tuple[str, ...] = ()
    """Ids the source answered for without being asked; their payloads were not used."""
    calls: int = 1


class Batch(NamedTuple):
    """One call to come: the source, and the URI of each id."""

    source: Source
    uris: dict[str, str]


def hydrate(
    sources: Sources, uris: Iterable[str], *, known: Mapping[str, int] | None = None, workers: int = WORKERS
) -> Iterator[Answers]:
    """The answers of the sources, a batch at a time; each URI is asked for once however often it is given.

    ``known`` has the content hash of what is held already: same content is :class:`~enrich.Unchanged`.
    A URI that no source is registered for is Failed with ``hydrate/no-source``.

    >>> class Users(Source):
    ...     name, kinds = "identity", ("user",)
    ...     def fetch(self, ids):
    ...         return {"ana": Gone()}
    >>> answers = hydrate(Sources([Users()]), ["aip://user/identity/ana", "aip://user/identity/bo"])
    >>> [(uri, type(outcome).__name__) for each in answers for uri, outcome in each.outcomes.items()]
    [('aip://user/identity/ana', 'Gone'), ('aip://user/identity/bo', 'Failed')]
    """
    asked = list(dict.fromkeys(uris))
    yield from _without_source(sources, asked)
    batches = plan(sources, asked)
    if not batches:
        return
    pool = ThreadPoolExecutor(min(workers, len(batches)), thread_name_prefix="hydrate")
    try:
        futures = [pool.submit(ask, sources, batch, known or {}) for batch in batches]
        # In the order they were planned, not as they come: the same input makes the same transactions.
        for future in futures:
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def plan(sources: Sources, uris: Iterable[str]) -> list[Batch]:
    """The batches that fetch ``uris``, taking turns between the sources so that none waits behind a large one."""
    grouped: dict[tuple[Source, str], dict[str, str]] = {}
    for uri in uris:
        source, (kind, _, id) = sources.of(uri), parse(uri)
        if source is not None:
            grouped.setdefault((source, kind), {})[id] = uri
    cut = [[Batch(source, dict(part)) for part in _cut(ids, source)] for (source, _), ids in grouped.items()]
    turns = itertools.chain.from_iterable(itertools.zip_longest(*cut))
    return [batch for batch in turns if batch is not None]


def ask(sources: Sources, batch: Batch, known: Mapping[str, int]) -> Answers:
    """Calls the source of a batch, once, and makes an outcome of what it says of each id."""
    source, uris = batch
    try:
        answers = source.fetch(list(uris))
        if not isinstance(answers, Mapping):
            raise HydrateError(
                f"{source.name} answered with {shown(answers)}: expected a mapping of ids", code="hydrate/bad-answer"
            )
    except Exception as error:
        return Answers(source.name, {uri: _failed(source, uri, error) for uri in uris.values()})
    # A source may well key by number what a URI can only hold as text.
    by_id = {str(id): answer for id, answer in answers.items()}
    outcomes = {uri: _outcome(sources, source, uri, by_id.get(id, _SILENCE), known) for id, uri in uris.items()}
    return Answers(source.name, outcomes, tuple(sorted(by_id.keys() - uris.keys())))


_SILENCE: Final = object()


def _outcome(sources: Sources, source: Source, uri: str, answer: Any, known: Mapping[str, int]) -> Outcome:
    if answer is _SILENCE:
        error = HydrateError(f"{source.name} did not answer for {uri}", code="hydrate/no-answer", uri=uri)
        return Failed(error)
    if isinstance(answer, Gone) or answer is Gone:
        return Gone()
    if isinstance(answer, BaseException):
        return _failed(source, uri, answer)
    try:
        if isinstance(answer, Partial):
            return Partial(answer.payload, normalize(sources, source, uri, answer.payload))
        maps = normalize(sources, source, uri, answer)
    except EnrichError as error:
        return Failed(error)
    hash = content_hash(maps)
    return Unchanged(hash) if known.get(uri) == hash else Found(answer, maps, hash)


def _failed(source: Source, uri: str, error: BaseException) -> Failed:
    if isinstance(error, EnrichError):
        return Failed(error)
    code = "hydrate/timeout" if isinstance(error, TimeoutError) else "hydrate/failed"
    failed = HydrateError(f"{source.name} failed for {uri}: {reason(error)}", code=code, uri=uri, source=source.name)
    failed.__cause__ = error
    return Failed(failed)


def _without_source(sources: Sources, uris: Iterable[str]) -> Iterator[Answers]:
    lost: dict[str, dict[str, Outcome]] = {}
    for uri in uris:
        if sources.of(uri) is None:
            kind, name, _ = parse(uri)
            what = f"{name} does not answer for {kind}" if sources.known(name) else f"no source is named {name}"
            error = HydrateError(f"{uri} cannot be fetched: {what}", code="hydrate/no-source", uri=uri)
            lost.setdefault(name, {})[uri] = Failed(error)
    yield from (Answers(name, outcomes, calls=0) for name, outcomes in lost.items())


def _cut(ids: Mapping[str, str], source: Source) -> Iterator[tuple[tuple[str, str], ...]]:
    items = iter(ids.items())
    while part := tuple(itertools.islice(items, source.batch_size)):
        yield part
