"""The columnar engine: relations, the operators on them, and the steps that clauses become.

What it works on: ``relation`` (columns, and values as codes), ``operators``, ``limits``, ``value_ranks``;
``spread``, ``given_values`` and ``inputs`` for what the caller gives; ``naming`` for who is meant by a name.

What a clause becomes (``steps``): ``patterns``, ``patterns_any`` and ``ranges``; ``call_steps`` with ``calls``,
``comparisons`` and ``arithmetic``; ``lookups``; ``groups``.

How a conjunction runs: ``solve`` takes the step that ``planning`` chooses, and ``generic`` where patterns close
a cycle; ``estimate`` is the same choice without running, ``trace`` what is kept for explain.
"""
