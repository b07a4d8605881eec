"""Hydration without a store: batches, and one outcome for every key whatever the sources do."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrich import Failed, Found, Gone, HydrateError, Partial, Sources, Unchanged, hydrate
from tests.enrich.fakes import Things, outcomes


def failure(outcome: Any) -> str:
    assert isinstance(outcome, Failed), outcome
    return outcome.error.code


@given(st.lists(st.integers(0, 30).map(str)), st.integers(1, 7))
def test_each_id_is_asked_for_once_in_full_batches(ids: list[str], size: int) -> None:
    shop = Things(dict.fromkeys(ids, Gone()), size=size)
    found = outcomes(hydrate(Sources([shop]), map(shop.uri, ids), workers=1))
    asked = [id for batch in shop.asked for id in batch]
    assert asked == list(dict.fromkeys(ids))
    assert [len(batch) for batch in shop.asked[:-1]] == [size] * (len(shop.asked) - 1)
    assert list(found) == [shop.uri(id) for id in asked]


def test_each_answer_has_its_outcome() -> None:
    shop = Things({"full": {}, "part": {}, "gone": Gone(), "error": HydrateError("later", code="hydrate/later")})
    shop.answers |= {"full": shop.thing("full"), "part": Partial(shop.thing("part")), "slow": TimeoutError("10 s")}
    ids = ["full", "part", "gone", "error", "slow", "silent"]
    found = outcomes(hydrate(Sources([shop]), map(shop.uri, ids)))
    kinds = [type(outcome) for outcome in found.values()]
    assert kinds == [Found, Partial, Gone, Failed, Failed, Failed]
    assert [failure(each) for each in list(found.values())[3:]] == [
        "hydrate/later",
        "hydrate/timeout",
        "hydrate/no-answer",
    ]


def test_the_same_content_is_unchanged() -> None:
    shop = Things()
    shop.answers["a"] = shop.thing("a", tag=["x", "y"])
    first = outcomes(hydrate(Sources([shop]), [shop.uri("a")]))[shop.uri("a")]
    assert isinstance(first, Found)
    shop.answers["a"] = shop.thing("a", tag={"y", "x"})
    again = hydrate(Sources([shop]), [shop.uri("a")], known={shop.uri("a"): first.hash})
    assert outcomes(again) == {shop.uri("a"): Unchanged(first.hash)}


@pytest.mark.parametrize("answers", [ConnectionError("down"), ZeroDivisionError(), KeyError("x")])
def test_a_source_that_fails_harms_no_other(answers: Exception) -> None:
    broken, fine = Things(answers, name="broken"), Things({"a": Gone()})
    found = outcomes(hydrate(Sources([broken, fine]), [broken.uri("a"), fine.uri("a")]))
    assert failure(found[broken.uri("a")]) == "hydrate/failed"
    assert found[fine.uri("a")] == Gone()


@pytest.mark.parametrize("reply", [None, [1], "a"])
def test_an_answer_that_is_no_mapping_fails_every_key(reply: Any) -> None:
    class Odd(Things):
        def fetch(self, ids: Sequence[str]) -> Any:
            return reply

    shop = Odd()
    found = outcomes(hydrate(Sources([shop]), [shop.uri("a"), shop.uri("b")]))
    assert {failure(outcome) for outcome in found.values()} == {"hydrate/bad-answer"}


def test_ids_nobody_asked_for_are_reported_and_not_used() -> None:
    class Chatty(Things):
        def fetch(self, ids: Sequence[str]) -> Mapping[Any, Any]:
            return {1: Gone(), 2: Gone()}

    shop = Chatty()
    (answers,) = hydrate(Sources([shop]), [shop.uri("1")])
    assert (answers.outcomes, answers.unexpected) == ({shop.uri("1"): Gone()}, ("2",))


def test_a_uri_without_a_source_fails_by_itself() -> None:
    found = outcomes(hydrate(Sources([Things({"a": Gone()})]), ["aip://thing/nowhere/1", "aip://thing/shop/a"]))
    assert failure(found["aip://thing/nowhere/1"]) == "hydrate/no-source"
    assert found["aip://thing/shop/a"] == Gone()


def test_sources_are_asked_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=5)

    class Meeting(Things):
        def fetch(self, ids: Sequence[str]) -> Mapping[str, Any]:
            both.wait()
            return dict.fromkeys(ids, Gone())

    one, other = Meeting(), Meeting(name="other")
    found = outcomes(hydrate(Sources([one, other]), [one.uri("a"), other.uri("a")]))
    assert list(found.values()) == [Gone(), Gone()]


SHOP = Things()
BAD_MAPS = [
    (SHOP.thing("b"), "not the entity it was asked for"),
    ([], "describes nothing"),
    ([SHOP.thing("a"), SHOP.thing("a")], "twice"),
    ([SHOP.thing("a"), SHOP.thing("b")], "fetched on its own"),
    (Things(name="other").thing("a"), "another source"),
    ({"thing/name": "a"}, "without entity/uri"),
    ({"entity/uri": "a"}, "is no URI"),
    (SHOP.thing("a", part={"thing/name": "b"}), "expected a value"),
    (SHOP.thing("a", part=[[1]]), "expected a value"),
    (SHOP.thing("a") | {"entity/state": "enriched"}, "attribute of its own"),
    (SHOP.thing("a") | {"db/ident": "a"}, "attribute of its own"),
    (SHOP.thing("a") | {"thing/_part": 1}, "attribute of its own"),
    (SHOP.thing("a") | {7: 1}, "attribute name"),
    ("a", "expected an entity map"),
    (7, "cannot be normalized"),
]


@pytest.mark.parametrize(("payload", "says"), BAD_MAPS, ids=[says for _, says in BAD_MAPS])
def test_a_payload_that_cannot_be_used_fails_its_key_alone(payload: Any, says: str) -> None:
    shop = Things({"a": payload, "good": SHOP.thing("good")})
    found = outcomes(hydrate(Sources([shop]), [shop.uri("a"), shop.uri("good")]))
    bad = found[shop.uri("a")]
    assert isinstance(bad, Failed)
    assert says in bad.error.message
    assert isinstance(found[shop.uri("good")], Found)


def test_an_error_that_cannot_say_what_it_is_fails_alone() -> None:
    class Speechless(Exception):
        def __str__(self) -> str:
            raise ZeroDivisionError

    shop = Things({"a": Speechless()})
    shop.answers["b"] = shop.thing("b")
    found = outcomes(hydrate(Sources([shop]), map(shop.uri, "ab")))
    failed = found[shop.uri("a")]
    assert isinstance(failed, Failed)
    assert failed.error.message.endswith("Speechless")
    assert isinstance(found[shop.uri("b")], Found)
