"""The directory of a store: what is in it, how it is recognised, made and, if nothing came of it, removed.

::

    FACTSTORE     says that this is a store, and of which layout
    pg/           the data directory of PostgreSQL
    run/          its socket, and the lock files
      door        held by whoever is starting, or is the last to leave
      holders     shared by every process that uses the server
      watch       held by the watcher; has its process id
      server      held by every PostgreSQL process of this store
      host        another name of the socket's directory, for paths too long for a socket
    server.log    what PostgreSQL says
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
from pathlib import Path
from typing import NamedTuple

from factstore.embedded_probe import SOCKET_NAME
from factstore.errors import StoreError

LAYOUT = 1
_MARKER = "FACTSTORE"
# The size of sun_path, less its closing NUL.
SOCKET_PATH_LIMIT = 107 if sys.platform == "linux" else 103


class Home(NamedTuple):
    """The paths of a store in a directory.

    >>> Home(Path("/srv/store")).pg.as_posix()
    '/srv/store/pg'
    """

    directory: Path

    @property
    def marker(self) -> Path:
        return self.directory / _MARKER

    @property
    def pg(self) -> Path:
        return self.directory / "pg"

    @property
    def unfinished(self) -> Path:
        """Where initdb works; what it leaves is renamed to ``pg`` when all of it is there."""
        return self.directory / "pg.new"

    @property
    def run(self) -> Path:
        return self.directory / "run"

    @property
    def log(self) -> Path:
        return self.directory / "server.log"

    @property
    def old_log(self) -> Path:
        return self.directory / "server.log.1"

    @property
    def door(self) -> Path:
        return self.run / "door"

    @property
    def holders(self) -> Path:
        return self.run / "holders"

    @property
    def watch(self) -> Path:
        return self.run / "watch"

    @property
    def server(self) -> Path:
        return self.run / "server"

    @property
    def host(self) -> Path:
        return self.run / "host"


def default_directory() -> Path:
    """``$FACTSTORE_HOME``, else ``factstore`` in ``$XDG_DATA_HOME``, else ``~/.local/share/factstore``."""
    home = os.environ.get("FACTSTORE_HOME")
    if home:
        return Path(home)
    data = os.environ.get("XDG_DATA_HOME", "")
    # The XDG specification says to ignore a relative path.
    return (Path(data) if os.path.isabs(data) else Path("~/.local/share")) / "factstore"


def prepare(home: Home) -> list[Path]:
    """Make the directory a store if it is not there or empty; the directories made, outermost first.

    Raises StoreError ``store/not-a-store``, ``store/newer-version`` or ``store/not-writable``.
    """
    made: list[Path] = []
    try:
        _make(home.directory, made)
        if not _is_store(home):
            _mark(home)
        home.run.mkdir(mode=0o700, exist_ok=True)
        _give_to_owner(home)
    except OSError as error:
        _remove_empty(made)
        raise not_writable(home, error) from None
    return made


def remove(home: Home, made: list[Path]) -> None:
    """Remove a store that never held data, and the directories that were made for it."""
    if home.pg.exists():
        return
    for path in (home.run, home.unfinished):
        shutil.rmtree(path, ignore_errors=True)
    for path in (home.log, home.old_log, home.marker):
        with contextlib.suppress(OSError):
            path.unlink()
    _remove_empty(made)


def not_writable(home: Home, error: OSError) -> StoreError:
    where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
    return StoreError(
        f"no store can be kept in {home.directory}: {where}{(error.strerror or str(error)).lower()}",
        code="store/not-writable",
        directory=str(home.directory),
        errno=error.errno,
    )


def fits_a_socket(run: Path) -> bool:
    """Whether libpq can be told this directory: short enough, and no comma, which separates hosts.

    >>> fits_a_socket(Path("/srv/store/run")), fits_a_socket(Path("/srv/a,b/run")), fits_a_socket(Path("/" + "x" * 107))
    (True, False, False)
    """
    path = os.fsencode(run / SOCKET_NAME)
    return len(path) <= SOCKET_PATH_LIMIT and b"," not in path


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a server's log, indented for a message; empty if there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 65536))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "".join(f"\n  | {line}" for line in text.splitlines()[-lines:])


def _remove_empty(made: list[Path]) -> None:
    for path in reversed(made):
        with contextlib.suppress(OSError):
            path.rmdir()


def _make(directory: Path, made: list[Path]) -> None:
    """Like ``mkdir -p``, keeping account; the store itself is for its owner alone."""
    for path in reversed([directory, *directory.parents]):
        try:
            path.mkdir(mode=0o700 if path == directory else 0o777)
        except OSError:
            # Said of /proc or a read-only disk too, where the directory may well be there.
            if not path.is_dir():
                raise
        else:
            made.append(path)


def _is_store(home: Home) -> bool:
    """Whether the marker is there; raises StoreError if something else is, or a newer layout."""
    try:
        words = home.marker.read_text("utf-8", "replace").split()
    except FileNotFoundError:
        others = sorted(name for name in os.listdir(home.directory) if not name.startswith(f".{_MARKER}."))
        if not others or home.marker.exists():  # another process may have marked it meanwhile
            return bool(others)
        raise StoreError(
            f"{home.directory} is not a store and not empty: it has {', '.join(others[:3])}"
            f"{' and more' if len(others) > 3 else ''} but no file {_MARKER}",
            code="store/not-a-store",
            directory=str(home.directory),
            found=others[:3],
        ) from None
    version = int(words[1]) if len(words) == 2 and words[0] == "factstore" and words[1].isdigit() else None
    if version is None or version > LAYOUT:
        raise StoreError(
            f"{home.marker} says {' '.join(words)[:60]!r}, this factstore reads layouts up to {LAYOUT}",
            code="store/not-a-store" if version is None else "store/newer-version",
            directory=str(home.directory),
        )
    return True


def _mark(home: Home) -> None:
    """Write the marker, whole or not at all."""
    draft = home.directory / f".{_MARKER}.{os.getpid()}.{threading.get_ident()}"
    try:
        draft.write_text(f"factstore {LAYOUT}\n", "utf-8")
        os.replace(draft, home.marker)
    finally:
        draft.unlink(missing_ok=True)


def _give_to_owner(home: Home) -> None:
    """What root makes in another user's directory is that user's."""
    owner = home.directory.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        for path in (home.marker, home.run):
            os.chown(path, owner.st_uid, owner.st_gid)
