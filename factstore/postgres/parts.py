"""Part of what a plan or a stretch of the log would write, as a plan again: for the statements that take one."""

from __future__ import annotations

from typing import NamedTuple

from factstore.columns import Ints
from factstore.dictionary_entries import Entry
from factstore.log import Assertions
from factstore.schema import Schema


class Facts(NamedTuple):
    """Encoded facts: an :class:`~factstore.log.Assertions`."""

    e: Ints
    a: Ints
    vt: Ints
    v: Ints


class Part(NamedTuple):
    """A :class:`~factstore.log.Plan`."""

    t: int
    entries: tuple[Entry, ...]
    added: Assertions
    retracted: Assertions
    next_e: int
    next_v: int
    schema: Schema
