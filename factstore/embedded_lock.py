"""Lock files: what the processes that share an embedded server agree by.

The locks are ``flock`` locks. The kernel gives them up when the last process that has the open file
is gone, however it went, so no lock is ever stale and no process id has to be trusted. A forked child shares its
parent's open file, and so holds what the parent holds until both are gone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

_PAUSE = 0.01


class LockFile:
    """An open lock file, not yet locked; ``close`` (or the end of a ``with`` block) gives up its lock.

    Two ``LockFile`` objects of one path exclude each other inside one process too, so threads need
    nothing else.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     with LockFile(Path(name, "a")) as one, LockFile(Path(name, "a")) as two:
    ...         one.share(), two.share(), two.claim()
    (True, True, False)
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def __enter__(self) -> LockFile:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def claim(self) -> bool:
        """Lock it for this holder alone, if that is possible at once."""
        return self._lock(exclusive=True)

    def share(self) -> bool:
        """Lock it together with other sharers, if that is possible at once."""
        return self._lock(exclusive=False)

    def close(self) -> None:
        """Close the file. The lock goes with the last copy of the descriptor, so not before a forked child's."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def is_at_its_path(self) -> bool:
        """Whether the file is still the one under its name: a removed store takes its lock files with it."""
        try:
            return os.path.samestat(os.fstat(self.fd), os.stat(self.path))
        except FileNotFoundError:
            return False

    def _lock(self, *, exclusive: bool) -> bool:
        import fcntl  # not on Windows, where `import factstore` still has to work

        try:
            fcntl.flock(self.fd, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def until(attempt: Callable[[], bool], deadline: float) -> bool:
    """Try again and again until it succeeds or ``time.monotonic()`` passes the deadline; whether it did.

    >>> until(lambda: True, 0.0)
    True
    """
    while not attempt():
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE)
    return True
