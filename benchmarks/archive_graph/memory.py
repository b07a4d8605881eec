"""Peak memory of the triangle queries: over growing parts of the archive, and over hubs that make wedges of nothing.

A plan that joins two edges first holds every wedge a→b→c before it looks for the third edge. In the archive there
are a few times more wedges than edges; around a hub that n packages need and that needs n others there are n², and
not one triangle.
"""

from __future__ import annotations

import tracemalloc
from typing import Any, Final

import numpy as np

import factstore
from benchmarks.archive_graph.data import Ints
from benchmarks.archive_graph.questions import CYCLES, TRIANGLES, Question
from benchmarks.measure import table
from factstore import Db

_SCHEMA: Final = [
    {"db/ident": "package/depends", "db/valueType": "db.type/ref", "db/cardinality": "db.cardinality/many"},
    {"db/ident": "package/number", "db/valueType": "db.type/long", "db/cardinality": "db.cardinality/one"},
]
_SHARES: Final = (0.25, 0.5, 1.0)
_HUBS: Final = (500, 1000, 2000, 4000)


def tables_of(db: Db, *, quick: bool = False) -> str:
    """The two tables: parts of ``db``'s edges, and hubs."""
    rows = db.snapshot.index(db.schema.attribute("package/depends").id).scan()
    parts = [(f"{share:.0%} of the packages", _part(rows.e, rows.v, share)) for share in _SHARES]
    hubs = [(f"a hub of {n:,} + {n:,} edges", _hub(n)) for n in (_HUBS[:2] if quick else _HUBS)]
    told = ["peak", "bytes / (in + out)"]
    heads = ["peak memory", "edges", "wedges", "triangles", *told, "cycles", *told]
    return table(heads, [_row(name, edges) for name, edges in (*parts, *hubs)])


def _part(e: Ints, v: Ints, share: float) -> tuple[Ints, Ints]:
    kept = e <= np.quantile(np.unique(e), share)
    return e[kept], v[kept]


def _hub(n: int) -> tuple[Ints, Ints]:
    near, far, hub = np.arange(1, n + 1), np.arange(n + 2, 2 * n + 2), np.full(n, n + 1)
    return np.concatenate((near, hub)), np.concatenate((hub, far))


def _row(name: str, edges: tuple[Ints, Ints]) -> list[str]:
    e, v = edges
    wedges = int(np.bincount(v, minlength=max(e.max(), v.max()) + 1)[e].sum())
    db = graph(e, v)
    cells = [name, f"{len(e):,}", f"{wedges:,}"]
    for question in (TRIANGLES, CYCLES):
        found, peak = peak_of(db, question)
        cells += [f"{found:,}", f"{peak / 1e6:.1f} MB", f"{peak / (len(e) + found):.0f}"]
    return cells


def graph(e: Ints, v: Ints) -> Db:
    """A store in memory with these edges."""
    conn = factstore.connect("memory:")
    conn.transact(_SCHEMA)
    nodes, both = np.unique(np.concatenate((e, v)), return_inverse=True)
    conn.load({"package/number": np.arange(len(nodes))})
    ids = conn.db().q("[:find ?e ?n :where [?e :package/number ?n] :order-by [?n]]").to_numpy()["e"]
    conn.load({"db/id": ids[both[: len(e)]], "package/depends": ids[both[len(e) :]]})
    return conn.db()


def peak_of(db: Db, question: Question) -> tuple[int, int]:
    """Rows of the answer, and the bytes that were held at once beyond what was there before it was asked again."""

    def asked() -> Any:
        return list(db.q(question.datalog).to_numpy().values())

    asked()  # orders that are made on first use stay
    tracemalloc.start()
    found = asked()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return len(found[0]), peak
