"""Random histories: every view at every t, over each log, against plain sets of tuples."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from factstore import Connection, connect
from tests import pg
from tests.contract.conftest import SYSTEM, Servers
from tests.contract.histories import ATTRIBUTES, History


@pytest.fixture(params=["memory", "embedded", SYSTEM])
def three(request: pytest.FixtureRequest, servers: Servers) -> Iterator[list[Connection]]:
    """Three connections to one store, as three processes would have."""
    if request.param == "memory":
        first = connect("memory:")
        yield [first, Connection(first._log), Connection(first._log)]
        return
    dsn, schema = servers.dsn(request.param), pg.fresh_schema()
    conns = [connect(dsn, schema=schema) for _ in range(3)]
    yield conns
    for conn in conns:
        conn.close()
    pg.drop_schema(dsn, schema)


@pytest.mark.parametrize("seed", range(4))
def test_every_view_at_every_t_is_what_the_operations_say(three, seed: int) -> None:
    history = History(three[0], seed)
    values = [history.step() for _ in range(25)]
    # The oldest values are read last, and for the first time: the store has gone on meanwhile.
    for db in reversed(values):
        history.agrees(db)
    for t in range(values[-1].basis_t + 1):
        history.agrees(values[-1], t)


@pytest.mark.parametrize("seed", range(4, 8))
def test_catching_up_at_once_is_loading_anew(three, seed: int) -> None:
    """A second connection has all loaded, misses many changes of the same facts, and writes as well."""
    writer, other, _ = three
    history = History(writer, seed)
    for burst in (1, 7, 2, 12):
        history.agrees(other.db())
        assert set(other.db().snapshot.loaded) >= {other.schema.attribute(name).id for name in ATTRIBUTES}
        for _ in range(burst):
            history.step()
        history.step(other)
        history.agrees(writer.db())
    history.agrees(other.db())
    fresh = Connection(three[2]._log)
    history.agrees(fresh.db())
    assert list(fresh.schema) == list(other.schema) == list(writer.schema)
