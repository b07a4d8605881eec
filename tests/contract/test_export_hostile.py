"""Exports that somebody made up, with digests that fit: refused by our own error, and soon."""

from __future__ import annotations

import io
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from factstore import ExportError, check_export, connect
from factstore.datom import TX0
from factstore.portable import frames
from factstore.portable.blocks import Block, from_frame, to_frame
from factstore.portable.frames import DIGEST, MAGIC, TRANSACTIONS, framed
from factstore.portable.reading import Export

Meta = dict[str, Any]


def _export() -> io.BytesIO:
    conn = connect("memory:")
    conn.transact([{"db/ident": "x/n", "db/valueType": "db.type/string", "db/cardinality": "db.cardinality/one"}])
    conn.transact([{"x/n": "ann"}, {"x/n": "bob"}])
    file = io.BytesIO()
    conn.export(file)
    file.seek(0)
    return file


def _forged(change: Callable[[Meta, bytes], tuple[Meta | bytes, bytes]]) -> io.BytesIO:
    """An export whose last block is another, with digests that fit."""
    digest, pieces = bytes(DIGEST), [MAGIC]
    found = Export(_export(), "it")
    told = [(b"H", found.header, b""), *((TRANSACTIONS, frame.meta, frame.body) for frame in found.frames())]
    meta, body = change(*told[-1][1:])
    for kind, said, content in [*told[:-1], (TRANSACTIONS, meta, body)]:
        data, digest = framed(kind, said, content, digest)
        pieces.append(data)
    return io.BytesIO(b"".join(pieces))


def _saying(**more: Any) -> Callable[[Meta, bytes], tuple[Meta, bytes]]:
    return lambda meta, body: ({**meta, **more}, body)


def _columns(**more: list[Any]) -> Callable[[Meta, bytes], tuple[Meta, bytes]]:
    return lambda meta, body: ({**meta, "columns": {**meta["columns"], **more}}, body)


def _block(change: Callable[[Block], Block]) -> Callable[[Meta, bytes], tuple[Meta, bytes]]:
    def changed(meta: Meta, body: bytes) -> tuple[Meta, bytes]:
        return to_frame(change(from_frame(meta, body)))

    return changed


def _rows(**columns: Any) -> Callable[[Block], Block]:
    def changed(block: Block) -> Block:
        values = {name: change(getattr(block.rows, name)) for name, change in columns.items()}
        return block._replace(rows=block.rows._replace(**values))

    return changed


FORGERIES = {
    "a map that is none": lambda meta, body: ([], body),
    "no end": _saying(upto=None),
    "an end that is text": _saying(upto="7"),
    "a negative size": _saying(raw=-1),
    "a size that is text": _saying(raw="9"),
    "more rows than memory": _saying(datoms=1 << 50),
    "a negative number of rows": _saying(datoms=-1),
    "an unheard-of width": _columns(e=[0, 3, None]),
    "a base beyond 64 bits": _columns(e=[1 << 80, 0, None]),
    "too few columns": _saying(columns={}),
    "a later transaction": _block(_rows(tx=lambda tx: np.where(tx == tx.max(), TX0 + 1000, tx))),
    "an earlier transaction": _block(_rows(tx=lambda tx: np.where(tx == tx.max(), TX0, tx))),
    "transactions backwards": _block(_rows(tx=lambda tx: tx[::-1].copy())),
    "a type that there is not": _block(_rows(vt=lambda vt: vt + 1000)),
    "a code beyond the counter": _saying(next_v=1),
    "a counter that is text": _saying(next_e="1"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_made_up_export_is_refused_as_damaged(forgery: str) -> None:
    with pytest.raises(ExportError) as error:
        check_export(_forged(FORGERIES[forgery]))
    assert error.value.code == "export/damaged"
    conn = connect("memory:")
    with pytest.raises(ExportError) as error:
        conn.import_(_forged(FORGERIES[forgery]), partial=True)
    assert error.value.code == "export/damaged"
    assert conn.db().basis_t <= 1


@pytest.mark.parametrize("text", [b"{", b"\xff", b"[" * 500_000], ids=["half a map", "no UTF-8", "too deep"])
def test_a_frame_that_says_nonsense_of_itself_is_damaged(text: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(frames.json, "dumps", lambda meta, separators: _Text(text))
        data, _ = framed(b"H", {}, b"", bytes(DIGEST))
    with pytest.raises(ExportError) as error:
        check_export(io.BytesIO(MAGIC + data))
    assert error.value.code == "export/damaged"


class _Text:
    def __init__(self, text: bytes) -> None:
        self.encode = lambda: text


def test_a_block_is_not_inflated_beyond_the_size_it_says() -> None:
    bomb = zlib.compress(bytes(1 << 28), 9)
    file = _forged(lambda meta, body: ({**meta, "raw": -1}, bomb))
    tracemalloc.start()
    with pytest.raises(ExportError):
        check_export(file)
    assert tracemalloc.get_traced_memory()[1] < 1 << 24
    tracemalloc.stop()
