"""The language: nodes of a parsed query, the parser that makes them, and which variables a clause speaks of."""
