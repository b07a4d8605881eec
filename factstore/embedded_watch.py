"""The watcher: a small process that starts the server of a store, and stops it when nobody uses it.

It is the parent of PostgreSQL, in a session of its own, so that neither Ctrl-C nor the death of whoever
started it reaches the server. It ends when it can lock ``run/holders`` for itself, which no killed process
can prevent; the kernel ends PostgreSQL if the watcher itself is killed (Linux). After a crash of PostgreSQL
it starts it again.

It runs without the rest of factstore (see ``command``): it is up in a few hundredths of a second and stays small.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import time
from pathlib import Path

from factstore.embedded_binaries import Installation
from factstore.embedded_home import Home, tail
from factstore.embedded_lock import LockFile
from factstore.embedded_probe import answers
from factstore.embedded_server import Server
from factstore.errors import StoreError

# How often to look for holders, in seconds. A leaving process nudges; this is for those killed.
_PAUSE = 0.5
_PAUSE_STARTING = 0.01
_CRASHES, _IN_SECONDS = 5, 60.0

# A package of this name that has the modules, but does not run the front door.
_BOOTSTRAP = (
    "import sys, types; package = types.ModuleType('factstore'); package.__path__ = [sys.argv[1]]; "
    "sys.modules['factstore'] = package; from factstore.embedded_watch import main; main(sys.argv[2:])"
)


def command(home: Home, programs: Installation, watch: LockFile) -> list[str]:
    """The command line of a watcher that inherits the lock ``watch``."""
    here = str(Path(__file__).parent)
    order = [str(home.directory), str(programs.major), str(programs.programs), str(watch.fd)]
    return [sys.executable, "-I", "-S", "-c", _BOOTSTRAP, here, *order]


def main(arguments: list[str]) -> None:
    """Watch over the store the command line names; says on standard output how the start went, once."""
    if os.fork():  # nobody's child: whoever started it need not reap it
        os._exit(0)
    directory, major, programs, watch = arguments
    home = Home(Path(directory))
    os.ftruncate(int(watch), 0)
    os.pwrite(int(watch), str(os.getpid()).encode("ascii"), 0)
    try:
        Watcher(Server(home, Installation(int(major), Path(programs)))).run()
    except StoreError as error:
        say({"code": error.code, "message": error.message, "data": error.data})
    except OSError as error:
        say({"code": "store/start-failed", "message": f"the server of {home.directory} did not start: {error}"})


def say(outcome: dict[str, object]) -> None:
    """Tell whoever waits for the start; they hear the first word, the log has later ones that are errors."""
    with contextlib.suppress(BrokenPipeError):  # who waited was killed meanwhile
        os.write(1, json.dumps(outcome).encode("utf-8") + b"\n")
    log = 2 if "code" in outcome else os.open(os.devnull, os.O_WRONLY)
    os.dup2(log, 1)


class Watcher:
    """The life of one server: starting → answering → (crashed → starting …) → stopped."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.holders = LockFile(server.home.holders)
        self.answering = False
        self.told_to_stop = False
        self.crashes: list[float] = []
        self.woken, self._wake = os.pipe()
        self._listen_to_signals()

    def run(self) -> None:
        """Start the server, return once it is stopped."""
        try:
            self.server.start()
            while not self.told_to_stop and not self.holders.claim() and self.still_wanted():
                select.select([self.woken], [], [], _PAUSE if self.answering else _PAUSE_STARTING)
                self._drain()
        finally:
            self.server.stop()

    def still_wanted(self) -> bool:
        """Look after the server; False when it was stopped by somebody else, and is to stay so."""
        status = self.server.exit_status()
        if status is not None:
            return self._after_exit(status)
        if not self.answering and answers(self.server.home.run if self.server.near else self.server.host, 1.0):
            self.answering = True
            say({"pid": os.getpid()})
        return True

    def _after_exit(self, status: int) -> bool:
        if not self.answering and not self.crashes:
            log = self.server.home.log
            raise StoreError(
                f"the server of {self.server.home.directory} did not start (exit status {status}), "
                f"the end of {log}:{tail(log)}",
                code="store/start-failed",
                directory=str(self.server.home.directory),
                status=status,
            )
        self.crashes = [*self.crashes, time.monotonic()][-_CRASHES:]
        hopeless = len(self.crashes) == _CRASHES and self.crashes[-1] - self.crashes[0] < _IN_SECONDS
        if status == 0 or hopeless:
            return False
        self.answering = False
        self.server.start()
        return True

    def _listen_to_signals(self) -> None:
        os.set_blocking(self.woken, False)
        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGUSR1):
            signal.signal(number, lambda *_: None)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._stop)

    def _stop(self, *_: object) -> None:
        self.told_to_stop = True

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self.woken, 4096)
