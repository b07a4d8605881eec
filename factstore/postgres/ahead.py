"""What a commit is going to ask, asked together with the lock."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from factstore.columns import ints
from factstore.dictionary import Dictionary
from factstore.dictionary_entries import digest, key_of
from factstore.log import Wanted
from factstore.postgres.arrays import columns, int2s, int4s, int8s, uuids
from factstore.postgres.known import Known
from factstore.postgres.pool import Row
from factstore.postgres.read import facts_in
from factstore.values import Value, ValueType, encode_inline

_CODE: Final = (("at", ">i8"), ("code", ">i8"))
_HOLDER: Final = (("a", ">i4"), ("v", ">i8"), ("e", ">i8"))


class Questions(NamedTuple):
    """The questions of a commit that nothing but the server can answer; each once."""

    values: list[tuple[ValueType, Value]]
    """Those this process has not learned."""
    held: list[tuple[int, int]]
    """Unique attributes with encoded values."""
    unlearned: list[tuple[int, ValueType, Value]]
    """Unique attributes with values this process has not learned."""
    entities: list[int]

    def __bool__(self) -> bool:
        return any(self[:])

    def params(self) -> dict[str, Any]:
        """What the statement ``ahead`` takes."""
        return {
            "h": uuids([digest(vt, value) for vt, value in self.values]),
            "kind": int2s(ints([vt for vt, _ in self.values])),
            "a": int4s(ints([a for a, _ in self.held])),
            "v": int8s(ints([v for _, v in self.held])),
            "ua": int4s(ints([a for a, _, _ in self.unlearned])),
            "uh": uuids([digest(vt, value) for _, vt, value in self.unlearned]),
            "ukind": int2s(ints([vt for _, vt, _ in self.unlearned])),
            "e": int8s(ints(self.entities)),
        }

    def tell(self, answer: Row, known: Known, dictionary: Dictionary) -> None:
        """Takes the row that ``ahead`` gave."""
        at, codes = columns([(answer[0],)], _CODE)
        found = {n - 1: code for n, code in zip(at.tolist(), codes.tolist(), strict=True)}
        dictionary.learn((code, *self.values[n]) for n, code in found.items())
        known.absent.update((vt, key_of(vt, v)) for n, (vt, v) in enumerate(self.values) if n not in found)
        holders = columns([(answer[1],)], _HOLDER)
        every = list(zip(*(column.tolist() for column in holders), strict=True))
        known.tell_holders((*self.held, *self._learned(dictionary)), every)
        known.tell_facts({*self.entities, *(e for _, _, e in every)}, facts_in([(answer[2],)]))

    def _learned(self, dictionary: Dictionary) -> Iterable[tuple[int, int]]:
        for a, vt, value in self.unlearned:
            code = dictionary.known(vt).get(key_of(vt, value))
            if code is not None:
                yield a, code


def questions(wanted: Wanted, dictionary: Dictionary) -> Questions:
    """What of ``wanted`` this process does not know by itself."""
    values = dict.fromkeys(pair for pair in wanted.values if pair[1] not in dictionary.known(pair[0]))
    held: dict[tuple[int, int], None] = {}
    unlearned: dict[tuple[int, ValueType, Value], None] = {}
    for a, vt, value in wanted.held:
        code = dictionary.known(vt).get(value) if vt.interned else encode_inline(vt, value)
        if code is None:
            unlearned[a, vt, value] = None
        else:
            held[a, code] = None
    return Questions(list(values), list(held), list(unlearned), list(dict.fromkeys(wanted.entities)))
