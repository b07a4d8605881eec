"""A store to a file: block after block, from where the file ends.

What is in a file already is not written again: an export that was interrupted goes on behind its last
whole block, and a later export adds what is new.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import numpy as np

from factstore.columns import LogRows, member
from factstore.datom import FIRST_ENTITY, TX0
from factstore.errors import ExportError, LogError
from factstore.log import FIRST_CODE, Log, same_operations
from factstore.portable.ahead import ahead
from factstore.portable.blocks import Block, to_frame
from factstore.portable.frames import DIGEST, END, HEADER, MAGIC, TRANSACTIONS, framed
from factstore.portable.reading import FORMAT, VERSION, Export, Target, no_file
from factstore.values import ValueType

ROWS: Final = 200_000
"""Operations of one block, unless one transaction alone has more: a few dozen MB while it is made."""


class Progress(NamedTuple):
    """How far an export or import has come."""

    t: int
    """The newest transaction that is there."""
    datoms: int
    """Operations moved so far by this call."""
    fraction: float | None
    """From 0 to 1; None where the size of the source cannot be known."""


class Transfer(NamedTuple):
    """What one export or import moved: only what was not there before."""

    t: int
    """The newest transaction on the other side now."""
    transactions: int
    datoms: int
    """Operations, the bootstrap's among them where it was moved."""
    bytes: int
    """Written to the file, or read from it."""


OnProgress = Callable[[Progress], object] | None


class _Place(NamedTuple):
    """Where an export goes on."""

    t: int
    next_e: int
    next_v: int
    code: int
    total: int
    digest: bytes
    at: int | None
    """The position behind the last whole block, 0 if there is no header yet; None in a stream, which has no past."""
    complete: bool
    last: Block | None


_START: Final = _Place(-1, FIRST_ENTITY, FIRST_CODE, 0, 0, bytes(DIGEST), None, False, None)


def export(log: Log, target: Target, upto: int | None = None, progress: OnProgress = None) -> Transfer:
    """Writes the transactions up to ``upto`` that the file does not have; see ``Connection.export``."""
    counters = log.counters()
    head = counters.t - 1
    last = head if upto is None else min(upto, head)
    with _opened(target) as (file, name, place):
        _check_continues(log, place, head, name)
        if place.complete and place.t >= last:
            return Transfer(place.t, 0, 0, 0)
        writer = _Writer(file, place)
        size, done = log.count(place.t, last), 0
        for block in ahead(_blocks(log, place, last)):
            ends = block.upto == head
            final = block._replace(next_e=counters.next_e, next_v=counters.next_v) if ends else block
            writer.write(TRANSACTIONS, *to_frame(final))
            done += len(block.rows.e)
            if progress is not None:
                progress(Progress(block.upto, done, done / size if size else 1.0))
        written = max(place.t, last)
        writer.write(END, {"t": written, "total": place.total + done}, b"")
        return Transfer(written, written - max(place.t, 0), done, writer.bytes)


def _blocks(log: Log, place: _Place, last: int) -> Iterator[Block]:
    t, next_e, next_v, code, total = place[:5]
    while t < last:
        upto = 0 if t < 0 else log.reach(t, last, ROWS)
        rows = log.read(t, upto)
        interned = rows.v[rows.vt >= ValueType.STRING]
        top = max(code, int(interned.max(initial=0)))
        entries = log.entries_between(code + 1, top)
        _check_entries(interned[interned > code], entries.code)
        next_e, next_v = max(next_e, _last_entity(rows) + 1), max(next_v, top + 1)
        total += len(rows.e)
        yield Block(t, upto, rows, entries, next_e, next_v, top, total)
        t, code = upto, top


def _last_entity(rows: LogRows) -> int:
    refs = rows.v[rows.vt == ValueType.REF]
    return max(int(ids[ids < TX0].max(initial=0)) for ids in (rows.e, refs))


def _check_entries(used: Any, there: Any) -> None:
    lost = used[~member(used, there)]
    if len(lost):
        raise LogError(
            f"the dictionary has no value for code {lost[0]}", code="log/unknown-code", codes=np.unique(lost).tolist()
        )


class _Writer:
    """Frames to a file, from a place on."""

    def __init__(self, file: IO[bytes], place: _Place) -> None:
        self.bytes = 0
        self._file = file
        self._digest = place.digest
        if place.at is not None:
            file.seek(place.at)
            file.truncate()
        if not place.at:
            self._put(MAGIC)
            made = datetime.now(UTC).isoformat(timespec="seconds")
            self.write(HEADER, {"format": FORMAT, "version": VERSION, "made": made, "tx0": TX0}, b"")

    def write(self, kind: bytes, meta: dict[str, Any], body: bytes) -> None:
        data, self._digest = framed(kind, meta, body, self._digest)
        self._put(data)
        # What a killed process has flushed is there afterwards.
        self._file.flush()

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self.bytes += len(data)


def _check_continues(log: Log, place: _Place, head: int, name: str) -> None:
    """That the store is the one the file was made from, and has lost nothing since.

    Equal in their last block and of the same length, two logs are the same, but for excision: that takes
    operations out, and the length tells.
    """
    last = place.last
    if last is not None and (
        last.upto > head
        or log.count(-1, last.upto) != last.total
        or not same_operations(log.read(last.after, last.upto), last.rows)
    ):
        raise _other_store(place, head, name)


def _other_store(place: _Place, head: int, name: str) -> ExportError:
    return ExportError(
        f"{name} holds {place.total:,} datoms of {place.t} transactions that are not the beginning of this store, "
        f"which has {head} (another store, or one that was excised since): expected a new file",
        code="export/other-store",
        path=name,
        t=place.t,
    )


@contextmanager
def _opened(target: Target) -> Iterator[tuple[IO[bytes], str, _Place]]:
    if not isinstance(target, str | os.PathLike):
        yield target, str(getattr(target, "name", "the stream")), _START
        return
    try:
        path = Path(target)
        with path.open("r+b" if path.exists() else "x+b") as file:
            yield file, str(target), _place_in(file, str(target))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise no_file(target, error) from None


def _place_in(file: IO[bytes], name: str) -> _Place:
    """Where a file ends that nobody else writes to; what is behind its last whole block does not count."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ExportError(f"another process is writing {name}", code="export/in-use", path=name) from None
    found, last = Export(file, name), None
    try:
        for frame in found.frames():
            last = frame
    except ExportError as error:
        if error.code != "export/damaged":
            raise
    if last is None:
        return _START._replace(at=found.bytes, digest=found.digest or bytes(DIGEST))
    block = found.block(last)
    counters = (block.next_e, block.next_v, block.code, block.total)
    return _Place(block.upto, *counters, found.digest, found.bytes, found.complete, block)
