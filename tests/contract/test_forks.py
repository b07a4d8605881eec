"""A connection made before a fork: what parent and children may do with it, in processes of their own."""

from __future__ import annotations

import copy
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import pytest

from factstore import Connection, StoreError, connect
from factstore.dictionary import Dictionary
from factstore.forks import forkable_lock
from factstore.values import ValueType
from tests import pg
from tests.contract.forked import SCENARIOS
from tests.contract.test_log_concurrency import ROOT

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


def ends_well(scenario: str, target: str, schema: str) -> None:
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-m", "tests.contract.forked", scenario]
    command += [target, schema]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_connection_that_threads_use_can_be_forked(dsn) -> None:
    schema = pg.fresh_schema()
    ends_well("busy", dsn, schema)
    pg.drop_schema(dsn, schema)


def test_a_store_in_memory_is_each_processes_own_after_a_fork() -> None:
    ends_well("busy", "memory:", "factstore")


@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if name != "busy"])
def test_a_directory_is_served_until_the_last_of_them_is_gone(directory, scenario) -> None:
    """No child's end stops its parent's server or breaks its sessions, and no parent's end a child's."""
    ends_well(scenario, str(directory), "factstore")
    with connect(directory) as conn:
        assert conn.db().q("[:find (count ?e) . :where [?e :done/by]]") > 0


def held(seconds: float) -> tuple[threading.Lock, threading.Thread]:
    """A lock that another thread has for so long."""
    lock, taken = forkable_lock(), threading.Event()

    def hold() -> None:
        with lock:
            taken.set()
            time.sleep(seconds)

    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait()
    return lock, thread


@pytest.mark.parametrize("seconds", [0.2, 1.5], ids=["until it lets go", "though it does not let go"])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_lock_that_another_thread_holds_is_free_in_the_child(seconds) -> None:
    dictionary = Dictionary()
    dictionary._lock, thread = held(seconds)
    began = time.monotonic()
    pid = os.fork()
    if not pid:
        signal.alarm(10)
        dictionary.learn([(1, ValueType.STRING, "ann")])
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert time.monotonic() - began > min(seconds, 1.0) - 0.1
    thread.join()
    dictionary.learn([(1, ValueType.STRING, "ann")])


@pytest.mark.parametrize("send", [pickle.dumps, copy.copy, copy.deepcopy])
@pytest.mark.parametrize("of", [lambda conn: conn, Connection.db], ids=["a connection", "a db value"])
def test_what_is_bound_to_a_process_says_so_when_it_is_sent(send, of) -> None:
    with connect("memory:") as conn, pytest.raises(StoreError, match="send the address") as caught:
        send(of(conn))
    assert caught.value.code == "store/not-portable"
