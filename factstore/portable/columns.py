"""A column of integers as few bytes as it needs: base, width, shuffled.

A column is a base and, per number, how far it lies above: unsigned, in 0, 1, 2, 4 or 8 bytes. Where the steps
from one number to the next need less, those are written instead. The bytes are *shuffled*, all first bytes
before all second ones, since what differs little then lies together, and compresses.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from factstore.columns import EMPTY, Ints

_WIDTHS: Final = (0, 1, 2, 4, 8)
_MODULUS: Final = 1 << 64


class Layout(NamedTuple):
    """How a column is written: what the block says of it."""

    base: int
    width: int
    """In bytes, of each number."""
    first: int | None
    """None, or the first number where the others are written as steps."""

    def nbytes(self, size: int) -> int:
        """The length of a column of ``size`` numbers."""
        return self.width * (size if self.first is None else max(size - 1, 0))


def packed(values: Ints) -> tuple[Layout, bytes]:
    """A column's layout and bytes.

    >>> packed(np.array([1000, 1001, 1003]))
    (Layout(base=1000, width=1, first=None), b'\\x00\\x01\\x03')
    >>> packed(np.arange(0, 100_000, 5))[0]
    Layout(base=5, width=0, first=0)
    """
    if not len(values):
        return Layout(0, 0, None), b""
    base, span = _range(values)
    layout = Layout(base, _width(span), None)
    if layout.width and span < _MODULUS // 4:
        steps = np.diff(values)
        step, step_span = _range(steps)
        if _width(step_span) < layout.width:
            return Layout(step, _width(step_span), int(values[0])), _shuffled(steps, step, _width(step_span))
    return layout, _shuffled(values, base, layout.width)


def unpacked(layout: Layout, data: bytes, size: int) -> Ints:
    """The column again; ``data`` has ``layout.nbytes(size)`` bytes."""
    if not size:
        return EMPTY
    if layout.first is None:
        return _unshuffled(data, layout, size)
    values = np.empty(size, dtype=np.int64)
    values[0] = layout.first
    values[1:] = _unshuffled(data, layout, size - 1)
    return np.cumsum(values, dtype=np.int64)


def _range(values: Ints) -> tuple[int, int]:
    low = int(values.min())
    return low, int(values.max()) - low


def _width(span: int) -> int:
    return next(width for width in _WIDTHS if span < 1 << (8 * width))


def _shuffled(values: Ints, base: int, width: int) -> bytes:
    if not width:
        return b""
    # Differences wrap round at 64 bits, and are right as unsigned numbers.
    above = (values - np.int64(base)).view(np.uint64).astype(f"<u{width}")
    return np.ascontiguousarray(above.view(np.uint8).reshape(-1, width).T).tobytes()


def _unshuffled(data: bytes, layout: Layout, size: int) -> Ints:
    if not layout.width:
        return np.full(size, layout.base, dtype=np.int64)
    planes = np.frombuffer(data, dtype=np.uint8).reshape(layout.width, size)
    above = np.ascontiguousarray(planes.T).view(f"<u{layout.width}").reshape(size).astype(np.uint64)
    return (above + np.uint64(layout.base % _MODULUS)).view(np.int64)
