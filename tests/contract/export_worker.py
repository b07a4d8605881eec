"""A process that exports or imports a store in many small blocks, slowly enough to be killed in the middle.

``python -m tests.contract.export_worker export|import DSN SCHEMA PATH`` prints a line for each block, then ``done``.
"""

from __future__ import annotations

import sys
import time

from factstore import Progress, connect
from factstore.portable import writing


def said(progress: Progress) -> None:
    print("at", progress.t, flush=True)
    time.sleep(0.005)


def main(verb: str, dsn: str, schema: str, path: str) -> None:
    writing.ROWS = 100
    with connect(dsn, schema=schema) as conn:
        moved = conn.export(path, progress=said) if verb == "export" else conn.import_(path, progress=said)
    print("done", moved.t, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
