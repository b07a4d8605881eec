"""What the store holds of edges: the state, the rules, the edges by relation, and what happened since."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from enrich.edges import ORIGIN, OWN, STATE, edge_ends
from factstore import Db, LogRows

Ints = NDArray[np.int64]


_STATE: Final = """[:find [?t ?rules]
                    :in $ ?of
                    :where [?s :enrich/state ?of] [?s :enrich/basis ?t] [?s :enrich/rules ?rules]]"""


class State(msgspec.Struct, frozen=True):
    """How far the edges are derived: the basis they reflect, and the hash of the rules they follow."""

    basis: int
    rules: str


def state_of(db: Db) -> State | None:
    """The state of a store, None before the first derivation.

    >>> import factstore
    >>> print(state_of(factstore.connect("memory:").db()))
    None
    """
    if "enrich/state" not in db.schema:
        return None
    query = (
        "[:find [?t ?rules] :in $ ?of :where [?s :enrich/state ?of] [?s :enrich/basis ?t] [?s :enrich/rules ?rules]]"
    )
    found = db.q(query, STATE)
    return None if found is None else State(*found)


class StoredRule(msgspec.Struct, frozen=True):
    """A rule as the store has it: its entity, and its attributes by name."""

    id: int
    told: dict[str, Any]

    @property
    def name(self) -> str:
        """The name it is known by for good."""
        return str(self.told["rule/name"])

    @property
    def is_active(self) -> bool:
        """Whether the rule files held it when edges were last derived."""
        return bool(self.told.get("rule/active"))


def rules_of(db: Db) -> dict[str, StoredRule]:
    """All rules there ever were, by name."""
    if "rule/name" not in db.schema:
        return {}
    ids = list(db.q("[:find [?r ...] :where [?r :rule/name]]"))
    pulled = db.pull_many(["*"], ids) if ids else []
    told = [_without_id(each or {}) for each in pulled]
    return {each["rule/name"]: StoredRule(id, each) for id, each in zip(ids, told, strict=True)}


def _without_id(pulled: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in pulled.items() if str(name) != "db/id"}


class Edges(NamedTuple):
    """Reified edges as parallel arrays: the edge, from, to, the rule's entity, and whether all of that is there.

    Where an end was retracted, the ref to it is gone too; the key still tells which it was.
    """

    id: Ints
    start: Ints
    end: Ints
    rule: Ints
    whole: NDArray[np.bool_]


def edges_of(db: Db, relation: str) -> Edges:
    """The reified edges of one relation; a rule that is not there is -1."""
    ids = column(db.q("[:find ?e :in $ ?r :where [?e :edge/relation ?r]]", relation), "e")
    parts = []
    for part in ("from", "to", "rule"):
        found = db.q(f"[:find ?e ?v :in $ ?r :where [?e :edge/relation ?r] [?e :edge/{part} ?v]]", relation)
        parts.append(_lined_up(ids, column(found, "e"), column(found, "v")))
    start, end, rule = parts
    whole = (start >= 0) & (end >= 0) & (rule >= 0)
    for place in np.flatnonzero((start < 0) | (end < 0)).tolist():
        key = db.q("[:find ?key . :in $ ?e :where [?e :edge/key ?key]]", int(ids[place]))
        start[place], end[place] = edge_ends(key)
    return Edges(ids, start, end, rule, whole)


def facts_of(db: Db, relation: str) -> Ints:
    """The (entity, value) pairs of one relation."""
    found = db.q(f"[:find ?e ?v :where [?e :{relation} ?v]]")
    return np.stack((column(found, "e"), column(found, "v")), axis=1)


def column(result: Any, name: str) -> Ints:
    """A column of entity ids; an empty result has no type of its own."""
    found: Ints = result.to_numpy()[name].astype(np.int64)
    return found


def _lined_up(ids: Ints, e: Ints, v: Ints) -> Ints:
    found = np.full(len(ids), -1, dtype=np.int64)
    order = np.argsort(ids, kind="stable")
    found[order[np.searchsorted(ids[order], e)]] = v
    return found


class Window:
    """What happened to base facts in a stretch of the log; enrichment's own transactions do not count.

    ``reads`` are the attributes that rules look at. Of derived facts only what was lost matters: they end
    by themselves when an entity they refer to is retracted.
    """

    def __init__(self, db: Db, log: LogRows, reads: Collection[str], relations: Iterable[str]) -> None:
        self._db: Final = db
        ids = {db.schema.attribute(name).id: str(name) for name in (*reads, *relations, *OWN) if name in db.schema}
        of_interest = np.isin(log.a, np.asarray(list(ids), dtype=np.int64))
        of_interest &= ~np.isin(log.tx, _own_transactions(db, log))
        self._names: Final = ids
        self._base: Final = frozenset(map(str, reads))
        self.e: Final[Ints] = log.e[of_interest]
        self.a: Final[Ints] = log.a[of_interest]
        self.v: Final[Ints] = log.v[of_interest]
        self.tx: Final[Ints] = log.tx[of_interest]
        self.added: Final = log.added[of_interest]

    def __len__(self) -> int:
        return len(self.e)

    @property
    def is_quiet(self) -> bool:
        """True where nothing happened that an edge could depend on."""
        return not len(self.e)

    def touched(self) -> list[int]:
        """The entities that lost a base fact."""
        mask = ~self.added & np.isin(self.a, self._ids(self._base))
        return [int(e) for e in np.unique(self.e[mask])]

    def changed(self) -> frozenset[str]:
        """The base attributes of which a fact came or went."""
        return frozenset(self._names[int(a)] for a in np.unique(self.a)) & self._base

    def came(self, names: Collection[str]) -> bool:
        """True if a fact of one of these attributes came or went."""
        return bool(self.changed() & set(names))

    def lost_refs(self, name: str) -> dict[int, set[int]]:
        """The values that entities lost of one of enrichment's own ref attributes."""
        mask = ~self.added & np.isin(self.a, self._ids({name}))
        found: dict[int, set[int]] = {}
        for e, v in zip(self.e[mask].tolist(), self.v[mask].tolist(), strict=True):
            found.setdefault(e, set()).add(v)
        return found

    def transactions(self) -> list[int]:
        """The transactions in it."""
        return [int(tx) for tx in np.unique(self.tx)]

    def operations(self, added: bool) -> dict[str, list[int]]:
        """The entities that base facts were added to, or retracted from, by attribute."""
        found: dict[str, list[int]] = {}
        for a in np.unique(self.a).tolist():
            if self._names[a] in self._base:
                mine = (self.a == a) & (self.added == added)
                found[self._names[a]] = [int(e) for e in np.unique(self.e[mine])]
        return found

    def _ids(self, names: Collection[str]) -> Ints:
        return np.asarray([id for id, name in self._names.items() if name in names], dtype=np.int64)


def _own_transactions(db: Db, log: LogRows) -> Ints:
    said = np.unique(log.e[log.a == db.schema.attribute("tx/origin").id]).tolist()
    if not said:
        return np.zeros(0, dtype=np.int64)
    query = "[:find [?tx ...] :in $ ?origin [?tx ...] :where [?tx :tx/origin ?origin]]"
    return np.asarray(list(db.q(query, ORIGIN, said)), dtype=np.int64)
