"""Where the facts of a snapshot come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from factstore.columns import EMPTY, Intervals, Ints, Rows
from factstore.snapshot_lives import Lives


class Facts(NamedTuple):
    """Facts of several attributes: parallel arrays."""

    e: Ints
    a: Ints
    v: Ints
    tx: Ints


NO_FACTS = Facts(EMPTY, EMPTY, EMPTY, EMPTY)


class Source(Protocol):
    """Where a snapshot's facts come from: a log that can say what held at any t it has reached."""

    def size(self) -> int:
        """About how many facts hold at its end, found out at a glance."""

    def load(self, attributes: Sequence[int], t: int) -> Mapping[int, Rows]:
        """The facts of each attribute that hold at ``t``, in any order."""

    def load_intervals(self, attributes: Sequence[int], t: int) -> Mapping[int, Intervals]:
        """The facts of each attribute that ever held up to ``t``; ``end`` is FOREVER if they hold at ``t``."""

    def facts_of(self, entities: Ints, t: int) -> Facts:
        """All facts about ``entities`` that hold at ``t``."""

    def lives_of(self, entities: Ints, t: int) -> Lives:
        """All facts about ``entities`` that ever held up to ``t``."""

    def lives_to(self, entities: Ints, t: int) -> Lives:
        """All facts that ever held up to ``t`` and whose value is a ref to one of ``entities``."""

    def entities(self, beyond: int, count: int, backwards: bool) -> Ints:
        """Up to ``count`` entities next to ``beyond``, ascending, that any fact was ever about.

        They are the nearest above it, ``backwards`` the nearest below.
        """
