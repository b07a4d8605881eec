"""A whole store, history included, as a file: written, checked, read back into an empty store."""

from __future__ import annotations

from factstore.portable.reading import ExportSummary, Target, check_export
from factstore.portable.restore import restore
from factstore.portable.writing import OnProgress, Progress, Transfer, export

__all__ = ["ExportSummary", "OnProgress", "Progress", "Target", "Transfer", "check_export", "export", "restore"]
