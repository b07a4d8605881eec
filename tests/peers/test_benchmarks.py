"""The benchmark beside the peers asks each question of whoever is here, over small data, and all agree."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.peers import __main__ as bench
from benchmarks.peers.data import Dataset
from benchmarks.peers.measure import Budget, answer_of
from benchmarks.peers.peer import Peer, Place
from benchmarks.peers.report import markdown
from benchmarks.peers.run import Disagreement, asked
from benchmarks.peers.workloads import PEOPLE, Workload

ONCE = Budget(0.0, 0.0, 20.0)


@pytest.fixture(scope="module")
def dsn() -> Iterator[str]:
    with bench.server() as dsn:
        yield dsn


@pytest.mark.slow
@pytest.mark.parametrize("part", bench.QUICK)
def test_all_peers_that_are_here_agree(dsn: str, part: str) -> None:
    peers = list(bench.present(("postgresql", "datascript")))
    rows = bench.run(peers, dsn, bench.QUICK[part], ONCE)
    assert {row.name for row in rows} == {each.name for _, workloads in bench.QUICK[part] for each in workloads}
    assert all("PostgreSQL" in row.cells for row in rows if "entities" not in row.name)
    assert len(markdown(rows, [peer.name for peer in peers]).splitlines()) == 2 + len(rows)


class _Told(Peer):
    def __init__(self, name: str, answer: list[int]) -> None:
        self.name, self.answer = name, answer

    def load(self, place: Place) -> None:
        pass

    def call(self, workload: Workload) -> object:
        return lambda: self.answer


def test_a_peer_with_another_answer_stops_the_run() -> None:
    place = Place(Dataset("nothing", (), {}, {}), "", "")
    assert asked([_Told("factstore", [1, 2]), _Told("one", [2, 1])], place, PEOPLE[:1], ONCE)[0].size == 2
    with pytest.raises(Disagreement, match="q1"):
        asked([_Told("factstore", [1, 2]), _Told("other", [1, 3])], place, PEOPLE[:1], ONCE)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ([(1, "a"), (2, "b")], [[2, "b"], [1, "a"]], True),
        ([(1, "a")], [(1, "b")], False),
        ([1, 1], [1], False),
        ([{":x": 1, "y": [2, 3]}], [{"y": [3, 2], "x": 1}], True),
    ],
)
def test_answers_are_equal_whatever_their_order_and_their_kinds_of_sequence(
    one: list[object], other: list[object], same: bool
) -> None:
    assert (answer_of(one) == answer_of(other)) is same
