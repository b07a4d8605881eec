"""What every log says of its commits: what held at t, what happened since, what a code means."""

from __future__ import annotations

import numpy as np
import pytest

from factstore.columns import EMPTY, ints
from factstore.datom import FOREVER, TX0
from factstore.log import MemoryLog, schema_at
from factstore.schema import BUILTIN, Ids, Schema
from factstore.values import Keyword, ValueType
from tests.contract.plans import AGE, DEFINITIONS, FIRST, FRIEND, NAME, NOTE, SCORE, Store, as_rows

ANN, BOB = FIRST, FIRST + 1


def test_a_new_store_holds_the_bootstrap(log) -> None:
    assert log.head() == 0
    assert len(log.load([Ids.VALUE_TYPE], 0)[Ids.VALUE_TYPE].e) == len(BUILTIN)
    assert [a.ident for a in schema_at(log, 0)] == [a.ident for a in Schema.bootstrap()]


def test_what_is_written_is_read(store) -> None:
    t = store.commit([(ANN, NAME, "ann"), (ANN, AGE, 30), (BOB, NAME, "bob"), (BOB, FRIEND, ANN)])
    assert store.log.head() == t == 2
    assert store.held(NAME) == {ANN: ["ann"], BOB: ["bob"]}
    assert store.held(AGE) == {ANN: [30]}


def test_several_attributes_come_in_one_go(store) -> None:
    store.commit([(ANN, NAME, "ann"), (ANN, AGE, 30), (BOB, FRIEND, ANN)])
    loaded = store.log.load([NAME, AGE, FRIEND, SCORE], 2)
    assert {a: loaded[a].e.tolist() for a in loaded} == {NAME: [ANN], AGE: [ANN], FRIEND: [BOB], SCORE: []}
    assert {column.dtype for rows in loaded.values() for column in rows} == {np.dtype(np.int64)}


@pytest.mark.parametrize(("t", "age"), [(1, {}), (2, {ANN: [30]}), (3, {ANN: [31]}), (4, {}), (5, {ANN: [30]})])
def test_load_is_exact_at_any_t(store, t: int, age: dict[int, list[int]]) -> None:
    store.commit([(ANN, AGE, 30)])
    store.commit([(ANN, AGE, 31)], [(ANN, AGE, 30)])
    store.commit([], [(ANN, AGE, 31)])
    store.commit([(ANN, AGE, 30)])
    assert store.held(AGE, t) == age


@pytest.mark.parametrize(
    ("t", "lives"),
    [
        (2, [(ANN, 1, 2, FOREVER)]),
        (3, [(ANN, 1, 2, 3), (ANN, 2, 3, FOREVER)]),
        (4, [(ANN, 1, 2, 3), (ANN, 2, 3, 4)]),
    ],
)
def test_lives_end_where_they_are_cut(store, t: int, lives: list[tuple[int, ...]]) -> None:
    store.commit([(ANN, AGE, 1)])
    store.commit([(ANN, AGE, 2)], [(ANN, AGE, 1)])
    store.commit([], [(ANN, AGE, 2)])
    found = store.log.load_intervals([AGE], t)[AGE]
    expected = [(e, v, TX0 + start, end if end == FOREVER else TX0 + end) for e, v, start, end in lives]
    assert as_rows(*found) == expected


def test_no_history_forgets_values_and_keeps_the_log(store) -> None:
    store.commit([(ANN, NOTE, "draft")])
    t = store.commit([(ANN, NOTE, "final")], [(ANN, NOTE, "draft")])
    assert len(store.log.load_intervals([NOTE], t)[NOTE].e) == 1
    assert store.held(NOTE, 2) == {}
    rows = store.log.read(1, t)
    assert rows.added[rows.a == NOTE].tolist().count(False) == 1


@pytest.mark.parametrize(
    ("after", "upto", "ts"), [(1, None, [2, 3]), (1, 2, [2]), (2, 3, [3]), (3, None, []), (3, 2, [])]
)
def test_read_is_a_stretch_in_commit_order(store, after: int, upto: int | None, ts: list[int]) -> None:
    store.commit([(ANN, AGE, 1)])
    store.commit([(BOB, AGE, 2)])
    rows = store.log.read(after, upto)
    assert sorted(set((rows.tx - TX0).tolist())) == ts
    assert (np.diff(rows.tx) >= 0).all()


def test_read_tells_types_and_operations(store) -> None:
    store.commit([(ANN, AGE, 1)])
    t = store.commit([(ANN, AGE, 2), (ANN, SCORE, 0.5)], [(ANN, AGE, 1)])
    rows = store.log.read(t - 1, t)
    mine = rows.e == ANN
    types = as_rows(rows.a[mine], rows.vt[mine], rows.added[mine])
    assert types == [(AGE, 2, False), (AGE, 2, True), (SCORE, 3, True)]
    assert rows.added.dtype == np.bool_


@pytest.mark.parametrize(("t", "expected"), [(2, [(AGE, 1)]), (3, [(AGE, 2), (FRIEND, BOB)]), (4, [(FRIEND, BOB)])])
def test_facts_of_is_exact_at_any_t(store, t: int, expected: list[tuple[int, int]]) -> None:
    store.commit([(ANN, AGE, 1), (BOB, AGE, 9)])
    store.commit([(ANN, AGE, 2), (ANN, FRIEND, BOB)], [(ANN, AGE, 1)])
    store.commit([], [(ANN, AGE, 2)])
    found = store.log.facts_of(ints([ANN, ANN, 10**9]), t)
    assert as_rows(found.a, found.v) == expected
    assert set(found.e.tolist()) == {ANN}


def test_facts_of_nobody_are_none(store) -> None:
    assert [len(column) for column in store.log.facts_of(EMPTY, 1)] == [0, 0, 0, 0]


STRINGS = ["", "plain", "nul \0 inside", "lone \ud800 surrogate", "snow ☃ \N{HANGUL SYLLABLE GA}", "x" * 100_000]


@pytest.mark.parametrize("text", STRINGS, ids=range(len(STRINGS)))
def test_any_string_comes_back(store, text: str) -> None:
    store.commit([(ANN, NAME, text)])
    assert store.held(NAME) == {ANN: [text]}
    [(code, vt, value)] = _fresh(store, text)
    assert (vt, value) == (ValueType.STRING, text)
    assert store.log.dictionary.codes_of(ValueType.STRING, [text]) == [code]


def _fresh(store: Store, text: str) -> list[tuple[int, ValueType, str]]:
    """The entry as the store has it, not as this process remembers it."""
    log = store.log
    if isinstance(log, MemoryLog):
        return list(log.entries_of_values(ValueType.STRING, [text]))
    [(code, _, _)] = log.entries_of_values(ValueType.STRING, [text])
    return list(log.entries_of_codes([code]))


def test_an_unknown_value_has_no_code(log) -> None:
    assert log.dictionary.codes_of(ValueType.STRING, ["nobody said this"]) == [None]
    assert list(log.entries_of_values(ValueType.UUID, [])) == []


def test_the_schema_is_read_as_it_came_about(store) -> None:
    t = store.commit([(AGE, Ids.IDENT, Keyword("person/years"))], [(AGE, Ids.IDENT, Keyword("person/age"))])
    renamed = schema_at(store.log, t)
    assert renamed.attribute(AGE).ident == "person/years"
    assert renamed.entid("person/age") == AGE
    assert schema_at(store.log, t - 1).attribute(AGE).ident == "person/age"
    assert {a.ident for a in schema_at(store.log, 1)} >= {value for _, a, value in DEFINITIONS if a == Ids.IDENT}
