"""The archive's answers computed without the store: its own reading of the text, dicts, sets, breadth-first walks."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Mapping

Graph = Mapping[str, set[str]]


class PlainArchive:
    """A package list as dicts."""

    def __init__(self, text: str) -> None:
        self.fields: dict[str, dict[str, str]] = {}
        for block in re.split(r"\n\s*\n", text.strip()):
            pairs = re.findall(r"^([^\s:]+):[ ]?(.*(?:\n[ \t].*)*)", block, re.MULTILINE)
            fields = dict(pairs)
            self.fields.setdefault(fields["Package"], fields)
        self.requires = {name: self._names(name, "Depends") | self._names(name, "Pre-Depends") for name in self.fields}
        self.providers: dict[str, set[str]] = defaultdict(set)
        for name in self.fields:
            for virtual in self._names(name, "Provides"):
                self.providers[virtual].add(name)
        self.depends_on = {name: self._resolved(targets) for name, targets in self.requires.items()}
        self.dependents: dict[str, set[str]] = defaultdict(set)
        for name, others in self.depends_on.items():
            for other in others:
                self.dependents[other].add(name)

    def _names(self, package: str, field: str) -> set[str]:
        written = re.split(r"[,|]", self.fields[package].get(field, ""))
        return {re.split(r"[\s:(]", option.strip())[0] for option in written if option.strip()}

    def _resolved(self, targets: set[str]) -> set[str]:
        real = {target for target in targets if target in self.fields}
        return real.union(*(self.providers[target] for target in targets if target in self.providers))

    @property
    def virtual(self) -> set[str]:
        return set(self.providers) - set(self.fields)

    @property
    def dangling(self) -> set[str]:
        return set().union(*self.requires.values()) - set(self.fields) - set(self.providers)

    @property
    def unwanted(self) -> set[str]:
        return {name for name in self.fields if not self.dependents.get(name, set()) - {name}}

    @property
    def edges(self) -> int:
        return sum(map(len, self.requires.values()))

    @property
    def contacts(self) -> dict[str, str]:
        return {name: re.sub(r".*<(.*)>.*", r"\1", fields["Maintainer"]) for name, fields in self.fields.items()}

    @property
    def tags(self) -> set[str]:
        return {tag for fields in self.fields.values() for tag in re.findall(r"[^\s,]+", fields.get("Tag", ""))}

    def needing(self, package: str) -> set[str]:
        return set(walk(self.dependents, package))


def walk(graph: Graph, start: str) -> dict[str, int]:
    """Everything reachable over at least one edge, with the fewest edges to it."""
    found: dict[str, int] = {}
    waiting = deque([(start, 0)])
    while waiting:
        here, steps = waiting.popleft()
        for there in graph.get(here, set()) - found.keys():
            found[there] = steps + 1
            waiting.append((there, steps + 1))
    return found
