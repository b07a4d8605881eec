"""Pull patterns, from text or data to nodes and back."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from factstore.errors import QueryError
from factstore.pull_pattern import AttrSpec, PullPattern, Recursion, parse_pull
from factstore.values import Keyword, Symbol

K = Keyword
A = AttrSpec(K("a"))


def _with(**changes: Any) -> AttrSpec:
    return msgspec.structs.replace(A, **changes)


SPECS = {
    "[:a]": A,
    '["a"]': A,
    '[":a"]': A,
    "[[:a :as :n]]": _with(as_=K("n")),
    "[(:a :as [1 2])]": _with(as_=(1, 2)),
    "[[:a :default false]]": _with(default=False),
    "[[:a :default nil]]": _with(default=None),
    "[[:a :limit 1000]]": _with(limit=1000, limited=True),
    "[[:a :limit nil]]": _with(limit=None, limited=True),
    "[[:a :xform my/f :limit 2]]": _with(xform="my/f", limit=2, limited=True),
    "[(limit :a 5)]": _with(limit=5, limited=True),
    '[(default (limit :a 5) "x")]': _with(limit=5, limited=True, default="x"),
    "[:p/_a]": AttrSpec(K("p/a"), reverse=True),
    "[:_a]": _with(reverse=True),
    "[{:a [:b]}]": _with(nested=PullPattern((AttrSpec(K("b")),))),
    "[{:a ...}]": _with(nested=Recursion()),
    "[{[:a :limit 2] 3}]": _with(limit=2, limited=True, nested=Recursion(3)),
    "[[:a :as :x] :a]": A,
    "[:a {:a 2}]": _with(nested=Recursion(2)),
}


@pytest.mark.parametrize("text", SPECS)
def test_a_pattern_of_one_attribute(text: str) -> None:
    assert parse_pull(text) == PullPattern((SPECS[text],))


@pytest.mark.parametrize("text", [*SPECS, "[*]", '[* :b {:c [* {:p/_d [:e]}]} [:f :default [1 {:x "y"}]]]'])
def test_a_pattern_prints_as_text_that_parses_to_it(text: str) -> None:
    pattern = parse_pull(text)
    assert parse_pull(str(pattern)) == pattern
    assert hash(parse_pull(str(pattern))) == hash(pattern)


def test_data_and_text_say_the_same() -> None:
    data = ["*", "p/_a", {"b": ...}, {"c": ["d", ["e", "as", "f"]]}, (Symbol("limit"), ":g", 3)]
    assert parse_pull(data) == parse_pull('[* :p/_a {:b ...} {:c [:d [:e :as "f"]]} [:g :limit 3]]')
    assert parse_pull(parse_pull(data)) is parse_pull(data)


def test_the_result_key_is_the_alias_or_the_name_as_written() -> None:
    keys = [spec.key for spec in parse_pull('[:p/a :p/_a [:p/b :as "c"]]').specs]
    assert keys == ["p/a", "p/_a", "c"]


def test_a_spec_beside_the_wildcard_is_kept() -> None:
    pattern = parse_pull("[[:a :as :x] * {:b [:c]}]")
    assert (pattern.wildcard, [spec.attr for spec in pattern.specs]) == (True, ["a", "b"])


REFUSED = {
    ":a": (1, "expected a pull pattern"),
    "[]": (1, "expected a pull pattern"),
    "[1]": (2, "expected an attribute such as :person/name, or *, found 1"),
    "[:_]": (2, "expected an attribute"),
    "[...]": (2, "recursion is written {:attr ...}"),
    "[{}]": (2, "expected an attribute and its pattern"),
    "[{:a 0}]": (6, "expected a pattern, a depth from 1, or ..., found 0"),
    "[{:a true}]": (6, "expected a pattern, a depth from 1, or ..., found true"),
    "[{:a []}]": (6, "expected a pull pattern"),
    "[{* [:a]}]": (3, "expected an attribute"),
    "[[]]": (2, "expected an attribute with options"),
    "[[:a :as]]": (6, "expected a value after the last option"),
    "[[:a :as nil]]": (10, "expected a name after :as"),
    "[[:a :foo 1]]": (6, "expected one of :as, :default, :limit, :xform, found :foo"),
    "[[:a :limit 0]]": (13, "expected a count from 1"),
    "[[:a :limit true]]": (13, "expected a count from 1"),
    "[[:a :xform 3]]": (13, "expected the name of a registered function"),
    "[(foo :a 1)]": (2, "expected (limit :attr count) or (default :attr value)"),
    "[(limit :a)]": (2, "expected (limit :attr count)"),
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_wrong_pattern_is_refused_with_its_place(text: str) -> None:
    column, message = REFUSED[text]
    with pytest.raises(QueryError) as error:
        parse_pull(text)
    assert (error.value.code, error.value.data["column"]) == ("query/pull-syntax", column)
    assert message in error.value.message
