"""The same questions in NumPy, as one would write them who knows the data, the indexes and the order of everything.

Each takes the sorted columns and gives the columns of the answer. Nothing is parsed, planned or checked, cardinalities
are known, and what is distinct already is not made distinct again.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchmarks.overhead.data import Ints, Sorted

Columns = Mapping[str, Sorted]


def one_value(of: Columns, codes: Mapping[str, int]) -> list[Ints]:
    """Everyone called Ivan."""
    name, code = of["name"], codes["Ivan"]
    lo, hi = np.searchsorted(name.by_value, (code, code + 1))
    return [name.e[name.order[lo:hi]]]


def value_join(of: Columns, codes: Mapping[str, int]) -> list[Ints]:
    """People and the shops that pay just what they earn."""
    pay, salary = of["pay"], of["salary"]
    if salary.of_value is None:
        lo, hi = (np.searchsorted(salary.by_value, pay.v, side) for side in ("left", "right"))
    else:
        lo, hi = _ranges(salary.of_value, pay.v)
    rows, at = _spans(lo, hi)
    return [salary.e[salary.order[at]], pay.e[rows]]


def two_hops(of: Columns, codes: Mapping[str, int]) -> list[Ints]:
    """People and the friends of their friends, each pair once."""
    friend = of["friend"]
    rows, at = _spans(*_ranges(friend.of_entity, friend.v))
    low, width = int(friend.v.min()), int(friend.v.max() - friend.v.min()).bit_length()
    packed = (friend.e[rows] << width) | (friend.v[at] - low)
    packed.sort(kind="stable")  # a person's pairs lie together, which a stable sort makes use of
    kept = np.empty(len(packed), dtype=np.bool_)
    kept[0] = True
    np.not_equal(packed[1:], packed[:-1], out=kept[1:])
    packed = packed[kept]
    return [packed >> width, (packed & ((1 << width) - 1)) + low]


def value_range(of: Columns, codes: Mapping[str, int]) -> list[Ints]:
    """Who earns from 50,000 to 60,000, and how much."""
    salary = of["salary"]
    lo, hi = np.searchsorted(salary.by_value, (50_000, 60_000))
    return [salary.e[salary.order[lo:hi]], salary.by_value[lo:hi]]


def star(of: Columns, codes: Mapping[str, int]) -> list[Ints]:
    """The men called Ivan Ivanov, and their age."""
    last = of["last-name"]
    code = codes["Ivanov"]
    [entities] = one_value(of, codes)
    entities = entities[last.v[last.of_entity[entities]] == code]
    sex = of["sex"]
    entities = entities[sex.v[sex.of_entity[entities]] == codes["male"]]
    age = of["age"]
    return [entities, age.v[age.of_entity[entities]]]


def group(of: Columns, codes: Mapping[str, int]) -> list[Ints]:
    """Each city, how many people live there, and what they earn together."""
    city, salary = of["city"], of["salary"]
    earned = salary.v[salary.of_entity[city.e[city.order]]]
    starts = np.flatnonzero(np.concatenate(([True], city.by_value[1:] != city.by_value[:-1])))
    counts = np.diff(np.append(starts, len(earned)))
    return [city.by_value[starts], counts, np.add.reduceat(earned, starts)]


def anti(of: Columns, codes: Mapping[str, int]) -> list[Ints]:
    """People who are not banned."""
    banned, name = of["banned"], of["name"]
    free = np.ones(int(name.e[-1]) + 1, dtype=np.bool_)
    free[banned.e] = False
    return [name.e[free[name.e]]]


def _ranges(starts: Ints, keys: Ints) -> tuple[Ints, Ints]:
    """Where the facts of each key begin and end; keys above the last have none."""
    known = np.minimum(keys, len(starts) - 2)
    lo = starts[known]
    return lo, np.where(keys == known, starts[known + 1], lo)


def _spans(lo: Ints, hi: Ints) -> tuple[Ints, Ints]:
    """Each range's number, for each of its positions, and the positions."""
    counts = hi - lo
    rows = np.repeat(np.arange(len(counts)), counts)
    ends = np.cumsum(counts)
    return rows, np.arange(len(rows)) + np.repeat(lo - (ends - counts), counts)
