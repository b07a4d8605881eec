"""Where a clause stands that is compiled to run row by row."""

from __future__ import annotations

from typing import NamedTuple

from factstore.query.language.scope import Scope
from factstore.query.rows.kinds import Kinds


class Place(NamedTuple):
    """The kinds of the variables there, which of them are bound around the clause, and where its constants go."""

    kinds: Kinds
    around: Scope
    consts: list[str]
    """The constants of the conjunction, which stand in its rows under these names."""
