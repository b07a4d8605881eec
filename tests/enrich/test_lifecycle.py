"""What outcomes do to the bookkeeping of an entity."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrich import Failed, Found, Gone, HydrateError, Outcome, Partial, Policy, Retry, Standing, Unchanged
from enrich.lifecycle import bookkeeping, settled
from enrich.schema import ENRICHED, FAILED, GONE, HYDRATED, UNRESOLVED
from tests.enrich.fakes import NOON

URI = "aip://thing/shop/a"
POLICY = Policy(retry=Retry(first=30, longest=600, jitter=0, attempts=4))
FAILURE = Failed(HydrateError("down", code="hydrate/failed"))
NEW = Standing(URI)
TRIED = Standing(URI, 300, UNRESOLVED, attempts=2, next_try=NOON, last_error="down")
DONE = Standing(URI, 300, ENRICHED, hydrated_at=NOON, hash=7)


@pytest.mark.parametrize(
    ("where", "outcome", "state"),
    [
        (NEW, Found({}, (), 7), HYDRATED),
        (DONE, Found({}, (), 8), HYDRATED),
        (DONE, Unchanged(7), ENRICHED),
        (TRIED, Unchanged(7), HYDRATED),
        (DONE, Gone(), GONE),
        (NEW, FAILURE, UNRESOLVED),
        (TRIED, FAILURE, UNRESOLVED),
        (DONE, FAILURE, ENRICHED),
        (NEW, Partial({}), UNRESOLVED),
    ],
)
def test_the_state_an_outcome_leads_to(where: Standing, outcome: Outcome, state: str) -> None:
    assert bookkeeping(outcome, where, NOON, POLICY)["entity/state"] == state


def test_failures_count_and_wait_longer_each_time() -> None:
    changes = bookkeeping(FAILURE, TRIED, NOON, POLICY)
    assert (changes["entity/attempts"], changes["entity/next-try"]) == (3, NOON + timedelta(seconds=120))
    assert changes["entity/last-error"] == "hydrate/failed: down"


def test_an_answer_clears_what_failures_left() -> None:
    changes = bookkeeping(Found({}, (), 7), TRIED, NOON, POLICY)
    left = [name for name, value in changes.items() if value is None]
    assert left == ["entity/attempts", "entity/next-try", "entity/last-error"]


def test_after_enough_failures_an_entity_is_left_alone() -> None:
    where = Standing(URI, 300, UNRESOLVED, attempts=3, next_try=NOON)
    changes = bookkeeping(FAILURE, where, NOON, POLICY)
    assert (changes["entity/state"], changes["entity/next-try"]) == (FAILED, None)


def test_the_wait_a_source_asks_for_is_kept() -> None:
    outcome = Failed(HydrateError("slow down", code="hydrate/http-status", retry_after=500))
    assert bookkeeping(outcome, NEW, NOON, POLICY)["entity/next-try"] == NOON + timedelta(seconds=500)


@pytest.mark.parametrize("wait", ["soon", None, float("nan"), -5, [], 0])
def test_a_wait_that_is_none_is_passed_over(wait: object) -> None:
    outcome = Failed(HydrateError("slow down", code="hydrate/http-status", retry_after=wait))
    policy = Policy(retry=Retry(first=60, jitter=0))
    changes = bookkeeping(outcome, Standing("aip://thing/shop/a"), NOON, policy)
    assert changes["entity/next-try"] == NOON + timedelta(seconds=60)


def test_a_long_error_is_cut() -> None:
    outcome = Failed(HydrateError("x" * 100_000, code="hydrate/failed"))
    assert len(bookkeeping(outcome, NEW, NOON, POLICY)["entity/last-error"]) == 1000


def test_nothing_is_gone_that_never_was_here() -> None:
    outcome = settled(Gone(), TRIED, "shop")
    assert isinstance(outcome, Failed)
    assert outcome.error.code == "hydrate/not-found"
    assert settled(Gone(), DONE, "shop") == Gone()


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_delay_stays_within_its_bounds(attempts: int, chance: float) -> None:
    retry = Retry(first=2, longest=100, jitter=0.5)
    assert 1 <= retry.delay(attempts, chance).total_seconds() <= 100


@pytest.mark.parametrize(
    ("where", "is_due"),
    [
        (NEW, False),
        (Standing(URI, 300, UNRESOLVED), True),
        (TRIED, True),
        (Standing(URI, 300, UNRESOLVED, 1, NOON + timedelta(seconds=1)), False),
        (Standing(URI, 300, FAILED, 10), False),
        (DONE, False),
        (Standing(URI, 300, ENRICHED, 1, NOON, hydrated_at=NOON), True),
    ],
)
def test_what_a_cycle_fetches(where: Standing, is_due: bool) -> None:
    assert where.is_due(NOON) == is_due
