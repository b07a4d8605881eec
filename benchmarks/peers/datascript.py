"""DataScript on node, in a process of its own that measures itself: its results are JavaScript's arrays."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

from benchmarks.peers.measure import MOST_ROUNDS, ROUNDS, Budget, Measured, TooSlow, answer_of
from benchmarks.peers.peer import Peer, Place, Unavailable
from benchmarks.peers.workloads import Workload

PACKAGE = Path(__file__).parents[2] / "tests" / "peers" / "datascript" / "node_modules" / "datascript"
_MEMORY = "--max-old-space-size=8192"


class DataScript(Peer):
    """Everything is indexed by value, as its own math-bench does; entities are numbered as ours."""

    name = "DataScript"
    columns = True

    def __init__(self) -> None:
        if shutil.which("node") is None or not PACKAGE.is_dir():
            raise Unavailable("node, or the npm package datascript in tests/peers/datascript, is missing")
        self.version = json.loads((PACKAGE / "package.json").read_text())["version"]
        self._process: subprocess.Popen[str] | None = None
        self._place: Place | None = None

    def load(self, place: Place) -> None:
        self._place = place
        self.close()
        command = ["node", _MEMORY, str(Path(__file__).with_suffix(".js")), str(PACKAGE)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        schema = {each.name: _definition(each.type, each.many) for each in place.data.attributes}
        loaded = self._told(60, op="load", schema=schema, facts=place.data.facts)
        assert loaded == place.data.size, (loaded, place.data.size)

    def ask(self, workload: Workload, budget: Budget) -> Measured | None:
        assert self._place is not None
        if self._process is None or self._process.poll() is not None:
            self.load(self._place)
        asked = self._place.data.asked
        longer = budget.for_compiling()
        request = {
            "kind": workload.kind,
            "text": _strings(workload.text),
            "inputs": [_strings(workload.rules)] * bool(workload.rules) + [*workload.values(asked)],
            "root": asked.get("root"),
            "shown": re.findall(r":db/id|(?<=:)person/[\w-]+(?= )", workload.text.partition("{")[0]),
            "warm": longer.warm,
            "calls": longer.calls,
            "first": longer.first,
            "measured": budget.measured,
            "rounds": ROUNDS,
            "most": MOST_ROUNDS,
        }
        told = self._told(2 * budget.first, op="ask", **request)
        return Measured(told["taken"], answer_of(told["rows"]))

    def _told(self, seconds: float, **request: Any) -> Any:
        """One request, one answer; a process that takes too long is killed."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        killer = threading.Timer(seconds, process.kill)
        killer.start()
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            killer.cancel()
        if not line:
            raise TooSlow(f"no answer in {seconds:g} s, or out of memory")
        answer = json.loads(line)
        if "error" in answer:
            raise TooSlow(answer["error"])
        return answer["ok"]

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()


def _definition(type: str, many: bool) -> dict[str, Any]:
    defined: dict[str, Any] = {":db/valueType": ":db.type/ref"} if type == "ref" else {":db/index": True}
    return defined | {":db/cardinality": ":db.cardinality/many"} if many else defined


def _strings(text: str) -> str:
    """Attributes as strings, which is what they are in JavaScript, but for ``:db/id``."""
    return re.sub(r":((?:person|dissertation)/[\w-]+)", r'"\1"', text)
