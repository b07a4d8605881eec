"""The settings an embedded server runs with, written to ``pg/factstore.conf`` at every start.

``ALTER SYSTEM`` overrides any of them, for those who know better.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

FILE = "factstore.conf"
INCLUDE = f"\ninclude_if_exists = '{FILE}'  # written by factstore at every start\n"
# Whoever reaches the socket is in: it lies in a directory that only the owner enters. No line for TCP.
HBA = "# who may connect: whoever reaches the socket\nlocal all all trust\n"

MB = 1 << 20
_LARGEST_BUFFERS = 512 * MB
_SMALLEST_BUFFERS = 16 * MB
# A container's memory limit, cgroup v2 and v1; both are files that may not be there.
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def conf() -> str:
    """The text of the settings file for this machine.

    >>> "fsync = on" in conf()
    True
    """
    return "".join(f"{name} = {value}\n" for name, value in settings(memory()).items())


def settings(ram: int) -> dict[str, str]:
    """The settings for a machine with so many bytes of memory.

    >>> settings(2 << 30)["shared_buffers"]
    '256MB'
    """
    return {
        "shared_buffers": f"{shared_buffers(ram) // MB}MB",
        "max_wal_size": "1GB",  # bounds crash recovery to seconds
        "fsync": "on",
        "full_page_writes": "on",
        "wal_compression": "off",  # measured: three times slower small transactions
        "jit": "off",
        "random_page_cost": "1.1",
        "autovacuum": "on",
        "max_connections": "200",
        "client_connection_check_interval": "500ms",  # a killed client's statement ends, and its locks with it
        # Small containers have a /dev/shm of 64 MB, and mmap would write shared memory to disk. macOS allows
        # next to no System V memory.
        "dynamic_shared_memory_type": "sysv" if sys.platform == "linux" else "posix",
        "logging_collector": "off",
        "log_line_prefix": "'%m [%p] '",
        "log_checkpoints": "off",
    }


def shared_buffers(ram: int) -> int:
    """An eighth of memory, at most 512 MB, at least 16 MB, in whole megabytes.

    >>> [shared_buffers(ram * MB) // MB for ram in (64, 1024, 65536)]
    [16, 128, 512]
    """
    return max(_SMALLEST_BUFFERS, min(_LARGEST_BUFFERS, ram // 8)) // MB * MB


def memory(limits: Iterable[Path] = _LIMITS) -> int:
    """Bytes of memory this process may hope for: the machine's, or its container's if that is less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *(limit for path in limits if (limit := _limit(path)) is not None)])


def _limit(path: Path) -> int | None:
    """The number of bytes in a limit file; None where there is no file or it says ``max``."""
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return None
