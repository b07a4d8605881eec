"""What a query gives: groups and aggregates, order and pages, and results in every shape they are asked for.

``grouping`` makes groups, ``aggregates`` (by ``aggregate_columns`` where whole columns allow it) what is found
of them, ``ordering`` sorts and cuts. ``result`` is what the caller holds; ``result_typed`` is what other
libraries see of its columns, and ``result_frames``, ``result_arrow`` and ``result_polars`` hand them over.
"""
