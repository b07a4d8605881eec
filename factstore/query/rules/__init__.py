"""Rule sets and their evaluation: unfolded, walked, or by magic sets to a fixpoint.

Before any data: ``ruleset`` checks rules whole and has what is known of them; ``unfold`` (with ``renaming``)
puts the bodies of those that do not recurse where they are called; ``forms`` and ``goals`` bring the others
into shape; ``linear`` says which goals are walks.

With data: ``rule_step`` is a call in a query, ``fixpoint`` answers it. As a walk: ``walked``, ``walk`` and
``hops``, with ``numbers`` for places and ``closure`` for several origins. By magic sets: ``tables``, with
``seen`` for what is new.
"""
