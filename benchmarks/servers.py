"""A PostgreSQL to measure against: one for the block, one that stays in a directory, or one that runs already."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from factstore.embedded import start


@contextmanager
def server(target: str | None) -> Iterator[str]:
    """Its DSN. ``target`` is a DSN, a directory, or None for a server that is gone after the block."""
    if target is not None and target.startswith("postgresql:"):
        yield target
        return
    # Short: the path of a socket may have 107 bytes.
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        Path(name).chmod(0o755)
        with start(Path(target or name) / "store") as started:
            yield started.dsn
