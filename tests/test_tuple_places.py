"""A tuple that names a place in an index may be written as in a transaction."""

from __future__ import annotations

from typing import Any

import pytest

import factstore
from factstore import Db, EntityError


@pytest.fixture
def db() -> Db:
    conn = factstore.connect("memory:")
    tuples = {"db/valueType": "db.type/tuple", "db/cardinality": "db.cardinality/one", "db/index": True}
    conn.transact(
        [
            {"db/ident": "x/point", "db/tupleType": "db.type/double", **tuples},
            {"db/ident": "x/who", "db/tupleTypes": ["db.type/ref", "db.type/keyword"], **tuples},
        ]
    )
    conn.transact([{"db/ident": "person/ann"}])
    conn.transact([{"db/id": "a", "x/point": [1, 2], "x/who": ["person/ann", "role/boss"]}, {"x/point": [3, 4]}])
    return conn.db()


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("x/point", [1, 2]),
        ("x/point", (1.0, 2)),
        ("x/who", ["person/ann", "role/boss"]),
        ("x/who", [["db/ident", "person/ann"], ":role/boss"]),
    ],
)
def test_a_tuple_is_found_as_it_was_written(db: Db, attribute: str, value: Any) -> None:
    [found] = db.datoms("avet", attribute, value)
    assert list(db.datoms("eavt", found.e, attribute, value)) == [found]
    assert list(db.datoms("aevt", attribute, found.e, value)) == [found]


def test_a_seek_begins_at_the_tuple_and_a_range_ends_before_it(db: Db) -> None:
    assert [datom.v for datom in db.index_range("x/point", [1, 3])] == [(3.0, 4.0)]
    assert [datom.v for datom in db.index_range("x/point", [0, 9], [3, 4])] == [(1.0, 2.0)]
    assert len(db.index_range("x/point", [1], [1, 2, 0])) == 1


def test_a_slot_that_names_nobody_is_an_error(db: Db) -> None:
    with pytest.raises(EntityError, match="person/bob"):
        db.datoms("avet", "x/who", ["person/bob", "role/boss"])
