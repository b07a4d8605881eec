"""The attributes enrichment itself writes: who an entity is, and how far its story has come."""

from __future__ import annotations

from typing import Any, Final

from factstore import Connection, Keyword

UNRESOLVED: Final = Keyword("unresolved")
"""Referred to, never fetched."""
HYDRATED: Final = Keyword("hydrated")
"""Holds what its source says; its edges are not derived yet."""
ENRICHED: Final = Keyword("enriched")
"""Hydrated, and a cycle has derived its edges since."""
FAILED: Final = Keyword("failed")
"""Asked for too often in vain; only a new event or a person asks again."""
GONE: Final = Keyword("gone")
"""Was known, and its source says for certain that it is no more."""


def _attribute(name: str, type: str, doc: str, **more: Any) -> dict[str, Any]:
    return {
        "db/ident": name,
        "db/valueType": f"db.type/{type}",
        "db/cardinality": "db.cardinality/one",
        "db/doc": doc,
        **{f"db/{key}": value for key, value in more.items()},
    }


_IDENTITY: Final = (
    _attribute("entity/uri", "string", "aip://kind/source/id, the name of the entity", unique="db.unique/identity"),
    _attribute("entity/kind", "string", "what the entity is: the first part of its URI", index=True),
    _attribute("entity/source", "string", "the source of truth that knows it: the second part of its URI"),
)

# Bookkeeping changes with every fetch; keeping all of it would bury the history of what was said.
_BOOKKEEPING: Final = (
    _attribute("entity/state", "keyword", "unresolved hydrated enriched failed gone", index=True, noHistory=True),
    _attribute("entity/attempts", "long", "fetches in a row that brought nothing", noHistory=True),
    _attribute("entity/next-try", "instant", "not to be fetched again before", index=True, noHistory=True),
    _attribute("entity/last-error", "string", "why the last fetch brought nothing", noHistory=True),
    _attribute("entity/hydrated-at", "instant", "when its source last answered for it", noHistory=True),
    _attribute("entity/enriched-at", "instant", "when its edges were last derived", noHistory=True),
    _attribute("entity/content-hash", "long", "64 bits of hash of what its source last said", noHistory=True),
    _attribute("entity/part-of", "ref", "the entity in whose payload it is described", index=True),
)

_TRANSACTION: Final = (
    _attribute("tx/source", "string", "the source of truth that said what the transaction asserts", index=True),
    _attribute("tx/cycle", "long", "the number of the enrichment cycle that wrote the transaction", index=True),
)

ATTRIBUTES: Final[tuple[dict[str, Any], ...]] = (*_IDENTITY, *_BOOKKEEPING, *_TRANSACTION)
"""The schema of enrichment, as transaction data."""

OWN: Final = frozenset(attribute["db/ident"] for attribute in (*_IDENTITY, *_BOOKKEEPING))
"""The attributes of entities that no source may write, nor take away."""


def install(conn: Connection) -> None:
    """Adds the attributes that are not there yet; writes nothing where all are.

    >>> import factstore
    >>> conn = factstore.connect("memory:")
    >>> install(conn)
    >>> before = conn.db().basis_t
    >>> install(conn)
    >>> conn.db().basis_t == before
    True
    """
    schema = conn.db().schema
    missing = [attribute for attribute in ATTRIBUTES if attribute["db/ident"] not in schema]
    if missing:
        conn.transact(missing)
