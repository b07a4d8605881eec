"""``python -m factstore``: the command line."""

from __future__ import annotations

from factstore.cli import run

if __name__ == "__main__":
    run()
