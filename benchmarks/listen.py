"""How long after a commit returns a listener has its report, in another process.

    python benchmarks/listen.py [commits]

Prints milliseconds: the time from the return of ``transact`` in one process to the report of it in another, and
from the start of ``transact`` to that report.
"""

from __future__ import annotations

import multiprocessing
import statistics
import sys
import tempfile
import time
from typing import Any

import factstore

PAUSE = 0.005
SCHEMA = [{"db/ident": "b/n", "db/valueType": "db.type/long", "db/cardinality": "db.cardinality/one"}]


def follow(directory: str, count: int, results: Any) -> None:
    with factstore.connect(directory) as conn, conn.listen() as reports:
        results.put("listening")
        results.put([(report.t, time.time()) for _, report in zip(range(count), reports, strict=False)])


def main(count: int) -> None:
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="fs-") as directory, factstore.connect(f"{directory}/store") as conn:
        conn.transact(SCHEMA)
        results = context.Queue()
        follower = context.Process(target=follow, args=(f"{directory}/store", count, results))
        follower.start()
        results.get()
        told = {}
        for n in range(count):
            began = time.time()
            t = conn.transact([{"db/id": "x", "b/n": n}]).t
            told[t] = (began, time.time())
            time.sleep(PAUSE)
        heard = results.get()
        follower.join()
    for name, place in (("after the commit returned", 1), ("after transact was called", 0)):
        times = sorted(1000 * (at - told[t][place]) for t, at in heard)
        median, late = statistics.median(times), times[int(len(times) * 0.95)]
        print(f"{name:28} median {median:6.2f} ms   p95 {late:6.2f} ms   ({len(times)} commits)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
