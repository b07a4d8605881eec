"""Columns kept in a local directory, so that the next process need not ask the server for them.

A life: an attribute is loaded from the server, which took a while, and written by a thread of its own; another process
maps the file, catches it up from the log, and writes it again if that was far. A file counts only if it is of this very
store (its id, and the instant of the transaction that is its basis: a store restored from a backup has gone
another way since), and not if anything was excised after it. Nothing here is needed: what cannot be
read is loaded, what cannot be written is not.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from factstore.columns import Ints, LogRows, Rows, ints
from factstore.datom import TX0
from factstore.dictionary_entries import Entry
from factstore.errors import StoreError
from factstore.index import AttributeIndex
from factstore.index_segment import Segment
from factstore.log import rows_at
from factstore.postgres.column_file import Cached, Stamp, read, write
from factstore.postgres.entries import MANY, decoded
from factstore.postgres.mapped_file import Basis
from factstore.postgres.value_file import NO_VALUES, Values, read_values, write_values
from factstore.schema import BUILTIN, Ids
from factstore.snapshot_changes import changes_of
from factstore.snapshot_source import Facts

DISK_BYTES: Final = 4 << 30
"""The bound on a directory where none is given."""
_SLOW: Final = 0.02
"""Seconds from which on a load is worth a file."""
_FAR: Final = 1000
"""Transactions from which on a file that was caught up is written again."""
_TOO_FAR: Final = 50_000
"""Transactions from which on loading is likely to be faster than catching up."""
_VALUES: Final = "dictionary.values"
_ABANDONED: Final = 3600.0
"""Seconds after which an unfinished file has no writer any more."""

# What was excised is gone from all of the past: no catching up tells of it but this.
_REWRITING: Final = ints(sorted(a.id for a in BUILTIN if a.ident.startswith(("db/excise", "db.excise"))))


class Asked(NamedTuple):
    """What the files need of the store itself."""

    load: Callable[[Sequence[int], int], Mapping[int, Rows]]
    read: Callable[[int, int], LogRows]
    facts_of: Callable[[Ints, int], Facts]
    newest: Callable[[Ints], int]
    """The t of the newest fact of some attributes of the bootstrap, whatever t the load is about."""
    head: Callable[[], int]
    values: Callable[[Sequence[int]], Values]
    """The dictionary entries of codes."""


class LocalColumns:
    """The files of one store in a directory that it may share with others; safe between threads and processes."""

    def __init__(self, directory: Path, store: bytes, limit: int = DISK_BYTES) -> None:
        self._all = directory
        self._own = directory / store.hex()
        self._store = store
        self._limit = limit
        self._threads: list[threading.Thread] = []
        self._values: tuple[Basis | None, Values] | None = None
        try:
            self._own.mkdir(mode=0o700, parents=True, exist_ok=True)
            _bound(self._all, self._limit)
        except OSError as error:
            raise StoreError(
                f"{str(directory)!r} as cache_dir: expected a directory that can be written ({error.strerror})",
                code="store/bad-option",
            ) from None

    def load(self, attributes: Sequence[int], t: int, store: Asked) -> dict[int, Rows]:
        """What the store's own load gives, from files as far as there are any."""
        right = self._files(attributes, t, store)
        files = {attribute: file for attribute, file in right.items() if 0 <= t - file.stamp.t <= _TOO_FAR}
        found = _caught_up(files, t, store)
        stale = {attribute for attribute, file in files.items() if t - file.stamp.t >= _FAR}
        rest = [attribute for attribute in attributes if attribute not in found]
        if rest:
            began = time.monotonic()
            found.update(store.load(rest, t))
            stale.update(rest if time.monotonic() - began >= _SLOW else ())
        # A load of the past leaves a file of the present alone.
        stale.difference_update(attribute for attribute, file in right.items() if file.stamp.t > t)
        if stale:
            self._write({attribute: found[attribute] for attribute in stale}, t, store)
        return found

    def _path(self, attribute: int) -> Path:
        return self._own / f"{attribute}.columns"

    def _files(self, attributes: Iterable[int], t: int, store: Asked) -> dict[int, Cached]:
        """The files that tell what held at some transaction, and still does for all that the store says today."""
        files = {}
        for attribute in attributes:
            file = read(self._path(attribute))
            if file is not None and file.stamp[:2] == (self._store, attribute):
                files[attribute] = file
                with suppress(OSError):
                    self._path(attribute).touch()
        if not files:
            return files
        excised = store.newest(_REWRITING) if len(_REWRITING) else 0
        instants = _instants([file.stamp.t for file in files.values()], store)
        for attribute in [attribute for attribute, file in files.items() if file.stamp.t < excised]:
            del files[attribute]
            _remove(self._path(attribute))
        return {a: file for a, file in files.items() if instants.get(file.stamp.t) == file.stamp.instant}

    def _write(self, rows: Mapping[int, Rows], t: int, store: Asked) -> None:
        """Writes files in a thread, for which nobody waits but :meth:`close`."""
        instant = _instants([t], store).get(t)
        if instant is None:
            return
        self._start(self._write_now, rows, t, instant)

    def _start(self, work: Callable[..., None], *given: Any) -> None:
        thread = threading.Thread(target=work, args=given, name="columns", daemon=True)
        self._threads = [*(other for other in self._threads if other.is_alive()), thread]
        thread.start()

    def _write_now(self, rows: Mapping[int, Rows], t: int, instant: int) -> None:
        with suppress(OSError):
            for attribute, columns in rows.items():
                if 24 * len(columns.e) <= self._limit:
                    write(self._path(attribute), Stamp(self._store, attribute, t, instant), columns)
            _bound(self._all, self._limit)

    def entries(self, codes: Sequence[int], store: Asked) -> list[Entry]:
        """The dictionary entries of ``codes``, from a file as far as it has them."""
        (basis, kept), wanted = self._kept_values(store), ints(codes)
        missing = wanted[kept.find(wanted) < 0]
        found = decoded(kept, wanted)
        if len(missing):
            # An older basis is always right, and what is excised after it makes the file worthless.
            basis = (basis or self._basis(store)) if len(missing) > MANY else None
            more = store.values(missing.tolist())
            found += decoded(more, missing)
            if basis is not None:
                self._start(self._write_values, basis, kept, more)
        return found

    def _basis(self, store: Asked) -> Basis | None:
        t = store.head()
        instant = _instants([t], store).get(t)
        return None if instant is None else Basis(self._store, t, instant)

    def _kept_values(self, store: Asked) -> tuple[Basis | None, Values]:
        """What the file has, and since when it may; looked at once."""
        kept = self._values
        if kept is None:
            kept = self._values = self._read_values(store)
        return kept

    def _read_values(self, store: Asked) -> tuple[Basis | None, Values]:
        found = read_values(self._own / _VALUES)
        if found is None:
            return None, NO_VALUES
        basis, _ = found
        if basis.t < (store.newest(_REWRITING) if len(_REWRITING) else 0):
            _remove(self._own / _VALUES)
            return None, NO_VALUES
        right = basis.store == self._store and _instants([basis.t], store).get(basis.t) == basis.instant
        return found if right else (None, NO_VALUES)

    def _write_values(self, basis: Basis, kept: Values, more: Values) -> None:
        with suppress(OSError):
            values = kept.joined(more) if len(kept.codes) else more
            if 24 * len(values.codes) + len(values.data) <= self._limit:
                write_values(self._own / _VALUES, basis, values)
                self._values = None
            _bound(self._all, self._limit)

    def forget(self) -> None:
        """Removes the files of the store, from which something was taken out."""
        self.close()
        self._values = None
        for path in [*self._own.glob("*.columns"), *self._own.glob("*.values")]:
            _remove(path)

    def close(self) -> None:
        """Waits until everything is written."""
        for thread in self._threads:
            thread.join()


def _instants(ts: Sequence[int], store: Asked) -> dict[int, int]:
    """The encoded instants of those of some transactions that there are."""
    facts = store.facts_of(np.unique(TX0 + ints(ts)), max(ts))
    mine = facts.a == Ids.TX_INSTANT
    return dict(zip((facts.e[mine] - TX0).tolist(), facts.v[mine].tolist(), strict=True))


def _caught_up(files: Mapping[int, Cached], t: int, store: Asked) -> dict[int, Rows]:
    """The facts of files at ``t``."""
    first = min((file.stamp.t for file in files.values()), default=t)
    if first == t:
        return {attribute: file.rows for attribute, file in files.items()}
    log = store.read(first, t)
    log = rows_at(log, np.isin(log.a, ints(list(files))))
    return {attribute: _advanced(file, log) for attribute, file in files.items()}


def _advanced(file: Cached, log: LogRows) -> Rows:
    mine = rows_at(log, (log.a == file.stamp.attribute) & (log.tx > TX0 + file.stamp.t))
    if not len(mine.e):
        return file.rows
    change = changes_of(mine)[file.stamp.attribute]
    return AttributeIndex(Segment(file.rows)).advance(change.added, change.retracted).scan()


def _bound(directory: Path, limit: int) -> None:
    """Removes the files used longest ago, and those that a writer left behind, until all take at most ``limit``."""
    now, found = time.time(), []
    for path in directory.glob("*/*"):
        with suppress(OSError):
            stat = path.stat()
            if path.suffix == ".new" and now - stat.st_mtime > _ABANDONED:
                path.unlink()
            elif path.suffix in {".columns", ".values"}:
                found.append((stat.st_mtime, stat.st_size, path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= limit:
            return
        _remove(path)
        total -= size


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
