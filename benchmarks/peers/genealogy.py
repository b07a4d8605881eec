"""A made-up Mathematics Genealogy: dissertations by their candidates, and who advised them, over three centuries.

Of the same shape as the data of math-bench: a person has one dissertation, a dissertation one candidate and up to
three advisors who graduated 5 to 45 years earlier; few people advise most; universities and areas are inherited.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from benchmarks.peers.data import Attribute, Dataset, Facts

Ints = np.ndarray[Any, np.dtype[np.int64]]

ATTRIBUTES = (
    Attribute("person/name", "string"),
    Attribute("person/advised", "ref", many=True),
    Attribute("dissertation/cid", "ref"),
    Attribute("dissertation/title", "string"),
    Attribute("dissertation/univ", "string"),
    Attribute("dissertation/country", "string"),
    Attribute("dissertation/year", "long"),
    Attribute("dissertation/area", "string"),
)
FIRST, LAST = 1700, 2020
UNIVERSITIES, COUNTRIES, AREAS = 600, 80, 63
SAME_UNIVERSITY, SAME_AREA = 0.3, 0.6
_SYLLABLES = (
    "an",
    "bel",
    "cor",
    "dan",
    "el",
    "fri",
    "gal",
    "hen",
    "il",
    "jor",
    "kal",
    "lin",
    "mar",
    "nor",
    "ol",
    "pet",
)


def genealogy(size: int = 250_000, edges: int = 277_000, seed: int = 7) -> Dataset:
    """``size`` people with a dissertation each, and ``edges`` from advisors to dissertations.

    Entities are the people from 0, then the dissertations in the same order. Asked about is the one of the last
    tenth who has the most grand-advisors.
    """
    draw = np.random.default_rng(seed)
    years = _years(size, draw)
    students, advisors = _edges(years, edges, draw)
    univ = _inherited(size, (students, advisors), UNIVERSITIES, SAME_UNIVERSITY, draw)
    area = _inherited(size, (students, advisors), AREAS, SAME_AREA, draw)
    persons = list(range(size))
    papers = [size + person for person in persons]
    names = [_name(each) for each in draw.integers(0, len(_SYLLABLES), (size, 5)).tolist()]
    columns: dict[str, list[Any]] = {
        "dissertation/cid": persons,
        "dissertation/title": [f"On {_word(each)} and {place}" for place, each in enumerate(area.tolist())],
        "dissertation/univ": [f"{_word(each)} University" for each in univ.tolist()],
        "dissertation/country": [f"Country {each % COUNTRIES}" for each in univ.tolist()],
        "dissertation/year": years.tolist(),
        "dissertation/area": [f"{each:02}—{_word(each)}" for each in area.tolist()],
    }
    facts = {
        "person/name": Facts(persons, names),
        "person/advised": Facts(advisors.tolist(), (students + size).tolist()),
        **{name: Facts(papers, values) for name, values in columns.items()},
    }
    return Dataset(f"genealogy {size}", ATTRIBUTES, facts, {"name": _well_connected(names, students, advisors)})


def _years(size: int, draw: np.random.Generator) -> Ints:
    """Ever more a year: doubling every 25 years."""
    span = (LAST - FIRST) / 25
    return np.sort(FIRST + 25 * np.log2(1 + draw.random(size) * (2**span - 1))).astype(np.int64)


def _edges(years: Ints, edges: int, draw: np.random.Generator) -> tuple[Ints, Ints]:
    """Distinct pairs of student and advisor."""
    size = len(years)
    fame = draw.pareto(1.2, size)
    wanted = draw.choice((0, 1, 2, 3), size, p=(0.08, 0.71, 0.17, 0.04))
    students = np.repeat(np.arange(size), wanted)
    low = np.searchsorted(years, years[students] - 45)
    high = np.searchsorted(years, years[students] - 5)
    students, low, high = (column[high > low] for column in (students, low, high))
    candidates = draw.integers(low, high, (4, len(students)))
    advisors = candidates[np.argmax(fame[candidates], axis=0), np.arange(len(students))]
    both = np.unique(students * size + advisors)
    both = np.sort(draw.permutation(both)[:edges])
    return both // size, both % size


def _inherited(size: int, edges: tuple[Ints, Ints], kinds: int, share: float, draw: np.random.Generator) -> Ints:
    """A kind for each person, a few of them far more frequent; that of an advisor in a share of cases."""
    students, advisors = edges
    weights = 1 / np.arange(1, kinds + 1)
    kind = draw.choice(kinds, size, p=weights / weights.sum())
    inherits = draw.random(len(students)) < share
    for student, advisor in zip(students[inherits].tolist(), advisors[inherits].tolist(), strict=True):
        kind[student] = kind[advisor]
    return kind


def _well_connected(names: list[str], students: Ints, advisors: Ints) -> str:
    """The name that only one person has, of the last tenth, who has the most grand-advisors."""
    own: dict[int, list[int]] = {}
    for student, advisor in zip(students.tolist(), advisors.tolist(), strict=True):
        own.setdefault(student, []).append(advisor)
    grand = {person: {other for advisor in own[person] for other in own.get(advisor, ())} for person in own}
    shared = Counter(names)
    recent = [place for place in range(len(names) * 9 // 10, len(names)) if shared[names[place]] == 1]
    return names[max(recent, key=lambda person: len(grand.get(person, ())))]


def _name(parts: list[int]) -> str:
    first, second, third, fourth, fifth = (_SYLLABLES[part] for part in parts)
    return f"{first}{second} {third}{fourth}{fifth}".title()


def _word(number: int) -> str:
    size = len(_SYLLABLES)
    return "".join(_SYLLABLES[digit % size] for digit in (number, number // size, number // size**2)).title()
