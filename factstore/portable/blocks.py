"""A block: whole transactions, with the dictionary entries that are new with them."""

from __future__ import annotations

import zlib
from typing import Any, Final, NamedTuple

import numpy as np

from factstore.columns import Ints, LogRows
from factstore.datom import TX0
from factstore.log import Entries
from factstore.portable.columns import Layout, packed, unpacked
from factstore.values import ValueType

_LEVEL: Final = 1
"""Of zlib: shuffled columns are small already, and higher levels take several times as long."""

_ROWS: Final = ("tx", "e", "a", "vt", "v", "added")
_ENTRIES: Final = ("code", "kind", "size")
_COUNTERS: Final = ("next_e", "next_v", "code", "total")
_TYPES: Final = [int(vt) for vt in ValueType]
_LAST: Final = (1 << 63) - 1
_MOST: Final = 1 << 26
"""Operations of a block: twice what PostgreSQL could give of one transaction. Columns of one number each take no
room in a file, but in memory they do."""


class Block(NamedTuple):
    """The transactions with ``after < t <= upto``; the first block, ``-1 < t <= 0``, is the bootstrap."""

    after: int
    upto: int
    rows: LogRows
    entries: Entries
    next_e: int
    """From here on no entity was given out, as far as this block and those before tell."""
    next_v: int
    """From here on no dictionary code was given out."""
    code: int
    """No entry of this block or of those before has a higher code, and all that have none higher are in them."""
    total: int
    """The operations of this block and those before."""


def to_frame(block: Block) -> tuple[dict[str, Any], bytes]:
    """A block's meta and body."""
    named = dict(zip(_ROWS, block.rows, strict=True)) | dict(zip(_ENTRIES, block.entries[:3], strict=True))
    columns = {name: packed(np.asarray(values, dtype=np.int64)) for name, values in named.items()}
    raw = b"".join([*(data for _, data in columns.values()), block.entries.body])
    meta = {
        "after": block.after,
        "upto": block.upto,
        "datoms": len(block.rows.tx),
        "entries": len(block.entries.code),
        **{name: getattr(block, name) for name in _COUNTERS},
        "columns": {name: list(layout) for name, (layout, _) in columns.items()},
        "raw": len(raw),
    }
    return meta, zlib.compress(raw, _LEVEL)


def from_frame(meta: dict[str, Any], body: bytes) -> Block:
    """The inverse of :func:`to_frame`; ``ValueError`` or ``KeyError`` for what :func:`to_frame` never writes."""
    if not all(type(meta[name]) is int and 0 <= meta[name] <= _MOST for name in ("datoms", "entries")):
        raise ValueError(f"{meta['datoms']!r} datoms and {meta['entries']!r} entries")
    raw = _inflated(body, meta["raw"])
    found: dict[str, Ints] = {}
    at = 0
    for name in (*_ROWS, *_ENTRIES):
        length = meta["entries"] if name in _ENTRIES else meta["datoms"]
        layout = Layout(*meta["columns"][name])
        found[name] = unpacked(layout, raw[at : at + layout.nbytes(length)], length)
        at += layout.nbytes(length)
    if int(found["size"].sum()) != len(raw) - at:
        raise ValueError("the sizes of the entries do not add up")
    tx, e, a, vt, v, added = (found[name] for name in _ROWS)
    code, kind, size = (found[name] for name in _ENTRIES)
    rows, entries = LogRows(tx, e, a, vt, v, added.astype(np.bool_)), Entries(code, kind, size, raw[at:])
    block = Block(meta["after"], meta["upto"], rows, entries, *(meta[name] for name in _COUNTERS))
    _check(block)
    return block


def _check(block: Block) -> None:
    """Refuses what would be out of place in a store: a digest is no seal, anyone can make one."""
    rows, entries = block.rows, block.entries
    if len(rows.tx) and not TX0 + block.after < rows.tx.min() <= rows.tx.max() <= TX0 + block.upto <= _LAST:
        raise ValueError("it has operations of transactions that it does not span")
    if (np.diff(rows.tx) < 0).any() or (np.diff(entries.code) <= 0).any() or (entries.size < 0).any():
        raise ValueError("its transactions or entries are not in their order")
    if not (np.isin(rows.vt, _TYPES).all() and np.isin(entries.kind, _TYPES).all()):
        raise ValueError("a value has a type that there is not")
    if not all(type(counter) is int and 0 <= counter <= _LAST for counter in block[4:]):
        raise ValueError("a counter is not a number")
    if len(entries.code) and not 0 < entries.code[0] <= entries.code[-1] < block.next_v:
        raise ValueError("an entry has a code that was not given out")


def _inflated(body: bytes, size: int) -> bytes:
    if type(size) is not int or size < 0:
        raise ValueError(f"a size of {size!r}")
    try:
        raw = zlib.decompressobj().decompress(body, size + 1)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if len(raw) != size:
        raise ValueError(f"a body of {len(raw)} bytes where {size} are said")
    return raw
