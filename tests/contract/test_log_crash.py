"""Processes and servers are killed in the middle of commits; what was acknowledged is there, and nothing by halves."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from factstore import Connection, LogError, connect, embedded
from tests import pg
from tests.contract import worker
from tests.contract.replay import check
from tests.contract.test_log_concurrency import python

pytestmark = pytest.mark.slow

KILLED_WRITERS = 3
KILLED_SERVERS = 2


def started(dsn: str, schema: str, name: str) -> subprocess.Popen[str]:
    """A worker that goes on until it is killed."""
    return python("-m", "tests.contract.worker", dsn, schema, name, "100000")


def outcomes(lines: list[str]) -> dict[str, list[list[str]]]:
    """What a worker said, by its first word; a line cut off by a kill is left out."""
    said: dict[str, list[list[str]]] = {"done": [], "lost": []}
    for line in lines:
        if line.endswith("\n"):
            what, *rest = line.split()
            said.setdefault(what, []).append(rest)
    return said


def rounds_of(conn: Connection, name: str) -> dict[int, int]:
    """The rounds of a worker that are in the store, and how many facts of each."""
    db = conn.db()
    found = {d.e: d.v for d in db.datoms("round/name") if d.v.startswith(f"{name} ")}
    parts = [d.e for d in db.datoms("round/part") if d.e in found]
    return {int(round.split()[-1]): parts.count(e) for e, round in found.items()}


def test_a_killed_writer_loses_nothing_that_was_acknowledged(dsn) -> None:
    schema, draw = pg.fresh_schema(), random.Random(5)
    with connect(dsn, schema=schema) as conn, psycopg.connect(dsn, autocommit=True) as session:
        worker.install(conn)
        for n in range(KILLED_WRITERS):
            names = [f"k{n}", f"l{n}"]
            writers = [started(dsn, schema, name) for name in names]
            first = [writer.stdout.readline() for writer in writers]
            time.sleep(draw.uniform(0.1, 0.4))
            for writer in writers:
                writer.send_signal(signal.SIGKILL)
            for name, writer, line in zip(names, writers, first, strict=True):
                acknowledged = {
                    int(each[0]) for each in outcomes([line, *writer.communicate()[0].splitlines(True)])["done"]
                }
                kept = rounds_of(conn, name)
                assert set(kept.values()) == {worker.PARTS}
                # The one after the last acknowledged may have been committed without a word.
                assert acknowledged <= set(kept) <= acknowledged | {max(acknowledged) + 1}
            check(session, schema)
            worker.once(conn, f"after{n}", 0)
    pg.drop_schema(dsn, schema)


def test_a_killed_server_loses_nothing_that_was_acknowledged(directory) -> None:
    with embedded.start(directory) as server, connect(server.dsn) as conn:
        worker.install(conn)
        writers = [started(server.dsn, "factstore", name) for name in "ab"]
        said: dict[str, list[str]] = {"a": [], "b": []}
        readers = [_collect(writer, said[name]) for writer, name in zip(writers, "ab", strict=True)]
        for _ in range(KILLED_SERVERS):
            _wait_for_rounds(said, 5)
            os.kill(int((_data(directory) / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
            _wait(lambda: _answers(conn))
        _wait_for_rounds(said, 5)
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
        for reader, writer in zip(readers, writers, strict=True):
            reader.join()
            writer.communicate()
        for name in "ab":
            _check_outcomes(outcomes(said[name]), rounds_of(conn, name))
        with psycopg.connect(server.dsn, autocommit=True) as session:
            check(session, "factstore")


def _check_outcomes(said: dict[str, list[list[str]]], kept: dict[int, int]) -> None:
    """Acknowledged is there, refused is not; where the outcome was unknown, either."""
    acknowledged = {int(n) for n, _ in said["done"]}
    refused = {int(n) for n, code in said["lost"] if code == "log/unreachable"}
    unknown = {int(n) for n, code in said["lost"] if code == "log/outcome-unknown"}
    assert "failed" not in said
    assert len(refused) + len(unknown) == len(said["lost"])
    assert set(kept.values()) == {worker.PARTS}
    assert acknowledged <= set(kept)
    assert not refused & set(kept)
    assert set(kept) <= acknowledged | unknown | {max(acknowledged | refused | unknown) + 1}


def _data(directory: Path) -> Path:
    return next(path.parent for path in directory.rglob("postmaster.pid"))


def _collect(writer: subprocess.Popen[str], into: list[str]) -> threading.Thread:
    reader = threading.Thread(target=lambda: into.extend(writer.stdout or ()))
    reader.start()
    return reader


def _wait(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come to pass"
        time.sleep(0.05)


def _wait_for_rounds(said: dict[str, list[str]], more: int) -> None:
    """Until each worker was told of so many more commits."""
    goals = {name: len(outcomes(lines)["done"]) + more for name, lines in said.items()}
    _wait(lambda: all(len(outcomes(said[name])["done"]) >= goal for name, goal in goals.items()))


def _answers(conn: Connection) -> bool:
    """Whether the connection goes on; until it does, it says why not."""
    try:
        return conn.db().basis_t > 0
    except LogError as error:
        if error.code != "log/unreachable":
            raise
        return False
