"""Facts of several attributes with their lives: what a history is made of, an entity at a time."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from factstore.columns import EMPTY, Ints
from factstore.datom import FOREVER


class Lives(NamedTuple):
    """Facts of several attributes with their lives: each holds at t where ``start <= TX0 + t < end``."""

    e: Ints
    a: Ints
    v: Ints
    start: Ints
    end: Ints


NO_LIVES = Lives(EMPTY, EMPTY, EMPTY, EMPTY, EMPTY)


def lives_at(lives: Lives, last: int) -> Lives:
    """The lives as they were known after transaction ``last``."""
    begun = Lives(*(column[lives.start <= last] for column in lives))
    return begun._replace(end=np.where(begun.end > last, FOREVER, begun.end))
