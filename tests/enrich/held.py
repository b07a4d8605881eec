"""What a store holds about one entity."""

from __future__ import annotations

from typing import Any

import enrich
from factstore import Connection


def entity(conn: Connection, uri: str) -> dict[str, Any]:
    """All that is known of an entity, refs as the uri they lead to."""
    pulled = conn.db().pull(["*"], ["entity/uri", uri]) or {}
    uris = dict(conn.db().q("[:find ?e ?uri :where [?e :entity/uri ?uri]]"))

    def plain(value: Any) -> Any:
        if isinstance(value, list):
            return sorted(plain(each) for each in value)
        return uris[value["db/id"]] if isinstance(value, dict) else value

    return {str(name): plain(value) for name, value in pulled.items() if name != "db/id"}


def said(conn: Connection, uri: str) -> dict[str, Any]:
    """What is known of an entity but for its bookkeeping."""
    return {name: value for name, value in entity(conn, uri).items() if not name.startswith("entity/")}


def state(conn: Connection, uri: str) -> Any:
    return enrich.standing(conn.db(), [uri])[uri].state
