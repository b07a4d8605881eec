"""The thin events of the four systems: what changed, never what it is now."""

from __future__ import annotations

import msgspec


class Event(msgspec.Struct, frozen=True, tag_field="event_type"):
    """Told apart by ``event_type``; fields not declared are ignored."""


class ModelInstanceCreated(Event, frozen=True, tag="model_instance_created"):
    """The registry has a new model instance, or changed one."""

    instance_id: str


class RunFinished(Event, frozen=True, tag="run_finished"):
    """A pipeline run ended, or was edited after its end."""

    run_id: str


class TestChanged(Event, frozen=True, tag="test_changed"):
    """An A/B test was planned, started, stopped or edited."""

    test_id: int


class UserChanged(Event, frozen=True, tag="user_changed"):
    """Somebody joined, moved or left."""

    email: str


class TeamChanged(Event, frozen=True, tag="team_changed"):
    """A team was formed or renamed, or somebody else is on call."""

    team: str
