"""The transaction that one batch of outcomes makes. Pure: a db value and outcomes in, transaction data out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from enrich.errors import SourceError, shown
from enrich.lifecycle import Policy, Standing, bookkeeping, standing
from enrich.normalize import references, statements
from enrich.outcomes import EntityMap, Failed, Found, Gone, Outcome, Partial
from enrich.said import Part, parts, said
from enrich.schema import GONE, HYDRATED, UNRESOLVED
from enrich.uris import Ref, parse
from factstore import Db, Keyword

Forms = list[Any]


def draft(db: Db, source: str | None, outcomes: Mapping[str, Outcome], now: datetime, policy: Policy) -> Forms:
    """What to transact for ``outcomes`` of one source; ``outcomes`` must have passed :func:`checked`."""
    draft = _Draft(db, outcomes)
    for uri, outcome in outcomes.items():
        draft.keep_books(uri, bookkeeping(outcome, draft.where[uri], now, policy))
        draft.describe_parts(uri, outcome, now)
    draft.dangle()
    if source is not None:
        draft.replace(source, outcomes)
    about = [] if source is None else [{"db/id": "db/current-tx", "tx/source": source}]
    return [*about, *draft.forms] if draft.forms else []


def checked(db: Db, outcomes: Mapping[str, Outcome]) -> dict[str, Outcome]:
    """The outcomes, Failed where what a payload says contradicts the schema or another payload of the batch."""
    describes: dict[str, str] = {}
    done: dict[str, Outcome] = {}
    for uri, outcome in outcomes.items():
        try:
            for described in maps_of(outcome):
                _check_once(described["entity/uri"], uri, describes)
            for _, attribute, value in statements(maps_of(outcome)):
                _check_reference(db, uri, attribute, value)
            done[uri] = outcome
            describes |= {described["entity/uri"]: uri for described in maps_of(outcome)}
        except SourceError as error:
            done[uri] = Failed(error)
    return done


def maps_of(outcome: Outcome) -> tuple[EntityMap, ...]:
    """The entity maps an outcome carries."""
    return outcome.maps if isinstance(outcome, Found | Partial) else ()


def _check_once(described: str, uri: str, describes: Mapping[str, str]) -> None:
    if described in describes:
        raise SourceError(
            f"the payload of {uri} describes {described}, and so does that of {describes[described]}: expected one",
            code="source/described-twice",
            uri=uri,
        )


def _check_reference(db: Db, uri: str, attribute: str, value: Any) -> None:
    known = db.schema.get(attribute)
    # An attribute nobody defined is the transaction's to refuse: it knows the nearest names.
    if known is None or known.is_ref == isinstance(value, Ref) or (known.is_ref and isinstance(value, Keyword)):
        return
    expected = "enrich.ref(kind, source, id)" if known.is_ref else f"a {known.type.name.lower()}"
    raise SourceError(
        f"the payload of {uri} has {shown(value)} as {attribute}: expected {expected}", code="source/bad-map", uri=uri
    )


class _Draft:
    """Transaction data in the making: every URI has an id, its own or a temporary one."""

    def __init__(self, db: Db, outcomes: Mapping[str, Outcome]) -> None:
        self.db = db
        self.forms: Forms = []
        maps = [described for outcome in outcomes.values() for described in maps_of(outcome)]
        self.referred = references(maps)
        uris = [*outcomes, *(described["entity/uri"] for described in maps), *self.referred]
        self.where: dict[str, Standing] = standing(db, uris)
        self.ids = {
            uri: -number if where.id is None else where.id for number, (uri, where) in enumerate(self.where.items(), 1)
        }
        self.described = {*outcomes, *(described["entity/uri"] for described in maps)}
        self.parts: dict[int, list[Part]] = defaultdict(list)
        for part in parts(db, [where.id for uri in outcomes if (where := self.where[uri]).id is not None]):
            self.parts[part.whole].append(part)

    def keep_books(self, uri: str, changes: Mapping[str, Any]) -> None:
        """Identity and bookkeeping of an entity; a change to None retracts."""
        id = self.ids[uri]
        kept = {attribute: value for attribute, value in changes.items() if value is not None}
        self.forms.append({"db/id": id, **_identity(uri), **kept})
        dropped = [attribute for attribute, value in changes.items() if value is None]
        if id > 0:
            self.forms += [["db/retract", id, attribute] for attribute in dropped]

    def describe_parts(self, uri: str, outcome: Outcome, now: datetime) -> None:
        """The parts that a payload describes are hydrated with it; those it no longer describes are gone."""
        for part in maps_of(outcome)[1:]:
            books = {"entity/state": HYDRATED, "entity/hydrated-at": now, "entity/part-of": self.ids[uri]}
            self.keep_books(part["entity/uri"], books)
        if isinstance(outcome, Found | Gone):
            # A part may have moved to another whole of this very batch.
            left = [part for part in self.parts[self.ids[uri]] if part.uri not in self.described]
            self.forms += [{"db/id": part.id, "entity/state": GONE} for part in left]

    def dangle(self) -> None:
        """Makes an unresolved entity of every URI that is referred to and nowhere known."""
        for uri in self.referred:
            if uri not in self.described and self.where[uri].id is None:
                self.forms.append({"db/id": self.ids[uri], **_identity(uri), "entity/state": UNRESOLVED})

    def replace(self, source: str, outcomes: Mapping[str, Outcome]) -> None:
        """Asserts what the payloads say, and retracts what ``source`` said before and now does not."""
        told = [
            self._told(uri, attribute, value)
            for outcome in outcomes.values()
            for uri, attribute, value in statements(maps_of(outcome))
        ]
        new = set(told)
        slots = {(e, attribute) for e, attribute, _ in told if not self._is_many(attribute)}
        for e, attribute, value in said(self.db, source, self._replaced(outcomes)):
            # The new value of a card-one attribute takes the place of the old one by itself.
            if (e, attribute, value) not in new and (e, attribute) not in slots:
                self.forms.append(["db/retract", e, attribute, value])
        self.forms += [["db/add", e, attribute, value] for e, attribute, value in told]

    def _replaced(self, outcomes: Mapping[str, Outcome]) -> list[int]:
        whole = [uri for uri, outcome in outcomes.items() if isinstance(outcome, Found | Gone)]
        ids = [self.ids[described["entity/uri"]] for uri in whole for described in maps_of(outcomes[uri])]
        ids += [self.ids[uri] for uri in whole] + [part.id for uri in whole for part in self.parts[self.ids[uri]]]
        return sorted({id for id in ids if id > 0})

    def _told(self, uri: str, attribute: str, value: Any) -> tuple[int, str, Any]:
        if isinstance(value, Ref):
            value = self.ids[value.uri]
        elif isinstance(value, Keyword) and (known := self.db.schema.get(attribute)) is not None and known.is_ref:
            value = self.db.entid_strict(value)
        return self.ids[uri], attribute, value

    def _is_many(self, attribute: str) -> bool:
        known = self.db.schema.get(attribute)
        return known is not None and known.many


def _identity(uri: str) -> dict[str, str]:
    kind, source, _ = parse(uri)
    return {"entity/uri": uri, "entity/kind": kind, "entity/source": source}
