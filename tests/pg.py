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


@contextmanager
def server() -> Iterator[str | None]:
    """The DSN of a server that ends with the block: the embedded one, or the system's, or None if neither is there."""
    # Short: the path of a socket may have 107 bytes.
    directory = Path(tempfile.mkdtemp(prefix="fs-"))
    directory.chmod(0o755)
    try:
        if find_spec("factstore.embedded") is not None:
            from factstore import embedded

            started = embedded.start(directory / "store")
            try:
                yield started.dsn
            finally:
                started.close()
        elif (bin := _system_binaries()) is not None:
            with _system_server(bin, directory) as dsn:
                yield dsn
        else:
            yield None
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _system_binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


@contextmanager
def _system_server(bin: Path, directory: Path) -> Iterator[str]:
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    as_user = ["runuser", "-u", user, "--"] if os.geteuid() == 0 else []
    if as_user:
        shutil.chown(directory, user)
    data = directory / "data"
    _run([*as_user, bin / "initdb", "-D", data, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-U", user])
    options = f"-c listen_addresses= -c unix_socket_directories={directory} -c jit=off"
    _run([*as_user, bin / "pg_ctl", "-D", data, "-l", directory / "log", "-w", "-o", options, "start"])
    try:
        yield f"postgresql://{user}@/postgres?host={directory}"
    finally:
        with suppress(subprocess.CalledProcessError):
            _run([*as_user, bin / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"])


def _run(command: list[str | Path]) -> None:
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL, cwd="/")
