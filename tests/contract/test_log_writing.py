"""What every log does with a plan: all of it or nothing, one after the other, seen by the next question."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from factstore.columns import ints
from factstore.datom import TX0
from factstore.errors import LogError
from factstore.log import Counters
from factstore.schema import Ids
from factstore.values import ValueType
from tests.contract.plans import AGE, FIRST, FRIEND, NAME, SCORE, as_rows, draft

ANN, BOB, CID = FIRST, FIRST + 1, FIRST + 2


def test_counters_go_on_where_the_last_plan_ended(store) -> None:
    with store.log.writer() as writer:
        before = writer.counters
        writer.write(draft(writer, store.schema, [(ANN, NAME, "ann"), (BOB, NAME, "bob")]))
        assert writer.counters == Counters(before.t + 1, BOB + 1, before.next_v + 2)
    with store.log.writer() as writer:
        assert writer.counters == Counters(before.t + 1, BOB + 1, before.next_v + 2)


def test_an_error_in_the_block_leaves_no_trace(store) -> None:
    t = store.log.head()

    def fail() -> None:
        with store.log.writer() as writer:
            writer.write(draft(writer, store.schema, [(ANN, NAME, "ann")]))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert store.log.head() == t
    assert store.held(NAME) == {}
    assert store.log.dictionary.codes_of(ValueType.STRING, ["ann"]) == [None]
    assert store.commit([(BOB, NAME, "bob")]) == t + 1
    assert store.held(NAME) == {BOB: ["bob"]}


def test_a_block_that_writes_nothing_commits_nothing(store) -> None:
    t = store.log.head()
    with store.log.writer() as writer:
        writer.holders(ints([NAME]), ints([1]))
    assert store.log.head() == t
    with store.log.writer() as writer:
        assert writer.counters.t == t + 1


def test_plans_of_one_block_see_each_other(store) -> None:
    with store.log.writer() as writer:
        writer.write(draft(writer, store.schema, [(ANN, NAME, "ann"), (ANN, AGE, 1)]))
        [code] = writer.codes_of(ValueType.STRING, ["ann"])
        assert writer.holders(ints([NAME, NAME]), ints([code, code + 1])).tolist() == [ANN, -1]
        writer.write(draft(writer, store.schema, [(ANN, AGE, 2)], [(ANN, AGE, 1)]))
        assert as_rows(*writer.facts_of(ints([ANN])))[1] == (ANN, AGE, 2, TX0 + 3)
    assert (store.held(AGE, 2), store.held(AGE, 3), store.log.head()) == ({ANN: [1]}, {ANN: [2]}, 3)


def test_codes_are_learned_only_when_published(store) -> None:
    with store.log.writer() as writer:
        writer.write(draft(writer, store.schema, [(ANN, NAME, "ann")]))
        assert store.log.dictionary.codes_of(ValueType.STRING, ["ann"]) == [None]
        [code] = writer.codes_of(ValueType.STRING, ["ann"])
    assert store.log.dictionary.codes_of(ValueType.STRING, ["ann"]) == [code]


def test_refs_to_an_entity_are_found(store) -> None:
    store.commit([(BOB, FRIEND, ANN), (CID, FRIEND, ANN), (CID, FRIEND, BOB), (CID, AGE, ANN)])
    store.commit([], [(BOB, FRIEND, ANN)])
    with store.log.writer() as writer:
        found = writer.refs_to(ints([ANN]))
    assert as_rows(found.e, found.a, found.v) == [(CID, FRIEND, ANN)]


def test_facts_of_gives_only_what_holds(store) -> None:
    store.commit([(ANN, AGE, 1), (ANN, SCORE, 0.5), (BOB, AGE, 2)])
    t = store.commit([(ANN, AGE, 3)], [(ANN, AGE, 1)])
    with store.log.writer() as writer:
        found = writer.facts_of(ints([ANN, CID]))
    assert as_rows(found.a, found.tx) == [(AGE, TX0 + t), (SCORE, TX0 + t - 1)]


def test_questions_about_nothing_are_answered(store) -> None:
    nothing = ints([])
    with store.log.writer() as writer:
        assert len(writer.holders(nothing, nothing)) == 0
        assert len(writer.facts_of(nothing).e) == len(writer.refs_to(nothing).e) == 0
        assert writer.codes_of(ValueType.STRING, []) == []


@pytest.mark.parametrize(
    ("add", "retract"),
    [([(ANN, AGE, 1)], []), ([], [(ANN, AGE, 2)]), ([(BOB, AGE, 5)], [(BOB, AGE, 4)])],
    ids=["holds already", "does not hold", "nobody"],
)
def test_a_plan_that_does_not_fit_is_refused_whole(store, add, retract) -> None:
    t = store.commit([(ANN, AGE, 1)])
    with pytest.raises(LogError) as caught:
        store.commit(add, retract)
    assert caught.value.code == "log/conflict"
    assert (store.log.head(), store.held(AGE)) == (t, {ANN: [1]})


def test_a_plan_of_another_t_is_refused(store) -> None:
    with pytest.raises(LogError, match="the plan is for transaction 7, but the next one is 2"), store.log.writer() as w:
        w.write(draft(w, store.schema, [(ANN, AGE, 1)], t=7))
    assert store.log.head() == 1


def test_a_fact_may_come_back(store) -> None:
    store.commit([(ANN, AGE, 1)])
    store.commit([], [(ANN, AGE, 1)])
    t = store.commit([(ANN, AGE, 1)])
    rows = store.log.load([AGE], t)[AGE]
    assert as_rows(*rows) == [(ANN, 1, TX0 + t)]


def test_an_attribute_can_become_indexed_later(store) -> None:
    store.commit([(ANN, AGE, 1)])
    store.commit([(ANN, AGE, 2)], [(ANN, AGE, 1)])
    store.commit([(AGE, Ids.INDEX, True), (AGE, Ids.UNIQUE, 63)])
    t = store.commit([(BOB, AGE, 3)])
    assert (store.held(AGE), store.held(AGE, 2)) == ({ANN: [2], BOB: [3]}, {ANN: [1]})
    assert len(store.log.load_intervals([AGE], t)[AGE].e) == 3
    with store.log.writer() as writer:
        assert writer.holders(ints([AGE] * 3), ints([1, 2, 3])).tolist() == [-1, ANN, BOB]


def test_threads_take_turns(store) -> None:
    def work(who: int) -> None:
        for n in range(10):
            with store.log.writer() as writer:
                writer.write(draft(writer, store.schema, [(FIRST + who * 100 + n, AGE, n)]))

    threads = [threading.Thread(target=work, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.log.head() == 41
    assert len(store.log.load([AGE], 41)[AGE].e) == 40
    assert np.unique(store.log.read(1).tx).tolist() == list(range(TX0 + 2, TX0 + 42))


def test_a_reader_sees_whole_commits_only(store) -> None:
    """A writer moves one unit between two counters; whatever t a reader asks at, the sum is the same."""
    store.commit([(ANN, AGE, 50), (BOB, AGE, 50)])
    sums: set[int] = set()
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            sums.add(int(store.log.load([AGE], store.log.head())[AGE].v.sum()))

    reader = threading.Thread(target=look)
    reader.start()
    for n in range(25):
        store.commit([(ANN, AGE, 49 - n), (BOB, AGE, 51 + n)], [(ANN, AGE, 50 - n), (BOB, AGE, 50 + n)])
    stop.set()
    reader.join()
    assert sums == {100}
