"""A file of arrays that is mapped into memory as it is, if it is whole.

A header of fixed size says what it is about, and has checksums of itself and of the rest; then come the arrays,
in the byte order of this machine. Whatever is wrong with a file, it counts as not there.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
import threading
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

_HEADER: Final = struct.Struct("<8s16sqqqqqI")
_CHECK: Final = struct.Struct("<I")
_START: Final = 128
"""Where the arrays begin: aligned for any number."""


class Basis(NamedTuple):
    """Of which store a file is, by its id, and as of which of its transactions: its t and its instant."""

    store: bytes
    t: int
    instant: int


class Mapped(NamedTuple):
    """What a file says: its basis, what it is about, how many rows it has, and the bytes of its arrays."""

    basis: Basis
    about: int
    rows: int
    body: memoryview


def put(path: Path, kind: bytes, basis: Basis, bodies: Sequence[memoryview], *, about: int, rows: int) -> None:
    """Puts a file of a ``kind`` (7 bytes) in place, all at once, whoever reads or writes it. Raises OSError.

    Not flushed to the disk: after a power cut the checksum finds what did not get there.
    """
    check = 0
    for body in bodies:
        check = zlib.crc32(body, check)
    length = sum(body.nbytes for body in bodies)
    header = _HEADER.pack(_magic(kind), *basis, about, rows, length, check)
    header += _CHECK.pack(zlib.crc32(header))
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.new")
    try:
        # What the columns tell is for whom the store is, even where the directory was made by others for all.
        with open(unfinished, "wb", opener=_for_the_owner) as file:
            file.write(header.ljust(_START, b"\0"))
            for body in bodies:
                file.write(body)
        unfinished.replace(path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise


def _for_the_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def get(path: Path, kind: bytes) -> Mapped | None:
    """What a file says, its arrays read-only; None if there is none, or it is not whole."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < _START:
                return None
            whole = memoryview(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ))
    except (OSError, ValueError):
        return None
    (check,) = _CHECK.unpack_from(whole, _HEADER.size)
    if check != zlib.crc32(whole[: _HEADER.size]):
        return None
    magic, store, t, instant, about, rows, length, check = _HEADER.unpack_from(whole)
    if magic != _magic(kind) or size != _START + length or check != zlib.crc32(whole[_START:]):
        return None
    return Mapped(Basis(store, t, instant), about, rows, whole[_START:])


def _magic(kind: bytes) -> bytes:
    return kind + sys.byteorder[:1].encode()
