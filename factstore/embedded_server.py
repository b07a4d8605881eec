"""The PostgreSQL processes of a store, as the watcher runs them: made, started, stopped."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from factstore import embedded_settings as settings
from factstore.embedded_binaries import Installation
from factstore.embedded_home import Home, fits_a_socket, tail
from factstore.embedded_lock import LockFile, until
from factstore.embedded_privileges import Identity, become, can_become, closed_to, has_name, identity
from factstore.embedded_probe import SOCKET_NAME, USER, listens
from factstore.errors import StoreError

_ORPHANS_END = 30.0
_FAST_STOP, _IMMEDIATE_STOP = 120.0, 10.0
_LARGEST_LOG = 10 << 20


class Server:
    """One store's PostgreSQL: a child of this process, or none.

    ``host`` is a name of the socket's directory that always fits a socket; ``near`` says that ``run`` does too.
    """

    def __init__(self, home: Home, programs: Installation) -> None:
        self.home = home
        self.programs = programs
        self.near = fits_a_socket(home.run)
        os.chdir(home.run)  # so that /proc/PID/cwd is a short name of it
        self.private = None if self.near or sys.platform == "linux" else tempfile.mkdtemp(prefix="factstore-")
        self.host = self.private or (f"/proc/{os.getpid()}/cwd" if sys.platform == "linux" else str(home.run))
        self.who = self._who()
        self.lock: LockFile | None = None
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start PostgreSQL, making its data directory the first time; it is not ready yet on return."""
        self._take_lock()
        self._clear_stale()
        self._open_to_server()
        _rotate(self.home)
        if not self.home.pg.exists():
            self._initdb()
        self._write(self.home.pg / settings.FILE, settings.conf())
        self.home.host.write_text(self.host, "utf-8")
        sockets = "../run" if self.private is None else f"../run,{self.private}"
        options = ["-k", sockets, "-p", "5432", "-c", "listen_addresses="]
        self.process = self._spawn([str(self.programs.postgres), "-D", str(self.home.pg), *options], self.who)

    def exit_status(self) -> int | None:
        """How PostgreSQL ended, None while it runs."""
        return self.process.poll() if self.process else 0

    def stop(self) -> None:
        """End PostgreSQL, the clean way if it can; nothing of it runs or lies about afterwards."""
        for number, seconds in ((signal.SIGINT, _FAST_STOP), (signal.SIGQUIT, _IMMEDIATE_STOP), (signal.SIGKILL, None)):
            if self.process is None or self.process.poll() is not None:
                break
            self.process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
        if self.private is not None:
            shutil.rmtree(self.private, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.home.host.unlink()

    def _who(self) -> Identity:
        """Who PostgreSQL runs as: the owner of what is there already, if that is not root."""
        directory = self.home.directory.stat()
        # A store that root made is root's; one that was copied by root may have lost its server's user.
        data = self.home.pg.stat() if self.home.pg.exists() else directory
        who = identity(data if data.st_uid else directory, self.programs.postgres)
        plain = who._replace(capabilities=())
        tried = next((each for each in (who, plain) if can_become(each)), None)
        if tried is None:
            raise StoreError(
                f"this root may not become user {who.uid}, as whom PostgreSQL would run: start as an ordinary user",
                code="store/root",
                uid=who.uid,
            )
        return tried

    def _take_lock(self) -> None:
        """Wait until every PostgreSQL process of an earlier life is gone: they hold the lock they inherited."""
        if self.lock is not None:
            self.lock.close()
        self.lock = LockFile(self.home.server)
        if self.lock.claim():
            return
        pid = _postmaster(self.home)
        if pid is not None and listens(self.host):  # it lost its watcher, and this system did not tell it
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGINT)
        if not until(self.lock.claim, time.monotonic() + _ORPHANS_END):
            raise self._in_use(pid)

    def _clear_stale(self) -> None:
        """Remove what a killed server left and PostgreSQL would trip over: a pid file whose pid is another's by now.

        It must never be removed under a living server, so one that somebody started by hand is an error.
        """
        pid = _postmaster(self.home)
        if listens("."):
            raise self._in_use(pid)
        for name in (SOCKET_NAME, f"{SOCKET_NAME}.lock"):
            (self.home.run / name).unlink(missing_ok=True)
        if pid is not None and _exists(pid):
            if _is_postgres_of(pid, self.home.pg):
                raise self._in_use(pid)
            (self.home.pg / "postmaster.pid").unlink(missing_ok=True)

    def _open_to_server(self) -> None:
        """As root: give the server's user its directories, and close the store to everybody else."""
        uid, gid, capabilities = self.who
        if uid is None or gid is None:
            return
        if self.home.directory.stat().st_uid != uid:
            # Without the capability the server has to pass the store's directory like anybody.
            self.home.directory.chmod(0o700 if capabilities else 0o711)
        else:
            self._give(self.home.log)  # it is the owner's, who may be the next to start
        if not capabilities:
            self._check_way(uid, gid)
        if self.home.pg.exists() and self.home.pg.stat().st_uid != uid:
            _chown_all(self.home.pg, uid, gid)
        _chown_all(self.home.run, uid, gid)

    def _check_way(self, uid: int, gid: int) -> None:
        for path in (self.home.directory, self.programs.programs):
            closed = closed_to(path, uid, gid)
            if closed is not None:
                raise StoreError(
                    f"the server runs as user {uid}, since PostgreSQL refuses to run as root, and that user may not "
                    f"pass {closed} on the way to {path}: open it (chmod o+x), move it, or start as an ordinary user",
                    code="store/not-accessible",
                    directory=str(closed),
                    uid=uid,
                )

    def _initdb(self) -> None:
        """Make the data directory aside, and rename it when it is whole."""
        fresh, maker = self.home.unfinished, self._maker()
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if maker.uid is not None and maker.gid is not None:
            os.chown(fresh, maker.uid, maker.gid)
        try:
            self._run_initdb(fresh, maker)
            with (fresh / "postgresql.conf").open("a", encoding="utf-8") as conf:
                conf.write(settings.INCLUDE)
            (fresh / "pg_hba.conf").write_text(settings.HBA, "utf-8")
            if maker != self.who and self.who.uid is not None and self.who.gid is not None:
                _chown_all(fresh, self.who.uid, self.who.gid)
            fresh.rename(self.home.pg)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def _maker(self) -> Identity:
        """Who runs initdb, which insists on a user that has a name; a server does not."""
        uid = os.geteuid() if self.who.uid is None else self.who.uid
        if has_name(uid):
            return self.who
        if self.who.uid is not None:
            return self.who.called_nobody()
        raise StoreError(
            f"initdb, which makes a new store, needs a name for user {uid}: give it one in /etc/passwd, or make the "
            "store as a user that has a name; a store that is there already starts without",
            code="store/no-user-name",
            uid=uid,
        )

    def _run_initdb(self, fresh: Path, maker: Identity) -> None:
        options = ["-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--data-checksums", "--no-instructions"]
        status = self._spawn([str(self.programs.initdb), "-D", str(fresh), *options], maker).wait()
        if status != 0:
            raise StoreError(
                f"initdb failed in {self.home.directory} (exit status {status}):{tail(self.home.log)}",
                code="store/start-failed",
                directory=str(self.home.directory),
                status=status,
            )

    def _spawn(self, command: list[str], who: Identity) -> subprocess.Popen[bytes]:
        """Run a program as this user, into the log; it holds the lock, and ends with this process."""
        assert self.lock is not None
        # PGPORT, PGDATA and their like are about some other server.
        env = {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}
        with open(self.home.log, "ab", opener=partial(os.open, mode=0o600)) as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=env,
                pass_fds=(self.lock.fd,),
                preexec_fn=partial(become, who, os.getpid()),  # noqa: PLW1509 - this process has one thread
            )

    def _write(self, path: Path, text: str) -> None:
        path.write_text(text, "utf-8")
        self._give(path)

    def _give(self, path: Path) -> None:
        if self.who.uid is not None and self.who.gid is not None:
            os.chown(path, self.who.uid, self.who.gid)

    def _in_use(self, pid: int | None) -> StoreError:
        return StoreError(
            f"another PostgreSQL (process {pid}) serves {self.home.pg}, and factstore did not start it: stop it first",
            code="store/in-use",
            directory=str(self.home.directory),
            pid=pid,
        )


def _rotate(home: Home) -> None:
    with contextlib.suppress(FileNotFoundError):
        if home.log.stat().st_size > _LARGEST_LOG:
            os.replace(home.log, home.old_log)


def _postmaster(home: Home) -> int | None:
    """The process id in postmaster.pid, whoever has it now."""
    try:
        return abs(int((home.pg / "postmaster.pid").read_text("utf-8", "replace").split()[0]))
    except (OSError, ValueError, IndexError):
        return None


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_postgres_of(pid: int, data: Path) -> bool:
    """Whether the process is a PostgreSQL working in that directory; if that cannot be seen, any PostgreSQL counts."""
    if sys.platform == "linux":
        try:
            return os.path.samefile(f"/proc/{pid}/cwd", data)
        except FileNotFoundError:
            return False
        except OSError:
            pass
    name = subprocess.run(["ps", "-o", "comm=", "-p", str(pid)], capture_output=True, check=False).stdout
    return b"postgres" in name


def _chown_all(root: Path, uid: int, gid: int) -> None:
    os.chown(root, uid, gid)
    for parent, directories, files in os.walk(root):
        for name in (*directories, *files):
            os.chown(os.path.join(parent, name), uid, gid, follow_symlinks=False)
