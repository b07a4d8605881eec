"""Identities of several parts: who says all parts of a composite tuple says who they are."""

from __future__ import annotations

from typing import Any

import numpy as np

from factstore.columns import EMPTY, Ints, ints
from factstore.schema import Attribute, Schema
from factstore.tx.before import traits
from factstore.tx.encode import Codes
from factstore.tx.entities import Entities
from factstore.tx.gather import Column, Gathered
from factstore.tx.unsettled import Who, unsettled
from factstore.values import ValueType


class Keys:
    """The ``unique/identity`` composites that a transaction may say whole; false if it says none.

    Whose parts belong together changes as entities are found and unified, so they are asked for each round.
    """

    def __init__(self, gathered: Gathered, node: Ints, entities: Entities, codes: Codes, schema: Schema) -> None:
        adds = gathered.adds
        whole = (key for key in traits(schema).keys if all(id in adds for id in key.parts or ()))
        self._keys = [(key, [adds[id] for id in key.parts or ()]) for key in whole]
        self._node = node
        self._entities = entities
        self._codes = codes

    def __bool__(self) -> bool:
        return bool(self._keys)

    def said(self) -> tuple[Ints, Ints, Ints, Ints]:
        """(node, attribute id, code, row) of each composite whose parts are all said, as things are known by now."""
        parts = [self._said(key, columns) for key, columns in self._keys]
        node, a, v, row = (np.concatenate(column) for column in zip(*parts, strict=True))
        return node, a, v, row

    def _said(self, key: Attribute, columns: list[Column]) -> tuple[Ints, Ints, Ints, Ints]:
        every = [self._by_node(column) for column in columns]
        nodes = [node for node in every[0] if all(each.get(node) is not None for each in every)]
        if not nodes:
            return EMPTY, EMPTY, EMPTY, EMPTY
        slots = [
            self._slots(column.attribute, [each[node][0] for node in nodes])
            for column, each in zip(columns, every, strict=True)
        ]
        v = self._codes.intern(ValueType.TUPLE, [unsettled(items) for items in zip(*slots, strict=True)])
        rows = ints([every[0][node][1] for node in nodes])
        return ints(nodes), np.full(len(nodes), key.id, dtype=np.int64), v, rows

    def _by_node(self, column: Column) -> dict[int, Any]:
        """(code, row) of each node; None where two values are said, which is a conflict that is told later."""
        nodes = self._entities.of(self._node[column.at])
        codes = self._entities.of(column.codes) if column.attribute.is_ref else column.codes
        found: dict[int, Any] = {}
        for node, code, row in zip(nodes.tolist(), codes.tolist(), column.at.tolist(), strict=True):
            said = found.setdefault(node, (code, row))
            if said is not None and said[0] != code:
                found[node] = None
        return found

    def _slots(self, part: Attribute, codes: list[int]) -> list[Any]:
        if part.is_ref:
            return [code if code >= 0 else Who(code) for code in codes]
        return self._codes.decode(part.type, ints(codes))
