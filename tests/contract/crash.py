"""Crashes by the round, counted: ``python -m tests.contract.crash --rounds 30``.

In each round processes write as fast as they can, a reader looks on, and one thing is broken under them: the
writers are killed, the server is, it is stopped at once, or the network between them is cut. Afterwards all that was
acknowledged must be there, nothing that was refused, no transaction by halves, the log dense and the tables what
it says; and the reader must go on.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg

from factstore import Connection, LogError, connect, embedded
from factstore.embedded import EmbeddedServer
from tests import pg
from tests.contract import worker
from tests.contract.proxy import Proxy, proxied
from tests.contract.replay import check
from tests.contract.test_log_concurrency import python

WRITERS = 3
PATIENCE = 60.0
"""Seconds until a server that crashed has to be back."""


class Tally(NamedTuple):
    """What came of the rounds of one kind."""

    rounds: int
    acknowledged: int
    refused: int
    unknown: int
    came_through: int
    """How many of the commits whose outcome nobody could tell are there."""
    back: list[float]
    """Seconds from each break until the reader had an answer again."""


class Scene:
    """A server with a store, its writers and its reader, and what breaks them."""

    def __init__(self, directory: Path, server: EmbeddedServer, proxy: Proxy, conn: Connection) -> None:
        self.directory = directory
        self.dsn = server.dsn
        self.proxy = proxy
        self.conn = conn
        """The reader's; it goes through the network as the writers do."""
        self.said: dict[str, list[str]] = {}
        self._running: dict[str, tuple[subprocess.Popen[str], threading.Thread]] = {}

    def start_writers(self) -> None:
        for _ in range(WRITERS):
            name = f"w{len(self.said)}"
            process = python("-m", "tests.contract.worker", self.proxy.dsn, "factstore", name, "1000000")
            lines = self.said[name] = []
            collecting = threading.Thread(target=lambda lines=lines, of=process: lines.extend(of.stdout or ()))
            collecting.start()
            self._running[name] = process, collecting

    def kill_writers(self) -> None:
        running, self._running = self._running, {}
        for process, _ in running.values():
            process.send_signal(signal.SIGKILL)
        for process, collecting in running.values():
            collecting.join()
            process.communicate()

    def wait_for_commits(self, more: int) -> None:
        """Until each running writer was told of so many more."""
        goals = {name: len(outcomes(self.said[name])["done"]) + more for name in self._running}
        wait(lambda: all(len(outcomes(self.said[name])["done"]) >= goal for name, goal in goals.items()))

    def wait_for_the_reader(self) -> float:
        """Seconds until the reader has an answer again, and a new one; until then it is told why not."""
        began = time.monotonic()
        before = self.conn.db(sync=False).basis_t
        wait(lambda: answers(self.conn, before))
        return time.monotonic() - began


def kill_clients(scene: Scene) -> None:
    scene.kill_writers()
    scene.start_writers()


def kill_server(scene: Scene) -> None:
    _signal_server(scene, signal.SIGKILL)


def stop_server(scene: Scene) -> None:
    """What ``pg_ctl stop -m immediate`` sends; whoever does that has to start it again."""
    _signal_server(scene, signal.SIGQUIT)


def cut_network(scene: Scene) -> None:
    scene.proxy.cut()


def _signal_server(scene: Scene, number: signal.Signals) -> None:
    pid = int((scene.directory / "pg" / "postmaster.pid").read_text().split()[0])
    os.kill(pid, number)
    wait(lambda: _has_ended(pid))
    # The watcher starts it again after a crash, but neither after a stop nor after many crashes in a minute.
    embedded.start(scene.directory, timeout=PATIENCE).close()


def _has_ended(pid: int) -> bool:
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):  # the latter from a file that was opened just in time
        return True


KINDS: dict[str, Callable[[Scene], None]] = {
    "clients killed": kill_clients,
    "server killed": kill_server,
    "server stopped at once": stop_server,
    "network cut": cut_network,
}


def run(kinds: Sequence[str], rounds: int, directory: Path, seed: int = 0) -> Tally:
    """So many rounds of each kind, in turn, in a new store; an AssertionError says what went wrong."""
    draw, back = random.Random(seed), []
    with scene_in(directory) as scene:
        scene.start_writers()
        for kind in [*kinds] * rounds:
            scene.wait_for_commits(3)
            time.sleep(draw.uniform(0.0, 0.2))
            KINDS[kind](scene)
            back.append(scene.wait_for_the_reader())
            check_whole(scene)
        scene.wait_for_commits(1)
        scene.kill_writers()
        tallies = [check_outcomes(outcomes(lines), rounds_of(scene.conn, name)) for name, lines in scene.said.items()]
        with psycopg.connect(scene.dsn, autocommit=True) as session:
            check(session, "factstore")
    return Tally(len(back), *(sum(column) for column in zip(*tallies, strict=True)), back)


@contextmanager
def scene_in(directory: Path) -> Iterator[Scene]:
    with ExitStack() as stack:
        server = stack.enter_context(embedded.start(directory))
        proxy = stack.enter_context(proxied(server.dsn))
        conn = stack.enter_context(connect(proxy.dsn))
        worker.install(conn)
        scene = Scene(directory, server, proxy, conn)
        stack.callback(scene.kill_writers)
        yield scene


def outcomes(lines: list[str]) -> dict[str, list[list[str]]]:
    """What a worker said, by its first word; a line cut off by a kill is left out."""
    said: dict[str, list[list[str]]] = {"done": [], "lost": []}
    for line in list(lines):
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


def check_whole(scene: Scene) -> None:
    """While the writers go on: what they were told of is there, and of every round all parts are."""
    told = {f"{name} {n}" for name, lines in scene.said.items() for n, _ in outcomes(lines)["done"]}
    db = scene.conn.db()
    assert told <= {d.v for d in db.datoms("round/name")}
    assert len(db.datoms("round/part")) == worker.PARTS * len(db.datoms("round/name"))
    [counter] = db.datoms("counter/value")
    assert counter.v == len(db.datoms("round/name"))


def check_outcomes(said: dict[str, list[list[str]]], kept: dict[int, int]) -> tuple[int, int, int, int]:
    """Acknowledged is there, refused is not; where the outcome was unknown, either. Counts each."""
    acknowledged = {int(n) for n, _ in said["done"]}
    refused = {int(n) for n, code in said["lost"] if code == "log/unreachable"}
    unknown = {int(n) for n, code in said["lost"] if code == "log/outcome-unknown"}
    assert "failed" not in said, said["failed"]
    assert len(refused) + len(unknown) == len(said["lost"]), said["lost"]
    assert set(kept.values()) <= {worker.PARTS}
    assert acknowledged <= set(kept)
    assert not refused & set(kept)
    last = max(acknowledged | refused | unknown, default=-1)
    # The one after the last may have been committed without a word: its writer was killed.
    assert set(kept) <= acknowledged | unknown | {last + 1}
    return len(acknowledged), len(refused), len(unknown), len(unknown & set(kept))


def answers(conn: Connection, after: int) -> bool:
    """Whether the connection has news; until it does, it says why not."""
    try:
        return conn.db().basis_t > after
    except LogError as error:
        if error.code != "log/unreachable":
            raise
        return False


def wait(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come to pass"
        time.sleep(0.02)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.contract.crash", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="of each kind")
    parser.add_argument("--kind", choices=KINDS, action="append")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print("                        rounds  acknowledged  refused  unknown  of them there  reader back, median / max ms")
    for kind in arguments.kind or KINDS:
        with pg.short_directory() as directory:
            tally = run([kind], arguments.rounds, directory / "store", arguments.seed)
        counts = [*tally[:5], *(1000 * pick(tally.back) for pick in (statistics.median, max))]
        print(f"{kind:22}{{:8}}{{:14}}{{:9}}{{:9}}{{:15}}{{:13.0f}} /{{:6.0f}}".format(*counts), flush=True)


if __name__ == "__main__":
    main()
