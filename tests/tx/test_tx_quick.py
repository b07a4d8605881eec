"""The short way of small transactions decides as the whole machinery does, or not at all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factstore.columns import ints
from factstore.db import DbValue
from factstore.errors import FactstoreError
from factstore.tx import Plan, QuickPlan, TxReport, speculate
from factstore.tx.prepare import in_full, quickly
from tests.tx.tx_store import START, Store, attribute, person, user_facts

SCHEMA = [
    attribute("q/id", "string", unique="identity"),
    attribute("q/key", "long", unique="identity", many=True),
    attribute("q/badge", "long", unique="value"),
    attribute("q/name", "string"),
    attribute("q/kind", "keyword"),
    attribute("q/score", "double"),
    attribute("q/tags", "string", many=True),
    attribute("q/boss", "ref"),
    attribute("q/desk", "ref"),
    attribute("q/refs", "ref", many=True),
    attribute("q/part", "ref", isComponent=True),
    attribute("q/pair", "tuple", tupleAttrs=["q/left", "q/desk"]),
    attribute("q/left", "string"),
    {"db/ident": "color/red"},
]

KNOWN = st.integers(0, 3).map(lambda n: ("known", n))
"""One of the entities that are there; a placeholder until their ids are known."""
SUBJECTS = st.one_of(
    KNOWN,
    st.sampled_from(["a", "b", -1, "db/current-tx", "color/red", ":color/red", 10**6]),
    st.sampled_from(["1", "2", "9"]).map(lambda id: ["q/id", id]),
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "q/id": st.sampled_from(["1", "2", "3"]),
    "q/key": st.integers(0, 3),
    "q/badge": st.one_of(st.integers(0, 2), st.just(2**70)),
    "q/name": st.one_of(st.sampled_from(["x", "y", "new"]), st.just(7)),
    "q/kind": st.sampled_from(["k/a", ":k/a", "k/b"]),
    "q/score": st.one_of(st.sampled_from([1.5, -0.0, 0.0, float("nan")]), st.just(1)),
    "q/tags": st.sampled_from(["t", "u", "v"]),
    "q/boss": SUBJECTS,
    "q/desk": SUBJECTS,
    "q/refs": SUBJECTS,
    "q/part": SUBJECTS,
    "q/left": st.just("l"),
    "tx/origin": st.just("some/program"),
    "q/none": st.just(1),
}
SAID = st.sampled_from(sorted(VALUES)).flatmap(lambda name: st.tuples(st.just(name), VALUES[name]))
COLLECTED = st.sampled_from(["q/key", "q/tags", "q/refs"]).flatmap(
    lambda name: st.tuples(st.just(name), st.lists(VALUES[name], max_size=2))
)
MAPS = st.tuples(st.one_of(st.none(), SUBJECTS), st.lists(st.one_of(SAID, COLLECTED), max_size=3)).map(
    lambda pair: {**({} if pair[0] is None else {"db/id": pair[0]}), **dict(pair[1])}
)
FORMS = st.one_of(
    MAPS,
    st.tuples(SUBJECTS, SAID).map(lambda pair: ["db/add", pair[0], *pair[1]]),
    st.tuples(SUBJECTS, SAID).map(lambda pair: [":db/retract", pair[0], *pair[1]]),
    SUBJECTS.map(lambda subject: ["db/retractEntity", subject]),
    st.sampled_from([None, {}, ["db/retract", ("known", 0), "q/tags"], {":db/id": "a", ":q/name": "x"}]),
)
DATA = st.lists(FORMS, max_size=4)


FIRST = [
    {"db/id": "0", "q/id": "1", "q/key": [1, 2], "q/name": "x", "q/tags": ["t", "u"], "q/refs": ["1", "2"]},
    {"db/id": "1", "q/id": "2", "q/badge": 1, "q/boss": "0", "q/score": 1.5},
    {"db/id": "2", "q/name": "y", "q/kind": "k/a", "q/refs": ["2"]},
    {"db/id": "3", "q/part": "2", "q/left": "l", "q/desk": "0"},
]


def store() -> tuple[Store, list[int]]:
    made = Store(SCHEMA)
    tempids = made.transact(FIRST).tempids
    return made, [tempids[str(n)] for n in range(4)]


STORE, IDS = store()


def spoken(data: Any) -> Any:
    """Data with the ids of the entities that are there."""
    if isinstance(data, tuple) and data and data[0] == "known":
        return IDS[data[1]]
    if isinstance(data, dict):
        return {key: spoken(value) for key, value in data.items()}
    return [spoken(item) for item in data] if isinstance(data, list | tuple) else data


def plans(data: Any) -> tuple[QuickPlan | None, Plan | FactstoreError]:
    db = STORE.db
    with STORE.log.writer() as writer:
        given = {"now": START + timedelta(days=1), "previous_instant": STORE.instant}
        short = quickly(writer, db, data, writer.counters, **given)
        try:
            return short, in_full(writer, db, data, writer.counters, functions={}, **given)
        except FactstoreError as error:
            return short, error


def told(plan: Plan | QuickPlan) -> Any:
    """All that a plan says, values instead of codes."""
    new = {code: (vt, value) for code, vt, value in plan.entries}

    def facts(part: Any) -> list[Any]:
        rows = zip(part.e.tolist(), part.a.tolist(), part.vt.tolist(), part.v.tolist(), strict=True)
        return sorted((e, a, vt, repr(new.get(v, v)) if vt >= 6 else v) for e, a, vt, v in rows)

    return facts(plan.added), facts(plan.retracted), dict(plan.tempids), plan.next_e, plan.next_v, plan.t, plan.instant


@given(DATA)
def test_the_short_way_decides_as_the_long_way(data: Any) -> None:
    short, full = plans(spoken(data))
    if short is not None:
        assert isinstance(full, Plan), full
        assert told(short) == told(full)


PLAIN = [
    [],
    [{"db/id": "a", "q/id": "1", "q/name": "z"}],
    [{"q/id": "new", "q/tags": ["t", "t"], "q/refs": ["a", "a"]}, {"db/id": "a", "q/name": "w"}],
    [["db/add", ["q/id", "2"], "q/boss", "color/red"], ["db/retract", ("known", 0), "q/tags", "t"]],
    [["db/retractEntity", ("known", 1)], {"db/id": "db/current-tx", "tx/origin": "a/b"}],
    [{"db/id": ("known", 2), "q/score": 2.5, "q/kind": ":k/b"}],
]


@pytest.mark.parametrize("data", PLAIN)
def test_plain_transactions_go_the_short_way(data: Any) -> None:
    short, full = plans(spoken(data))
    assert short is not None
    assert isinstance(full, Plan)
    assert told(short) == told(full)


NOT_PLAIN = [
    [["db/add", ("known", 0), "q/refs", ["q/id", "2"]], ["db/retract", ("known", 0), "q/refs", ("known", 1)]],
    [
        {"db/id": -1, "q/id": "2"},
        ["db/add", ("known", 0), "q/refs", -1],
        ["db/retract", ("known", 0), "q/refs", ("known", 1)],
    ],
    [{"db/id": -1, "q/id": "2"}, ["db/retract", ("known", 0), "q/refs", -1]],
    [{"db/id": ("known", 3), "q/refs": ["q/key", 2]}],
    [{"db/id": "3", "q/id": "3"}, {"db/id": ("known", 3), "q/refs": ("q/id", "3")}],
]


@pytest.mark.parametrize("data", NOT_PLAIN)
def test_what_only_looks_plain_goes_the_long_way(data: Any) -> None:
    short, _ = plans(spoken(data))
    assert short is None


@settings(max_examples=40)
@given(st.lists(DATA, max_size=5), st.integers(0, 5))
def test_a_chain_of_speculations_ends_as_transactions_do(chain: list[Any], after: int) -> None:
    """Of what is committed first and what is only supposed after that: now, at every t, and through all time."""
    real, guess = Store(SCHEMA), Store(SCHEMA)
    first = real.transact(FIRST).tempids["0"]
    guess.transact(FIRST)
    db: DbValue = guess.db
    for n, data in enumerate(chain):
        said = [form for form in (spoken(form) for form in data) if form is not None]
        try:
            real.transact(said)
        except FactstoreError as error:
            if error.code != "tx/unknown-entity":  # a db value does not know how far ids were given out
                with pytest.raises(type(error)):
                    speculate(db, said, now=START + timedelta(seconds=db.basis_t))
            continue
        if n < after:
            guess.transact(said)
            db = guess.db
        else:
            db = speculate(db, said, now=START + timedelta(seconds=db.basis_t)).db_after
    for t in range(2, real.db.basis_t + 1):
        assert told_by(db.as_of(t), first) == told_by(real.db.as_of(t), first)
    assert told_by(db.history(), first) == told_by(real.db.history(), first)


def told_by(db: DbValue, first: int) -> list[Any]:
    """Its datoms without the ids that only one of two stores may have given."""
    attributes = [each for each in db.schema if each.ident.startswith("q/")]
    told = ((d, each.is_ref) for each in attributes for d in db.datoms(each.ident))
    return sorted(
        (min(d.e - first, 4), d.a, "" if is_ref else repr(d.v), d.tx if db.is_history else 0, d.added)
        for d, is_ref in told
    )


def test_ten_thousand_small_speculations_keep_their_past() -> None:
    store = Store()
    ann = store.add(age=0)
    reports: list[TxReport[DbValue]] = []
    db: DbValue = store.db
    for age in range(1, 10_001):
        reports.append(speculate(db, [["db/add", ann, "person/age", age]], now=START))
        db = reports[-1].db_after
    age = db.schema.attribute("person/age")
    assert [r.db_after.snapshot.values_of(ann, age.id) for r in reports[::997]] == [[n] for n in range(1, 10_001, 997)]
    assert db.as_of(reports[4321].t).index(age).values_of(ann) == [4322]
    assert len(db.history().datoms("person/age")) == 20_001


def test_two_speculations_on_one_do_not_meet() -> None:
    store = Store()
    ann = store.add(name="Ann")
    base = speculate(store.db, [["db/add", ann, "person/age", 1]], now=START).db_after
    one, other = (speculate(base, [person(ann, alias=[name])], now=START).db_after for name in "xy")
    assert [user_facts(db, ann) - user_facts(base, ann) for db in (one, other)] == [
        {(ann, "person/alias", "x")},
        {(ann, "person/alias", "y")},
    ]


def test_an_index_and_a_single_look_tell_the_same() -> None:
    store = Store()
    ids = [store.add(age=n % 7, alias=[str(n), "all"]) for n in range(40)]
    changes = [["db/retract", ids[3], "person/alias", "all"], ["db/retractEntity", ids[5]]]
    db = speculate(store.db, changes, now=START).db_after
    for name in ("person/age", "person/alias"):
        a = db.schema.attribute(name).id
        index = db.snapshot.index(a)
        for v in set(index.scan().v.tolist()):
            assert sorted(db.snapshot.holders_of(a, v)) == sorted(index.by_value(ints([v]))[1].e.tolist())
        for e in ids:
            assert sorted(db.snapshot.values_of(e, a)) == sorted(index.by_entity(ints([e]))[1].v.tolist())
