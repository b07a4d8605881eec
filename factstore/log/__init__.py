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
    Sizes,
    Wanted,
    Writer,
    advance_schema,
    bootstrap,
    changed_plan,
    changed_stretch,
    defined_by,
    defining,
    last_excision,
    operations,
    rows_at,
    schema_at,
    values_in,
)
from factstore.log.read_only import ReadOnly
from factstore.log.stretch import NO_ENTRIES, Entries, Settled, Stretch, chained, same_operations, settled

__all__ = [
    "Assertions",
    "Counters",
    "Entries",
    "Erasure",
    "FIRST_CODE",
    "Log",
    "MemoryLog",
    "NO_ENTRIES",
    "Pending",
    "Plan",
    "ReadOnly",
    "Settled",
    "Sizes",
    "Stretch",
    "Wanted",
    "Writer",
    "advance_schema",
    "bootstrap",
    "chained",
    "changed_plan",
    "changed_stretch",
    "defined_by",
    "defining",
    "last_excision",
    "operations",
    "rows_at",
    "same_operations",
    "schema_at",
    "settled",
    "values_in",
]
