"""What sources said before, read off the transactions of the facts themselves."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from enrich.schema import OWN
from factstore import Db

_SAID = """[:find ?e ?name ?v :in $ ?source [?e ...]
            :where [?e ?a ?v ?tx] [?tx :tx/source ?source] [?a :db/ident ?name]]"""
_PARTS = "[:find ?uri ?part ?whole :in $ [?whole ...] :where [?part :entity/part-of ?whole] [?part :entity/uri ?uri]]"


class Fact(NamedTuple):
    """One current fact; a ref's value is an entity id."""

    entity: int
    attribute: str
    value: Any


def said(db: Db, source: str, entities: Collection[int]) -> list[Fact]:
    """The current facts that ``source`` asserted about ``entities``, without enrichment's own bookkeeping."""
    if not entities:
        return []
    found = db.q(_SAID, source, list(entities))
    return [Fact(e, str(name), value) for e, name, value in found if name not in OWN]


class Part(NamedTuple):
    """An entity that is described in the payload of another."""

    uri: str
    id: int
    whole: int


def parts(db: Db, entities: Collection[int]) -> list[Part]:
    """The entities described in the payloads of ``entities``."""
    return [Part(*row) for row in db.q(_PARTS, list(entities))] if entities else []
