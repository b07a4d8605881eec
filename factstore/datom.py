"""The datom and the space its ids live in.

Entity ids are dense positive integers from one counter. Transaction ids are ``TX0 + t`` and lie far
above every entity id, so that the two can never meet; both fit a JavaScript number.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from factstore.values import Keyword

TX0: Final = 1 << 42
"""The id of transaction 0, which holds the bootstrap schema."""

FIRST_ENTITY: Final = 256
"""The first id given to a user's entity; the ids below belong to the bootstrap schema."""

FOREVER: Final = 2**63 - 1
"""``tx_to`` of a fact that still holds."""


class Datom(NamedTuple):
    """One atomic fact: entity, attribute, value, transaction, and whether it was added or retracted.

    ``e`` and ``tx`` are entity ids, ``a`` is the attribute's ident, ``v`` a Python value.

    >>> Datom(300, Keyword("person/name"), "Ann", TX0 + 7, True).a
    :person/name
    """

    e: int
    a: Keyword
    v: Any
    tx: int
    added: bool


def is_tx(entity: int) -> bool:
    """True if ``entity`` is a transaction.

    >>> is_tx(TX0 + 1), is_tx(300)
    (True, False)
    """
    return entity >= TX0
