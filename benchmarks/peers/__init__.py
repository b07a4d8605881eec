"""Ours and the peers side by side: one run, the same facts, equal answers. ``python -m benchmarks.peers``."""
