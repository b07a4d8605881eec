"""A log that is only read."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, cast

from factstore.errors import StoreError
from factstore.log.port import Log, Writer


class ReadOnly:
    """Another log, without its writer: ``store/permission`` for whoever asks for it.

    >>> from factstore.log import MemoryLog
    >>> ReadOnly.of(MemoryLog()).writer()
    Traceback (most recent call last):
    factstore.errors.StoreError: store/permission: the store was opened with read_only=True, and nothing can be written
    """

    def __init__(self, log: Log) -> None:
        self._log = log

    @classmethod
    def of(cls, log: Log) -> Log:
        """``log``, to be read."""
        return cast(Log, cls(log))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def writer(self, wanted: object = None) -> AbstractContextManager[Writer]:
        raise StoreError(
            "the store was opened with read_only=True, and nothing can be written", code="store/permission"
        )
