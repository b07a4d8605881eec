"""Queries that touch few facts, answered row by row without NumPy."""
