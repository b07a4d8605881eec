"""The sources of the story, over its four servers: what they know arrives, and follows when they change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

import enrich
import factstore
from enrich import Policy, Retry, Sources
from examples.model_lifecycle import BAD_EVENTS, EVENTS, FIXTURES, RULES, SCHEMA
from examples.model_lifecycle.servers import Servers, late_runs
from examples.model_lifecycle.sources import sources
from factstore import Connection
from tests.enrich.fakes import Clock

V5 = "aip://model/registry/ranking-model-v5"
RUN_V5 = "aip://pipeline-run/orchestrator/run-7105"
LATE = "aip://pipeline-run/orchestrator/run-9001"

TESTED = """[:find [?id ...] :in $ % ?model
             :where [?m :entity/uri ?model] (produced-by ?m ?run)
                    [?run :pipeline-run/ab-cell ?cell] [?cell :ab-cell/test ?test] [?test :ab-test/id ?id]]"""
UPSTREAM = """[:find [?uri ...] :in $ % ?model
               :where [?m :entity/uri ?model] (upstream ?m ?thing) [?thing :entity/uri ?uri]]"""
STATES = "[:find ?state (count ?e) :where [?e :entity/state ?state]]"


@pytest.fixture
def servers() -> Iterator[Servers]:
    with Servers() as servers:
        yield servers


@pytest.fixture
def policy() -> Policy:
    return Policy(retry=Retry(first=60, jitter=0), now=Clock())


@pytest.fixture
def conn() -> Connection:
    conn = factstore.connect("memory:")
    enrich.install(conn)
    conn.transact(SCHEMA.read_text("utf-8"))
    return conn


def hear(conn: Connection, servers: Servers, policy: Policy) -> enrich.IngestReport:
    """Reads the events, then fetches all that they lead to."""
    known = Sources(sources(servers))
    with EVENTS.open("rb") as events:
        report = enrich.ingest(conn, known, events, policy=policy)
    enrich.hydrate_levels(conn, known, enrich.due(conn.db(), known, policy.now()), policy=policy)
    return report


def answers(conn: Connection, query: str, model: str = V5) -> set[Any]:
    helpers = "".join((RULES / name).read_text("utf-8") for name in ("lifecycle.edn", "lineage.edn"))
    return set(conn.db().q(query, factstore.parse_rules(f"[{helpers}]"), model))


def told(table: str) -> dict[str, Any]:
    """A table of the fixtures, whichever system has it."""
    tables = [json.loads(path.read_text("utf-8")) for path in FIXTURES.glob("*.json") if path.name != "late.json"]
    return next(system[table] for system in tables if table in system)


def made_of(model: dict[str, Any]) -> set[str]:
    """Everything upstream of a model, by walking the fixtures themselves."""
    runs, seen, waiting = told("runs"), set[str](), [f"pipeline-run/{model['pipeline_run_id']}"]
    while waiting:
        kind, _, id = (thing := waiting.pop()).partition("/")
        if thing in seen:
            continue
        seen.add(thing)
        if kind == "pipeline-run":
            waiting += [f"pipeline-run/{parent}" for parent in runs[id]["parents"]]
            waiting += [f"{table[:-1]}/{each}" for table, ids in runs[id]["inputs"].items() for each in ids]
        else:
            waiting += [f"pipeline-run/{run['id']}" for run in runs.values() if id in run["outputs"][f"{kind}s"]]
    return {"aip://{}/orchestrator/{}".format(*thing.split("/")) for thing in seen}


def test_the_events_are_heard_once_each(conn: Connection, servers: Servers, policy: Policy) -> None:
    report = hear(conn, servers, policy)
    lines = EVENTS.read_bytes().splitlines()
    assert (report.accepted, report.duplicates) == (len(set(lines)), len(lines) - len(set(lines)))
    assert {uri: error.code for uri, error in report.failed.items()} == {LATE: "hydrate/not-found"}


def test_all_that_the_events_lead_to_is_known(conn: Connection, servers: Servers, policy: Policy) -> None:
    hear(conn, servers, policy)
    assert {str(state) for state, _ in conn.db().q(STATES)} == {"hydrated", "unresolved"}
    unresolved = conn.db().q("[:find [?uri ...] :where [?e :entity/state :unresolved] [?e :entity/uri ?uri]]")
    assert list(unresolved) == [LATE]


def test_each_level_asks_each_endpoint_once(conn: Connection, servers: Servers, policy: Policy) -> None:
    hear(conn, servers, policy)
    requests = [request for system in servers.all for request in system.requests]
    assert len(requests) == len(set(requests)) < 25


def test_the_test_of_a_model_is_found_through_the_chain(conn: Connection, servers: Servers, policy: Policy) -> None:
    hear(conn, servers, policy)
    assert answers(conn, TESTED) == {12345}


@pytest.mark.parametrize("model", sorted(told("models").keys() - {"ranking-model-v6"}))
def test_upstream_is_what_a_walk_of_the_fixtures_finds(
    conn: Connection, servers: Servers, policy: Policy, model: str
) -> None:
    hear(conn, servers, policy)
    found = answers(conn, UPSTREAM, f"aip://model/registry/{model}")
    assert found == made_of(told("models")[model])


def test_a_late_run_arrives_when_its_time_comes(conn: Connection, servers: Servers, policy: Policy) -> None:
    hear(conn, servers, policy)
    for id, run in late_runs().items():
        servers.orchestrator.put("runs", id, run)
    known = Sources(sources(servers))
    later = Policy(now=Clock(Clock().later(61)))
    due = enrich.due(conn.db(), known, later.now())
    enrich.hydrate_levels(conn, known, due, policy=later)
    assert due == [LATE]
    assert answers(conn, TESTED, "aip://model/registry/ranking-model-v6") == {12401}


def test_a_cell_taken_off_the_run_is_taken_off_the_facts(conn: Connection, servers: Servers, policy: Policy) -> None:
    hear(conn, servers, policy)
    before = conn.db()
    servers.orchestrator.change("runs", "run-7105", ab_cell_id=None)
    enrich.ingest(conn, sources(servers), [{"event_type": "run_finished", "run_id": "run-7105"}], policy=policy)
    assert answers(conn, TESTED) == set()
    then = conn.db().as_of(before.basis_t)
    cell = "[:find ?name . :in $ ?run :where [?run :pipeline-run/ab-cell ?cell] [?cell :ab-cell/name ?name]]"
    assert then.q(cell, ["entity/uri", RUN_V5]) == "long-term objective"


def test_a_system_that_answers_500_takes_nothing_along(conn: Connection, servers: Servers, policy: Policy) -> None:
    hear(conn, servers, policy)
    servers.orchestrator.fail(500)
    report = hear(conn, servers, policy)
    assert {error.code for error in report.failed.values()} == {"hydrate/http-status"}
    assert answers(conn, TESTED) == {12345}


def test_a_malformed_line_is_told_and_the_others_are_heard(conn: Connection, servers: Servers, policy: Policy) -> None:
    with BAD_EVENTS.open("rb") as events:
        report = enrich.ingest(conn, sources(servers), events, policy=policy)
    assert [(dead.line, dead.error.code) for dead in report.dead] == [(2, "event/malformed")]
    assert len(report.hydrated) == 2


def test_hearing_everything_again_writes_only_times(conn: Connection, servers: Servers, policy: Policy) -> None:
    hear(conn, servers, policy)
    states = list(conn.db().q(STATES))
    report = hear(conn, servers, policy)
    assert report.hydrated == []
    assert list(conn.db().q(STATES)) == states


def test_the_rules_name_only_attributes_there_are(conn: Connection) -> None:
    rules = factstore.load_rules(RULES)
    assert {rule.head.name for rule in rules} >= {"edge", "produced-by", "upstream", "answers-for"}
    factstore.check_rules(conn.db(), rules)


CONTACTS = """[:find ?name ?phone :in $ % ?uri
               :where [?m :entity/uri ?uri] (edge :model/contact ?m ?u)
                      [?u :user/name ?name] [?u :user/phone ?phone]]"""


def test_whom_to_call_about_a_model(conn: Connection, servers: Servers, policy: Policy) -> None:
    hear(conn, servers, policy)
    called = conn.db().q(CONTACTS, factstore.load_rules(RULES), V5)
    assert set(called) == {("Bo Lindgren", "+1 555 0102"), ("Fay Nakamura", "+1 555 0106")}
