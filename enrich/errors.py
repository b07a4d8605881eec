"""The errors of enrichment: a branch of factstore's tree, with a code, a message and data each.

::

    EnrichError
    ├── UriError       uri/…       text that is not an aip:// URI, or parts that make none
    ├── EventError     event/…     an event that cannot be read or acted on
    ├── SourceError    source/…    a source of truth that is declared wrongly, or whose payload is
    └── HydrateError   hydrate/…   an entity that could not be fetched now
"""

from __future__ import annotations

from factstore import FactstoreError


class EnrichError(FactstoreError):
    """The root of what enrichment can say.

    >>> error = EnrichError("no source is named 'regsitry'", code="source/unknown", source="regsitry")
    >>> error.code, error.data
    ('source/unknown', {'source': 'regsitry'})
    """


class UriError(EnrichError):
    """Text that is not an ``aip://kind/source/id`` URI, or parts that make none (``uri/…``)."""


class EventError(EnrichError):
    """An event that cannot be read or acted on; ``data`` has its ``line`` where it came from lines (``event/…``)."""


class SourceError(EnrichError):
    """A source of truth that is declared wrongly, or that describes entities wrongly (``source/…``)."""


class HydrateError(EnrichError):
    """An entity that could not be fetched now; it will be asked for again (``hydrate/…``)."""


def shown(value: object, limit: int = 80) -> str:
    """A value's repr for a message, cut to ``limit`` characters.

    >>> shown("a" * 10, limit=6)
    "'aaaa…"
    """
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def reason(error: BaseException) -> str:
    """What an exception says, in one line: its message, or its name where it has none.

    >>> reason(TimeoutError()), reason(KeyError("id"))
    ('TimeoutError', "KeyError: 'id'")
    """
    if isinstance(error, FactstoreError):
        return str(error)
    try:
        text = " ".join(str(error).split())
    except Exception:
        # An exception of somebody else's making may not even be able to say what it is.
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
