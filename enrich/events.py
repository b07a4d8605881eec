"""Thin events: one JSON object that says *that* something changed, not what.

An event type is a tagged :class:`msgspec.Struct` of the source that announces it; fields it does not
declare are ignored. What cannot be read becomes a :class:`Dead` of its own and stops nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from enrich.errors import EventError, SourceError, reason, shown
from enrich.sources import Source, Sources
from enrich.uris import parse

Raw = bytes | str | Mapping[str, Any] | msgspec.Struct
"""An event as it arrives: a line of JSON, a decoded object, or the struct itself."""

KEPT: Final = 4096
"""The most bytes of a dead event that are kept."""


class Dead(msgspec.Struct, frozen=True):
    """An event that could not be read or acted on: its place from 1, what it was (cut to KEPT bytes), and why."""

    line: int
    raw: bytes
    error: EventError


class Events:
    """The event types of all sources: reads them, and says which entities they are about.

    >>> class UserChanged(msgspec.Struct, tag_field="event_type", tag="user_changed"):
    ...     email: str
    >>> class Users(Source):
    ...     name, kinds, events = "identity", ("user",), (UserChanged,)
    ...     def changed(self, event):
    ...         return [f"aip://user/identity/{event.email}"]
    >>> events = Events(Sources([Users()]))
    >>> event = events.decode(b'{"event_type": "user_changed", "email": "ana@example.org", "at": 3}')
    >>> event, events.changed(event)
    (UserChanged(email='ana@example.org'), ['aip://user/identity/ana@example.org'])
    """

    def __init__(self, sources: Sources) -> None:
        self._announced: Final[dict[type[msgspec.Struct], list[Source]]] = {}
        for source in sources:
            for event in source.events:
                self._announced.setdefault(event, []).append(source)
        self._by_tag: Final[dict[tuple[str, str | int], type[msgspec.Struct]]] = {}
        for event in self._announced:
            self._add(event)
        self._tag_fields: Final = sorted({field for field, _ in self._by_tag})

    def _add(self, event: type[msgspec.Struct]) -> None:
        config = getattr(event, "__struct_config__", None)
        if config is None or config.tag_field is None:
            raise SourceError(
                f"{shown(event)} is no event type: expected a msgspec.Struct with a tag", code="source/bad-event"
            )
        other = self._by_tag.setdefault((config.tag_field, config.tag), event)
        if other is not event:
            raise SourceError(
                f"{other.__qualname__} and {event.__qualname__} are both told by"
                f' "{config.tag_field}": {shown(config.tag)}: expected one event type for each tag',
                code="source/bad-event",
            )

    def decode(self, raw: Raw) -> msgspec.Struct:
        """The event that ``raw`` is; :class:`EventError` ``event/malformed`` or ``event/unknown-type`` otherwise."""
        if isinstance(raw, msgspec.Struct):
            return self._known(raw)
        try:
            data = msgspec.json.decode(raw) if isinstance(raw, bytes | str) else raw
            if not isinstance(data, Mapping):
                raise EventError(f"{shown(data)} is no event: expected a JSON object", code="event/malformed")
            return msgspec.convert(data, self._type_of(data))
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise EventError(f"the event cannot be read: {_lower(str(error))}", code="event/malformed") from None

    def changed(self, event: msgspec.Struct) -> list[str]:
        """The URIs an event is about; ``event/refused`` where its source cannot say."""
        try:
            found = [uri for source in self._announced[type(event)] for uri in _uris(source.changed(event))]
        except Exception as error:
            raise EventError(
                f"{type(event).__qualname__} names no entity: {reason(error)}", code="event/refused"
            ) from error
        return list(dict.fromkeys(found))

    def read(self, raws: Iterable[Raw] | bytes | str) -> Iterator[tuple[msgspec.Struct, list[str]] | Dead]:
        """Each event with the URIs it is about, or what is wrong with it; blank lines are passed over."""
        for line, raw in enumerate(_lines(raws), 1):
            if isinstance(raw, bytes | str) and not raw.strip():
                continue
            try:
                event = self.decode(raw)
                yield event, self.changed(event)
            except EventError as error:
                message = f"{error.message} (line {line})"
                yield Dead(line, _kept(raw), EventError(message, code=error.code, line=line, **error.data))

    def _known(self, event: msgspec.Struct) -> msgspec.Struct:
        if type(event) not in self._announced:
            raise EventError(
                f"no source announces {type(event).__qualname__}: expected {self._expected()}",
                code="event/unknown-type",
            )
        return event

    def _type_of(self, data: Mapping[str, Any]) -> type[msgspec.Struct]:
        for field in self._tag_fields:
            tag = data.get(field)
            found = self._by_tag.get((field, tag)) if isinstance(tag, str | int) else None
            if found is not None:
                return found
        seen = ", ".join(f'"{field}": {shown(data[field])}' for field in self._tag_fields if field in data)
        told = seen or f"an event without {' or '.join(self._tag_fields) or 'a type'}"
        raise EventError(f"no source announces {told}: expected {self._expected()}", code="event/unknown-type")

    def _expected(self) -> str:
        tags = sorted(str(tag) for _, tag in self._by_tag)
        return "one of " + ", ".join(tags[:8]) + (" …" if len(tags) > 8 else "") if tags else "a source with events"


def _uris(found: Iterable[str]) -> list[str]:
    # Text is an iterable of texts to Python: the URI alone is what was meant.
    uris = [found] if isinstance(found, str) else list(found)
    for uri in uris:
        parse(uri)
    return uris


def _lines(raws: Iterable[Raw] | bytes | str) -> Iterable[Raw]:
    if isinstance(raws, bytes):
        return raws.split(b"\n")
    return raws.split("\n") if isinstance(raws, str) else raws


def _kept(raw: Raw) -> bytes:
    if isinstance(raw, bytes):
        return raw[:KEPT]
    text = raw if isinstance(raw, str) else repr(raw)
    return text[:KEPT].encode("utf-8", "backslashreplace")[:KEPT]


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
