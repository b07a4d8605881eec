"""Transactions, up to the point where they are written: pure functions of a db value and data.

A life: forms are walked once into columns (``forms slots gather expand operations``), values become
codes (``encode``), subjects become entities (``entities claims resolve``), what was said becomes
what changes (``before retract diff apply composites``), and that is checked (``checks redefine``).
:func:`prepare` goes through the stages; a log writes the :class:`Plan`. A table comes in by another door
(``table cells tabulate``), as columns already, and goes the same way from there.
"""

from __future__ import annotations

from factstore.tx.forms import CURRENT_TX
from factstore.tx.operations import Function
from factstore.tx.plan import Allocation, Assertions, Counters, Plan, QuickPlan
from factstore.tx.prepare import prepare
from factstore.tx.reader import DbReader, Reader
from factstore.tx.report import TxReport
from factstore.tx.reported import reported
from factstore.tx.speculate import speculate
from factstore.tx.table import Table, is_table, read_table, tables
from factstore.tx.table_facts import FactTable
from factstore.tx.tabulate import Load
from factstore.tx.wanted import Wanted, wanted

__all__ = [
    "Allocation",
    "Assertions",
    "CURRENT_TX",
    "Counters",
    "DbReader",
    "FactTable",
    "Function",
    "Load",
    "Plan",
    "QuickPlan",
    "Reader",
    "Table",
    "TxReport",
    "Wanted",
    "is_table",
    "prepare",
    "read_table",
    "reported",
    "speculate",
    "tables",
    "wanted",
]
