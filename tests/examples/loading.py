"""A process that loads a package list into a store, to be killed: ``loading.py STORE FILE BATCH``."""

from __future__ import annotations

import sys
from pathlib import Path

import factstore
from examples.package_archive.debian import read_packages
from examples.package_archive.load import load

if __name__ == "__main__":
    store, file, size = sys.argv[1:]
    with factstore.connect(store) as conn, Path(file).open(encoding="utf-8") as lines:
        load(conn, read_packages(lines), size=int(size), progress=lambda count: print(count, flush=True))
