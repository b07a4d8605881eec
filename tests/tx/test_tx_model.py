"""The writer against a set of tuples, and against itself in another order."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from factstore.errors import FactstoreError
from tests.tx.tx_store import Store, attribute, user_facts

Fact = tuple[int, str, Any]
Operation = tuple[str, int, str, Any]

NAMES = st.sampled_from(["m/one", "m/many"])
OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["db/add", "db/retract"]), st.integers(0, 2), NAMES, st.integers(0, 2)), max_size=6
)


def applied(facts: set[Fact], operations: list[Operation]) -> set[Fact] | None:
    """Datomic's rules said plainly; None where they contradict each other."""
    adds = {(e, a, v) for op, e, a, v in operations if op == "db/add"}
    retracts = {(e, a, v) for op, e, a, v in operations if op == "db/retract"}
    singles = [(e, a) for e, a, _ in adds if a == "m/one"]
    if adds & retracts or len(singles) != len(set(singles)):
        return None
    kept = {(e, a, v) for e, a, v in facts - retracts if (e, a) not in singles}
    return kept | adds


@given(st.lists(OPERATIONS, max_size=5))
def test_sequences_of_transactions_agree_with_a_set(transactions: list[list[Operation]]) -> None:
    store = Store([attribute("m/one", "long"), attribute("m/many", "long", many=True)])
    base = min(store.transact([{"db/id": str(n), "db/doc": "x"} for n in range(3)]).tempids[str(n)] for n in range(3))
    facts: set[Fact] = set()
    for operations in transactions:
        forms = [[op, base + e, a, v] for op, e, a, v in operations]
        after = applied(facts, operations)
        if after is None:
            store.refused(forms, "tx/conflict")
            continue
        changes = store.transact(forms).datoms[:-1]
        assert {(d.e - base, str(d.a), d.v) for d in changes if d.added} == after - facts
        assert {(d.e - base, str(d.a), d.v) for d in changes if not d.added} == facts - after
        facts = after
    held = {fact for fact in user_facts(store.db, base) if fact[1] != "db/doc"}
    assert {(e - base, a, v) for e, a, v in held} == facts


MODEL = [
    attribute("m/id", "string", unique="identity"),
    attribute("m/key", "long", unique="identity", many=True),
    attribute("m/badge", "long", unique="value"),
    attribute("m/at", "ref", unique="identity"),
    attribute("m/name", "string"),
    attribute("m/refs", "ref", many=True),
    attribute("m/x", "long"),
    attribute("m/y", "ref"),
    attribute("m/xy", "tuple", tupleAttrs=["m/x", "m/y"], unique="identity"),
]
REFS = ("m/at", "m/refs", "m/y")
TEMPIDS = st.sampled_from(["a", "b", "c", "d"])
MAPS = st.fixed_dictionaries(
    {"m/name": st.sampled_from(["x", "y"])},
    optional={
        "db/id": TEMPIDS,
        "m/id": st.sampled_from(["1", "2", "3"]),
        "m/key": st.lists(st.integers(0, 3), max_size=2),
        "m/badge": st.integers(0, 5),
        "m/at": TEMPIDS,
        "m/refs": st.lists(TEMPIDS, max_size=2).map(set),
        "m/x": st.integers(0, 1),
        "m/y": TEMPIDS | st.just(("m/id", "1")),
    },
)


def outcome(forms: list[dict[str, Any]]) -> tuple[set[Fact], dict[str, frozenset[str]]] | None:
    """The facts with entities renamed by what they are, and which tempids are the same; None if refused."""
    store = Store(MODEL)
    first = store.transact(
        [{"db/id": "known", "m/id": "1", "m/key": [1]}, {"m/id": "2", "m/badge": 1, "m/x": 1, "m/y": "known"}]
    ).tempids["known"]
    try:
        tempids = store.transact(forms).tempids
    except FactstoreError:
        return None
    shared = {str(t): frozenset(str(u) for u, f in tempids.items() if f == e) for t, e in tempids.items()}
    return canonical(user_facts(store.db, first)), shared


def canonical(facts: set[Fact]) -> set[Any]:
    """Facts with each entity replaced by what can be said of it without ids, two steps deep."""
    names: dict[Any, Any] = {}
    for _ in range(3):
        names = {e: described(e, facts, names) for e, _, _ in facts}
    return {(names[e], a, names.get(v, v) if a in REFS else v) for e, a, v in facts if a != "m/xy"}


def described(entity: int, facts: set[Fact], names: dict[Any, Any]) -> str:
    mine = ((a, v) for e, a, v in facts if e == entity and a != "m/xy")  # its parts say it already
    return repr(sorted((a, str(names.get(v, "?") if a in REFS else v)) for a, v in mine))


@given(st.lists(MAPS, min_size=2, max_size=6).flatmap(lambda maps: st.tuples(st.just(maps), st.permutations(maps))))
def test_the_order_of_forms_does_not_matter(both: tuple[list[dict[str, Any]], list[dict[str, Any]]]) -> None:
    given_order, other_order = both
    assert outcome(given_order) == outcome(other_order)


def test_the_model_meets_both_outcomes() -> None:
    assert outcome([{"db/id": "a", "m/name": "x"}, {"m/id": "1", "m/refs": {"a"}}]) is not None
    assert outcome([{"m/id": "1", "m/badge": 1}]) is None
