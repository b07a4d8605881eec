"""EDN text and Python data: each into the other."""

from __future__ import annotations

import contextlib
import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factstore import edn
from factstore.errors import EdnError
from factstore.values import URI, Keyword, Symbol

K, S = Keyword, Symbol

READ: dict[str, Any] = {
    "nil": None,
    "true": True,
    "-12": -12,
    "+7": 7,
    "1N": 1,
    "1.50": 1.5,
    "1e3": 1000.0,
    "1.50M": Decimal("1.50"),
    "##-Inf": -math.inf,
    r'"a\tbA\"\\é"': 'a\tbA"\\é',
    r'"\ud83d\ude00"': "😀",
    r"\a": "a",
    r"\newline": "\n",
    r"\u0041": "A",
    ":person/name": K("person/name"),
    "a.b/c-d?": S("a.b/c-d?"),
    "/": S("/"),
    "...": S("..."),
    "[1, 2 ; two\n 3]": [1, 2, 3],
    "(1 [2])": (1, [2]),
    "{:a {:b []}}": {K("a"): {K("b"): []}},
    "#{[1 2] 3}": frozenset({(1, 2), 3}),
    "{[1] 2}": {(1,): 2},
    "[1 #_2 #_ #_ 3 4 5]": [1, 5],
    "{:a #_ignored 1 #_b}": {K("a"): 1},
    "#:p{:a 1 :_/b 2 :q/c #:r{:d 3}}": {K("p/a"): 1, K("b"): 2, K("q/c"): {K("r/d"): 3}},
    '#inst "2024-02-29T12:00:00.123456789+02:00"': datetime(2024, 2, 29, 10, 0, 0, 123456, UTC),
    '#inst "2024"': datetime(2024, 1, 1, tzinfo=UTC),
    '#uuid "6ba7b810-9dad-11d1-80b4-00c04fd430c8"': UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
    '#uri "https://example.org"': URI("https://example.org"),
    '#base64 "AP8="': b"\x00\xff",
}


@pytest.mark.parametrize("text", READ)
def test_text_reads_as_the_value_it_says(text: str) -> None:
    found = edn.read(text)
    assert (type(found), found) == (type(READ[text]), READ[text])


REFUSED = {
    "": ("edn/syntax", 1, 1, "expected a form, found nothing"),
    "1\n 2": ("edn/syntax", 2, 2, "expected one form, found another: 2"),
    "[1\n (2]": ("edn/syntax", 2, 4, "expected ) to close the ( of line 2, column 2, found ]"),
    "[\n {:a": ("edn/syntax", 2, 2, "the text ends before } closes the { of line 2, column 2"),
    "1)": ("edn/syntax", 1, 2, ") closes nothing"),
    "[#_]": ("edn/syntax", 1, 4, "expected a form after [#_, found ]"),
    "#inst": ("edn/syntax", 1, 6, "expected a form after #inst, found the end"),
    "#:p 1": ("edn/syntax", 1, 5, "expected a map after #:p, found 1"),
    "#:a/b{}": ("edn/syntax", 1, 1, "#:a/b is not a namespace"),
    "{:a 1 :b}": ("edn/syntax", 1, 7, "a key without a value"),
    "'a": ("edn/syntax", 1, 1, "a quote: EDN has none"),
    '["a': ("edn/syntax", 1, 2, "a string without its closing quote"),
    "12abc": ("edn/syntax", 1, 1, "12abc is not a number"),
    "012": ("edn/syntax", 1, 1, "012 is not a number"),
    "1e999": ("edn/syntax", 1, 1, "1e999 is too large for a double"),
    "9" * 5000: ("edn/syntax", 1, 1, "a number of 5000 digits is too long"),
    "1e99999999999999999999M": ("edn/syntax", 1, 1, "the exponent of"),
    "::a": ("edn/syntax", 1, 1, "::a is not a keyword"),
    ":": ("edn/syntax", 1, 1, ": is not a keyword"),
    "a/b/c": ("edn/syntax", 1, 1, "a/b/c is not a symbol"),
    r'"a\q"': ("edn/syntax", 1, 1, r"\q is not an escape"),
    r"\foo": ("edn/syntax", 1, 1, r"\foo is not a character"),
    "##Nan": ("edn/syntax", 1, 1, "##Nan is not a number"),
    '#inst "2024-13"': ("edn/syntax", 1, 7, "'2024-13' is not an instant"),
    '#inst "0001-01-01T00:00+01:00"': ("edn/syntax", 1, 7, "is not an instant"),
    '#uuid "6ba7"': ("edn/syntax", 1, 7, "'6ba7' is not a uuid"),
    "#base64 1": ("edn/syntax", 1, 9, "1 is not base64"),
    "#my/tag 1": ("edn/unknown-tag", 1, 1, "unknown tag #my/tag: known are #base64"),
    "#{1 :a 1}": ("edn/duplicate", 1, 8, "1 stands here twice"),
    "{1 :a true :b}": ("edn/duplicate", 1, 7, "true stands here twice (to Python it equals 1)"),
    "#{{:a 1}}": ("edn/not-hashable", 1, 3, "a map cannot be a key"),
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:20])
def test_wrong_text_is_refused_with_its_place(text: str) -> None:
    code, line, column, message = REFUSED[text]
    with pytest.raises(EdnError) as error:
        edn.read(text, source="a.edn")
    assert (error.value.code, error.value.data["line"], error.value.data["column"]) == (code, line, column)
    assert message in error.value.message
    assert f"at a.edn:{line}:{column}\n" in error.value.message


def test_the_caret_stands_under_what_is_wrong() -> None:
    with pytest.raises(EdnError) as error:
        edn.read("[:a\r\n\x0b  12x]")
    assert error.value.message.splitlines()[-1] == "  |    ^"


def test_depth_is_bounded_and_costs_no_stack() -> None:
    value = edn.read("[" * edn.MAX_DEPTH + "]" * edn.MAX_DEPTH)
    assert edn.read(edn.write(value)) == value
    for opener in ("[", "(", "{:a ", "#{", "#a "):
        with pytest.raises(EdnError, match="nested too deeply") as error:
            edn.read(opener * 100_000)
        assert error.value.code == "edn/too-deep"


def test_size_is_bounded() -> None:
    with pytest.raises(EdnError, match="text> has 11 characters: at most 10 are read") as error:
        edn.read('"123456789"', max_size=10)
    assert error.value.code == "edn/too-large"


def test_text_that_is_no_text_is_refused() -> None:
    wrong: Any = b"[]"
    with pytest.raises(EdnError, match="expected EDN text, found bytes"):
        edn.read(wrong)


def test_further_tags_are_read_by_the_function_given() -> None:
    assert edn.read("[#sum [1 #sum [2 3]]]", tags={"sum": sum}) == [6]
    with pytest.raises(EdnError, match="cannot be a key"):
        edn.read("#{#rows 1}", tags={"rows": lambda _: {}})


def test_read_all_gives_every_form() -> None:
    assert edn.read_all("\ufeff[1] ; one\n:b #_c") == [[1], K("b")]
    assert edn.read_all(" ; nothing") == []


def test_forms_know_where_they_stand() -> None:
    text = edn.Text("a.edn", '[:a\n  {?b #inst "2024"}]')
    form = edn.parse(text.body, text.name)
    key, tagged = form.items[1].items
    assert [text.at(item).snippet for item in (key, tagged)] == ["?b", '#inst "2024"']
    assert str(text.at(tagged)) == "a.edn:2:7"


UNWRITABLE = [object(), K("a b"), K(""), S("nil"), S("1a"), S(":a"), Decimal("NaN"), datetime(2024, 1, 1), 10**5000]


@pytest.mark.parametrize("value", UNWRITABLE, ids=lambda value: type(value).__name__)
def test_what_edn_cannot_say_is_not_written(value: Any) -> None:
    with pytest.raises(EdnError) as error:
        edn.write([value])
    assert error.value.code == "edn/not-writable"


def test_a_list_that_holds_itself_is_not_written() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(EdnError, match="levels deep"):
        edn.write(endless)


_names = st.from_regex(r"[a-zA-Z*!?$%&=<>_][a-zA-Z0-9*+!?.-]{0,5}(/[a-zA-Z_][a-z0-9-]{0,4})?", fullmatch=True)
_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.text(st.characters()),
    st.datetimes(timezones=st.just(UTC)),
    st.uuids(),
    st.binary(max_size=20),
    st.text().map(URI),
    _names.map(Keyword),
    _names.filter(lambda name: name not in ("nil", "true", "false")).map(Symbol),
)
_values = st.recursive(
    _scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(_scalars, inner, max_size=4),
        st.frozensets(_scalars, max_size=4),
    ),
    max_leaves=12,
)


@given(_values)
def test_what_is_written_reads_as_the_same(value: Any) -> None:
    # The text is compared too: 1 equals True, and 0.0 equals -0.0, but they are not written alike.
    text = edn.write(value)
    again = edn.read(text)
    assert again == value
    assert edn.write(again) == text


@given(st.text(st.sampled_from("[](){}#_:\"\\;^@/.aN1+-?$ \n'~")))
def test_any_text_is_read_or_refused_politely(text: str) -> None:
    with contextlib.suppress(EdnError):
        edn.read_all(text)
