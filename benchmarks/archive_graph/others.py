"""Cozo over stored relations with both directions keyed, and NetworkX for closures, over a graph that is ready."""

from __future__ import annotations

from typing import Any

from benchmarks.archive_graph.data import Ints, Tables
from benchmarks.archive_graph.duck import DuckTables
from benchmarks.archive_graph.questions import Question
from benchmarks.measure import Call


class Cozo:
    """In memory, by its own binding, without a data frame in between."""

    name = "Cozo"

    def __init__(self, tables: Tables) -> None:
        from cozo_embedded import CozoDbPy

        self._session = CozoDbPy("mem", "", "{}")
        self._store("by_name {name => id}", zip(tables.name[1], tables.name[0].tolist(), strict=True))
        self._store("contact {m => contact}", zip(tables.contact[0].tolist(), tables.contact[1], strict=True))
        self._store("maintainer {p => m}", _rows(tables.maintainer))
        self._store("size {p => size}", _rows(tables.size))
        self._store("depends {p, n}", _rows(tables.depends))
        self._store("depended_on {n, p}", _rows(tables.depends[::-1]))
        self._store("required_by {n, p}", _rows(tables.requires[::-1]))
        self._store("provides {p, n}", _rows(tables.provides))
        self._store("version {p}", ((p,) for p in tables.version.tolist()))
        self._store("team {m}", ((m,) for m in tables.team.tolist()))

    def _store(self, spec: str, rows: Any) -> None:
        name, _, _ = spec.partition(" ")
        heads = spec[spec.index("{") + 1 : -1].replace("=>", ",").replace(" ", "").split(",")
        self._session.run_script(f":create {spec}", {}, False)
        self._session.import_relations({name: {"headers": heads, "rows": [list(row) for row in rows]}})

    def close(self) -> None:
        self._session.close()

    def call(self, question: Question) -> Call | None:
        text, given = question.cozo, question.given
        if not text:
            return None
        if len(self._session.run_script(text, given, True)["headers"]) == 1:
            return lambda: [row[0] for row in self._session.run_script(text, given, True)["rows"]]
        return lambda: self._session.run_script(text, given, True)["rows"]


class NetworkX:
    """Directed graphs of ``depends`` and of depends-on, virtual packages resolved."""

    name = "NetworkX"

    def __init__(self, tables: Tables, duck: DuckTables | None) -> None:
        import networkx

        self._networkx = networkx
        self._ids = dict(zip(tables.name[1], tables.name[0].tolist(), strict=True))
        self._depends = self._graph(tables.depends)
        self._depends_on = None if duck is None else self._graph(duck.depends_on())

    def _graph(self, pairs: tuple[Ints, Ints]) -> Any:
        graph = self._networkx.DiGraph()
        graph.add_edges_from(_rows(pairs))
        return graph

    def call(self, question: Question) -> Call | None:
        if not question.graph:
            return None
        graph = self._depends_on if "depends-on" in question.graph else self._depends
        if graph is None:
            return None
        walk = self._networkx.ancestors if "ancestors" in question.graph else self._networkx.descendants
        node = self._ids[question.given["name"]]
        near = graph.successors if "ancestors" in question.graph else graph.predecessors

        def found() -> list[int]:
            reached = walk(graph, node)
            # NetworkX leaves the node itself out, which a cycle brings in.
            return [*reached, node] if any(each == node or each in reached for each in near(node)) else list(reached)

        return found


def _rows(pairs: tuple[Ints, Ints]) -> Any:
    return zip(*(column.tolist() for column in pairs), strict=True)
