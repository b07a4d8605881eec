"""The story, chapter by chapter, without a word said: each does something and gives what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import factstore
from enrich import CycleReport, Derivation, Enrichment, IngestReport, Policy, Retry, uri
from examples.model_lifecycle import EVENTS, RULES, SCHEMA
from examples.model_lifecycle.servers import Servers, late_runs
from examples.model_lifecycle.sources import sources
from factstore import Connection, Db

MODEL: Final = uri("model", "registry", "ranking-model-v5")
"""The model instance that the questions are about."""
RUN: Final = uri("pipeline-run", "orchestrator", "run-7105")
TEST: Final = uri("ab-test", "experiments", 12345)
LATE_MODEL: Final = uri("model", "registry", "ranking-model-v6")
LATE_TEST: Final = uri("ab-test", "experiments", 12401)

TESTS_OF_A_MODEL: Final = """
[:find ?id ?name ?state
 :in $ ?model
 :where [?m :entity/uri ?model]
        [?m :model/ab-test ?test]
        [?test :ab-test/id ?id] [?test :ab-test/name ?name] [?test :ab-test/state ?state]]"""

MODELS_IN_A_TEST: Final = """
[:find ?name ?stage ?cell
 :in $ ?id
 :where [?test :ab-test/id ?id]
        [?m :model/ab-test ?test] [?m :model/name ?name] [?m :model/stage ?stage]
        [?m :model/pipeline-run ?run] [?run :pipeline-run/ab-cell ?c] [?c :ab-cell/name ?cell]
 :order-by [?name]]"""

UPSTREAM: Final = """
[:find ?kind ?uri
 :in $ ?model
 :where [?m :entity/uri ?model] (upstream ?m ?thing)
        [?thing :entity/kind ?kind] [?thing :entity/uri ?uri]
 :order-by [?kind ?uri]]"""

WHOM_TO_CALL: Final = """
[:find ?name ?phone ?channel ?why
 :in $ ?model
 :where [?m :entity/uri ?model] [?m :model/contact ?user]
        [?user :user/name ?name] [(get-else $ ?user :user/phone "no phone") ?phone]
        [?user :user/team ?team] [?team :team/channel ?channel]
        [?edge :edge/from ?m] [?edge :edge/to ?user] [?edge :edge/relation :model/contact]
        [?edge :edge/rule ?rule] [?rule :rule/doc ?why]
 :order-by [?name]]"""


class Story:
    """A catalog over the four running systems, and a clock that can be moved on instead of waiting."""

    def __init__(self, conn: Connection, servers: Servers) -> None:
        self.conn: Final = conn
        self.servers: Final = servers
        self._later = timedelta()
        conn.transact(SCHEMA.read_text("utf-8"))
        policy = Policy(retry=Retry(first=60), now=self._now)
        self.catalog: Final = Enrichment(conn, sources(servers), RULES, policy=policy)

    def _now(self) -> datetime:
        return datetime.now(UTC) + self._later

    def wait(self, minutes: float) -> None:
        """Lets time pass for whatever waits for its next try."""
        self._later += timedelta(minutes=minutes)

    def listen(self) -> IngestReport:
        """The thin events arrive: shuffled, some of them twice, one of them about a run nobody knows yet."""
        with EVENTS.open("rb") as events:
            return self.catalog.ingest(events)

    def cycle(self) -> CycleReport:
        """One enrichment cycle."""
        return self.catalog.cycle()

    def why(self) -> Derivation:
        """Why the model is in the test."""
        return self.catalog.why(MODEL, "model/ab-test", TEST)

    def the_late_run_appears(self) -> CycleReport:
        """The orchestrator comes to know the run that an event told of, and a later cycle finds it."""
        for id, run in late_runs().items():
            self.servers.orchestrator.put("runs", id, run)
        self.wait(minutes=5)
        return self.cycle()

    def a_source_is_down(self) -> tuple[IngestReport, CycleReport, CycleReport]:
        """The experiments answer 500 while an event about a test arrives and a cycle runs; then they are well again."""
        event = {"event_type": "test_changed", "test_id": 12345}
        self.servers.experiments.change("tests", "12345", state="stopping")
        self.servers.experiments.fail(500)
        heard, during = self.catalog.ingest([event]), self.cycle()
        self.servers.experiments.heal()
        self.wait(minutes=5)
        return heard, during, self.cycle()

    def the_test_is_taken_off(self) -> CycleReport:
        """The run is no longer for the test; a thin event says that something about it changed."""
        self.servers.orchestrator.change("runs", "run-7105", ab_cell_id=None)
        self.catalog.ingest([{"event_type": "run_finished", "run_id": "run-7105"}])
        return self.cycle()


def ask(db: Db, question: str, *about: Any) -> factstore.Result:
    """The answer to one of the questions; the rule files are at hand for it."""
    found: factstore.Result = db.q(question, *about, rules=RULES)
    return found


def experiments_of(db: Db, model: str = MODEL) -> set[int]:
    """The ids of the tests that a model is in."""
    return {id for id, _, _ in ask(db, TESTS_OF_A_MODEL, model)}


@contextmanager
def told(store: str | Path) -> Iterator[Story]:
    """The story over a store: ``memory:``, or a directory."""
    with Servers() as servers, factstore.connect(store) as conn:
        yield Story(conn, servers)
