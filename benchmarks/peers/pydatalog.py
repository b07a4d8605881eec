"""pyDatalog in this process: rules and facts in Python, for the data that are small enough."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Final

from benchmarks.peers.peer import Peer, Place, Unavailable
from benchmarks.peers.workloads import Workload

_MOST: Final = 200_000
"""Facts that it is still told."""

_IVAN: Final = "name(E, 'Ivan')"
QUERIES: Final = {
    "q1": ("answer(E) <= {}", "answer(E)"),
    "q2": (f"answer(E, A) <= {_IVAN} & age(E, A)", "answer(E, A)"),
    "q2-switch": (f"answer(E, A) <= age(E, A) & {_IVAN}", "answer(E, A)"),
    "q3": (f"answer(E, A) <= {_IVAN} & age(E, A) & sex(E, 'male')", "answer(E, A)"),
    "q4": (f"answer(E, L, A) <= {_IVAN} & last_name(E, L) & age(E, A) & sex(E, 'male')", "answer(E, L, A)"),
    "qpred1": ("answer(E, S) <= salary(E, S) & (S > 50000)", "answer(E, S)"),
    "rules": ("answer(X, Y) <= follows(X, Y)\nanswer(X, Y) <= follows(X, T) & answer(T, Y)", "answer(X, Y)"),
}


class PyDatalog(Peer):
    """Answers as a set of Python tuples."""

    name = "pyDatalog"
    columns = False

    def __init__(self) -> None:
        if find_spec("pyDatalog") is None:
            raise Unavailable("the package pyDatalog is missing")
        self.version = version("pyDatalog")
        self._api = import_module("pyDatalog.pyDatalog")

    def load(self, place: Place) -> None:
        self._api.clear()
        self._small = place.data.size <= _MOST
        for name in place.data.facts if self._small else ():
            for entity, value in place.data.pairs(name):
                self._api.assert_fact(name.partition("/")[2].replace("-", "_"), entity, value)

    def call(self, workload: Workload) -> Callable[[], Any] | None:
        found = workload.among(QUERIES)
        if found is None or not self._small or workload.kind != "q":
            return None
        rules, question = found
        # Rules stay, so each question has a predicate of its own.
        own = "answer_" + workload.name.replace("-", "_")
        self._api.load(rules.format(_IVAN).replace("answer", own))
        asked = question.replace("answer", own)
        return lambda: self._api.ask(asked).answers

    def rows(self, workload: Workload, answer: Any) -> Iterable[Any]:
        return answer
