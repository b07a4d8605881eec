"""Where commits are kept: the port every store implements, and the one that lives in memory."""

from __future__ import annotations

from factstore.log.erasure import Erasure
from factstore.log.memory import MemoryLog
from factstore.log.pending import Pending
from factstore.log.port import (
    FIRST_CODE,
    Assertions,
    Counters,
    Log,
    Plan,
    Sizes,
    Wanted,
    Writer,
    changed_plan,
    changed_stretch,
)
from factstore.log.read_only import ReadOnly
from factstore.log.rows import last_excision, operations, rows_at, values_in
from factstore.log.schema_of import advance_schema, bootstrap, defined_by, defining, schema_at
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
