"""Queries that touch few facts, answered row by row without NumPy.

``engine`` decides whether to try, and keeps a ``program`` for each query. ``compile`` makes it, with ``kinds``
for the type of each variable, ``consts``, ``place`` and ``plans``. What runs is a ``conjunction`` of steps:
``patterns``, ``calls``, ``groups``, and for rules ``recursion`` along a ``call_plan``; ``run`` has all that
changes meanwhile.
"""
