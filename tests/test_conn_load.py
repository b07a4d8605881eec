"""``conn.load``: one table or many, what is reported, and what stays where one is refused."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import factstore
from factstore import Connection, FactstoreError, LoadReport, TransactionError, TxReport

SCHEMA = [
    {
        "db/ident": "person/email",
        "db/valueType": "db.type/string",
        "db/cardinality": "db.cardinality/one",
        "db/unique": "db.unique/identity",
    },
    {"db/ident": "person/age", "db/valueType": "db.type/long", "db/cardinality": "db.cardinality/one"},
    {"db/ident": "person/boss", "db/valueType": "db.type/ref", "db/cardinality": "db.cardinality/one"},
]
AGES = "[:find ?email ?age :where [?e :person/email ?email] [?e :person/age ?age]]"
BOSSES = "[:find ?email ?boss :where [?e :person/email ?email] [?e :person/boss ?b] [?b :person/email ?boss]]"


@pytest.fixture
def conn() -> Connection:
    found = factstore.connect("memory:")
    found.transact(SCHEMA)
    return found


def people(*emails: str) -> dict[str, object]:
    return {"person/email": list(emails), "person/age": np.arange(len(emails))}


@pytest.mark.parametrize("made", [dict, pd.DataFrame, pl.DataFrame, pa.table, pa.RecordBatch.from_pydict])
def test_a_table_of_any_kind_is_one_transaction(conn: Connection, made: object) -> None:
    report = conn.load(made(people("a", "b")))
    assert isinstance(report, TxReport)
    assert (report.t, len(report.datoms)) == (2, 5)
    assert conn.db().q(AGES) == {("a", 0), ("b", 1)}


def test_an_upsert_replaces_and_says_nothing_twice(conn: Connection) -> None:
    conn.load(people("a", "b"))
    report = conn.load({"person/email": ["b", "a"], "person/age": [1, 7]})
    assert [(d.v, d.added) for d in report.datoms[:-1]] == [(0, False), (7, True)]


def test_several_tables_are_a_transaction_each(conn: Connection) -> None:
    seen: list[LoadReport] = []
    report = conn.load((people(f"a{n}", f"b{n}") for n in range(3)), progress=seen.append)
    assert [(each.batches, each.rows, each.datoms, each.t) for each in seen] == [
        (1, 2, 5, 2),
        (2, 4, 10, 3),
        (3, 6, 15, 4),
    ]
    assert report[:3] == seen[-1][:3]
    assert report.datoms_per_second > 0


def test_batches_of_arrow_refer_to_those_that_came_and_those_to_come(conn: Connection) -> None:
    table = pa.table({"person/email": ["a", "b", "c"], "person/boss": ["b", "c", None]})
    conn.load(table.to_reader(max_chunksize=1), refs={"person/boss": "person/email"}, create_missing=True)
    assert conn.db().q(BOSSES) == {("a", "b"), ("b", "c")}


def test_a_refused_table_leaves_nothing_and_those_before_it_stay(conn: Connection) -> None:
    with pytest.raises(FactstoreError, match="row 1 of batch 1") as caught:
        conn.load([people("a"), {"person/email": ["b", "c"], "person/age": [1, "old"]}, people("d")])
    assert caught.value.data["batch"] == 1
    assert conn.db().q(AGES) == {("a", 0)}


def test_a_wrong_table_among_others_is_named(conn: Connection) -> None:
    with pytest.raises(TransactionError, match="expected a table, or an iterable of tables, in batch 1"):
        conn.load([people("a"), 7])


def test_rows_that_are_maps_are_not_taken_for_tables(conn: Connection) -> None:
    with pytest.raises(TransactionError, match="rows that are maps go to transact"):
        conn.load([{"person/email": "a", "person/age": 1}])


def test_no_tables_and_no_rows_are_nothing_to_say(conn: Connection) -> None:
    assert conn.load([])[:3] == (0, 0, 0)
    assert conn.load({"person/email": []}).datoms[0].a == "db/txInstant"


def test_facts_may_come_one_to_a_row(conn: Connection) -> None:
    names = ["person/email", "person/age", "person/email"]
    conn.load(pd.DataFrame({"e": ["x", "x", "y"], "a": names, "v": ["a", 5, "b"]}), facts=True)
    assert conn.db().q(AGES) == {("a", 5)}


def test_meta_is_on_every_transaction(conn: Connection) -> None:
    conn.load([people("a"), people("b")], meta={"db/doc": "from a file"})
    assert conn.db().q('[:find (count ?tx) . :where [?tx :db/doc "from a file"]]') == 2


def test_no_optional_library_is_imported_for_lists_and_arrays() -> None:
    code = (
        "import sys, numpy, factstore; conn = factstore.connect('memory:');"
        "conn.load({'db/ident': ['color/red'], 'db/doc': numpy.array(['warm'])});"
        "print({'pandas', 'polars', 'pyarrow'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
