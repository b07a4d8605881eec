"""A network between a client and its server that can be cut, at the worst of moments too."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

COMMITTING = b"_commits"
"""Part of the name that a commit's hint to listeners bears; it is on the wire with every commit."""
COMMITTED = b"C\x00\x00\x00\x0bCOMMIT\x00"
"""The server's word that it has committed."""

Moment = Literal["never", "before the commit", "after the commit"]


class Proxy:
    """Carries bytes between a port of this machine and a server's socket."""

    def __init__(self, dsn: str) -> None:
        parts = conninfo_to_dict(dsn)
        self._server = f"{parts['host']}/.s.PGSQL.{parts.get('port', 5432)}"
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        name, user = quote(str(parts.get("dbname", "postgres"))), quote(str(parts["user"]))
        self.dsn = f"postgresql://{user}@127.0.0.1:{port}/{name}?sslmode=disable&gssencmode=disable&connect_timeout=5"
        self.moment: Moment = "never"
        """When to cut, once: a commit is not sent on, or is answered and the answer is not sent back."""
        self.open = True
        """Whether who connects is let through."""
        self.cuts = 0
        self._lock = threading.Lock()
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Breaks every connection there is."""
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            self.cuts += 1
            for end in pair:
                _reset(end)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            try:
                if not self.open:
                    raise ConnectionRefusedError
                server.connect(self._server)
            except OSError:
                _reset(client)
                client.close()
                server.close()
                continue
            with self._lock:
                self._pairs.add((client, server))
            threading.Thread(target=self._carry, args=(client, server), daemon=True).start()

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        back = threading.Thread(target=self._answer, args=(server, client), daemon=True)
        back.start()
        self._ask(client, server)
        back.join()
        with self._lock:
            self._pairs.discard((client, server))
        client.close()
        server.close()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                if self.moment == "before the commit" and COMMITTING in data:
                    self.moment = "never"
                    self.cut()
                    return
                server.sendall(data)
        _hang_up(server)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                if self.moment == "after the commit" and COMMITTED in data:
                    self.moment = "never"
                    self.cut()
                    return
                client.sendall(data)
        _hang_up(client)


def _hang_up(end: socket.socket) -> None:
    """What one side said last is still read by the other."""
    with suppress(OSError):
        end.shutdown(socket.SHUT_WR)


def _reset(end: socket.socket) -> None:
    with suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxied(dsn: str) -> Iterator[Proxy]:
    proxy = Proxy(dsn)
    try:
        yield proxy
    finally:
        proxy.close()
