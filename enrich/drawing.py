"""Derivations as a tree of text, and as a Mermaid flowchart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from enrich.telling import Condition, Cut, Premise, Witness


def tree(witness: Witness) -> Iterator[str]:
    """The premises of a step, a line each, indented by their depth."""
    last = len(witness.premises) - 1
    for place, part in enumerate(witness.premises):
        joint, below = ("└─ ", "   ") if place == last else ("├─ ", "│  ")
        if isinstance(part, Witness):
            yield f"{joint}{part.head}  by {part.rule.name}, {part.rule.place}"
            yield from (below + line for line in tree(part))
        else:
            yield joint + str(part)


def mermaid(witness: Witness, relation: str, start: str, end: str) -> str:
    """The facts as arrows between entities, and the edge that follows from them as a thick one.

    Where the derivation is cut or has conditions, they stand as notes of their own.
    """
    drawing = _Drawing()
    for premise in witness.facts():
        drawing.arrow(premise)
    for note in _notes(witness):
        drawing.node(("note", note), note, "[/", "/]")
    ends = [drawing.node(("name", name), name, "[", "]") for name in (start, end)]
    drawing.lines.append(f"    {ends[0]} == {_quoted(f':{relation}')} ==> {ends[1]}")
    return "\n".join(["flowchart LR", *drawing.lines])


class _Drawing:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self._ids: dict[tuple[str, str], str] = {}

    def node(self, key: tuple[str, str], label: str, opening: str, closing: str) -> str:
        if key not in self._ids:
            self._ids[key] = f"n{len(self._ids)}"
            self.lines.append(f"    {self._ids[key]}{opening}{_quoted(label)}{closing}")
        return self._ids[key]

    def arrow(self, premise: Premise) -> None:
        start = self.node(("name", premise.subject), premise.subject, "[", "]")
        kind, brackets = ("name", ("[", "]")) if premise.is_ref else (f"{premise.e} {premise.a}", ("([", "])"))
        end = self.node((kind, premise.object), premise.object, *brackets)
        said = f"{premise.source}, t {premise.t}" if premise.source else f"t {premise.t}"
        self.lines.append(f"    {start} -- {_quoted(f':{premise.a!s}<br/>{said}')} --> {end}")


def _notes(witness: Witness) -> list[str]:
    found: list[str] = []
    waiting: list[Any] = [witness]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Witness):
            waiting += reversed(each.premises)
        elif isinstance(each, Condition | Cut):
            found.append(str(each))
    return list(dict.fromkeys(found))


def _quoted(label: str) -> str:
    return '"' + label.replace("&", "&amp;").replace('"', "&quot;").replace("\n", " ") + '"'
