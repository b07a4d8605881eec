"""Others write at the same time: nothing is demoted, overwritten by older answers, or lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

import enrich
from enrich import Gone, Policy, Sources, ref
from enrich.schema import GONE, HYDRATED
from factstore import Connection
from tests.enrich.fakes import Changed, Things
from tests.enrich.held import said, state


class Interrupted(Things):
    """Has its answer ready, and then lets something else happen before it gives it."""

    meanwhile: Callable[[], object] = staticmethod(lambda: None)

    def fetch(self, ids: Sequence[str]) -> Mapping[str, Any]:
        answer, happens = super().fetch(ids), self.meanwhile
        self.meanwhile = lambda: None
        happens()
        return answer


def before_the_commit(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    transact = Connection.transact

    def late(conn: Connection, data: Any) -> Any:
        monkeypatch.setattr(Connection, "transact", transact)
        happens()
        return transact(conn, data)

    monkeypatch.setattr(Connection, "transact", late)


def test_what_is_hydrated_just_before_it_is_referred_to_stays_so(
    conn: Connection, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Things()
    shop.answers |= {"a": shop.thing("a", name="A"), "b": shop.thing("b", needs=[ref("thing", "shop", "a")])}
    before_the_commit(monkeypatch, lambda: enrich.ingest(conn, [shop], [Changed("a")], policy=policy))
    enrich.ingest(conn, [shop], [Changed("b")], policy=policy)
    assert (state(conn, shop.uri("a")), state(conn, shop.uri("b"))) == (HYDRATED, HYDRATED)
    assert said(conn, shop.uri("b")) == {"thing/needs": [shop.uri("a")]}


def test_a_failure_demotes_nothing_that_was_hydrated_meanwhile(
    conn: Connection, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    down, up = Things(TimeoutError("10 s")), Things()
    up.answers["a"] = up.thing("a", name="A")
    before_the_commit(monkeypatch, lambda: enrich.ingest(conn, [up], [Changed("a")], policy=policy))
    enrich.refresh(conn, Sources([down]), [down.uri("a")], policy=policy)
    assert state(conn, up.uri("a")) == HYDRATED


@pytest.mark.parametrize("newer", [{"name": "new"}, {"name": "new", "tag": ["x"]}, Gone()])
@pytest.mark.parametrize("known", [False, True])
def test_an_older_answer_does_not_replace_a_newer_one(
    conn: Connection, policy: Policy, newer: Any, known: bool
) -> None:
    slow, quick = Interrupted(), Things()
    slow.answers["a"] = quick.answers["a"] = slow.thing("a", name="old", size=1)
    if known or newer == Gone():
        enrich.ingest(conn, [quick], [Changed("a")], policy=policy)
    latest = newer if newer == Gone() else quick.thing("a", **newer)

    def changes() -> None:
        slow.answers["a"] = quick.answers["a"] = latest
        enrich.ingest(conn, [quick], [Changed("a")], policy=policy)

    slow.meanwhile = changes
    enrich.ingest(conn, [slow], [Changed("a")], policy=policy)
    assert state(conn, slow.uri("a")) == (GONE if newer == Gone() else HYDRATED)
    assert said(conn, slow.uri("a")) == {f"thing/{name}": v for name, v in ({} if newer == Gone() else newer).items()}


def test_an_entity_that_others_never_stop_writing_is_written_in_the_end(conn: Connection, policy: Policy) -> None:
    busy, other = Interrupted(), Things()
    busy.answers["a"] = busy.thing("a", name="last")

    def again() -> None:
        other.answers["a"] = other.thing("a", name=f"other {len(other.asked)}")
        enrich.ingest(conn, [other], [Changed("a")], policy=policy)
        busy.meanwhile = again

    busy.meanwhile = again
    assert enrich.ingest(conn, [busy], [Changed("a")], policy=policy).hydrated == [busy.uri("a")]
    assert said(conn, busy.uri("a")) == {"thing/name": "last"}


def test_the_same_new_entities_from_many_threads_are_each_there_once(conn: Connection, policy: Policy) -> None:
    shop = Things(size=2)
    shop.answers |= {str(id): shop.thing(str(id), needs=[ref("thing", "shop", id + 1)]) for id in range(8)}
    orders = [range(8), reversed(range(8)), (3, 4, 0, 7, 1, 6, 2, 5)]
    threads = [
        threading.Thread(target=enrich.ingest, args=(conn, [shop], [Changed(str(id)) for id in order]))
        for order in orders
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {state(conn, shop.uri(str(id))) for id in range(8)} == {HYDRATED}
    assert len(conn.db().q("[:find ?e :where [?e :entity/uri]]")) == 9
