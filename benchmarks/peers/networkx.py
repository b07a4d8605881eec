"""NetworkX, for what is a walk over a graph."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from benchmarks.peers.peer import Peer, Place, Unavailable
from benchmarks.peers.workloads import Workload


class NetworkX(Peer):
    """A directed graph of who follows whom, or who advised whom, and a dict of people by their names."""

    name = "NetworkX"
    columns = False

    def __init__(self) -> None:
        if find_spec("networkx") is None:
            raise Unavailable("the package networkx is missing")
        self.version = version("networkx")
        self._nx = import_module("networkx")

    def load(self, place: Place) -> None:
        data = place.data
        self._asked = data.asked
        self._graph = self._nx.DiGraph()
        self._names = dict(data.pairs("person/name"))
        self._people = {name: person for person, name in self._names.items()}
        if "person/advised" in data.facts:
            candidate = dict(data.pairs("dissertation/cid"))
            self._graph.add_edges_from((x, candidate[d]) for x, d in data.pairs("person/advised"))
        else:
            self._graph.add_edges_from(data.pairs("person/follows"))

    def call(self, workload: Workload) -> Callable[[], Any] | None:
        if workload.name.startswith("rules"):
            return self._closure
        walk = {"Q1": self._grand_advisors, "Q4": self._ancestors}.get(workload.name.split()[0])
        if walk is None:
            return None
        (name,) = workload.values(self._asked)
        return lambda: {self._names[person] for person in walk(self._people[name])}

    def _closure(self) -> list[tuple[int, int]]:
        graph, descendants = self._graph, self._nx.descendants
        return [(a, b) for a in graph for b in descendants(graph, a)]

    def _grand_advisors(self, person: int) -> set[int]:
        above = self._graph.pred
        return {other for advisor in above[person] for other in above[advisor]}

    def _ancestors(self, person: int) -> set[int]:
        found: set[int] = self._nx.ancestors(self._graph, person)
        return found
