"""The story of the model: what each chapter comes to, not how it is told."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import enrich
from enrich import EnrichError
from examples.model_lifecycle import __main__ as terminal
from examples.model_lifecycle import story
from examples.model_lifecycle.story import LATE_MODEL, LATE_TEST, MODEL, RUN, TEST, Story, ask, experiments_of, told

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def catalog() -> Iterator[Story]:
    with told("memory:") as catalog:
        yield catalog


@pytest.fixture
def enriched(catalog: Story) -> Story:
    catalog.listen()
    catalog.cycle()
    return catalog


def test_the_events_are_heard_and_no_edge_is_derived_yet(catalog: Story) -> None:
    report = catalog.listen()
    assert (report.accepted, report.duplicates, report.dead) == (17, 1, ())
    assert list(report.failed) == [enrich.uri("pipeline-run", "orchestrator", "run-9001")]
    assert catalog.catalog.status().edges == {}


def test_the_test_is_found_through_run_and_cell(enriched: Story) -> None:
    assert experiments_of(enriched.conn.db()) == {12345}


def test_the_models_of_an_experiment(enriched: Story) -> None:
    assert ask(enriched.conn.db(), story.MODELS_IN_A_TEST, 12345).to_list() == [
        ("ranking-model-v4", "production", "control"),
        ("ranking-model-v5", "candidate", "long-term objective"),
    ]


def test_everything_upstream_of_a_model(enriched: Story) -> None:
    found = {uri.rpartition("/")[2] for _, uri in ask(enriched.conn.db(), story.UPSTREAM, MODEL)}
    runs = {"run-7050", "run-7080", "run-7090", "run-7105"}
    datasets = {"clicks-daily", "impressions-daily", "raw-events", "titles-snapshot"}
    assert found == runs | datasets | {"ctr-7d", "title-vector"}


def test_whom_to_call(enriched: Story) -> None:
    called = {(name, phone) for name, phone, _, _ in ask(enriched.conn.db(), story.WHOM_TO_CALL, MODEL)}
    assert called == {("Bo Lindgren", "+1 555 0102"), ("Fay Nakamura", "+1 555 0106")}


def test_the_reason_is_a_chain_of_facts_from_three_systems(enriched: Story) -> None:
    derivation = enriched.why()
    assert derivation.rule.place == "rules/lifecycle.edn:10"
    assert [(fact.a, fact.source) for fact in derivation.facts] == [
        ("model/pipeline-run", "registry"),
        ("pipeline-run/ab-cell", "orchestrator"),
        ("ab-cell/test", "experiments"),
    ]
    assert [fact.subject for fact in derivation.facts[:2]] == [MODEL, RUN]


def test_every_edge_can_say_why(enriched: Story) -> None:
    edges = enriched.conn.db().q("[:find [?e ...] :where [?e :edge/key]]")
    assert len(edges) == 40
    assert all(enriched.catalog.why(edge).facts for edge in edges)


def test_a_second_cycle_writes_nothing(enriched: Story) -> None:
    t = enriched.conn.db().basis_t
    assert enriched.cycle().datoms == 0
    assert enriched.conn.db().basis_t == t


def test_the_late_run_is_found_when_it_appears(enriched: Story) -> None:
    assert experiments_of(enriched.conn.db(), LATE_MODEL) == set()
    report = enriched.the_late_run_appears()
    assert (LATE_MODEL, LATE_TEST) in {(edge.start, edge.end) for edge in report.added}
    assert experiments_of(enriched.conn.db(), LATE_MODEL) == {12401}
    assert enriched.cycle().datoms == 0


def test_an_outage_loses_nothing(enriched: Story) -> None:
    heard, during, after = enriched.a_source_is_down()
    assert [error.data["status"] for error in heard.failed.values()] == [500]
    assert (during.retracted, after.hydrated) == ((), (TEST,))
    states = ask(enriched.conn.db(), story.TESTS_OF_A_MODEL, MODEL)
    assert states == {(12345, "Rank for the long term", "stopping")}


def test_the_edge_goes_with_its_reason_and_the_past_keeps_it(enriched: Story) -> None:
    before = enriched.conn.db()
    report = enriched.the_test_is_taken_off()
    (gone,) = report.retracted
    assert (gone.start, gone.relation, gone.end) == (MODEL, "model/ab-test", TEST)
    assert (gone.cause or "").startswith(f"orchestrator no longer says [{RUN} :pipeline-run/ab-cell ")
    now = enriched.conn.db()
    assert experiments_of(now) == set()
    assert experiments_of(now.as_of(before.basis_t)) == {12345}
    with pytest.raises(EnrichError, match="there is no edge"):
        enriched.why()
    assert len(enrich.why(now.as_of(before.basis_t), MODEL, "model/ab-test", TEST).facts) == 3


def test_the_past_is_told_the_same_after_the_fact(enriched: Story) -> None:
    then, before = enriched.conn.db(), str(enriched.why())
    enriched.the_late_run_appears()
    enriched.the_test_is_taken_off()
    past = enriched.conn.db().as_of(then.basis_t)
    assert str(enrich.why(past, MODEL, "model/ab-test", TEST, rules=enriched.catalog.book)) == before


def test_it_is_told_in_a_terminal_over_an_embedded_store() -> None:
    command = [sys.executable, "-m", "examples.model_lifecycle"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    assert "tests of ranking-model-v5 now: none" in run.stdout


def test_a_store_that_has_been_told_the_story_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert terminal.main(["--store", "memory:told-before"]) == 0
    assert terminal.main(["--store", "memory:told-before"]) == 1
    assert "store/not-new" in capsys.readouterr().err
