"""The facts as tables of the usual kind, for peers that know no datoms: a column for each attribute of one value."""

from __future__ import annotations

from typing import Any, NamedTuple

from benchmarks.peers.data import Dataset


class Table(NamedTuple):
    """A table: its columns with their types, the first being ``id`` where ``keyed``; and its rows."""

    name: str
    columns: tuple[tuple[str, str], ...]
    rows: list[tuple[Any, ...]]
    keyed: bool = True
    indexes: tuple[str, ...] = ()


def tables(data: Dataset) -> list[Table]:
    """A person is a row; aliases, followers, and who advised what are tables of pairs."""
    if "dissertation/cid" in data.facts:
        return _genealogy(data)
    columns = ("id", "long"), ("name", "string"), ("last_name", "string"), ("sex", "string"), ("age", "long")
    names = ("person/name", "person/last-name", "person/sex", "person/age", "person/salary")
    indexes = ("name", "last_name", "age", "salary")
    return [
        Table("person", (*columns, ("salary", "long")), data.rows(*names), indexes=indexes),
        _pairs(data, "alias", "person/alias", ("person", "long"), ("alias", "string")),
        _pairs(data, "follows", "person/follows", ("a", "long"), ("b", "long")),
    ]


def _genealogy(data: Dataset) -> list[Table]:
    parts = ("cid", "long"), ("title", "string"), ("univ", "string"), ("country", "string"), ("year", "long")
    columns = (("id", "long"), *parts, ("area", "string"))
    papers = data.rows(*(f"dissertation/{name}" for name, _ in columns[1:]))
    return [
        Table("person", (("id", "long"), ("name", "string")), data.rows("person/name"), indexes=("name",)),
        Table("dissertation", columns, papers, indexes=("cid",)),
        _pairs(data, "advised", "person/advised", ("advisor", "long"), ("paper", "long")),
    ]


def _pairs(data: Dataset, name: str, attribute: str, *columns: tuple[str, str]) -> Table:
    return Table(name, columns, data.pairs(attribute), keyed=False, indexes=(columns[1][0],))
