"""The schema: what defines an attribute, and what may change."""

from __future__ import annotations

import pytest

from factstore.datom import TX0
from factstore.errors import SchemaError
from factstore.schema import Change, Ids, Schema
from factstore.values import Keyword, ValueType

ONE, MANY = 60, 61


def defined(entity: int, ident: str, vt: ValueType, cardinality: int = ONE) -> list[Change]:
    return [
        (entity, Ids.IDENT, Keyword(ident), True),
        (entity, Ids.VALUE_TYPE, 40 + vt, True),
        (entity, Ids.CARDINALITY, cardinality, True),
    ]


PEOPLE = Schema.bootstrap().advance(
    defined(300, "person/name", ValueType.STRING) + defined(301, "person/friend", ValueType.REF, MANY)
)


def test_an_attribute_is_found_by_name_with_and_without_colon_and_by_id() -> None:
    assert PEOPLE.attribute("person/name") == PEOPLE.attribute(":person/name") == PEOPLE.attribute(300)


def test_an_unknown_attribute_is_told_with_its_nearest_names() -> None:
    with pytest.raises(SchemaError, match=r"did you mean :person/name") as caught:
        PEOPLE.attribute("person/nmae")
    assert caught.value.data["near"][0] == "person/name"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ([(302, Ids.IDENT, Keyword("a/b"), True), (302, Ids.VALUE_TYPE, 46, True)], "schema/incomplete"),
        ([(302, Ids.IDENT, Keyword("a/b"), True), (302, Ids.CARDINALITY, ONE, True)], "schema/incomplete"),
        ([(302, Ids.VALUE_TYPE, 46, True), (302, Ids.CARDINALITY, ONE, True)], "schema/incomplete"),
        ([*defined(302, "a/b", ValueType.STRING), (302, Ids.IS_COMPONENT, True, True)], "schema/invalid"),
        ([(302, Ids.IDENT, Keyword("a/b"), True), (302, Ids.VALUE_TYPE, 300, True)], "schema/invalid"),
        ([(302, Ids.IDENT, Keyword("a/b"), True), (302, Ids.INDEX, True, True)], "schema/incomplete"),
        ([(302, Ids.DERIVED_BY, Keyword("a/b"), True)], "schema/incomplete"),
        (defined(TX0 + 7, "a/b", ValueType.LONG), "schema/invalid"),
        (
            [*defined(302, "a/b", ValueType.TUPLE), (302, Ids.TUPLE_TYPES, (Keyword("db.type/no"),), True)],
            "schema/invalid",
        ),
        (
            [*defined(302, "a/b", ValueType.TUPLE), (302, Ids.TUPLE_TYPE, Keyword("db.type/tuple"), True)],
            "schema/invalid",
        ),
        ([*defined(302, "a/b", ValueType.TUPLE), (302, Ids.TUPLE_ATTRS, (), True)], "schema/invalid"),
        (
            [*defined(302, "a/b", ValueType.LONG), (302, Ids.TUPLE_TYPE, Keyword("db.type/long"), True)],
            "schema/invalid",
        ),
        ([(300, Ids.VALUE_TYPE, 42, True)], "schema/immutable"),
        ([(300, Ids.VALUE_TYPE, 46, False)], "schema/immutable"),
    ],
)
def test_a_wrong_definition_or_change_is_refused(changes: list[Change], code: str) -> None:
    with pytest.raises(SchemaError) as caught:
        PEOPLE.advance(changes)
    assert caught.value.code == code


def test_cardinality_index_and_doc_may_change() -> None:
    changed = PEOPLE.advance(
        [(300, Ids.CARDINALITY, ONE, False), (300, Ids.CARDINALITY, MANY, True), (300, Ids.INDEX, True, True)]
    )
    assert changed.attribute("person/name").many
    assert changed.attribute("person/name").indexed
    assert not PEOPLE.attribute("person/name").many


def test_an_old_ident_keeps_resolving_after_a_rename() -> None:
    renamed = PEOPLE.advance(
        [(300, Ids.IDENT, Keyword("person/name"), False), (300, Ids.IDENT, Keyword("person/full-name"), True)]
    )
    assert renamed.entid("person/name") == renamed.entid("person/full-name") == 300
    assert renamed.ident(300) == Keyword("person/full-name")


def test_datoms_that_are_no_schema_leave_it_as_it_is() -> None:
    assert PEOPLE.advance([]) is PEOPLE


def test_documents_of_what_is_no_attribute_are_not_held() -> None:
    changes = [(e, Ids.DOC, f"doc {e}", True) for e in range(1000, 2000)]
    assert PEOPLE.advance(changes) is PEOPLE
    told = PEOPLE.advance([*changes, (300, Ids.DOC, "a name", True), *defined(1500, "a/b", ValueType.STRING)])
    assert [told.attribute(name).doc for name in ("person/name", "a/b")] == ["a name", "doc 1500"]
    assert told.advance([(300, Ids.DOC, "a name", False)]).attribute("person/name").doc is None


def test_an_ident_that_is_taken_back_leaves_nothing() -> None:
    red = [(400, Ids.IDENT, Keyword("color/red"), True)]
    gone = PEOPLE.advance(red).advance([(400, Ids.IDENT, Keyword("color/red"), False)])
    assert (gone.entid("color/red"), gone.ident(400)) == (None, None)
    assert gone._facts == PEOPLE._facts
