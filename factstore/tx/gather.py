"""What a transaction says, as columns: one per attribute, filled form by form.

A *row* is one subject in one form: a map, or an operation. Columns keep only the row beside each
value; whose it is and where it was written are looked up for all of them at once, later.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from factstore.columns import EMPTY, Ints
from factstore.schema import Attribute
from factstore.values import PYTHON_TYPES, ValueType


class Block(NamedTuple):
    """Values of one attribute that came as arrays: parallel, encoded as far as that can be without a dictionary."""

    rows: Ints
    codes: Ints
    """For refs: nodes. Of an interned type: positions in ``distinct``."""
    distinct: list[Any]


class Column:
    """Values said of one attribute: parallel lists of row and raw value (for refs: node), and blocks."""

    __slots__ = ("at", "attribute", "blocks", "codes", "exact", "loose", "refers", "rows", "values")

    def __init__(self, attribute: Attribute) -> None:
        self.attribute = attribute
        self.rows: list[int] = []
        self.values: list[Any] = []
        self.blocks: list[Block] = []
        self.exact: type | None = _EXACT.get(attribute.type)
        """Values of exactly this Python type can be taken without a closer look."""
        self.refers = attribute.is_ref
        """Whether an entity id is a value as it is."""
        self.loose = self.exact is None and not attribute.is_ref
        """Whether some value must be coerced."""
        self.at: Ints = EMPTY
        self.codes: Ints = EMPTY
        """The rows and the encoded values (for refs: nodes) of all as arrays; filled by the next stage."""

    def take(self, row: int, value: Any) -> None:
        """Takes a single value as it is given."""
        if type(value) is not self.exact and not self.attribute.is_ref:
            self.loose = True
        self.rows.append(row)
        self.values.append(value)

    def first(self) -> int | None:
        """The first row of which it says something."""
        firsts = [*self.rows[:1], *(int(block.rows[0]) for block in self.blocks if len(block.rows))]
        return min(firsts, default=None)


# A ref can be written in many ways, a tuple has slots, a big number a size: they are always looked at. (So is an
# instant, for its zone: when it is encoded, all at once.)
_EXACT: Final[dict[ValueType, type]] = {
    vt: python
    for vt, python in PYTHON_TYPES.items()
    if vt not in (ValueType.REF, ValueType.TUPLE, ValueType.BIGINT, ValueType.BIGDEC)
}


class Wipe(NamedTuple):
    """All values that one entity has of one attribute."""

    row: int
    attribute: Attribute


class Gathered:
    """All that was said."""

    def __init__(self) -> None:
        self.node: list[int] = []
        """The subject of each row."""
        self.form: list[int] = []
        """The form of each row."""
        self.adds: dict[int, Column] = {}
        self.retracts: dict[int, Column] = {}
        self.olds: dict[int, Column] = {}
        """What ``db/cas`` expects to be there, ..."""
        self.absent: list[Wipe] = []
        """... and where it expects nothing."""
        self.lookups: dict[int, Column] = {}
        """The values of lookup refs; the subject of each row is the node to be found."""
        self.wiped: list[Wipe] = []
        self.gone: list[int] = []
        """The rows whose subject is retracted whole."""

    def row(self, node: int, form: int) -> int:
        """A new row."""
        self.node.append(node)
        self.form.append(form)
        return len(self.node) - 1

    def columns(self) -> list[Column]:
        """All columns, in the order in which their values are encoded."""
        groups = (self.lookups, self.adds, self.retracts, self.olds)
        return [column for group in groups for column in group.values()]


def column_in(group: dict[int, Column], attribute: Attribute) -> Column:
    """The column of an attribute in a group, made if it is the first."""
    found = group.get(attribute.id)
    if found is None:
        found = group[attribute.id] = Column(attribute)
    return found
