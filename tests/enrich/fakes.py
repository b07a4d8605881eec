"""A source of truth in memory, to be told what to answer, and a clock to be told the time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

import enrich
from enrich.hydrate import Answers

Answering = Mapping[str, Any] | BaseException
NOON = datetime(2026, 9, 14, 12, tzinfo=UTC)


class Changed(msgspec.Struct, frozen=True, tag_field="event_type", tag="thing_changed"):
    """A thing changed."""

    id: str


class Things(enrich.Source):
    """Answers with what ``answers`` has for an id; anything but Gone, Partial and errors is a map to normalize."""

    kinds = ("thing",)
    events: tuple[type[msgspec.Struct], ...] = (Changed,)

    def __init__(
        self, answers: Mapping[str, Any] | BaseException | None = None, name: str = "shop", size: int = 100
    ) -> None:
        self.answers: Any = answers if isinstance(answers, BaseException) else dict(answers or {})
        self.name = name
        self.batch_size = size
        self.asked: list[list[str]] = []

    def changed(self, event: Any) -> list[str]:
        return [self.uri(event.id)]

    def fetch(self, ids: Sequence[str]) -> Mapping[str, Any]:
        self.asked.append(list(ids))
        if isinstance(self.answers, BaseException):
            raise self.answers
        return {id: self.answers[id] for id in ids if id in self.answers}

    def normalize(self, payload: Any) -> Any:
        return payload

    def uri(self, id: str) -> str:
        return enrich.uri("thing", self.name, id)

    def thing(self, id: str, **attributes: Any) -> dict[str, Any]:
        """The entity map of a thing: ``name="x"`` is the attribute ``thing/name``."""
        named = {f"thing/{name.replace('_', '-')}": value for name, value in attributes.items()}
        return {"entity/uri": self.uri(id), **named}


class Clock:
    """A time that stands still until it is moved on."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def later(self, seconds: float) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now


def outcomes(answers: Iterable[Answers]) -> dict[str, enrich.Outcome]:
    """All outcomes of some batches."""
    return {uri: outcome for batch in answers for uri, outcome in batch.outcomes.items()}
