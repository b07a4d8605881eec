"""An export, read from its beginning to its end: checked frame by frame, a block at a time in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from factstore.errors import ExportError
from factstore.portable.blocks import Block, from_frame
from factstore.portable.frames import END, HEADER, TRANSACTIONS, CutOffError, Frame, damaged, frames

FORMAT: Final = "factstore-export"
VERSION: Final = 1

Target = str | os.PathLike[str] | IO[bytes]
"""A path, or a binary file that is open already."""


class ExportSummary(NamedTuple):
    """What a file of an exported store holds, as :func:`check_export` found it."""

    t: int
    """Its newest transaction; -1 if it has not even the bootstrap."""
    datoms: int
    """Operations, the bootstrap's among them."""
    entries: int
    """Dictionary entries."""
    blocks: int
    bytes: int
    """Of the file, as far as its last whole block."""
    complete: bool
    """False if the export was interrupted: what is there is whole, and has no end mark."""
    header: dict[str, Any]


class Export:
    """An open file of an exported store; ``t``, ``bytes`` and ``complete`` are as of what was read so far."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self.name = name
        self.t = -1
        self.bytes = 0
        self.digest = b""
        self.complete = False
        self._frames = self._until_cut_off(frames(file, name))
        self.header = self._header()

    def frames(self) -> Iterator[Frame]:
        """The frames with transactions, in order and without a gap."""
        for frame in self._frames:
            if self.complete or frame.kind not in (TRANSACTIONS, END):
                raise self._damaged("a frame follows that has no place here")
            if frame.kind == END:
                self.complete = True
                continue
            upto = frame.meta.get("upto")
            if frame.meta.get("after") != self.t or type(upto) is not int or (self.t < 0) != (upto == 0):
                raise self._damaged(f"a block does not begin after transaction {self.t}, or not with the bootstrap")
            self.t = upto
            self._past(frame)
            yield frame

    def blocks(self) -> Iterator[Block]:
        """The blocks of transactions."""
        for frame in self.frames():
            yield self.block(frame)

    def block(self, frame: Frame) -> Block:
        """The content of a frame."""
        try:
            return from_frame(frame.meta, frame.body)
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError, MemoryError) as error:
            raise damaged(self.name, frame.end, f"a block cannot be read: {error}") from None

    def _header(self) -> dict[str, Any]:
        frame = next(self._frames, None)
        if frame is None:
            return {}
        if frame.kind != HEADER or frame.meta.get("format") != FORMAT:
            raise self._damaged("it does not begin with a header")
        if frame.meta.get("version") != VERSION:
            raise ExportError(
                f"{self.name} has version {frame.meta.get('version')} of the format: this library knows {VERSION}",
                code="export/version",
                path=self.name,
                version=frame.meta.get("version"),
            )
        self._past(frame)
        return frame.meta

    def _until_cut_off(self, every: Iterator[Frame]) -> Iterator[Frame]:
        try:
            yield from every
        except CutOffError:
            self.complete = False

    def _past(self, frame: Frame) -> None:
        self.bytes, self.digest = frame.end, frame.digest

    def _damaged(self, what: str) -> ExportError:
        return damaged(self.name, self.bytes, what)


def check_export(path: Target) -> ExportSummary:
    """Reads a whole export and checks every byte of it; nothing is written.

    Raises :class:`ExportError` ``export/no-file``, ``export/not-an-export``, ``export/version`` or
    ``export/damaged``. A file that merely ends early is no error here: it is not ``complete``.

    >>> import factstore, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "empty.facts"
    >>> moved = factstore.connect("memory:").export(path)
    >>> summary = check_export(path)
    >>> summary.t, summary.complete, summary.datoms == moved.datoms
    (0, True, True)
    """
    datoms = entries = blocks = 0
    with opened(path) as (file, name):
        export = Export(file, name)
        for block in export.blocks():
            datoms, entries, blocks = datoms + len(block.rows.e), entries + len(block.entries.code), blocks + 1
        return ExportSummary(export.t, datoms, entries, blocks, export.bytes, export.complete, export.header)


@contextmanager
def opened(target: Target) -> Iterator[tuple[IO[bytes], str]]:
    """A file to read, and what to call it; ``export/no-file`` if it cannot be opened."""
    if not isinstance(target, str | os.PathLike):
        yield target, str(getattr(target, "name", "the stream"))
        return
    try:
        with Path(target).open("rb") as file:
            yield file, str(target)
    except OSError as error:
        raise no_file(target, error) from None


def no_file(target: object, error: OSError) -> ExportError:
    """The error for a file that the system will not let us have."""
    reason = error.strerror or str(error)
    return ExportError(f"{target} cannot be used: {reason}", code="export/no-file", path=str(target))
