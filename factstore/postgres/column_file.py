"""One attribute's facts at one basis, as a file that is mapped into memory as it is.

A header of fixed size says whose facts they are and as of when, and has checksums of itself and of the rest; then
come the columns e, v and tx, as the int64s of this machine. Whatever is wrong with a file, it counts as not there.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
import threading
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from factstore.columns import EMPTY, Rows

_MAGIC: Final = b"fscols1" + sys.byteorder[:1].encode()
_HEADER: Final = struct.Struct("<8s16sqqqqI")
_CHECK: Final = struct.Struct("<I")
_START: Final = 128
"""Where the columns begin."""


class Stamp(NamedTuple):
    """Whose facts: the store's id, the attribute's, and the basis: its t and the instant of that transaction."""

    store: bytes
    attribute: int
    t: int
    instant: int


class Cached(NamedTuple):
    """What a file says."""

    stamp: Stamp
    rows: Rows


def write(path: Path, stamp: Stamp, rows: Rows) -> int:
    """Puts a file in place, all at once, whoever may be reading or writing it; its size. Raises OSError.

    Not flushed to the disk: after a power cut the checksum finds what did not get there.
    """
    bodies = [np.ascontiguousarray(column).view(np.uint8).data for column in rows] if len(rows.e) else []
    check = 0
    for body in bodies:
        check = zlib.crc32(body, check)
    header = _HEADER.pack(_MAGIC, *stamp, len(rows.e), check)
    header += _CHECK.pack(zlib.crc32(header))
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.new")
    try:
        with unfinished.open("wb") as file:
            file.write(header.ljust(_START, b"\0"))
            for body in bodies:
                file.write(body)
        unfinished.replace(path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise
    return _START + sum(map(len, bodies))


def read(path: Path) -> Cached | None:
    """What a file says, its columns mapped and read-only; None if there is none, or it is not whole."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < _START:
                return None
            mapped = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
    except (OSError, ValueError):
        return None
    (check,) = _CHECK.unpack_from(mapped, _HEADER.size)
    if check != zlib.crc32(mapped[: _HEADER.size]):
        return None
    magic, *stamp, count, check = _HEADER.unpack_from(mapped)
    if magic != _MAGIC or count < 0 or size != _START + 24 * count:
        return None
    if check != zlib.crc32(memoryview(mapped)[_START:]):
        return None
    return Cached(Stamp(*stamp), _columns(mapped, count))


def _columns(mapped: mmap.mmap, count: int) -> Rows:
    if not count:
        return Rows(EMPTY, EMPTY, EMPTY)
    return Rows(*np.frombuffer(mapped, dtype=np.int64, offset=_START).reshape(3, count))
