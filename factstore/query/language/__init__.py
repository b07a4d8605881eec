"""The language: nodes of a parsed query, the parser that makes them, and which variables a clause speaks of.

``ast`` has the nodes (``ast_clauses``, ``ast_terms``), ``parse`` and its parts make them of EDN, ``scope``
tells what a clause speaks of, binds and waits for.
"""
