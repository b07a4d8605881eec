"""Whether a PostgreSQL server answers on a unix socket: a login, spoken by hand.

A socket that takes connections proves little: the server may be replaying its log, or going down.
One that logs a session in and says it is ready for a query proves what the caller wants to know.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from pathlib import Path

SOCKET_NAME = ".s.PGSQL.5432"
USER = "postgres"
DATABASE = "postgres"

_PROTOCOL_3 = 196608
_LOGIN = b"user\0" + USER.encode() + b"\0database\0" + DATABASE.encode() + b"\0\0"
_TERMINATE = b"X" + struct.pack("!I", 4)


def answers(directory: Path | str, timeout: float = 5.0) -> bool:
    """Whether the server whose socket is in this directory logs a session in, within so many seconds.

    >>> answers("/nonexistent")
    False
    """
    try:
        with _connected(directory, timeout) as conn, conn.makefile("rb") as stream:
            conn.sendall(struct.pack("!II", 8 + len(_LOGIN), _PROTOCOL_3) + _LOGIN)
            ready = _ready_for_query(stream.read)
            if ready:
                conn.sendall(_TERMINATE)
            return ready
    except OSError:
        return False


def listens(directory: Path | str) -> bool:
    """Whether anything takes connections on the socket in this directory, ready or not."""
    try:
        _connected(directory, 5.0).close()
    except OSError:
        return False
    return True


def _connected(directory: Path | str, timeout: float) -> socket.socket:
    conn = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        conn.settimeout(timeout)
        conn.connect(f"{directory}/{SOCKET_NAME}")
    except BaseException:
        conn.close()
        raise
    return conn


def _ready_for_query(read: Callable[[int], bytes]) -> bool:
    """Read messages up to ReadyForQuery; an error, or the end of the stream, is a no."""
    while len(head := read(5)) == 5:
        kind, size = head[:1], struct.unpack("!I", head[1:])[0]
        read(size - 4)
        if kind in {b"Z", b"E"}:
            return kind == b"Z"
    return False
