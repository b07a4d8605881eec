"""Events in, entities and references out. No edge is derived here: that is the cycle's work."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from enrich.errors import EnrichError
from enrich.events import Dead, Events, Raw
from enrich.lifecycle import Policy
from enrich.refresh import Refreshed, refresh
from enrich.sources import Source, Sources
from factstore import Connection


class IngestReport(msgspec.Struct, frozen=True):
    """What became of events: how many were read, what they led to, and those that could not be read."""

    accepted: int
    """Events that were read, each distinct one once."""
    duplicates: int
    """Events equal to an earlier one of the same call."""
    dead: tuple[Dead, ...]
    refreshed: Refreshed

    @property
    def hydrated(self) -> list[str]:
        """The URIs whose entities now hold something else than before."""
        return self.refreshed.hydrated

    @property
    def unchanged(self) -> list[str]:
        """The URIs whose sources said what they said before."""
        return self.refreshed.unchanged

    @property
    def gone(self) -> list[str]:
        """The URIs whose sources know them no more."""
        return self.refreshed.gone

    @property
    def failed(self) -> dict[str, EnrichError]:
        """The URIs that could not be fetched or understood, and why; they will be tried again."""
        return self.refreshed.failed


def ingest(
    conn: Connection,
    sources: Sources | Iterable[Source],
    events: Iterable[Raw] | bytes | str,
    *,
    policy: Policy | None = None,
) -> IngestReport:
    """Reads events, fetches what they say has changed, each entity once, and writes what the sources say now.

    ``events`` are JSON lines, decoded objects or event structs, such as a file opened with ``"rb"``. Their order does
    not matter. What cannot be read is in ``dead`` and what cannot be fetched in ``failed``; neither stops the rest.
    """
    sources = sources if isinstance(sources, Sources) else Sources(sources)
    seen: set[tuple[type, str]] = set()
    changed: dict[str, None] = {}
    dead: list[Dead] = []
    duplicates = 0
    for read in Events(sources).read(events):
        if isinstance(read, Dead):
            dead.append(read)
            continue
        event, uris = read
        # Not as JSON: what has no place in it, such as half a surrogate pair, would stop all other events.
        key = type(event), repr(event)
        duplicates += key in seen
        seen.add(key)
        changed |= dict.fromkeys(uris)
    return IngestReport(len(seen), duplicates, tuple(dead), refresh(conn, sources, changed, policy=policy))
