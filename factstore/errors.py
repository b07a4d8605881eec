"""The error tree: every error has a code, a message for people and data for programs.

::

    FactstoreError
    ├── EdnError            edn/…      text that is not EDN
    ├── InvalidValue        value/…    a value its type does not allow
    ├── SchemaError         schema/…   an attribute that is unknown, wrong, or may not change
    ├── TransactionError    tx/…       transaction data that is refused
    ├── EntityError         entity/…   an entity that is not there
    ├── QueryError          query/…    a query that is wrong, or too large, or too slow
    ├── LogError            log/…      the log cannot be read or written
    ├── StoreError          store/…    a store that cannot be opened or started
    └── ExportError         export/…   a file of an exported store that cannot be written, read or imported
"""

from __future__ import annotations

from typing import Any


class FactstoreError(Exception):
    """The root of the tree.

    ``code`` is stable and of the form ``stage/name``; ``message`` is a lower-case sentence that
    names what was seen, what was expected, and where; ``data`` holds the same as values.

    >>> e = FactstoreError("no attribute :person/nmae", code="schema/unknown-attribute", attribute="person/nmae")
    >>> str(e)
    'schema/unknown-attribute: no attribute :person/nmae'
    >>> e.data["attribute"]
    'person/nmae'
    """

    def __init__(self, message: str, *, code: str, **data: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.data = data

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.code, self.data)


def _rebuild(kind: type[FactstoreError], message: str, code: str, data: dict[str, Any]) -> FactstoreError:
    return kind(message, code=code, **data)


class EdnError(FactstoreError):
    """Text that is not EDN; ``data`` has ``line`` and ``column``, both from 1."""


class InvalidValue(FactstoreError):
    """A value that its type does not allow (``value/…``)."""


class SchemaError(FactstoreError):
    """An attribute that is unknown, wrongly defined, or may not be changed so (``schema/…``)."""


class TransactionError(FactstoreError):
    """Transaction data that is refused; nothing of the transaction was written (``tx/…``)."""


class EntityError(FactstoreError):
    """An entity, lookup ref or ident that is not there (``entity/…``)."""


class QueryError(FactstoreError):
    """A query that is wrong, or asks for too much (``query/…``)."""


class LogError(FactstoreError):
    """The log cannot be read or written (``log/…``)."""


class StoreError(FactstoreError):
    """A store that cannot be created, opened or started (``store/…``)."""


class ExportError(FactstoreError):
    """An export that cannot be written or read, or that the store it meets does not continue (``export/…``)."""


def caret(text: str, line: int, column: int) -> str:
    """The line of ``text`` and a caret under ``column`` (both from 1), indented for a message.

    >>> print(caret("[:find ?x\\n :where]", 2, 2))
      |  :where]
      |  ^
    """
    lines = text.split("\n")
    shown = lines[min(line, len(lines)) - 1].rstrip("\r").replace("\t", " ")
    start = max(0, column - 60)
    return f"  | {shown[start : start + 120]}\n  | {' ' * (column - 1 - start)}^"
