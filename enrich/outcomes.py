"""What asking a source about one entity can come to: one of five outcomes.

A source itself answers with a payload, :class:`Partial`, :class:`Gone` or an exception per id; the
rest is told from comparing what it says with what was known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from enrich.errors import EnrichError

EntityMap = Mapping[str, Any]
"""Attribute names to values; a value may be a :class:`~enrich.uris.Ref`, a list or set holds many."""


class Gone(msgspec.Struct, frozen=True):
    """The source says for certain that it has no such entity (404, 410)."""


class Partial(msgspec.Struct, frozen=True):
    """Part of what the source knows: as a source's answer around a payload, as an outcome with its entity maps.

    What a partial payload says is asserted; what it leaves out is not taken as untrue.
    """

    payload: Any
    maps: tuple[EntityMap, ...] = ()


class Found(msgspec.Struct, frozen=True):
    """All the source knows: the payload, the entity maps made of it, and the hash of these."""

    payload: Any
    maps: tuple[EntityMap, ...]
    hash: int


class Unchanged(msgspec.Struct, frozen=True):
    """The source says what it said before."""

    hash: int


class Failed(msgspec.Struct, frozen=True):
    """No answer now, and why; nothing may be concluded about the entity."""

    error: EnrichError


Outcome = Found | Unchanged | Partial | Gone | Failed
