"""Ours and the peers side by side: one run, the same facts, answers that must be equal; ``python -m benchmarks.peers``."""
