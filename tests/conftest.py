"""Ctrl-C as Python has it, a PostgreSQL for those who ask for one, and Hypothesis profiles.

Every run draws the same examples unless asked otherwise: ``HYPOTHESIS_PROFILE=dev`` draws new ones each time,
``thorough`` draws many of them.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests import pg

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what runs in the background so, and children inherit it; some tests interrupt themselves or them.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Deadlines measure the machine, not the code: a shared runner makes them fail at random.
_COMMON = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

settings.register_profile("ci", _COMMON, derandomize=True, database=None, print_blob=True)
settings.register_profile("dev", _COMMON)
settings.register_profile("thorough", _COMMON, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    """A server for the tests of one module; each makes a schema of its own in it."""
    with pg.server() as found:
        if found is None:
            pytest.skip("there is no PostgreSQL here")
        yield found
