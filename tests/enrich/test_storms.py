"""Events lost, doubled and shuffled, and sources that stumble: after one late fetch the facts are the same."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import enrich
import factstore
from enrich import Enrichment, Gone, Partial, Policy, Retry, Sources, ref
from factstore import Connection
from tests.enrich.conftest import SCHEMA
from tests.enrich.fakes import Clock, Things
from tests.enrich.graph_store import attribute
from tests.enrich.test_cycle import RULES

IDS = "abcde"
FACTS = ("thing/name", "thing/tag", "thing/needs", "thing/maker", "thing/made-with")
STUMBLES: tuple[Any, ...] = (TimeoutError("10 s"), None, [], {}, Things().thing("another"))

ids = st.sampled_from(IDS)
things = st.fixed_dictionaries(
    {"tag": st.lists(st.sampled_from("xyz"), max_size=2), "needs": st.lists(ids, max_size=2)},
    optional={"name": st.sampled_from("xy"), "maker": ids},
)
answers = st.one_of(things, things, things, st.none())
windows = st.lists(st.dictionaries(ids, answers, min_size=1), min_size=1, max_size=3)


def answer(shop: Things, id: str, said: dict[str, Any] | None) -> Any:
    def refer(value: Any) -> Any:
        return [refer(each) for each in value] if isinstance(value, list) else ref("thing", "shop", value)

    if said is None:
        return Gone()
    return shop.thing(id, **{name: refer(v) if name in ("needs", "maker") else v for name, v in said.items()})


def catalog(shop: Things, clock: Clock) -> Enrichment:
    conn = factstore.connect("memory:")
    enrich.install(conn)
    conn.transact(SCHEMA)
    conn.transact([attribute("thing/made-with")])
    return Enrichment(conn, [shop], RULES, policy=Policy(retry=Retry(jitter=0, attempts=99), now=clock))


def facts(conn: Connection) -> set[tuple[str, str, Any]]:
    db = conn.db()
    uris = dict(db.q("[:find ?e ?uri :where [?e :entity/uri ?uri]]"))
    return {(uris[fact.e], name, uris.get(fact.v, fact.v)) for name in FACTS for fact in db.datoms(name)}


def hear(held: Enrichment, shop: Things, window: Any, clock: Clock) -> None:
    clock.later(10)
    enrich.refresh(held.conn, Sources([shop]), map(shop.uri, window), policy=Policy(now=clock))


def stumble(chance: random.Random, answer: Any) -> Any:
    bad = [*STUMBLES, Partial(answer)] if isinstance(answer, dict) else STUMBLES
    return chance.choice(bad) if chance.random() < 0.3 else answer


@settings(max_examples=25)
@given(windows, st.randoms(use_true_random=False))
def test_a_late_fetch_makes_up_for_all_that_went_wrong(windows: Any, chance: random.Random) -> None:
    clock, calm, stormy = Clock(), Things(size=2), Things(size=3)
    orderly, shaken = catalog(calm, clock), catalog(stormy, clock)
    calm.answers = dict.fromkeys(IDS, Gone())
    for window in windows:
        calm.answers |= {id: answer(calm, id, said) for id, said in window.items()}
        hear(orderly, calm, window, clock)
        stormy.answers = {id: stumble(chance, each) for id, each in calm.answers.items()}
        heard = [id for id in IDS if chance.random() < 0.6]
        hear(shaken, stormy, chance.sample(heard * 2, 2 * len(heard)), clock)
        shaken.cycle()
    stormy.answers = dict(calm.answers)
    for held, shop in ((orderly, calm), (shaken, stormy)):
        hear(held, shop, IDS, clock)
        held.cycle()
        assert held.cycle().datoms == 0
    assert facts(shaken.conn) == facts(orderly.conn)
