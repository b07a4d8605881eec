"""DataScript on node, in a process that measures itself: what it takes without the way to it and back."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.datascript_writes import PEER
from benchmarks.navigation.data import Nodes
from benchmarks.navigation.questions import QUESTIONS, Question

NAME: Final = "DataScript"
_REF: Final = {":db/valueType": ":db.type/ref"}
_MANY: Final = {":db/cardinality": ":db.cardinality/many"}
_SCHEMA: Final = {
    "node/key": {":db/unique": ":db.unique/identity"},
    "node/name": {":db/index": True},
    "node/age": {":db/index": True},
    "node/next": {**_REF, **_MANY},
    "node/parent": _REF,
    "node/blocked": {**_REF, **_MANY},
}


class Told(NamedTuple):
    seconds: float
    answers: list[list[Any]]
    """The rows for each start."""


def ask(nodes: Nodes, seconds: float) -> dict[str, Told]:
    """Its answers and medians by question; nothing where it is not installed."""
    if shutil.which("node") is None or not PEER.is_dir():
        print("DataScript is left out: `make test` installs it where there are node and npm")
        return {}
    given = {
        "schema": _SCHEMA,
        "facts": _facts(nodes),
        "questions": [{"query": _text(each), "inputs": _inputs(each, nodes)} for each in QUESTIONS],
        "seconds": seconds,
    }
    command = ["node", str(Path(__file__).with_suffix(".js")), str(PEER)]
    told = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=True).stdout
    return {
        question.name: Told(each["microseconds"] * 1e-6, each["answers"])
        for question, each in zip(QUESTIONS, json.loads(told), strict=True)
    }


def _facts(nodes: Nodes) -> list[dict[str, Any]]:
    maps: dict[int, dict[str, Any]] = {
        id: {":db/id": id, "node/key": key, "node/name": name, "node/age": age}
        for id, key, name, age in zip(nodes.id, nodes.key, nodes.name, nodes.age, strict=True)
    }
    for name, pairs in (("node/next", nodes.next), ("node/blocked", nodes.blocked)):
        for here, there in pairs:
            maps[here].setdefault(name, []).append(there)
    for here, there in nodes.parent:
        maps[here]["node/parent"] = there
    return list(maps.values())


def _text(question: Question) -> str:
    text = question.datalog if question.rules is None else question.datalog.replace(":in $", ":in $ %")
    return re.sub(r":(node/\w+)", r'"\1"', text)


def _inputs(question: Question, nodes: Nodes) -> list[list[Any]]:
    rules = [] if question.rules is None else [re.sub(r":(node/\w+)", r'"\1"', f"[{question.rules}]")]
    values = nodes.given(question.by)
    return [[*rules, values[place]] for place in nodes.starts]
