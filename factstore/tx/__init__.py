"""Transactions, up to the point where they are written: pure functions of a db value and data.

A life: forms are walked once into columns (``forms slots gather expand operations``), values become
codes (``encode``), subjects become entities (``entities claims resolve``), what was said becomes
what changes (``before retract diff apply composites``), and that is checked (``checks redefine``).
:func:`prepare` goes through the stages; a log writes the :class:`Plan`.
"""

from __future__ import annotations

from factstore.tx.forms import CURRENT_TX
from factstore.tx.operations import Function
from factstore.tx.plan import Allocation, Assertions, Counters, Plan, QuickPlan
from factstore.tx.prepare import prepare
from factstore.tx.reader import DbReader, Reader
from factstore.tx.report import TxReport
from factstore.tx.speculate import speculate
from factstore.tx.wanted import Wanted, wanted

__all__ = [
    "Allocation",
    "Assertions",
    "CURRENT_TX",
    "Counters",
    "DbReader",
    "Function",
    "Plan",
    "QuickPlan",
    "Reader",
    "TxReport",
    "Wanted",
    "prepare",
    "speculate",
    "wanted",
]
