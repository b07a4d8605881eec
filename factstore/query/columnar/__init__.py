"""The columnar engine: relations, the operators on them, and the steps that clauses become."""
