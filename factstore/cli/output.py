"""Where an answer goes: standard output or a file, as text or in a format of Arrow's."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from factstore.cli.render import put
from factstore.errors import FactstoreError
from factstore.query import Result

_BY_SUFFIX: Final = {
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".csv": "csv",
    ".edn": "edn",
    ".feather": "arrow",
    ".json": "json",
    ".jsonl": "jsonl",
    ".parquet": "parquet",
}
_ROWS: Final = 1 << 16
"""Rows of a batch, and of a row group of Parquet."""


def format_of(given: str | None, path: str | None) -> str:
    """The format that was asked for, or that the name of the file says, or a table."""
    return given or _BY_SUFFIX.get(Path(path or "").suffix.lower(), "table")


def put_text(pieces: Iterable[str], path: str | None) -> None:
    """Writes text to standard output, or to a file, which is there only when it is whole."""
    if path is None:
        for piece in pieces:
            put(piece)
        return
    with _whole_file(path) as part, part.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        file.writelines(pieces)


def put_arrow(result: Result, format: str, limit: int | None, path: str | None) -> None:
    """Writes a result as an Arrow stream (to standard output, or for ``.arrows``), an Arrow file, or Parquet."""
    pyarrow = _pyarrow(format)
    if path is None and (sys.stdout.isatty() or format == "parquet"):
        raise FactstoreError(f"{format} is not for a terminal: expected -o FILE", code="cli/no-output", format=format)
    table = (result if result.ordered else result.sorted()).to_arrow()
    table = table if limit is None else table.slice(0, limit)
    if path is None:
        _write(pyarrow.ipc.new_stream, table, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    with _whole_file(path) as part:
        if format == "parquet":
            from pyarrow import parquet

            parquet.write_table(table, part, row_group_size=_ROWS)
        else:
            streamed = Path(path).suffix.lower() == ".arrows"
            with part.open("wb") as file:
                _write(pyarrow.ipc.new_stream if streamed else pyarrow.ipc.new_file, table, file)


def _write(opened: Callable[..., Any], table: Any, file: IO[bytes]) -> None:
    with opened(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=_ROWS)


def _pyarrow(format: str) -> Any:
    try:
        import pyarrow
        import pyarrow.ipc
    except ImportError:
        message = f"{format} needs pyarrow, which is not installed: expected pip install 'factstore[arrow]'"
        raise FactstoreError(message, code="cli/no-library", library="pyarrow") from None
    return pyarrow


@contextmanager
def _whole_file(path: str) -> Iterator[Path]:
    """A file beside the one that was asked for, which takes its name when it is whole; but a device is written to."""
    target = Path(path)
    part = target.with_name(target.name + ".part") if target.is_file() or not target.exists() else target
    try:
        yield part
        if part != target:
            os.replace(part, target)
    except BaseException as error:
        if part != target:
            part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            reason = error.strerror or str(error)
            raise FactstoreError(f"{path} cannot be written: {reason}", code="cli/no-file", path=path) from None
        raise
