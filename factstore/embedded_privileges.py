"""Running PostgreSQL when we are root: it refuses to, so it runs as another user, and only just.

The user is the owner of the store if that is not root, ``nobody`` otherwise; no account is made. Such a user
cannot pass a directory that only root may enter, and both a store below ``/root`` and a virtual
environment there are common. Instead of opening those directories the server is given one
capability: to read past permissions (or, where only that one is there to give, to ignore them).
Nobody else gains by it, since the store's directory is closed to everyone but root.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import stat
import sys
from pathlib import Path
from typing import NamedTuple

from factstore.errors import StoreError

CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, KILL, SETGID, SETUID, SETPCAP = 0, 1, 2, 5, 6, 7, 8
_NAMES = {CHOWN: "CHOWN", DAC_OVERRIDE: "DAC_OVERRIDE", KILL: "KILL", SETGID: "SETGID", SETUID: "SETUID"}
# What root itself needs: to hand files to the server's user, to become it, to reach and to stop what it made.
_NEEDED = tuple(_NAMES)

_PR_SET_PDEATHSIG, _PR_SET_SECUREBITS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 1, 28, 47, 2
_NO_SETUID_FIXUP = 1 << 2
_CAPABILITY_VERSION_3 = 0x20080522
_NOBODY = 65534


class Identity(NamedTuple):
    """Who the server runs as: ids, and the capabilities it keeps; ``None`` ids mean as we are."""

    uid: int | None = None
    gid: int | None = None
    capabilities: tuple[int, ...] = ()

    def called_nobody(self) -> Identity:
        """The same capabilities under a name that systems have."""
        uid, gid = nobody()
        return self._replace(uid=uid, gid=gid)


def identity(owner: os.stat_result, program: Path) -> Identity:
    """Who runs ``program`` on a store of this owner.

    Raises StoreError ``store/root`` where this root (or this system) cannot run a server.
    """
    if os.geteuid() != 0:
        return Identity()
    if sys.platform != "linux":
        raise StoreError("PostgreSQL does not run as root on this system: start as an ordinary user", code="store/root")
    held = capabilities()
    missing = [_NAMES[each] for each in _NEEDED if each not in held]
    if missing:
        raise StoreError(
            f"this root may not run PostgreSQL as another user, it lacks the capabilities {', '.join(missing)}: "
            "grant them, or start as an ordinary user",
            code="store/root",
            missing=missing,
        )
    uid, gid = (owner.st_uid, owner.st_gid) if owner.st_uid else nobody()
    return Identity(uid, gid, _kept(held, program))


def nobody() -> tuple[int, int]:
    """The ids of the user who owns nothing.

    >>> 0 in nobody()
    False
    """
    import pwd  # not on Windows, where `import factstore` still has to work

    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return _NOBODY, _NOBODY
    return entry.pw_uid or _NOBODY, entry.pw_gid or _NOBODY


def has_name(uid: int) -> bool:
    """Whether the system knows a user of this id; containers often run as one it does not.

    >>> has_name(0)
    True
    """
    import pwd

    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def capabilities() -> set[int]:
    """The numbers of the capabilities this process has in effect (Linux)."""
    status = Path("/proc/self/status").read_text("ascii", errors="replace")
    words = [line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")]
    return {bit for bit in range(64) if int(words[0], 16) >> bit & 1} if words else set(_NEEDED)


def become(who: Identity, parent: int) -> None:
    """Turn this process, a child about to exec, into the given identity, to end with its parent.

    PostgreSQL checks files with ``access()``, which ignores the capabilities of an ordinary user unless the
    secure bit below says otherwise; the same bit keeps capabilities over ``setresuid``.
    """
    if who.uid is not None and who.gid is not None:
        if who.capabilities:
            _prctl(_PR_SET_SECUREBITS, _NO_SETUID_FIXUP)
        with contextlib.suppress(PermissionError):  # forbidden in some user namespaces, and no loss
            os.setgroups([])
        os.setresgid(who.gid, who.gid, who.gid)
        os.setresuid(who.uid, who.uid, who.uid)
        if who.capabilities:
            _keep_only(who.capabilities)
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)


def can_become(who: Identity) -> bool:
    """Whether the kernel lets a process be this identity, tried in a child.

    Some sandboxes know no ambient capabilities, some containers no other user than root.
    """
    pid = os.fork()
    if pid == 0:
        status = 1
        with contextlib.suppress(BaseException):
            become(who, os.getppid())
            status = 0
        os._exit(status)
    return os.waitpid(pid, 0)[1] == 0


def closed_to(path: Path, uid: int, gid: int) -> Path | None:
    """The first directory on the way to ``path`` that this user may not pass, None if there is none.

    >>> closed_to(Path("/"), 65534, 65534) is None
    True
    """
    way = [*reversed(path.parents), *([path] if path.is_dir() else [])]
    return next((each for each in way if not _may_pass(each.stat(), uid, gid)), None)


def _may_pass(entry: os.stat_result, uid: int, gid: int) -> bool:
    if entry.st_uid == uid:
        return bool(entry.st_mode & stat.S_IXUSR)
    if entry.st_gid == gid:
        return bool(entry.st_mode & stat.S_IXGRP)
    return bool(entry.st_mode & stat.S_IXOTH)


def _kept(held: set[int], program: Path) -> tuple[int, ...]:
    """The least that lets the server pass: reading past permissions, unless only root may run the program."""
    if SETPCAP not in held:
        return ()
    runnable = program.stat().st_mode & stat.S_IXOTH
    return (DAC_READ_SEARCH,) if DAC_READ_SEARCH in held and runnable else (DAC_OVERRIDE,)


def _keep_only(kept: tuple[int, ...]) -> None:
    """Drop every capability but these, and make these survive exec."""
    mask = sum(1 << each for each in kept)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    # effective, permitted, inheritable; low words, then high words
    data = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
    _checked(_LIBC.capset(header, data))
    for each in kept:
        _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, each)


def _prctl(option: int, *arguments: int) -> None:
    words = [ctypes.c_ulong(each) for each in (*arguments, 0, 0, 0, 0)[:4]]
    _checked(_LIBC.prctl(ctypes.c_int(option), *words))


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


# Loaded before any fork: a child about to exec should not load libraries.
_LIBC = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else ctypes.CDLL("msvcrt")
