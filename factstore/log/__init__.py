"""Where commits are kept: the port every store implements, and the one that lives in memory."""

from __future__ import annotations

from factstore.log.erasure import Erasure
from factstore.log.memory import MemoryLog
from factstore.log.port import (
    FIRST_CODE,
    Assertions,
    Counters,
    Log,
    Pending,
    Plan,
    Wanted,
    Writer,
    advance_schema,
    bootstrap,
    changed_plan,
    last_excision,
    operations,
    rows_at,
    schema_at,
    values_in,
)
from factstore.log.read_only import ReadOnly

__all__ = [
    "Assertions",
    "Counters",
    "Erasure",
    "FIRST_CODE",
    "Log",
    "MemoryLog",
    "Pending",
    "Plan",
    "ReadOnly",
    "Wanted",
    "Writer",
    "advance_schema",
    "bootstrap",
    "changed_plan",
    "last_excision",
    "operations",
    "rows_at",
    "schema_at",
    "values_in",
]
