"""From a source's payload to entity maps in one plain form, their references, and their hash.

The plain form: attribute names without colon, each with a *list* of values; ``entity/uri`` alone is
bare. The entity that was asked for comes first, its parts after it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from types import NoneType
from typing import Any, Final
from uuid import UUID

from enrich.errors import SourceError, reason, shown
from enrich.outcomes import EntityMap
from enrich.schema import OWN
from enrich.sources import Source, Sources
from enrich.uris import Ref, parse
from factstore import Keyword

_URI: Final = "entity/uri"
_SCALARS: Final = (str, int, float, datetime, UUID, Decimal, bytes, tuple, Ref, NoneType)


def normalize(sources: Sources, source: Source, uri: str, payload: Any) -> tuple[EntityMap, ...]:
    """The entity maps ``source`` makes of a payload, in plain form; :class:`SourceError` where they cannot be used.

    >>> class Users(Source):
    ...     name, kinds = "identity", ("user",)
    ...     def normalize(self, payload):
    ...         return {"entity/uri": "aip://user/identity/ana", ":user/email": payload["mail"], "user/phone": None}
    >>> normalize(Sources([Users()]), Users(), "aip://user/identity/ana", {"mail": "ana@example.org"})
    ({'entity/uri': 'aip://user/identity/ana', 'user/email': ['ana@example.org']},)
    """
    maps: dict[str, EntityMap] = {}
    for described in _described(source, uri, payload):
        plain = _plain(source, uri, described)
        if plain[_URI] in maps:
            raise _bad(source, uri, f"describes {plain[_URI]} twice")
        maps[plain[_URI]] = plain
    if uri not in maps:
        raise _bad(source, uri, f"describes {', '.join(maps) or 'nothing'}, not the entity it was asked for")
    for part in maps:
        if part != uri and sources.is_fetched(part):
            raise _bad(source, uri, f"describes {part} too, which is fetched on its own: refer to it with enrich.ref")
    return (maps.pop(uri), *maps.values())


def references(maps: Iterable[EntityMap]) -> list[str]:
    """The URIs that entity maps refer to, each once, in order of appearance."""
    return list(dict.fromkeys(value.uri for _, _, value in statements(maps) if isinstance(value, Ref)))


def statements(maps: Iterable[EntityMap]) -> Iterator[tuple[str, str, Any]]:
    """What plain entity maps say, as (uri, attribute, value)."""
    for described in maps:
        for attribute, values in described.items():
            if attribute != _URI:
                yield from ((described[_URI], attribute, value) for value in values)


def content_hash(maps: Collection[EntityMap]) -> int:
    """A signed 64-bit hash of what the maps say; the order they say it in does not matter.

    >>> one = {"entity/uri": "aip://user/identity/ana", "user/tag": ["a", "b"]}
    >>> content_hash([one]) == content_hash([one | {"user/tag": ["b", "a"]}]), content_hash([one]) == content_hash([])
    (True, False)
    """
    # An entity of which nothing is said is still there, or is not: so the URIs count too.
    said = {repr((described[_URI],)) for described in maps}
    said |= {repr((uri, attribute, type(value).__name__, _stable(value))) for uri, attribute, value in statements(maps)}
    digest = hashlib.blake2b("\n".join(sorted(said)).encode("utf-8", "backslashreplace"), digest_size=8)
    return int.from_bytes(digest.digest(), "big", signed=True)


def _stable(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def _described(source: Source, uri: str, payload: Any) -> list[EntityMap]:
    try:
        found = source.normalize(payload)
        # A generator does its work here, so its errors are the source's as well.
        return [found] if isinstance(found, Mapping) else list(found)
    except Exception as error:
        failed = _bad(source, uri, f"cannot be normalized: {reason(error)}", code="source/normalize")
        raise failed from error


def _plain(source: Source, uri: str, described: Any) -> dict[str, Any]:
    if not isinstance(described, Mapping):
        raise _bad(source, uri, f"gives {shown(described)}: expected an entity map")
    plain: dict[str, Any] = {}
    for name, value in described.items():
        if not isinstance(name, str):
            raise _bad(source, uri, f"has the key {shown(name)}: expected an attribute name")
        attribute = str(Keyword(name))
        if attribute == _URI:
            plain[_URI] = _own_uri(source, uri, value)
        else:
            values = _values(source, uri, attribute, value)
            plain |= {attribute: values} if values else {}
    if _URI not in plain:
        raise _bad(source, uri, f"gives an entity map without entity/uri: {shown(described)}")
    return plain


def _own_uri(source: Source, uri: str, value: Any) -> str:
    if parse(value).source != source.name:
        raise _bad(source, uri, f"describes {value}, an entity of another source")
    return str(value)


def _values(source: Source, uri: str, attribute: str, value: Any) -> list[Any]:
    if attribute in OWN or attribute.startswith("db/") or Keyword(attribute).name.startswith("_"):
        raise _bad(source, uri, f"sets {attribute}: expected an attribute of its own")
    values = list(value) if isinstance(value, list | set | frozenset) else [value]
    for each in values:
        if not _is_scalar(each):
            what = f"has {shown(each)} as {attribute}: expected a value, or enrich.ref to an entity of its own"
            raise _bad(source, uri, what)
    return [each for each in values if each is not None]


def _is_scalar(value: Any) -> bool:
    parts = value if isinstance(value, tuple) else ()
    return isinstance(value, _SCALARS) and all(
        isinstance(part, _SCALARS) and not isinstance(part, tuple) for part in parts
    )


def _bad(source: Source, uri: str, what: str, code: str = "source/bad-map") -> SourceError:
    return SourceError(f"the payload of {source.name} for {uri} {what}", code=code, source=source.name, uri=uri)
