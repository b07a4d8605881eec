"""The embedded server: shared, ended by the last to go, and leaving nothing behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from factstore import embedded, embedded_settings
from factstore.embedded_binaries import PACKAGE, installation, installations
from factstore.embedded_home import Home, default_directory
from factstore.embedded_lock import LockFile, until
from factstore.embedded_privileges import (
    DAC_READ_SEARCH,
    SETPCAP,
    SETUID,
    Identity,
    become,
    closed_to,
    identity,
    nobody,
)
from factstore.embedded_probe import SOCKET_NAME, answers
from factstore.errors import StoreError

ROOT = Path(__file__).resolve().parent.parent
IS_ROOT = os.geteuid() == 0
as_root = pytest.mark.skipif(not IS_ROOT, reason="needs root")

# A process that holds a server until its input ends, and then leaves by the door.
HOLDER = """
import sys
from factstore import embedded
server = embedded.start(sys.argv[1])
print(server.dsn, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def open_dir() -> Iterator[Path]:
    """A directory that every user may pass and write to, with a short name."""
    with tempfile.TemporaryDirectory(prefix="fs-") as name:
        Path(name).chmod(0o777)
        yield Path(name)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that was made once, and is not running."""
    directory = tmp_path_factory.mktemp("store") / "made"
    embedded.start(directory).close()
    return directory


def select_one(dsn: str) -> object:
    with psycopg.connect(dsn) as conn:
        row = conn.execute("select 1").fetchone()
    return row and row[0]


def query(dsn: str, statement: str) -> str:
    with psycopg.connect(dsn) as conn:
        return str((conn.execute(statement).fetchone() or [None])[0])


def holder(directory: Path, **options: object) -> subprocess.Popen[str]:
    """A process that holds the server of a directory; it does when this returns."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", HOLDER, str(directory)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, env=env, **pipes, **options)  # type: ignore[call-overload,no-any-return]


@contextlib.contextmanager
def holding(directory: Path, **options: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with holder(directory, **options) as process:
        assert process.stdout is not None
        dsn = process.stdout.readline().strip()
        try:
            yield process, dsn
        finally:
            process.kill()


def leave(process: subprocess.Popen[str]) -> None:
    process.communicate(timeout=30)


def processes_in(directory: Path) -> list[int]:
    """The processes, other than this one, that work in a directory or below it (Linux)."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            cwd = Path(os.readlink(entry / "cwd"))
            if cwd.is_relative_to(directory) and int(entry.name) != os.getpid():
                found.append(int(entry.name))
    return found


def gone(directory: Path, seconds: float = 15.0) -> bool:
    """Whether every process of a store ends within so many seconds."""
    deadline = time.monotonic() + seconds
    while processes_in(directory):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def pid_in(path: Path) -> int:
    return int(path.read_text().split()[0])


def refused(directory: Path | str, **options: float) -> StoreError:
    with pytest.raises(StoreError) as caught:
        embedded.start(directory, **options)
    return caught.value


# What a start gives.


def test_a_new_directory_becomes_a_store_that_answers(tmp_path: Path) -> None:
    with embedded.start(tmp_path / "new") as server:
        assert select_one(server.dsn) == 1
        names = {path.name for path in server.directory.iterdir()}
    assert names == {"FACTSTORE", "pg", "run", "server.log"}
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_the_server_has_its_settings(store: Path) -> None:
    shown = {"fsync": "on", "jit": "off", "data_checksums": "on", "listen_addresses": "", "max_connections": "200"}
    shown |= {"client_connection_check_interval": "500ms", "server_encoding": "UTF8", "lc_collate": "C"}
    shown.pop("lc_collate")
    with embedded.start(store) as server:
        assert {name: query(server.dsn, f"show {name}") for name in shown} == shown
        assert query(server.dsn, "select datcollate from pg_database where datname = current_database()") == "C"


def test_what_was_written_is_there_after_a_restart(store: Path) -> None:
    with embedded.start(store) as server, psycopg.connect(server.dsn) as conn:
        conn.execute("create table if not exists kept as select 17 as x")
    with embedded.start(store) as server:
        assert query(server.dsn, "select x from kept") == "17"


def test_alter_system_overrides_a_setting(store: Path) -> None:
    with embedded.start(store) as server, psycopg.connect(server.dsn, autocommit=True) as conn:
        conn.execute("alter system set max_connections = 33")
    with embedded.start(store) as server, psycopg.connect(server.dsn, autocommit=True) as conn:
        assert query(server.dsn, "show max_connections") == "33"
        conn.execute("alter system reset max_connections")


def test_a_second_hold_in_one_process_keeps_the_server(store: Path) -> None:
    one, two = embedded.start(store), embedded.start(store)
    one.close()
    one.close()
    assert select_one(two.dsn) == 1
    two.close()
    assert not answers(store / "run")


def test_threads_start_one_server(tmp_path: Path) -> None:
    servers: list[embedded.EmbeddedServer] = []
    threads = [threading.Thread(target=lambda: servers.append(embedded.start(tmp_path / "s"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log = (tmp_path / "s" / "server.log").read_text()
    for server in servers:
        server.close()
    assert (len(servers), log.count("starting PostgreSQL")) == (6, 1)


def test_a_path_too_long_for_a_socket_works(tmp_path: Path) -> None:
    deep = tmp_path / ("long, " + "x" * 100) / ("y" * 100)
    with embedded.start(deep) as server, embedded.start(deep) as other:
        assert select_one(server.dsn) == select_one(other.dsn) == 1
        assert sorted(path.name for path in deep.iterdir()) == ["FACTSTORE", "pg", "run", "server.log"]
    assert gone(deep)


def test_a_path_with_odd_characters_works(tmp_path: Path) -> None:
    with embedded.start(tmp_path / "a b%'é") as server:
        assert select_one(server.dsn) == 1


def test_the_default_directory_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("FACTSTORE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert default_directory() == Path("~/.local/share/factstore")
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert default_directory() == Path("~/.local/share/factstore")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert default_directory() == Path("/data/factstore")
    monkeypatch.setenv("FACTSTORE_HOME", str(tmp_path / "home"))
    with embedded.start() as server:
        assert server.directory == tmp_path / "home"


def test_variables_about_another_server_are_not_heard(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "6000")
    monkeypatch.setenv("PGDATA", "/nowhere")
    with embedded.start(store) as server:
        assert answers(server.directory / "run")


# Who stops it.


def test_the_first_process_to_leave_does_not_stop_it(store: Path) -> None:
    with holding(store) as (first, dsn):
        server = embedded.start(store)
        assert server.dsn == dsn
        leave(first)
        assert select_one(server.dsn) == 1
        server.close()
    assert processes_in(store) == []


def test_it_is_stopped_at_exit(store: Path) -> None:
    with holding(store) as (process, dsn):
        assert select_one(dsn) == 1
        leave(process)
        assert process.returncode == 0
    assert processes_in(store) == []


def test_a_killed_holder_leaves_nothing_running(store: Path) -> None:
    with holding(store) as (process, dsn):
        assert select_one(dsn) == 1
        process.kill()
    assert gone(store)


def test_a_killed_holder_does_not_take_it_from_others(store: Path) -> None:
    with embedded.start(store) as server, holding(store) as (process, _):
        process.kill()
        process.wait()
        time.sleep(1.0)  # twice the watcher's pause
        assert select_one(server.dsn) == 1


def test_a_process_killed_during_the_first_start_leaves_nothing_running(tmp_path: Path) -> None:
    directory = tmp_path / "s"
    with holder(directory) as process:
        while not (directory / "pg.new").exists():
            time.sleep(0.005)
        process.kill()
    assert gone(directory)
    with embedded.start(directory) as server:
        assert select_one(server.dsn) == 1


def test_an_interrupt_from_the_terminal_does_not_reach_it(store: Path) -> None:
    with holding(store, start_new_session=True) as (process, _), embedded.start(store) as server:
        os.killpg(process.pid, signal.SIGINT)
        process.wait()
        assert select_one(server.dsn) == 1


def test_a_forked_child_does_not_stop_it_at_its_exit(store: Path) -> None:
    with embedded.start(store) as server:
        pid = os.fork()
        if pid == 0:
            server.close()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        assert select_one(server.dsn) == 1
    assert processes_in(store) == []


def test_a_forked_child_outlives_its_parents_hold(store: Path) -> None:
    server = embedded.start(store)
    end, ended = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ended)
        os.read(end, 1)
        os._exit(0)
    server.close()
    assert answers(store / "run")
    os.close(ended)
    os.close(end)
    os.waitpid(pid, 0)
    assert gone(store)


def test_closing_and_starting_at_once_never_gives_a_dead_server(store: Path) -> None:
    seen: list[object] = []

    def use() -> None:
        for _ in range(6):
            with embedded.start(store) as server:
                seen.append(select_one(server.dsn))

    threads = [threading.Thread(target=use) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [1] * 18


def test_a_store_removed_while_open_ends_its_server(tmp_path: Path) -> None:
    server = embedded.start(tmp_path / "s")
    pids = processes_in(tmp_path / "s")
    shutil.rmtree(tmp_path / "s")
    server.close()
    deadline = time.monotonic() + 15
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(pids) > 3
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)


# After a crash.


def test_a_killed_postgres_is_started_again(store: Path) -> None:
    with embedded.start(store) as server:
        pid = pid_in(store / "pg" / "postmaster.pid")
        os.kill(pid, signal.SIGKILL)
        with embedded.start(store) as again:
            assert select_one(again.dsn) == 1
            assert again.dsn == server.dsn
        assert pid_in(store / "pg" / "postmaster.pid") != pid


def test_a_killed_watcher_takes_postgres_along_and_is_replaced(store: Path) -> None:
    server = embedded.start(store)
    os.kill(pid_in(store / "run" / "watch"), signal.SIGKILL)
    with LockFile(store / "run" / "watch") as watch:  # let go of when the kernel has done what it was told
        assert until(watch.claim, time.monotonic() + 30)
    again = embedded.start(store)
    assert select_one(again.dsn) == 1
    server.close()
    again.close()
    assert processes_in(store) == []


def test_the_pid_of_another_process_in_a_stale_file_does_not_matter(store: Path) -> None:
    pid_file, owner = store / "pg" / "postmaster.pid", (store / "pg").stat()
    with subprocess.Popen(["sleep", "60"]) as other:
        pid_file.write_text(f"{other.pid}\n{store / 'pg'}\n1700000000\n5432\n{store / 'run'}\n\n  1 1\nready   \n")
        os.chown(pid_file, owner.st_uid, owner.st_gid)
        (store / "run" / f"{SOCKET_NAME}.lock").write_text(f"{other.pid}\n{store / 'pg'}\n1700000000\n5432\n")
        dead = socket.socket(socket.AF_UNIX)
        dead.bind(str(store / "run" / SOCKET_NAME))
        dead.close()
        with embedded.start(store) as server:
            assert select_one(server.dsn) == 1
        other.kill()


def test_a_server_started_by_hand_is_left_alone(store: Path) -> None:
    owner, postgres = (store / "pg").stat(), installation(store / "pg").postgres
    user = Identity(owner.st_uid, owner.st_gid, (DAC_READ_SEARCH,)) if IS_ROOT else Identity()
    command, log = [str(postgres), "-D", str(store / "pg"), "-k", ".", "-h", ""], subprocess.DEVNULL
    become_it = {"preexec_fn": lambda: become(user, os.getppid())}
    with subprocess.Popen(command, stderr=log, **become_it) as other:
        pid_file = store / "pg" / "postmaster.pid"
        while not pid_file.exists() or "ready" not in pid_file.read_text():
            assert other.poll() is None
            time.sleep(0.02)
        error = refused(store)
        other.send_signal(signal.SIGINT)
    assert (error.code, error.data["pid"]) == ("store/in-use", other.pid)


# What is refused.


def test_a_directory_with_other_things_in_it_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    before = tmp_path.stat()
    error = refused(tmp_path)
    assert error.code == "store/not-a-store"
    assert "letter.txt" in error.message
    assert (os.listdir(tmp_path), tmp_path.stat().st_mtime_ns) == (["letter.txt"], before.st_mtime_ns)


@pytest.mark.parametrize("below", ["file/x", "file", "/proc/x/y", "with\0nul"])
def test_a_path_where_nothing_can_be_kept(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("")
    error = refused(tmp_path / below)
    assert error.code == "store/not-writable"
    assert Path(below).name.strip("\0")[:4] in error.message
    assert os.listdir(tmp_path) == ["file"]


def test_a_newer_layout_is_refused(tmp_path: Path) -> None:
    (tmp_path / "FACTSTORE").write_text("factstore 99\n")
    assert refused(tmp_path).code == "store/newer-version"


@pytest.mark.parametrize(("major", "code"), [(99, "store/newer-version"), (9, "store/older-version")])
def test_data_of_another_postgres_is_refused(tmp_path: Path, major: int, code: str) -> None:
    (tmp_path / "FACTSTORE").write_text("factstore 1\n")
    (tmp_path / "pg").mkdir()
    (tmp_path / "pg" / "PG_VERSION").write_text(f"{major}\n")
    assert refused(tmp_path).code == code


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    embedded.start(tmp_path / "s").close()
    with (tmp_path / "s" / "pg" / "postgresql.conf").open("a") as conf:
        conf.write("shared_buffers = lots\n")
    error = refused(tmp_path / "s")
    assert error.code == "store/start-failed"
    assert "shared_buffers" in error.message
    assert processes_in(tmp_path) == []


def test_a_failed_first_start_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = installations()[-1]
    fake = tmp_path / "bin"
    fake.mkdir()
    (fake / "initdb").write_text("#!/bin/sh\necho no luck today >&2\nexit 3\n")
    shutil.copy(broken.postgres, fake / "postgres")
    (fake / "initdb").chmod(0o755)
    monkeypatch.setattr(embedded, "installation", lambda data: broken._replace(programs=fake))
    error = refused(tmp_path / "above" / "s")
    assert error.code == "store/start-failed"
    assert "no luck today" in error.message
    assert os.listdir(tmp_path) == ["bin"]


def test_no_programs_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert refused(tmp_path / "s").code == "store/no-server"
    assert os.listdir(tmp_path) == []


def test_a_start_that_takes_too_long_is_an_error_and_ends(store: Path) -> None:
    assert refused(store, timeout=0.0).code == "store/timeout"
    assert gone(store)


# What it leaves alone.


def test_finding_the_programs_imports_nothing() -> None:
    look = "from factstore.embedded_binaries import installations\nassert installations()"
    code = f"import sys\n{look}\nsys.exit({PACKAGE!r} in sys.modules)"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert subprocess.run([sys.executable, "-c", code], check=False, env=env).returncode == 0


def test_nothing_outside_the_directory_is_changed(tmp_path: Path) -> None:
    def seen() -> dict[str, object]:
        parents = [tmp_path, *tmp_path.parents]
        outside = {str(path): (path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path in parents}
        return {**outside, "users": Path("/etc/passwd").read_bytes(), "temp": private_temp()}

    before = seen()
    with embedded.start(tmp_path / "s") as server:
        select_one(server.dsn)
        shared = shared_memory(processes_in(tmp_path))
    assert seen() == before
    assert [name for name in shared if Path(name).exists()] == []
    assert processes_in(tmp_path) == []


def private_temp() -> list[str]:
    return sorted(name for name in os.listdir(tempfile.gettempdir()) if name.startswith("factstore-"))


def shared_memory(pids: list[int]) -> set[str]:
    """The shared memory files that processes have mapped (Linux); those of others are none of ours."""
    found: set[str] = set()
    for pid in pids:
        with contextlib.suppress(OSError):  # a worker of the server may end at any time
            lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
            found.update(line.split()[-1] for line in lines if " /dev/shm/" in line)
    return found


def test_a_large_log_is_rotated(store: Path) -> None:
    (store / "server.log").write_bytes(b"x" * (11 << 20))
    embedded.start(store).close()
    assert (store / "server.log.1").stat().st_size == 11 << 20
    assert (store / "server.log").stat().st_size < 1 << 20


@pytest.mark.parametrize(("limit", "expected"), [("max\n", None), ("268435456\n", 1 << 28), ("", None)])
def test_a_containers_memory_limit_counts(tmp_path: Path, limit: str, expected: int | None) -> None:
    (tmp_path / "memory.max").write_text(limit)
    machine = embedded_settings.memory([])
    assert embedded_settings.memory([tmp_path / "memory.max", tmp_path / "none"]) == min(machine, expected or machine)


def test_a_lock_is_given_up_with_its_file(tmp_path: Path) -> None:
    with LockFile(tmp_path / "lock") as one, LockFile(tmp_path / "lock") as two:
        assert [one.claim(), two.share(), two.claim()] == [True, False, False]
        one.close()
        assert two.claim()
        (tmp_path / "lock").unlink()
        assert not two.is_at_its_path()


# Root, and not.


@as_root
def test_root_runs_it_as_nobody_in_a_directory_that_only_root_enters(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with embedded.start(tmp_path / "s") as server:
        status = Path(f"/proc/{pid_in(server.directory / 'pg' / 'postmaster.pid')}/status").read_text()
        assert select_one(server.dsn) == 1
    assert f"Uid:\t{nobody()[0]}\t" in status
    assert f"CapEff:\t{1 << DAC_READ_SEARCH:016x}" in status


@as_root
def test_root_runs_programs_that_only_root_reaches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newest, mine = installations()[-1], tmp_path / "venv"
    package = newest.programs.parent.parent
    shutil.copytree(newest.programs.parent, mine / PACKAGE / "pg", ignore=shutil.ignore_patterns("*.a", "include"))
    shutil.copytree(package.with_name(f"{PACKAGE}.libs"), mine / f"{PACKAGE}.libs")
    for path in (mine, *mine.rglob("*")):
        path.chmod(path.stat().st_mode & 0o700)
    programs = newest._replace(programs=mine / PACKAGE / "pg" / "bin")
    monkeypatch.setattr(embedded, "installation", lambda data: programs)
    with embedded.start(tmp_path / "s") as server:
        assert select_one(server.dsn) == 1


@as_root
def test_root_uses_a_users_store_as_that_user(open_dir: Path) -> None:
    directory = open_dir / "s"
    directory.mkdir()
    os.chown(directory, 12345, 12346)
    with embedded.start(directory) as server:
        assert select_one(server.dsn) == 1
    owners = {(path.stat().st_uid, path.stat().st_gid) for path in (directory, *directory.rglob("*"))}
    assert owners == {(12345, 12346)}


@as_root
def test_a_user_needs_no_root(open_dir: Path) -> None:
    # The Python that runs the tests may lie where only root passes; that one capability is no root.
    user = Identity(*nobody(), (DAC_READ_SEARCH,))
    with holding(open_dir / "s", preexec_fn=lambda: become(user, os.getppid())) as (process, dsn):
        assert select_one(dsn) == 1
        with embedded.start(open_dir / "s") as server:  # and root may join
            assert server.dsn == dsn
        leave(process)
    assert processes_in(open_dir) == []
    assert {path.stat().st_uid for path in (open_dir / "s").rglob("*")} == {nobody()[0]}


@as_root
def test_a_user_without_a_name_is_told_so(open_dir: Path) -> None:
    user = Identity(12345, 12345, (DAC_READ_SEARCH,))
    with holder(open_dir / "s", preexec_fn=lambda: become(user, os.getppid())) as process:
        said = process.communicate(timeout=30)[1]
    assert "store/no-user-name: " in said
    assert "user 12345" in said
    assert os.listdir(open_dir) == []


def without(*capabilities: int) -> None:
    """In a child about to exec: never have these again. 24 is PR_CAPBSET_DROP."""
    for each in capabilities:
        ctypes.CDLL(None).prctl(24, each, 0, 0, 0)


@as_root
def test_root_without_ambient_capabilities_works_where_the_way_is_open(open_dir: Path) -> None:
    if closed_to(installations()[-1].programs, *nobody()):
        pytest.skip("the server's user cannot reach the programs")
    with holding(open_dir / "s", preexec_fn=lambda: without(SETPCAP)) as (process, dsn):
        assert select_one(dsn) == 1
        leave(process)
    assert stat.S_IMODE((open_dir / "s").stat().st_mode) == 0o711


@as_root
@pytest.mark.parametrize(("lost", "code", "named"), [(SETPCAP, "not-accessible", "shut"), (SETUID, "root", "SETUID")])
def test_root_that_cannot_run_it_is_told_why(open_dir: Path, lost: int, code: str, named: str) -> None:
    (open_dir / "shut").mkdir(mode=0o700)
    with holder(open_dir / "shut" / "s", preexec_fn=lambda: without(lost)) as process:
        said = process.communicate(timeout=30)[1]
    assert f"store/{code}: " in said
    assert named in said.splitlines()[-1]
    assert os.listdir(open_dir / "shut") == []


def test_an_ordinary_user_runs_it_as_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert identity(tmp_path.stat(), tmp_path) == Identity()


def test_the_paths_of_a_home_are_inside_it() -> None:
    home = Home(Path("/srv/s"))
    paths = [getattr(home, name) for name, value in vars(Home).items() if isinstance(value, property)]
    assert len(paths) >= 10
    assert all(path.is_relative_to("/srv/s") for path in paths)


def test_it_starts_in_a_process_with_very_many_files_open(store: Path) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and most < 1200:
        pytest.skip("a process may not have so many files open here")
    code = (
        "import os, resource, sys; from factstore.embedded import start; "
        f"resource.setrlimit(resource.RLIMIT_NOFILE, (1200, {most})); "
        "held = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]; start(sys.argv[1]).close()"
    )
    subprocess.run([sys.executable, "-c", code, str(store)], check=True)
