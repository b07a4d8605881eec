"""The dictionary: values and codes, what is asked of the store, and overlays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from factstore.dictionary import Dictionary
from factstore.dictionary_entries import Entry
from factstore.dictionary_overlay import Overlay
from factstore.errors import LogError
from factstore.values import Keyword, Value, ValueType

STRING, KEYWORD, TUPLE = ValueType.STRING, ValueType.KEYWORD, ValueType.TUPLE


class Store:
    """A store that counts how often it is asked."""

    def __init__(self, *entries: Entry) -> None:
        self.entries = entries
        self.asked = 0

    def entries_of_values(self, vt: ValueType, values: Sequence[Value]) -> Iterable[Entry]:
        self.asked += 1
        return [entry for entry in self.entries if entry[1] is vt and entry[2] in values]

    def entries_of_codes(self, codes: Sequence[int]) -> Iterable[Entry]:
        self.asked += 1
        return [entry for entry in self.entries if entry[0] in codes]


def test_a_string_and_a_keyword_of_the_same_letters_are_two_values() -> None:
    known = Dictionary()
    known.learn([(1, STRING, "a"), (2, KEYWORD, Keyword("a"))])
    assert (known.code_of(STRING, "a"), known.code_of(KEYWORD, Keyword("a"))) == (1, 2)


def test_tuples_that_python_takes_for_equal_have_codes_of_their_own() -> None:
    known = Dictionary()
    known.learn([(1, TUPLE, (1,)), (2, TUPLE, (True,)), (3, TUPLE, (1.0,))])
    assert known.codes_of(TUPLE, [(True,), (1.0,), (1,)]) == [2, 3, 1]


def test_the_store_is_asked_once_for_a_batch_and_never_again_for_what_it_said() -> None:
    store = Store((300, STRING, "a"), (301, STRING, "b"))
    known = Dictionary(store)
    assert known.codes_of(STRING, ["a", "b"]) == [300, 301]
    assert known.values_of([301, 300]) == ["b", "a"]
    assert store.asked == 1


def test_what_had_no_code_at_a_t_is_not_sought_again_for_facts_until_then() -> None:
    store = Store()
    known = Dictionary(store)
    assert [known.code_at(STRING, "a", t) for t in (5, 5, 4)] == [None, None, None]
    assert store.asked == 1
    store.entries = ((300, STRING, "a"),)
    assert known.code_at(STRING, "a", 5) is None
    assert known.code_at(STRING, "a", 6) == 300
    assert known.code_at(STRING, "a", 5) == 300
    assert Overlay(Dictionary(store)).code_at(STRING, "a", 5) == 300


def test_a_code_nobody_knows_is_an_error() -> None:
    with pytest.raises(LogError, match="log/unknown-code"):
        Dictionary(Store()).values_of([7])


class Counting(Store):
    """A store that remembers which codes it was asked for."""

    def __init__(self, size: int) -> None:
        super().__init__(*((300 + n, STRING, f"value {n}" * 20) for n in range(size)))
        self.codes: list[int] = []

    def entries_of_codes(self, codes: Sequence[int]) -> Iterable[Entry]:
        self.codes += codes
        return super().entries_of_codes(codes)


def test_a_value_read_by_its_code_has_no_way_back_until_it_is_sought() -> None:
    store = Store((300, STRING, "a"))
    known = Dictionary(store)
    assert (known.values_of([300]), known.code_of(STRING, "a"), store.asked) == (["a"], 300, 2)


def test_what_was_used_since_the_last_bound_is_not_asked_again() -> None:
    store = Counting(20)
    known = Dictionary(store)
    known.values_of(range(300, 320))
    store.codes.clear()
    known.bound(known.nbytes)
    assert known.values_of(range(300, 305))[0] == "value 0" * 20
    known.bound(known.nbytes - 1)
    assert known.values_of(range(300, 305))[4] == "value 4" * 20
    assert store.codes == []
    assert known.values_of([319]) == ["value 19" * 20]
    assert store.codes == [319]


def test_a_bound_is_kept_and_nothing_lost() -> None:
    store = Counting(200)
    known = Dictionary(store)
    for code in [300 + 7 * n % 200 for n in range(1000)]:
        assert known.values_of([code]) == [store.entries[code - 300][2]]
        known.bound(12_000)
        assert known.nbytes <= 12_000
        assert known.code_of(STRING, store.entries[code - 300][2]) == code


def test_a_dictionary_with_nobody_to_ask_keeps_all() -> None:
    known = Dictionary()
    known.learn([(1, STRING, "a")])
    known.bound(0)
    assert (known.values_of([1]), known.code_of(STRING, "a")) == (["a"], 1)


def test_an_overlay_keeps_its_values_to_itself() -> None:
    base = Dictionary()
    base.learn([(1, STRING, "a")])
    first = Overlay(base)
    second = Overlay(first)
    assert first.intern(STRING, ["a", "b"]) == [1, -1]
    assert Overlay(first).intern(STRING, ["b", "c"]) == [-1, -2]
    assert base.code_of(STRING, "b") is None
    assert second.code_of(STRING, "a") == 1


def test_overlays_decode_through_all_their_floors() -> None:
    base = Dictionary()
    base.learn([(1, STRING, "a")])
    first = Overlay(base)
    first.intern(STRING, ["b"])
    second = Overlay(first)
    second.intern(STRING, ["c"])
    assert second.values_of([-2, 1, -1, -2]) == ["c", "a", "b", "c"]


def test_an_overlay_keeps_its_code_when_the_base_learns_the_value() -> None:
    base = Dictionary()
    over = Overlay(base)
    assert over.intern(STRING, ["a"]) == [-1]
    base.learn([(1, STRING, "a"), (2, STRING, "b")])
    assert over.codes_of(STRING, ["a", "b", "c"]) == [-1, 2, None]
    assert over.intern(STRING, ["b", "a"]) == [2, -1]
    assert Overlay(over).code_of(STRING, "a") == -1
