"""The bare statements of a commit: what a connection sends, recorded once, and sent again with ready-made arrays.

Whatever time a commit takes beyond this is the library's own: reading the data, planning, making arrays, the db value
after it. The server does the same work for both, in stores that grow alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from factstore.postgres.merge import statements_of
from factstore.postgres.pool import WRITER_SETTINGS, open_session, pipelined
from factstore.postgres.statements import quoted, statements
from factstore.postgres.write import PostgresWriter

Sent = list[tuple[str, Any]]
"""The name and parameters of each statement of a commit."""

_READS = frozenset(("lock", "ahead", "codes", "holders", "live_facts_of", "live_refs_to"))
_WRITES = frozenset(("intern", "retract", "write", "pass", "reflag", "advance"))


@contextmanager
def recorded(schema: str) -> Iterator[list[Sent]]:
    """What the commits of the block send to a store, commit by commit."""
    names = {text: name for name, text in statements(schema).items()}
    commits: list[Sent] = []
    open_one: Sent = []
    execute, copy = psycopg.Connection.execute, PostgresWriter._copy
    copying: list[Any] = []

    def copied(self: PostgresWriter, plan: Any) -> None:
        # What goes as a stream because it is large is arrays on the bare road, as all else.
        copying.append(plan)
        copy(self, plan)
        copying.clear()
        open_one.extend(statements_of([plan]))

    def listening(self: Any, query: Any, params: Any = None, **more: Any) -> Any:
        name = names.get(query, "")
        if name in _READS | _WRITES and not copying:
            open_one.append((name, params))
        elif name == "analyze":
            commits[-1].append((name, params))
        elif query == "COMMIT" and open_one:  # else it is another store's
            commits.append(list(open_one))
            open_one.clear()
        return execute(self, query, params, **more)

    psycopg.Connection.execute = listening  # type: ignore[method-assign, assignment]
    PostgresWriter._copy = copied  # type: ignore[method-assign]
    try:
        yield commits
    finally:
        psycopg.Connection.execute = execute  # type: ignore[method-assign]
        PostgresWriter._copy = copy  # type: ignore[method-assign]


class Bare:
    """Sends recorded commits to a store that is where the recorded one was: two pipelined round trips each."""

    def __init__(self, dsn: str, schema: str) -> None:
        self._sql = statements(schema)
        self._schema = schema
        self._session = open_session(dsn, WRITER_SETTINGS)

    def commit(self, sent: Sent) -> None:
        session = self._session
        with pipelined(session):
            session.execute("BEGIN")
            cursors = [session.execute(self._sql[name], params, binary=True) for name, params in sent if name in _READS]
        for cursor in cursors:
            cursor.fetchall()
        with pipelined(session):
            for name, params in sent:
                if name in _WRITES:
                    session.execute(self._sql[name], params)
            session.execute("COMMIT")

    def keep_up(self, sent: Sent) -> None:
        """Renews the statistics where the connection has, so that both have the same plans."""
        if any(name == "analyze" for name, _ in sent):
            self._session.execute(self._sql["analyze"])

    def rows(self) -> list[Any]:
        """The sizes of the tables, to compare."""
        tables = ("log", "facts_live", "facts_hist", "dict")
        counts = ", ".join(f"(SELECT count(*) FROM {quoted(self._schema)}.{table})" for table in tables)
        return list(self._session.execute(f"SELECT t, {counts} FROM {quoted(self._schema)}.root").fetchall())

    def close(self) -> None:
        self._session.close()
