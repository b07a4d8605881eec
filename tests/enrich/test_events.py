"""Events: lines become structs, and what is wrong with one harms no other."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from enrich import Dead, EventError, Events, Source, SourceError, Sources
from tests.enrich.fakes import Changed, Things

GOOD = b'{"event_type": "thing_changed", "id": "a", "unknown_field": [1]}'


class Moved(msgspec.Struct, frozen=True, tag_field="action", tag="moved"):
    id: int


class Movers(Things):
    kinds, events = ("mover",), (Moved,)


def events(*more: Source) -> Events:
    return Events(Sources([Things(), *more]))


@pytest.mark.parametrize("raw", [GOOD, GOOD.decode(), {"event_type": "thing_changed", "id": "a"}, Changed("a")])
def test_an_event_is_read_whatever_its_form(raw: Any) -> None:
    assert events().decode(raw) == Changed("a")


def test_sources_may_tell_their_events_by_different_fields() -> None:
    assert events(Movers()).decode(b'{"action": "moved", "id": 3}') == Moved(3)


@pytest.mark.parametrize(
    ("raw", "code", "says"),
    [
        (b'{"event_type": "thing_cha', "event/malformed", "truncated"),
        (b"\xff\xfe", "event/malformed", "cannot be read"),
        (b"[1]", "event/malformed", "JSON object"),
        (b'{"event_type": "thing_changed"}', "event/malformed", "`id`"),
        (b'{"event_type": "thing_changed", "id": 7}', "event/malformed", r"\$.id"),
        (b"[" * 100_000, "event/malformed", "cannot be read"),
        (b'{"event_type": "thing_sold", "id": "a"}', "event/unknown-type", "'thing_sold'.* thing_changed"),
        (b'{"event_type": ["x"]}', "event/unknown-type", "'x'"),
        (b'{"id": "a"}', "event/unknown-type", "without event_type"),
        (Moved(1), "event/unknown-type", "Moved"),
    ],
)
def test_what_is_no_event_says_why(raw: Any, code: str, says: str) -> None:
    with pytest.raises(EventError, match=says) as caught:
        events().decode(raw)
    assert caught.value.code == code


def test_a_malformed_line_stops_nothing_else() -> None:
    first, dead, last = events().read([GOOD, b"{", b"", b"  \n", GOOD.replace(b'"a"', b'"b"')])
    assert isinstance(dead, Dead)
    assert (dead.line, dead.raw, dead.error.data["line"]) == (2, b"{", 2)
    assert [first, last] == [(Changed(id), [f"aip://thing/shop/{id}"]) for id in "ab"]


def test_one_text_is_read_by_lines() -> None:
    assert len(list(events().read(GOOD + b"\n" + GOOD + b"\n"))) == 2


def test_only_the_beginning_of_a_dead_event_is_kept() -> None:
    (dead,) = events().read([b"x" * 1_000_000])
    assert isinstance(dead, Dead)
    assert 0 < len(dead.raw) < 10_000


@pytest.mark.parametrize("answer", [ValueError("who?"), ["not a uri"], None, [None]])
def test_a_source_that_cannot_say_what_changed_makes_a_dead_event(answer: Any) -> None:
    class Confused(Things):
        def changed(self, event: Any) -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer

    (dead,) = Events(Sources([Confused()])).read([GOOD])
    assert isinstance(dead, Dead)
    assert dead.error.code == "event/refused"


def test_one_event_may_concern_two_sources() -> None:
    both = Events(Sources([Things(), Things(name="other")]))
    assert both.changed(Changed("a")) == ["aip://thing/shop/a", "aip://thing/other/a"]


class Untagged(msgspec.Struct):
    id: str


class Twin(msgspec.Struct, tag_field="event_type", tag="thing_changed"):
    id: int


@pytest.mark.parametrize("event", [Untagged, Twin, dict])
def test_an_event_type_must_be_told_apart(event: Any) -> None:
    class More(Things):
        kinds, events = ("more",), (event,)

    with pytest.raises(SourceError) as caught:
        events(More())
    assert caught.value.code == "source/bad-event"
