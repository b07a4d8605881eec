"""Cozo in this process and in memory: relations with the indexes that its queries name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Final

from benchmarks.peers.peer import Peer, Place, Unavailable
from benchmarks.peers.tables import Table, tables
from benchmarks.peers.workloads import Workload

# Indexes are named: 0.7.6 answers `*person{id: e, age: a, name: 'Ivan'}`, with an index on the name, by no rows at all.
_TYPES: Final = {"long": "Int", "string": "String"}
_IVAN: Final = "*person:by_name{name: 'Ivan', id: e}"
_ABOVE: Final = "*dissertation:by_cid{{cid: {0}, id: {1}d}}, *advised:by_paper{{paper: {1}d, advisor: {1}}}"

SCRIPTS: Final = {
    "q1": f"?[e] := {_IVAN}",
    "q2": f"?[e, a] := {_IVAN}, *person{{id: e, age: a}}",
    "q2-switch": f"?[e, a] := *person{{id: e, age: a}}, {_IVAN}",
    "q3": f"?[e, a] := {_IVAN}, *person{{id: e, age: a, sex: 'male'}}",
    "q4": f"?[e, l, a] := {_IVAN}, *person{{id: e, last_name: l, age: a, sex: 'male'}}",
    "q5": f"""ages[a] := {_IVAN}, *person{{id: e, age: a}}
?[e, l, a] := ages[a], *person:by_age{{age: a, id: e}}, *person{{id: e, last_name: l}}""",
    "q5-shortcircuit": """?[e, n, l, a, s, al] := n = $0, a = $1, *person:by_name{name: n, id: e},
*person{id: e, age: a, last_name: l, sex: s}, *alias{person: e, alias: al}""",
    "qpred1": "?[e, s] := *person{id: e, salary: s}, s > 50000",
    "qpred2": "?[e, s] := *person{id: e, salary: s}, s > $0",
    "rules": """reached[a, b] := *follows{a, b}
reached[a, c] := *follows{a, b}, reached[b, c]
?[a, b] := reached[a, b]""",
    "Q1": f"""?[n] := *person:by_name{{name: $0, id: p}}, {_ABOVE.format("p", "a")}, {_ABOVE.format("a", "g")},
*person{{id: g, name: n}}""",
    "Q2": """?[n] := *advised{advisor: x, paper: d}, *dissertation{id: d, cid: y, univ: u},
*dissertation:by_cid{cid: x, id: t}, *dissertation{id: t, univ: u}, *person{id: y, name: n}""",
    "Q3": """?[n] := *advised{advisor: x, paper: d}, *dissertation{id: d, cid: y, area: a},
*dissertation:by_cid{cid: x, id: t}, *dissertation{id: t, area: b}, a != b, *person{id: y, name: n}""",
    "Q4": f"""anc[a] := *person:by_name{{name: $0, id: p}}, {_ABOVE.format("p", "a")}
anc[a] := anc[p], {_ABOVE.format("p", "a")}
?[n] := anc[a], *person{{id: a, name: n}}""",
}


class Cozo(Peer):
    """Rows as Python lists."""

    name = "Cozo"
    columns = False

    def __init__(self) -> None:
        if find_spec("pycozo") is None or find_spec("cozo_embedded") is None:
            raise Unavailable("the package pycozo[embedded] is missing")
        self.version = version("cozo_embedded")
        self._client: Any = None

    def load(self, place: Place) -> None:
        self.close()
        self._asked = place.data.asked
        self._client = import_module("pycozo.client").Client("mem", dataframe=False)
        for table in tables(place.data):
            self._make(table)

    def _make(self, table: Table) -> None:
        columns = [
            f"{name}: {_TYPES[type]}{'' if name == 'id' or not table.keyed else '?'}" for name, type in table.columns
        ]
        kept = f"{columns[0]} => {', '.join(columns[1:])}" if table.keyed else ", ".join(columns)
        self._client.run(f":create {table.name} {{{kept}}}")
        headers = [name for name, _ in table.columns]
        self._client.import_relations({table.name: {"headers": headers, "rows": [[*row] for row in table.rows]}})
        for name in table.indexes:
            self._client.run(f"::index create {table.name}:by_{name} {{{name}}}")

    def call(self, workload: Workload) -> Callable[[], Any] | None:
        script = workload.among(SCRIPTS)
        if script is None or workload.kind != "q":
            return None
        client = self._client
        given = {str(place): value for place, value in enumerate(workload.values(self._asked))}
        return lambda: client.run(script, given)["rows"]

    def rows(self, workload: Workload, answer: Any) -> Iterable[Any]:
        return [row[0] for row in answer] if workload.text.startswith("[:find [") else answer

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
