"""What the four systems answer, as far as the story needs it; further fields are ignored."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Family(msgspec.Struct, frozen=True):
    id: str
    name: str
    description: str
    owner_team: str


class Model(msgspec.Struct, frozen=True):
    id: str
    family: str
    version: int
    stage: str
    created_at: datetime
    pipeline_run_id: str | None = None
    owner_emails: tuple[str, ...] = ()
    labels: dict[str, str] = {}


class Pipeline(msgspec.Struct, frozen=True):
    id: str
    name: str
    owner_team: str
    schedule: str | None = None


class Data(msgspec.Struct, frozen=True):
    """The ids of datasets and features that a run read or wrote."""

    datasets: tuple[str, ...] = ()
    features: tuple[str, ...] = ()


class Run(msgspec.Struct, frozen=True):
    id: str
    pipeline_id: str
    status: str
    started_at: datetime
    inputs: Data = Data()
    outputs: Data = Data()
    parents: tuple[str, ...] = ()
    ab_cell_id: str | None = None


class Catalogued(msgspec.Struct, frozen=True):
    """A dataset or a feature."""

    id: str
    name: str
    description: str
    owner_team: str


class Test(msgspec.Struct, frozen=True):
    id: int
    name: str
    state: str
    hypothesis: str
    owner_email: str
    cell_ids: tuple[str, ...] = ()


class Cell(msgspec.Struct, frozen=True):
    id: str
    test_id: int
    name: str
    share: float


class User(msgspec.Struct, frozen=True):
    email: str
    name: str
    team: str | None = None
    phone: str | None = None


class Team(msgspec.Struct, frozen=True):
    id: str
    name: str
    channel: str
    lead: str
    on_call: str
