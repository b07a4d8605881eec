"""The frames of an export: each with its sizes, its content and a digest that leans on the one before.

A frame is ``head meta body digest``. The digest covers the digest of the frame before, so frames cannot be
left out, doubled or swapped unseen. ``docs/reference/export-format.md`` describes the format for strangers.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from hashlib import blake2b
from typing import IO, Any, Final, NamedTuple

from factstore.errors import ExportError

MAGIC: Final = b"\x89factstore export\r\n\x1a\n"
"""Like that of PNG: a transfer that changes bytes or line ends changes it."""
HEADER, TRANSACTIONS, END = b"H", b"T", b"E"
DIGEST: Final = 16

_HEAD: Final = struct.Struct("<cIQ")
_CHECKED: Final = struct.Struct("<I")
_MAX_META: Final = 1 << 20
_CHUNK: Final = 1 << 24


class Frame(NamedTuple):
    """One frame as it was read; ``end`` is the position after it, ``digest`` what the next one leans on."""

    kind: bytes
    meta: dict[str, Any]
    body: bytes
    end: int
    digest: bytes


class CutOffError(Exception):
    """The file ends inside a frame, which begins at ``start``."""

    def __init__(self, start: int) -> None:
        super().__init__(start)
        self.start = start


def framed(kind: bytes, meta: dict[str, Any], body: bytes, previous: bytes) -> tuple[bytes, bytes]:
    """A frame's bytes, and its digest."""
    text = json.dumps(meta, separators=(",", ":")).encode()
    head = _HEAD.pack(kind, len(text), len(body))
    content = head + _CHECKED.pack(zlib.crc32(head)) + text + body
    digest = blake2b(previous + content, digest_size=DIGEST).digest()
    return content + digest, digest


def frames(file: IO[bytes], name: str) -> Iterator[Frame]:
    """The frames of an export from its beginning.

    Raises :class:`CutOffError` where the file ends inside a frame; :class:`ExportError` ``export/not-an-export``,
    or ``export/damaged`` where it is not what was written.
    """
    magic = read_exactly(file, len(MAGIC))
    if magic != MAGIC:
        if MAGIC.startswith(magic):
            raise CutOffError(0)
        raise ExportError(f"{name} is not an export of a factstore", code="export/not-an-export", path=name)
    at, previous = len(MAGIC), bytes(DIGEST)
    while True:
        frame = _frame(file, name, at, previous)
        if frame is None:
            return
        yield frame
        at, previous = frame.end, frame.digest


def _frame(file: IO[bytes], name: str, at: int, previous: bytes) -> Frame | None:
    head = read_exactly(file, _HEAD.size + _CHECKED.size)
    if not head:
        return None
    if len(head) < _HEAD.size + _CHECKED.size:
        raise CutOffError(at)
    kind, meta_size, body_size = _HEAD.unpack_from(head)
    if zlib.crc32(head[: _HEAD.size]) != _CHECKED.unpack_from(head, _HEAD.size)[0] or meta_size > _MAX_META:
        raise damaged(name, at, "the head of a frame is not what was written")
    text, body, digest = read_exactly(file, meta_size), read_exactly(file, body_size), read_exactly(file, DIGEST)
    if len(digest) < DIGEST:
        raise CutOffError(at)
    if blake2b(b"".join((previous, head, text, body)), digest_size=DIGEST).digest() != digest:
        raise damaged(name, at, "the digest of a frame does not fit its content")
    end = at + len(head) + meta_size + body_size + DIGEST
    return Frame(kind, _meta(text, name, at), body, end, digest)


def _meta(text: bytes, name: str, at: int) -> dict[str, Any]:
    try:
        meta = json.loads(text)
    except (ValueError, RecursionError):
        meta = None
    if not isinstance(meta, dict):
        raise damaged(name, at, "what a frame says of itself is not a map in JSON")
    return meta


def read_exactly(file: IO[bytes], size: int) -> bytes:
    """``size`` bytes, or fewer at the end; in pieces, so that a size is not believed before the bytes are there."""
    first = file.read(min(size, _CHUNK))
    if not first or len(first) == size:
        return first
    pieces = [first]
    left = size - len(first)
    while left and (piece := file.read(min(left, _CHUNK))):
        pieces.append(piece)
        left -= len(piece)
    return b"".join(pieces)


def damaged(name: str, at: int, what: str) -> ExportError:
    """The error for a file that is not what was written."""
    return ExportError(f"{name} is damaged at byte {at:,}: {what}", code="export/damaged", path=name, at=at)
