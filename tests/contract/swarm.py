"""Many processes on one store: ``python -m tests.contract.swarm DSN SCHEMA --processes 8 --rounds 25``.

The processes are forked, and use the connection that was made before. Each counts up one shared counter by cas,
again until it succeeds, and asserts unique values that all of them want. Each writes down what it was told; an
oracle that knows nothing of logs then goes through that in the order of t. A reader follows the log meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Iterator
from typing import IO, Any, NamedTuple

from factstore import Connection, TransactionError, connect

COUNTER = "counter/all"
SCHEMA = [
    {"db/ident": "counter/value", "db/valueType": "db.type/long", "db/cardinality": "db.cardinality/one"},
    {"db/ident": "item/key", "db/valueType": "db.type/string", "db/cardinality": "db.cardinality/one",
     "db/unique": "db.unique/value"},
    {"db/ident": "item/by", "db/valueType": "db.type/string", "db/cardinality": "db.cardinality/one"},
]  # fmt: skip


class Told(NamedTuple):
    """What a process was told of one transaction: its t, who, and what it did."""

    t: int
    who: int
    counted: int | None
    """The number that the counter was brought to, from one less."""
    key: str | None


class Oracle:
    """A counter and a set of keys, and what one transaction after the other does to them."""

    def __init__(self) -> None:
        self.counter = 0
        self.keys: dict[str, int] = {}

    def apply(self, told: Told) -> None:
        """Refuses what could not have happened in this order."""
        if told.counted is not None:
            assert told.counted == self.counter + 1, f"lost update at {told.t}: {told.counted} after {self.counter}"
            self.counter = told.counted
        if told.key is not None:
            assert told.key not in self.keys, f"duplicate at {told.t}: {told.key}"
            self.keys[told.key] = told.who


class Outcome(NamedTuple):
    """What all processes were told, and how it went."""

    told: list[Told]
    retries: int
    refused: int
    seconds: float
    seen: list[int]
    """Each t in the order in which the reader that followed the log saw it."""


def install(conn: Connection) -> None:
    conn.transact(SCHEMA)
    conn.transact([{"db/ident": COUNTER, "counter/value": 0}])


def count(conn: Connection, who: int) -> tuple[Told, int]:
    """Counts up by one; what was told, and how often somebody else was faster."""
    for retries in range(10**6):
        value = conn.db().pull(["counter/value"], COUNTER)["counter/value"]  # type: ignore[index]
        try:
            report = conn.transact([["db/cas", COUNTER, "counter/value", value, value + 1]])
            return Told(report.t, who, value + 1, None), retries
        except TransactionError as error:
            if error.code != "tx/cas-failed":
                raise
    raise AssertionError


def claim(conn: Connection, who: int, key: str) -> Told | None:
    """Asserts a unique value; None if another has it."""
    try:
        return Told(conn.transact([{"item/key": key, "item/by": str(who)}]).t, who, None, key)
    except TransactionError as error:
        if error.code != "tx/unique-conflict":
            raise
    return None


def work(conn: Connection, who: int, rounds: int, out: IO[str]) -> None:
    """One process: as many counts, and as many keys wanted, as there are rounds."""
    draw = random.Random(who)
    for n in draw.sample(range(rounds), rounds):
        told, retries = count(conn, who)
        out.write(json.dumps(["retries", retries]) + "\n" + json.dumps(["told", *told]) + "\n")
        won = claim(conn, who, f"key {n}")
        out.write(json.dumps(["refused"] if won is None else ["told", *won]) + "\n")
    out.flush()


def run(conn: Connection, processes: int, rounds: int) -> Outcome:
    """Forks the processes, follows the log until they are done, and collects what they were told."""
    first = conn.db().basis_t
    began = time.monotonic()
    children = [_forked(conn, who, rounds) for who in range(processes)]
    seen = list(follow(conn, first, first + processes * rounds + rounds))
    seconds = time.monotonic() - began
    lines = [json.loads(line) for _, reading in children for line in reading]
    for pid, reading in children:
        reading.close()
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    told = sorted(Told(*rest) for what, *rest in lines if what == "told")
    retries = sum(rest[0] for what, *rest in lines if what == "retries")
    return Outcome(told, retries, sum(what == "refused" for what, *_ in lines), seconds, seen)


def follow(conn: Connection, after: int, upto: int) -> Iterator[int]:
    """Each t past ``after`` as it comes to be seen, until ``upto``."""
    until = time.monotonic() + 120
    while after < upto and time.monotonic() < until:
        for commit in conn.log(after):
            yield commit.t
            after = commit.t


def _forked(conn: Connection, who: int, rounds: int) -> tuple[int, IO[str]]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, os.fdopen(reading)
    status = 1
    try:
        # Written when all is done: a pipe that nobody reads yet must not stop the work.
        with os.fdopen(writing, "w", buffering=1 << 20) as out:
            work(conn, who, rounds, out)
        status = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


def check(conn: Connection, outcome: Outcome, processes: int, rounds: int) -> None:
    """What was told is one serial history, and the store's."""
    first, last = outcome.told[0].t, outcome.told[-1].t
    assert [told.t for told in outcome.told] == list(range(first, last + 1)), "t is not dense, or one was given twice"
    assert outcome.seen == [told.t for told in outcome.told], "the reader saw a gap, or another order"
    oracle, db = Oracle(), conn.db()
    for told, commit in zip(outcome.told, conn.log(first - 1), strict=True):
        oracle.apply(told)
        said: dict[str, Any] = {str(d.a): d.v for d in commit.datoms if d.added and d.a != "db/txInstant"}
        mine = {"counter/value": told.counted} if told.key is None else {"item/key": told.key, "item/by": str(told.who)}
        assert said == mine, f"the log of {told.t} says {said}, its writer {mine}"
        assert [d.v for d in db.as_of(told.t).datoms("counter/value")] == [oracle.counter]
    assert oracle.counter == processes * rounds
    assert {d.v for d in db.datoms("item/key")} == set(oracle.keys) == {f"key {n}" for n in range(rounds)}
    assert outcome.refused == (processes - 1) * rounds


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.contract.swarm", description=__doc__)
    parser.add_argument("dsn")
    parser.add_argument("schema")
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=25)
    arguments = parser.parse_args()
    with connect(arguments.dsn, schema=arguments.schema) as conn:
        install(conn)
        outcome = run(conn, arguments.processes, arguments.rounds)
        check(conn, outcome, arguments.processes, arguments.rounds)
    done = len(outcome.told)
    print(
        f"{arguments.processes} processes: {done} transactions in {outcome.seconds:.2f} s, "
        f"{done / outcome.seconds:.0f} tx/s; {outcome.retries} cas retried, {outcome.refused} unique values refused; "
        "serial, no gap"
    )


if __name__ == "__main__":
    main()
