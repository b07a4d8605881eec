"""Names of entities across systems: ``aip://kind/source/id``, and references to them.

The kind is what the entity is, the source the system that knows it, the id what that system calls
it. An id may hold anything; what a URI cannot hold is percent-encoded, in one way only, so that an
entity has exactly one name.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

import msgspec

from enrich.errors import UriError, shown

_SCHEME: Final = "aip://"
_NAME: Final = re.compile(r"[a-z][a-z0-9._-]*")
_ID_SAFE: Final = "/@:+,;=!$&'()*~"


class Parts(NamedTuple):
    """The three parts of a URI, decoded."""

    kind: str
    source: str
    id: str


class Ref(msgspec.Struct, frozen=True):
    """A reference to an entity of any source, for entity maps; made by :func:`ref`."""

    uri: str


def uri(kind: str, source: str, id: str | int) -> str:
    """The URI of an entity; :class:`UriError` where a part can be in none.

    >>> uri("model", "registry", "ranking-model-v5")
    'aip://model/registry/ranking-model-v5'
    >>> uri("dataset", "warehouse", "clicks 2026"), uri("ab-test", "experiments", 12345)
    ('aip://dataset/warehouse/clicks%202026', 'aip://ab-test/experiments/12345')
    """
    _check_name("kind", kind)
    _check_name("source", source)
    return f"{_SCHEME}{kind}/{source}/{quote(_id(id), safe=_ID_SAFE)}"


def parse(text: str) -> Parts:
    """The parts of a URI; :class:`UriError` ``uri/malformed`` for anything else.

    >>> parse("aip://user/identity/ana@example.org")
    Parts(kind='user', source='identity', id='ana@example.org')
    """
    pieces = text.removeprefix(_SCHEME).split("/", 2) if str(text).startswith(_SCHEME) else []
    if len(pieces) != 3:
        raise UriError(f"{shown(text)} is no URI: expected aip://kind/source/id", code="uri/malformed", value=text)
    kind, source, id = pieces
    expected = uri(kind, source, unquote(id))
    if text != expected:
        raise UriError(
            f"{shown(text)} is not how its URI is written: expected {expected}", code="uri/malformed", value=text
        )
    return Parts(kind, source, unquote(id))


def ref(kind: str, source: str, id: str | int) -> Ref:
    """A reference to an entity, known or not, to stand as a value in an entity map.

    >>> ref("pipeline-run", "orchestrator", "run-17")
    Ref(uri='aip://pipeline-run/orchestrator/run-17')
    """
    return Ref(uri(kind, source, id))


def _check_name(what: str, name: object) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UriError(
            f"{shown(name)} is no {what} of a URI: expected a-z, then a-z 0-9 . _ -",
            code=f"uri/bad-{what}",
            value=name,
        )


def _id(id: object) -> str:
    # True is an int to Python, and never an id to anyone.
    if isinstance(id, bool) or not isinstance(id, str | int) or id == "":
        raise UriError(f"{shown(id)} is no id of a URI: expected text or a whole number", code="uri/bad-id", value=id)
    try:
        return str(id).encode().decode()
    except UnicodeEncodeError:
        raise UriError(f"{shown(id)} is no id of a URI: it is not Unicode text", code="uri/bad-id", value=id) from None
