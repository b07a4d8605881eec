"""The benchmarks of graphs run on small data: peers agree, and the tables are told."""

from __future__ import annotations

import pytest

from benchmarks.archive_graph import __main__ as archive_graph
from benchmarks.navigation import __main__ as navigation
from benchmarks.overhead import __main__ as overhead
from benchmarks.scaling import __main__ as scaling


@pytest.mark.slow
@pytest.mark.parametrize("benchmark_of", [archive_graph, navigation])
def test_peers_of_one_store_agree(benchmark_of, dsn, capsys) -> None:
    benchmark_of.main(["--quick", "--store", dsn])
    assert "| best peer / ours |" in capsys.readouterr().out


@pytest.mark.slow
def test_by_hand_and_datalog_agree(capsys) -> None:
    overhead.main(["--quick"])
    assert "| ratio (goal 3.0) |" in capsys.readouterr().out


def test_growth_is_told(capsys) -> None:
    scaling.main(["--quick"])
    assert "| exponent |" in capsys.readouterr().out
