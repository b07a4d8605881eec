"""The life of a model across four systems that know nothing of each other."""

from __future__ import annotations

from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
FIXTURES: Final = HERE / "fixtures"
RULES: Final = HERE / "rules"
SCHEMA: Final = HERE / "schema.edn"
EVENTS: Final = HERE / "events.jsonl"
BAD_EVENTS: Final = HERE / "bad_events.jsonl"
