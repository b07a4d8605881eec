"""The four systems as sources of truth: each endpoint with its events, its payload, and the entity maps made of it."""

from __future__ import annotations

import enrich
from enrich import EntityMap, ref, uri
from examples.model_lifecycle import payloads
from examples.model_lifecycle.events import (
    ModelInstanceCreated,
    RunFinished,
    TeamChanged,
    TestChanged,
    UserChanged,
)
from examples.model_lifecycle.servers import Servers


class Families(enrich.HttpSource):
    """Model families of the registry."""

    name, kinds, path, shape = "registry", ("model-family",), "/families", payloads.Family

    def normalize(self, payload: payloads.Family) -> EntityMap:
        return {
            "entity/uri": uri("model-family", "registry", payload.id),
            "model-family/name": payload.name,
            "model-family/description": payload.description,
            "asset/team": team(payload.owner_team),
        }


class Models(enrich.HttpSource):
    """Model instances of the registry."""

    name, kinds, path, shape = "registry", ("model",), "/models", payloads.Model
    events = (ModelInstanceCreated,)

    def changed(self, event: ModelInstanceCreated) -> list[str]:
        return [uri("model", "registry", event.instance_id)]

    def normalize(self, payload: payloads.Model) -> EntityMap:
        return {
            "entity/uri": uri("model", "registry", payload.id),
            "model/name": payload.id,
            "model/family": ref("model-family", "registry", payload.family),
            "model/version": payload.version,
            "model/stage": payload.stage,
            "model/created-at": payload.created_at,
            "model/pipeline-run": run(payload.pipeline_run_id),
            "asset/owner": [user(email) for email in payload.owner_emails],
            "asset/tag": [f"{key}::{value}" for key, value in payload.labels.items()],
        }


class Pipelines(enrich.HttpSource):
    """Pipelines of the orchestrator."""

    name, kinds, path, shape = "orchestrator", ("pipeline",), "/pipelines", payloads.Pipeline

    def normalize(self, payload: payloads.Pipeline) -> EntityMap:
        return {
            "entity/uri": uri("pipeline", "orchestrator", payload.id),
            "pipeline/name": payload.name,
            "pipeline/schedule": payload.schedule,
            "asset/team": team(payload.owner_team),
        }


class Runs(enrich.HttpSource):
    """Pipeline runs of the orchestrator."""

    name, kinds, path, shape = "orchestrator", ("pipeline-run",), "/runs", payloads.Run
    events = (RunFinished,)

    def changed(self, event: RunFinished) -> list[str]:
        return [uri("pipeline-run", "orchestrator", event.run_id)]

    def normalize(self, payload: payloads.Run) -> EntityMap:
        cell = payload.ab_cell_id
        return {
            "entity/uri": uri("pipeline-run", "orchestrator", payload.id),
            "pipeline-run/pipeline": ref("pipeline", "orchestrator", payload.pipeline_id),
            "pipeline-run/status": payload.status,
            "pipeline-run/started-at": payload.started_at,
            "pipeline-run/ab-cell": ref("ab-cell", "experiments", cell) if cell else None,
            "pipeline-run/input": data(payload.inputs),
            "pipeline-run/output": data(payload.outputs),
            "pipeline-run/parent": [run(id) for id in payload.parents],
        }


class _Catalogue(enrich.HttpSource):
    name, shape = "orchestrator", payloads.Catalogued

    def normalize(self, payload: payloads.Catalogued) -> EntityMap:
        return {
            "entity/uri": uri(self.kinds[0], "orchestrator", payload.id),
            "data/name": payload.name,
            "data/description": payload.description,
            "asset/team": team(payload.owner_team),
        }


class Datasets(_Catalogue):
    """Datasets that the orchestrator's runs read and write."""

    kinds, path = ("dataset",), "/datasets"


class Features(_Catalogue):
    """Features that the orchestrator's runs read and write."""

    kinds, path = ("feature",), "/features"


class Tests(enrich.HttpSource):
    """A/B tests of the experimentation platform."""

    name, kinds, path, shape = "experiments", ("ab-test",), "/tests", payloads.Test
    events = (TestChanged,)

    def changed(self, event: TestChanged) -> list[str]:
        return [uri("ab-test", "experiments", event.test_id)]

    def normalize(self, payload: payloads.Test) -> EntityMap:
        return {
            "entity/uri": uri("ab-test", "experiments", payload.id),
            "ab-test/id": payload.id,
            "ab-test/name": payload.name,
            "ab-test/state": payload.state,
            "ab-test/hypothesis": payload.hypothesis,
            "ab-test/cell": [ref("ab-cell", "experiments", id) for id in payload.cell_ids],
            "asset/owner": user(payload.owner_email),
        }


class Cells(enrich.HttpSource):
    """The cells of A/B tests."""

    name, kinds, path, shape = "experiments", ("ab-cell",), "/cells", payloads.Cell

    def normalize(self, payload: payloads.Cell) -> EntityMap:
        return {
            "entity/uri": uri("ab-cell", "experiments", payload.id),
            "ab-cell/name": payload.name,
            "ab-cell/share": payload.share,
            "ab-cell/test": ref("ab-test", "experiments", payload.test_id),
        }


class Users(enrich.HttpSource):
    """People, by e-mail."""

    name, kinds, path, shape = "identity", ("user",), "/users", payloads.User
    events = (UserChanged,)

    def changed(self, event: UserChanged) -> list[str]:
        return [uri("user", "identity", event.email)]

    def normalize(self, payload: payloads.User) -> EntityMap:
        return {
            "entity/uri": uri("user", "identity", payload.email),
            "user/email": payload.email,
            "user/name": payload.name,
            "user/phone": payload.phone,
            "user/team": team(payload.team) if payload.team else None,
        }


class Teams(enrich.HttpSource):
    """Teams, and who is on call for them."""

    name, kinds, path, shape = "identity", ("team",), "/teams", payloads.Team
    events = (TeamChanged,)

    def changed(self, event: TeamChanged) -> list[str]:
        return [uri("team", "identity", event.team)]

    def normalize(self, payload: payloads.Team) -> EntityMap:
        return {
            "entity/uri": uri("team", "identity", payload.id),
            "team/name": payload.name,
            "team/channel": payload.channel,
            "team/lead": user(payload.lead),
            "team/on-call": user(payload.on_call),
        }


def sources(servers: Servers) -> list[enrich.Source]:
    """Every endpoint of the four systems."""
    return [
        *(endpoint(servers.registry.url) for endpoint in (Families, Models)),
        *(endpoint(servers.orchestrator.url) for endpoint in (Pipelines, Runs, Datasets, Features)),
        *(endpoint(servers.experiments.url) for endpoint in (Tests, Cells)),
        *(endpoint(servers.identity.url) for endpoint in (Users, Teams)),
    ]


def run(id: str | None) -> enrich.Ref | None:
    """A reference to a run, if there is one."""
    return ref("pipeline-run", "orchestrator", id) if id else None


def data(ids: payloads.Data) -> list[enrich.Ref]:
    """References to datasets and features."""
    datasets = [ref("dataset", "orchestrator", id) for id in ids.datasets]
    return datasets + [ref("feature", "orchestrator", id) for id in ids.features]


def user(email: str) -> enrich.Ref:
    """A reference to a person."""
    return ref("user", "identity", email)


def team(id: str) -> enrich.Ref:
    """A reference to a team."""
    return ref("team", "identity", id)
