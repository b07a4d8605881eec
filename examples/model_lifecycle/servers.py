"""Four systems of record, each a small HTTP server on a free port of this machine, over JSON fixtures.

``GET /runs?id=a&id=b`` answers ``{"a": {…}, "b": null}``; ``GET /runs/a`` answers the payload or 404.
A :class:`System` is also the handle to change what it knows while it runs, and to make it fail.
"""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from examples.model_lifecycle import FIXTURES

Tables = dict[str, dict[str, Any]]
"""Payloads by table and id."""


class System:
    """One running system of record; closing it frees the port.

    >>> with System("demo", {"runs": {"run-1": {"status": "running"}}}) as system:
    ...     system.change("runs", "run-1", status="succeeded")
    ...     system.answer("/runs?id=run-1&id=run-2")
    (200, {'run-1': {'status': 'succeeded'}, 'run-2': None})
    """

    def __init__(self, name: str, tables: Tables) -> None:
        self.name: Final = name
        self.requests: Final[list[str]] = []
        """The path of every request so far, failed ones too."""
        self._tables: Final = copy.deepcopy(tables)
        self._failing: tuple[int, float] | None = None
        self._lock: Final = threading.Lock()
        self._server: Final = _Server(self)
        self.url: Final = f"http://127.0.0.1:{self._server.server_address[1]}"
        # Asked to stop every 20 ms instead of every 500: four systems close in no time.
        self._thread: Final = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name=name, daemon=True
        )
        self._thread.start()

    def __enter__(self) -> System:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stops answering and frees the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def put(self, table: str, id: str, payload: Mapping[str, Any]) -> None:
        """Adds a record, or replaces it whole."""
        with self._lock:
            self._tables[table][id] = copy.deepcopy(dict(payload))

    def get(self, table: str, id: str) -> dict[str, Any]:
        """A copy of a record."""
        with self._lock:
            record: dict[str, Any] = copy.deepcopy(self._tables[table][id])
            return record

    def change(self, table: str, id: str, **fields: Any) -> None:
        """Changes some fields of a record."""
        self.put(table, id, {**self.get(table, id), **fields})

    def remove(self, table: str, id: str) -> None:
        """Forgets a record for good."""
        with self._lock:
            del self._tables[table][id]

    def fail(self, status: int = 500, *, times: float = float("inf")) -> None:
        """Answers the next ``times`` requests with an error status."""
        self._failing = (status, times)

    def heal(self) -> None:
        """Answers again."""
        self._failing = None

    def answer(self, path: str) -> tuple[int, Any]:
        """Status and body for the path of a GET."""
        with self._lock:
            self.requests.append(path)
            if self._failing is not None:
                status, times = self._failing
                self._failing = (status, times - 1) if times > 1 else None
                return status, {"error": f"{self.name} is not well"}
            return self._found(path)

    def _found(self, path: str) -> tuple[int, Any]:
        parts = urlsplit(path)
        table, _, id = parts.path.lstrip("/").partition("/")
        records = self._tables.get(table)
        if records is None:
            return 404, {"error": f"{self.name} has no {table}"}
        if not id:
            return 200, {asked: records.get(asked) for asked in parse_qs(parts.query).get("id", [])}
        record = records.get(unquote(id))
        return (404, {"error": f"no {table} {unquote(id)}"}) if record is None else (200, record)


class Servers:
    """The four systems of the story, running; also a context manager.

    >>> with Servers() as servers:
    ...     servers.registry.get("models", "ranking-model-v5")["pipeline_run_id"]
    'run-7105'
    """

    def __init__(self, fixtures: Path = FIXTURES) -> None:
        self.registry: Final = _system("registry", fixtures)
        self.orchestrator: Final = _system("orchestrator", fixtures)
        self.experiments: Final = _system("experiments", fixtures)
        self.identity: Final = _system("identity", fixtures)
        self.all: Final = (self.registry, self.orchestrator, self.experiments, self.identity)

    def __enter__(self) -> Servers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stops all four."""
        for system in self.all:
            system.close()


def late_runs(fixtures: Path = FIXTURES) -> dict[str, Any]:
    """The runs the orchestrator learns of only after their events were sent, by id."""
    runs: dict[str, Any] = json.loads((fixtures / "late.json").read_text("utf-8"))["runs"]
    return runs


def _system(name: str, fixtures: Path) -> System:
    return System(name, json.loads((fixtures / f"{name}.json").read_text("utf-8")))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, system: System) -> None:
        self.system: Final = system
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, _Server)
        status, body = server.system.answer(self.path)
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: a story is told on this terminal."""
