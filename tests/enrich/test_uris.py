"""URIs: one name for each entity, and back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrich import UriError, parse, ref, uri

NAMES = st.from_regex(r"[a-z][a-z0-9._-]{0,8}", fullmatch=True)
IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(NAMES, NAMES, IDS)
def test_the_parts_come_back(kind: str, source: str, id: str) -> None:
    assert parse(uri(kind, source, id)) == (kind, source, id)


@given(IDS, IDS)
def test_two_ids_never_share_a_uri(one: str, other: str) -> None:
    assert (uri("a", "b", one) == uri("a", "b", other)) == (one == other)


@given(st.text())
def test_whatever_parses_is_written_that_way(id: str) -> None:
    text = f"aip://a/b/{id}"
    try:
        parts = parse(text)
    except UriError:
        return
    assert uri(*parts) == text


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        (("Model", "registry", "x"), "uri/bad-kind"),
        (("", "registry", "x"), "uri/bad-kind"),
        (("model", "a/b", "x"), "uri/bad-source"),
        (("model", None, "x"), "uri/bad-source"),
        (("model", "registry", ""), "uri/bad-id"),
        (("model", "registry", None), "uri/bad-id"),
        (("model", "registry", True), "uri/bad-id"),
        (("model", "registry", "\ud800"), "uri/bad-id"),
    ],
)
def test_parts_that_make_no_uri(parts: tuple[Any, Any, Any], code: str) -> None:
    with pytest.raises(UriError) as caught:
        uri(*parts)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "text", ["", "http://a/b/c", "aip://a/b", "aip://a/b/", "aip:///b/c", "aip://a/b/%2f", "aip://a/b/c d", None]
)
def test_text_that_is_no_uri(text: Any) -> None:
    with pytest.raises(UriError, match=r"expected|is no|is not"):
        parse(text)


def test_a_reference_is_its_uri() -> None:
    assert ref("ab-test", "experiments", 12345).uri == "aip://ab-test/experiments/12345"
    assert ref("a", "b", "1") == ref("a", "b", 1)
